"""A converter whose energy follows the column's current sees the cells of driven rows, and no others."""

import numpy as np
import pytest

from imcsim.chip.cell_counts import levels_of_codes
from imcsim.chip.config import load_chip
from imcsim.chip.per_image import per_image
from imcsim.crossbar import Encoding
from imcsim.mapping.network_map import map_network
from imcsim.testing.traces import linear_layer

CHIP = load_chip("all-rram-28nm", {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5, "array.rows": 4}).config


def adc_j(ones: float) -> float:
    """Energy of converting one vector through a layer of one PE whose weights are all 0 (erased cells)."""
    network = map_network([linear_layer("a", 4, 2)], CHIP.geometry)
    cost = per_image(network, CHIP, density=np.full((1, 8), ones), codes={"a": np.zeros((1, 4, 2), dtype=np.int64)})
    return cost.energy.flat()["rram.adc"] / cost.conversions[0]


@pytest.mark.parametrize("ones", [0.25, 1.0])
def test_a_column_conducts_where_its_rows_are_driven(ones: float) -> None:
    # 4 rows of erased cells at 1 uS, of which a share is driven
    assert adc_j(ones) == pytest.approx(31 * 1.7e-15 + 0.0631e-9 * 4 * 1e-6 * ones, rel=1e-3)


def test_no_ones_leave_the_comparisons_alone() -> None:
    assert adc_j(0.0) == pytest.approx(31 * 1.7e-15)


@pytest.mark.parametrize("sign", ["differential", "offset"])
def test_levels_of_codes_are_those_of_the_cells(sign: str) -> None:
    encoding = Encoding.model_validate({"sign": sign, "weight_bits": 5, "cell_bits": 2})
    codes = np.random.default_rng(1).integers(-15, 16, (1, 300, 250))  # more than are looked up at once
    assert np.array_equal(levels_of_codes(codes, encoding), encoding.levels(codes).sum(axis=0))
    assert np.array_equal(
        levels_of_codes(codes[:, ::2, ::3], encoding), encoding.levels(codes[:, ::2, ::3]).sum(axis=0)
    )
