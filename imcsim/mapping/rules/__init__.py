"""Mapping rules: one file each, registered with ``@mapping_rule("name")``."""
