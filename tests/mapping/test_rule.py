"""What a rule declares, and the sentence that asks for it."""

import numpy as np
import pytest

from imcsim.core.errors import ContentError, MappingError
from imcsim.mapping import MAPPING_RULES, PeGeometry, Tile, map_layer, mapping_rule
from imcsim.mapping.rule import given_needs, level_of, needs_of
from imcsim.mapping.tile import MatrixShape
from tests.mapping.specs import PAIRS


def test_every_rule_declares_its_needs_and_level() -> None:
    declared = {name: (level_of(rule), needs_of(rule)) for name, rule in ((n, MAPPING_RULES.get(n)) for n in OURS)}
    assert declared == OURS


OURS: dict[str, tuple[str, tuple[str, ...]]] = {
    "im2col": ("layer", ()),
    "kernel_split": ("layer", ("kernel",)),
    "sparse_skip": ("layer", ("zeros",)),
    "freeze_align": ("layer", ("trainable",)),
    "transposable": ("layer", ()),
    "second_copy": ("layer", ()),
    "dense_pack": ("network", ()),
    "replicate": ("network", ("positions", "pe_budget")),
}


def test_a_need_that_nobody_knows_is_refused_when_the_rule_is_registered() -> None:
    def rule(shape: MatrixShape, geometry: PeGeometry, *, zeroes: object) -> tuple[Tile, ...]:
        return ()

    with pytest.raises(ContentError, match=r"mapping rule 'rule' asks for 'zeroes'; did you mean 'zeros'\?"):
        mapping_rule("never-registered")(rule)
    assert "never-registered" not in MAPPING_RULES.names()


def test_a_network_rule_maps_one_layer_too() -> None:
    found = map_layer((1, 4, 3), PAIRS, "replicate", positions=3, pe_budget=2)
    assert [(tile.pe, tile.copy) for tile in found.tiles] == [(0, 0), (1, 1)]
    with pytest.raises(MappingError, match="mapping rule 'replicate' needs 'positions', input vectors of one sample"):
        map_layer((1, 4, 3), PAIRS, "replicate", pe_budget=2)


def test_what_a_rule_does_not_take_is_left_out_and_a_misspelt_option_refused() -> None:
    rule = MAPPING_RULES.get("sparse_skip")
    zeros = np.zeros((1, 2, 2), dtype=bool)
    assert set(given_needs(rule, "sparse_skip", {"zeros": zeros, "kernel": (1, 1), "permute": False})) == {
        "zeros",
        "permute",
    }
    with pytest.raises(MappingError, match=r"mapping rule 'im2col' takes no 'pe_bugdet'; did you mean 'pe_budget'\?"):
        map_layer((1, 4, 3), PAIRS, pe_bugdet=3)
