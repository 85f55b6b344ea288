"""Methods: one file each, registered with ``@method("name")``; this folder is scanned."""
