"""What a checkpoint keeps of a part of a run."""

from collections.abc import Mapping
from typing import Any, TypeAlias

State: TypeAlias = dict[str, Any]
"""Plain values, tensors, and lists and tables of both, by name; each part knows its own (``state_dict``)."""

SavedState: TypeAlias = Mapping[str, Any]
"""A :data:`State` as it came back, to be taken and not to be changed."""
