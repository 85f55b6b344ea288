"""Adaptation of a frozen backbone: what a task makes of its weights, and the state that belongs to one task."""
