"""A tree of costs whose leaves sum to the total exactly."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from imcsim.core.errors import CostError

Tree = Mapping[str, Union[float, "Tree"]]


@dataclass(frozen=True)
class Breakdown:
    """Named costs of one quantity (energy in J, time in s, or area in m2), nested to any depth.

    The total is defined as ``math.fsum`` over the leaves, so it equals their sum to the last bit
    whatever the nesting; there is no second number that could disagree.
    """

    leaves: Mapping[tuple[str, ...], float] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Tree) -> "Breakdown":
        """Build from nested mappings of floats (SI units)."""
        return cls(dict(_flatten(tree, ())))

    def __post_init__(self) -> None:
        for path, value in self.leaves.items():
            if not math.isfinite(value) or value < 0:
                raise CostError(
                    f"cost {'.'.join(path)} must be finite and >= 0, got {value}: a value of the chip "
                    f"or a count is too large, or negative"
                )

    @property
    def total(self) -> float:
        """Exact sum of the leaves."""
        return math.fsum(self.leaves.values())

    def part(self, *path: str) -> "Breakdown":
        """Return the subtree below ``path`` (empty if there is none)."""
        depth = len(path)
        return Breakdown({key[depth:] or ("",): v for key, v in self.leaves.items() if key[:depth] == path})

    def by(self, level: int) -> dict[str, float]:
        """Return totals by the name at ``level`` of the path (0 = outermost), in order of appearance."""
        groups: dict[str, list[float]] = {}
        for key, value in self.leaves.items():
            groups.setdefault(key[min(level, len(key) - 1)], []).append(value)
        return {name: math.fsum(values) for name, values in groups.items()}

    def plus(self, other: "Breakdown") -> "Breakdown":
        """Return the leaf-wise sum."""
        keys = [*self.leaves, *(k for k in other.leaves if k not in self.leaves)]
        return Breakdown({k: self.leaves.get(k, 0.0) + other.leaves.get(k, 0.0) for k in keys})

    def times(self, factor: float) -> "Breakdown":
        """Return every leaf times ``factor`` (>= 0)."""
        return Breakdown({key: value * factor for key, value in self.leaves.items()})

    def under(self, *prefix: str) -> "Breakdown":
        """Return the same leaves one or more levels deeper, below ``prefix``."""
        return Breakdown({(*prefix, *key): value for key, value in self.leaves.items()})

    def flat(self) -> dict[str, float]:
        """Return ``{"forward.adc": 1.2e-6, ...}``, for tables and JSON."""
        return {".".join(key): value for key, value in self.leaves.items()}


def _flatten(tree: Tree, prefix: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, (*prefix, name))
        else:
            yield (*prefix, name), float(value)
