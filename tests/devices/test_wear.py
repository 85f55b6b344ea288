import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.config import parse
from imcsim.core.content import names
from imcsim.core.errors import ConfigError
from imcsim.core.toml import load_resolved
from imcsim.devices import RramCell, failure_probability, first_failure_cycles
from imcsim.devices.rram import CellEndurance
from tests.devices.cells import rram, rram_values

# Measured points: words of a citation -> (cycles, share of cells failed by then). A file that derives its shape from
# one of them holds the shape that it gives with the file's own scale: beta = ln(-ln(1 - F)) / ln(n / eta).
POINTS = {
    "Leti": (1e5, 1 / 16384),  # no failed bit among 16,384: less than one
    "10.23919/VLSIT.2019.8776570": (1e4, 4e-6),
    "10.1109/ISSCC.2018.8310392": (1e3, 4.1e-8),
}
CELLS = [name for name in names("device") if name.startswith("rram-")]


def first_point(source: str) -> tuple[float, float]:
    """Return the point that a citation names first."""
    found = min((word for word in POINTS if word in source), key=source.index)
    return POINTS[found]


@pytest.mark.parametrize("name", CELLS)
def test_one_measured_point_gives_one_shape_in_every_file(name: str) -> None:
    cell = load_resolved(RramCell, "device", name)
    cycles, share = first_point(cell.origins["endurance_shape"].source)
    life = cell.config.endurance(1)
    shape = math.log(-math.log(1 - share)) / math.log(cycles / life.scale_cycles)
    assert life.shape == pytest.approx(shape, abs=0.005)
    for other, (_, most) in POINTS.items():  # points that bound failures from above are kept, whatever the source
        if other in cell.origins["endurance_shape"].source:
            assert failure_probability(POINTS[other][0], life.scale_cycles, life.shape) <= most * 1.02


@pytest.mark.parametrize("name", [name for name in CELLS if name != "rram-22ffl"])
def test_cells_of_more_bits_have_figures_of_their_own(name: str) -> None:
    cell = load_resolved(RramCell, "device", name).config
    lives = [cell.endurance(bits) for bits in (1, 2, 3)]
    assert lives[0].scale_cycles > lives[1].scale_cycles > lives[2].scale_cycles
    # 3 bits: 9.5 % of the bits are lost after 5,000 cycles, one bit in a lost cell
    assert failure_probability(5e3, lives[2].scale_cycles, lives[2].shape) == pytest.approx(3 * 0.095, rel=0.01)
    assert lives[1].scale_cycles == pytest.approx(math.sqrt(lives[0].scale_cycles * lives[2].scale_cycles), rel=0.01)
    # 2 bits: 96 % of writes still succeed after 8,000 cycles
    assert failure_probability(8e3, lives[1].scale_cycles, lives[1].shape) < 0.04
    for life in lives[1:]:  # promised where as many cells have failed as at the single-level specification
        assert failure_probability(life.guaranteed_cycles, life.scale_cycles, life.shape) == pytest.approx(
            4e-6, rel=0.03
        )


def test_no_cell_is_promised_the_cycles_at_which_an_error_rate_was_quoted() -> None:
    cell = load_resolved(RramCell, "device", "rram-40nm-pessimistic").config
    life = cell.endurance(1)
    assert life.guaranteed_cycles > 1e3
    assert failure_probability(life.guaranteed_cycles, life.scale_cycles, life.shape) == pytest.approx(4e-6, rel=0.01)


def test_one_number_holds_for_all_bits_and_tables_must_fit() -> None:
    assert rram(endurance_shape=2.5).endurance(2).shape == 2.5
    cell = rram(endurance_scale_cycles=[1e7, 3e5], guaranteed_cycles=[1e4, 9e2])
    assert cell.endurance(1) == CellEndurance(1e4, 1e7, 2.2)
    assert cell.endurance(2) == CellEndurance(9e2, 3e5, 2.2)
    with pytest.raises(ConfigError, match="cell_bits = 3, but cell 'round' has pulse counts for 1 to 2 bits"):
        cell.endurance(3)
    with pytest.raises(ConfigError, match="guaranteed_cycles has 3 entries and pulses_mean 2; give one for each"):
        parse(RramCell, rram_values(guaranteed_cycles=[1e4, 1e3, 1e2]), "cell")
    with pytest.raises(ConfigError, match="'endurance_shape': Input should be greater than 0"):
        parse(RramCell, rram_values(endurance_shape=[2.0, 0.0]), "cell")


def test_probability_by_hand() -> None:
    assert failure_probability(0.0, 1e6, 2.0) == 0
    assert failure_probability(1e6, 1e6, 2.0) == pytest.approx(1 - 1 / math.e)
    assert failure_probability(1e9, 1e6, 2.0) == 1
    assert failure_probability(np.array([0.0, 1e6]), 1e6, 1.0) == pytest.approx([0, 1 - 1 / math.e])


def test_first_failure_by_hand() -> None:
    assert first_failure_cycles(1, 1e7, 2.2) == 1e7
    assert first_failure_cycles(100, 1e6, 2.0) == pytest.approx(1e5)
    assert first_failure_cycles(1_000_000, 1e7, 2.2) == pytest.approx(1.9e4, rel=0.02)


@given(st.integers(10, 10**9), st.floats(1.0, 4.0))
def test_one_failure_is_expected_at_the_first_failure(cells: int, shape: float) -> None:
    share = failure_probability(first_failure_cycles(cells, 1e7, shape), 1e7, shape)
    assert share * cells == pytest.approx(1, rel=0.06)


@pytest.mark.parametrize(("scale", "shape", "name"), [(0.0, 2.0, "scale"), (1e6, 0.0, "shape"), (-1.0, 2.0, "scale")])
def test_impossible_distributions_are_refused(scale: float, shape: float, name: str) -> None:
    with pytest.raises(ConfigError, match=f"the Weibull {name} must be > 0"):
        failure_probability(1.0, scale, shape)
    with pytest.raises(ConfigError, match=f"the Weibull {name} must be > 0"):
        first_failure_cycles(1, scale, shape)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ConfigError, match="cycles must be >= 0, got -1"):
        failure_probability(-1.0, 1e6, 2.0)
    with pytest.raises(ConfigError, match="cells must be >= 1, got 0"):
        first_failure_cycles(0, 1e6, 2.0)
