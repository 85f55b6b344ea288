"""Conformance suites for entries that people add; each is imported when it is first asked for.

``check_mapping`` proves a mapping rule's invariants on one matrix, ``check_rule`` on drawn ones,
``check_training_counts`` what training counts under it;
``imcsim.testing.strategies`` holds Hypothesis strategies, ``imcsim.testing.pytest_plugin`` fixtures.
``check_method`` proves a continual-learning method's laws on a tiny run.
"""

from typing import TYPE_CHECKING

from imcsim.core.errors import nearest

if TYPE_CHECKING:
    from imcsim.testing.mapping import MappingCheckError, check_mapping, check_rule
    from imcsim.testing.methods import MethodCheckError, check_method
    from imcsim.testing.training import TrainingCountError, check_training_counts

__all__ = [
    "MappingCheckError",
    "MethodCheckError",
    "TrainingCountError",
    "check_mapping",
    "check_method",
    "check_rule",
    "check_training_counts",
]

_HOMES = {
    "MappingCheckError": "imcsim.testing.mapping",
    "check_mapping": "imcsim.testing.mapping",
    "check_rule": "imcsim.testing.mapping",
    "MethodCheckError": "imcsim.testing.methods",
    "check_method": "imcsim.testing.methods",
    "TrainingCountError": "imcsim.testing.training",
    "check_training_counts": "imcsim.testing.training",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"imcsim.testing has no '{name}'{nearest(name, _HOMES)}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
