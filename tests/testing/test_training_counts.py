"""The conformance suite in training: all rules and a user's own pass it, and a wrong count does not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imcsim.chip.cell_counts import row_writes
from imcsim.chip.layout import GridLayout
from imcsim.chip.rule_layout import RuleLayout
from imcsim.mapping import Tile
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import MAPPING_RULES
from imcsim.testing import TrainingCountError, check_training_counts


def interleave(shape: tuple[int, int, int], geometry: PeGeometry) -> tuple[Tile, ...]:
    """Deal the outputs out to the PEs in turn, as the rule of docs/mapping-rules.md does."""
    groups, fan_in, outputs = shape
    hands = geometry.tiles(1, outputs)[1]
    rows = [range(i, min(i + geometry.weight_rows, fan_in)) for i in range(0, fan_in, geometry.weight_rows)]
    hand = [range(j, outputs, hands) for j in range(hands)]
    places = [(group, r, c) for group in range(groups) for r in rows for c in hand]
    return tuple(Tile(pe, *place) for pe, place in enumerate(places))


def shelves(shape: tuple[int, int, int], geometry: PeGeometry) -> tuple[Tile, ...]:
    """One weight row after another, each output apart, until a PE's rows are full: several tiles a PE and row."""
    groups, fan_in, outputs = shape
    tiles, place = [], 0
    for group in range(groups):
        for row in range(fan_in):
            for col in range(outputs):
                pe, slot = divmod(place, geometry.weight_rows * geometry.weight_cols)
                down, right = divmod(slot, geometry.weight_cols)
                tiles.append(Tile(pe, group, range(row, row + 1), range(col, col + 1), down, right))
                place += 1
    return tuple(tiles)


@pytest.mark.parametrize("rule", MAPPING_RULES.names())
def test_every_rule_counts_in_training_what_its_map_says(rule: str) -> None:
    check_training_counts(rule, cases=12)


@pytest.mark.parametrize("rule", [interleave, shelves])
def test_a_users_own_rule_does(rule: Callable[..., Any]) -> None:
    check_training_counts(rule, cases=12)


def _one_more(found: Any) -> Any:
    return found + (np.arange(found.shape[-1]) == 0)


def _more(kind: type, name: str, part: int | None) -> Callable[..., Any]:
    right = getattr(kind, name)

    def wrong(self: Any, *args: Any) -> Any:
        found = right(self, *args)
        if part is None or not self.grid.count:
            return _one_more(found) if self.grid.count else found
        return tuple(_one_more(one) if index == part else one for index, one in enumerate(found))

    return wrong


@pytest.mark.parametrize("kind", [GridLayout, RuleLayout])
@pytest.mark.parametrize(("name", "part"), [("sums", None), ("written", 0), ("written", 1)])
def test_a_wrong_sum_is_noticed(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, part: int | None) -> None:
    monkeypatch.setattr(kind, name, _more(kind, name, part))
    rule = "im2col" if kind is GridLayout else "dense_pack"
    with pytest.raises(TrainingCountError, match=r"im2col|dense_pack: .* should .*seed"):
        check_training_counts(rule, cases=3)


def test_a_row_that_is_written_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells for rows: as if each cell that changes were written by itself."""
    monkeypatch.setattr(
        "imcsim.chip.rule_layout.row_writes", lambda rows, commits, cells: 2 * row_writes(rows, commits, cells)
    )
    with pytest.raises(TrainingCountError, match=r"a PE of .* should count"):
        check_training_counts("kernel_split", cases=3)


def test_a_unit_that_trains_in_part_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = RuleLayout.trains
    monkeypatch.setattr(RuleLayout, "trains", lambda self, *args: ~right(self, *args))
    with pytest.raises(TrainingCountError, match="should"):
        check_training_counts("freeze_align", cases=10)
