"""Networks: one file each, registered with ``@network("name")``."""
