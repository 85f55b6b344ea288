"""Continual learning: streams, networks, methods, the loop, and the recorder that writes the trace (torch)."""
