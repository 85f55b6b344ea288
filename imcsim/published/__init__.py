"""Published macros."""
