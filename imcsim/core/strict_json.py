"""JSON as it is written to files."""

import json


def to_json(data: object) -> str:
    """Return strict JSON (no nan, no inf), indented, with a final newline."""
    return json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
