import pytest

from imcsim.periphery import RowDriver

DRIVER = RowDriver(
    name="round",
    wire_capacitance_per_cell_f=0.1e-15,
    gate_capacitance_per_cell_f=0.4e-15,
    dac_capacitance_per_bit_f=50e-15,
    area_per_row_m2=10e-12,
)


def test_line_energy_by_hand() -> None:
    assert DRIVER.energy_j(64, 0.5) == pytest.approx(64 * 0.5e-15 * 0.25)  # 8 fJ
    assert DRIVER.energy_j(0, 0.5) == 0


def test_multi_bit_inputs_add_a_converter() -> None:
    assert DRIVER.energy_j(64, 0.5, dac_bits=4) == pytest.approx(8e-15 + 50e-15 * 4 * 0.25)
    assert DRIVER.energy_j(64, 0.5, dac_bits=1) == DRIVER.energy_j(64, 0.5)


def test_area_is_per_row() -> None:
    assert DRIVER.area_m2(64) == pytest.approx(640e-12)
