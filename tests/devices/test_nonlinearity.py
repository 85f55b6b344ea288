"""The sinh law: by hand, its limits, in torch, and as the law of cells with wires."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.crossbar import solve_wires
from imcsim.devices import RramCell, cell_current_a, input_values
from tests.devices.cells import PRESETS, rram

each_preset = pytest.mark.parametrize("cell", PRESETS, ids=lambda cell: cell.name)


def test_current_by_hand() -> None:
    cell = rram(nonlinearity_v=0.1)  # read at 0.2 V
    # sinh(1) / sinh(2) = 1.1752 / 3.6269 = 0.32403: half the voltage, a third of 10 uS x 0.2 V = 2 uA
    assert cell_current_a(0.1, 10e-6, cell) == pytest.approx(0.64805e-6, rel=1e-5)
    assert cell_current_a(-0.1, 10e-6, cell) == pytest.approx(-0.64805e-6, rel=1e-5)
    assert cell_current_a(0.0, 10e-6, cell) == 0


@each_preset
@pytest.mark.parametrize("v0", [0.02, 0.25, 1e3, 1e12, None])
def test_at_the_read_voltage_a_cell_conducts_its_conductance(cell: RramCell, v0: float | None) -> None:
    cell = cell.model_copy(update={"nonlinearity_v": v0})
    g_s = np.linspace(cell.conductance_min_s, cell.conductance_max_s, 5)
    for sign in (-1, 1):
        read = sign * cell.read_voltage_v
        assert cell_current_a(read, g_s, cell) == pytest.approx(read * g_s, rel=1e-14)


@given(v0=st.floats(0.005, 10), voltage=st.floats(-0.3, 0.3), step=st.floats(1e-6, 0.1))
def test_odd_rising_and_below_ohm_inside_the_read_voltage(v0: float, voltage: float, step: float) -> None:
    cell = rram(nonlinearity_v=v0)
    current = cell_current_a(voltage, 1e-6, cell)
    assert cell_current_a(-voltage, 1e-6, cell) == -current
    assert cell_current_a(voltage + step, 1e-6, cell) > current
    if abs(voltage) <= 0.2:
        assert abs(current) <= abs(voltage) * 1e-6 * (1 + 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_v0_is_a_linear_cell(dtype: type[Any]) -> None:
    voltage: NDArray[Any] = np.linspace(-0.2, 0.2, 9, dtype=dtype)
    g_s: NDArray[Any] = np.linspace(1e-6, 4e-6, 9, dtype=dtype)
    linear = cell_current_a(voltage, g_s, rram())
    assert np.array_equal(linear, voltage * g_s)
    for v0 in (1e3, 1e7, 1e30, 1e300):
        current = cell_current_a(voltage, g_s, rram(nonlinearity_v=v0))
        assert current.dtype == dtype
        assert current == pytest.approx(linear, rel=1e-6)
        assert input_values(4, rram(nonlinearity_v=v0)) == pytest.approx(np.arange(16), rel=1e-6)
    departure = np.abs(cell_current_a(voltage, g_s, rram(nonlinearity_v=2.0)) / np.where(voltage, linear, 1) - 1)
    assert departure[voltage != 0].max() == pytest.approx(0.2**2 / 6 / 2.0**2 * (1 - 0.25**2), rel=1e-2)  # x^2 / 6


def test_torch_agrees_and_has_gradients() -> None:
    cell = rram(nonlinearity_v=0.15)
    voltage = torch.linspace(-0.3, 0.3, 7, dtype=torch.float64, requires_grad=True)
    g_s = torch.linspace(0.5, 1.5, 7, dtype=torch.float64, requires_grad=True)
    current = cell_current_a(voltage, g_s, cell)
    assert np.array_equal(current.detach(), cell_current_a(voltage.detach().numpy(), g_s.detach().numpy(), cell))
    assert torch.autograd.gradcheck(lambda v, g: cell_current_a(v, g, cell), (voltage, g_s))
    assert cell_current_a(voltage.float(), g_s.float(), cell).dtype == torch.float32


def test_as_the_law_of_an_array_with_wires() -> None:
    cell = rram(nonlinearity_v=0.1)
    current = solve_wires(np.array([[1e-3]]), np.array([0.2]), 300.0, 700.0, tolerance=1e-12,
                          cell_current=lambda u, g: cell_current_a(u, g, cell))[0]  # fmt: skip
    # one loop: 1 kOhm of wire in series with the cell, solved by bisection
    low, high = 0.0, 0.2
    for _ in range(60):
        u = (low + high) / 2
        low, high = (u, high) if u + 1000 * 1e-3 * 0.2 * math.sinh(u / 0.1) / math.sinh(2) < 0.2 else (low, u)
    assert current == pytest.approx((0.2 - u) / 1000, rel=1e-9)


def test_an_array_of_nearly_linear_cells_is_the_linear_array() -> None:
    g_s, v = np.random.default_rng(0).uniform(1e-6, 4e-6, (5, 4)), np.full(5, 0.2)
    soft = rram(nonlinearity_v=1e4)
    got = solve_wires(g_s, v, 20.0, 30.0, cell_current=lambda u, g: cell_current_a(u, g, soft))
    assert got == pytest.approx(solve_wires(g_s, v, 20.0, 30.0), rel=1e-8)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_codes_of_a_linear_cell_are_themselves(bits: int) -> None:
    assert input_values(bits, rram()).tolist() == list(range(1 << bits))


@each_preset
@pytest.mark.parametrize("bits", [1, 2, 3, 8, 16])
def test_ends_of_the_scale_are_exact_and_codes_between_lose(cell: RramCell, bits: int) -> None:
    cell = cell.model_copy(update={"nonlinearity_v": 0.25})
    values = input_values(bits, cell)
    assert values.shape == (1 << bits,)
    assert values[0] == 0 and values[-1] == (1 << bits) - 1
    assert np.all(values[1:-1] < np.arange(1, (1 << bits) - 1))
    assert np.all(np.diff(values) > 0) and np.all(np.diff(values, 2) > -1e-9)  # a convex curve


def test_codes_by_hand() -> None:
    # two bits, V / V0 = 0, 2/3, 4/3, 2: 3 sinh / sinh(2)
    want = [0, 3 * math.sinh(2 / 3) / math.sinh(2), 3 * math.sinh(4 / 3) / math.sinh(2), 3]
    assert input_values(2, rram(nonlinearity_v=0.1)) == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize("bits", [0, -1, 17])
def test_impossible_converters_are_refused(bits: int) -> None:
    with pytest.raises(ConfigError, match=rf"dac_bits must lie in 1\.\.16, got {bits}"):
        input_values(bits, rram())
