"""Wear: how often every cell is written, when the first one fails, and how long a memory lives."""
