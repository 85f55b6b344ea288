"""The recorder: watches training from outside and writes the trace's counts."""
