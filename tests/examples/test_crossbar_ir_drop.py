from pathlib import Path

import numpy as np
import pytest

from examples.crossbar_ir_drop import CELL_BITS, SEGMENT_OHM, SIZE, IrDrop, main
from imcsim.core.errors import ConfigError
from tests.crossbar.nodal import transfer
from tests.devices.cells import preset

CELL = preset("rram-28nm")


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> IrDrop:
    return main(tmp_path_factory.mktemp("ir") / "drop.png")


def test_currents_are_those_of_nodal_analysis(drop: IrDrop) -> None:
    g_s = np.random.default_rng(0).choice(CELL.conductances_s(CELL_BITS), (SIZE, SIZE))
    v = np.full(SIZE, CELL.read_voltage_v)
    assert drop.ideal_a == pytest.approx(v @ g_s, rel=1e-12)
    assert drop.real_a == pytest.approx(v @ transfer(g_s, SEGMENT_OHM, SEGMENT_OHM), rel=1e-9)


def test_voltages_and_currents_are_of_one_array(drop: IrDrop) -> None:
    assert drop.bit_v[-1] / SEGMENT_OHM == pytest.approx(drop.real_a, rel=1e-7)  # Ohm at the last segment
    through_drivers = (CELL.read_voltage_v - drop.word_v[:, 0]) / SEGMENT_OHM
    assert through_drivers.sum() == pytest.approx(drop.real_a.sum(), rel=1e-7)  # nothing leaks in between


def test_what_the_picture_says(drop: IrDrop) -> None:
    assert 0.1 < drop.lost < 0.2
    lost = 1 - drop.real_a / drop.ideal_a
    assert lost[-8:].mean() > 1.5 * lost[:8].mean() > 0
    seen = (drop.word_v - drop.bit_v) / CELL.read_voltage_v
    assert seen[:8, -8:].mean() < 0.85 < 0.95 < seen[-8:, :8].mean() < 1
    assert np.all(np.diff(drop.word_v, axis=1) < 0) and np.all(np.diff(drop.bit_v, axis=0) < 0)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a figure is written as \.png or \.pdf, not as '\.jpg'"):
        main(tmp_path / "drop.jpg")
