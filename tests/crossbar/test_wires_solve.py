"""Currents of arrays with wires: direct and iterative, gated and non-linear, and their gradients."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.errors import CrossbarError
from imcsim.crossbar import effective_conductance, solve_wires
from tests.crossbar.nodal import transfer
from tests.crossbar.test_wires import ENDS, some_cells

RNG = np.random.default_rng(7)


def diode(u: Any, g_s: Any) -> Any:
    """Sinh conduction, 0.25 V scale: steeper than any wire."""
    return g_s * 0.25 * torch.sinh(u / 0.25)


@pytest.mark.parametrize("tolerance", [None, 1e-11])
@pytest.mark.parametrize("r", [(2.0, 3.0), (0.0, 3.0), (2.0, 0.0), (0.0, 0.0)], ids=str)
@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_both_ways_agree_with_nodal_analysis(ends: dict[str, Any], r: tuple[float, float], tolerance: Any) -> None:
    for rows, cols in ((1, 1), (6, 5), (1, 4), (4, 1)):
        g_s, v = some_cells(rows, cols), RNG.uniform(0, 0.2, (3, rows))
        got = solve_wires(g_s, v, *r, tolerance=tolerance, **ends)
        np.testing.assert_allclose(got, v @ transfer(g_s, *r, **ends), rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("tolerance", [None, 1e-10])
def test_shapes(tolerance: float | None) -> None:
    g_s = np.stack([some_cells(4, 6, seed) for seed in range(3)])
    many, one = RNG.random((3, 5, 4)), RNG.random((3, 4))
    got = solve_wires(g_s, many, 1.0, 1.0, tolerance=tolerance)
    assert got.shape == (3, 5, 6)
    np.testing.assert_allclose(got, many @ effective_conductance(g_s, 1.0, 1.0), rtol=1e-8)
    assert solve_wires(g_s, one, 1.0, 1.0, tolerance=tolerance).shape == (3, 6)
    assert solve_wires(g_s[0], one[0].astype(np.float32), 1.0, 1.0, tolerance=tolerance).dtype == np.float32


def test_superposition() -> None:
    g_s, v = torch.tensor(some_cells(8, 9)), torch.rand(2, 8, dtype=torch.float64)
    both = solve_wires(g_s, 2 * v[0] - 3 * v[1], 4.0, 5.0)
    apart = solve_wires(g_s, v, 4.0, 5.0)
    torch.testing.assert_close(both, 2 * apart[0] - 3 * apart[1], rtol=1e-11, atol=1e-16)


def test_a_gated_cell_is_switched_by_its_input() -> None:
    g_s, v = some_cells(6, 5), np.array([[0.2, 0, 0.2, 0.2, 0, 0], [0, 0, 0, 0, 0, 0.1]])
    got = solve_wires(g_s, v, 9.0, 9.0, gate=v > 0)
    for k in range(2):
        on = g_s * (v[k] > 0)[:, None]
        np.testing.assert_allclose(got[k], v[k] @ transfer(on, 9.0, 9.0), rtol=1e-9)
    per_cell = np.broadcast_to((v > 0)[..., None], (2, 6, 5))
    np.testing.assert_allclose(solve_wires(g_s, v, 9.0, 9.0, gate=per_cell), got, rtol=1e-12)
    assert np.array_equal(
        solve_wires(g_s, v[0], 9.0, 9.0, gate=v[0] > 0), solve_wires(g_s, v[:1], 9.0, 9.0, gate=v[:1] > 0)[0]
    )


def test_one_non_linear_cell_by_hand() -> None:
    got = solve_wires(np.array([[1e-2]]), np.array([1.0]), 30.0, 70.0, cell_current=diode, tolerance=1e-12)[0]
    assert got == pytest.approx(1e-2 * 0.25 * np.sinh((1 - 100 * got) / 0.25), rel=1e-9)


def test_non_linear_cells_carry_what_their_chords_would() -> None:
    g_s, v = torch.tensor(some_cells(7, 9)), torch.linspace(-1, 1, 7, dtype=torch.float64)
    volts: list[Any] = []

    def watched(u: Any, g: Any) -> Any:
        volts.append(u.detach())
        return diode(u, g)

    got = solve_wires(g_s, v, 20.0, 30.0, cell_current=watched)
    u = volts[-1][0]
    chord = torch.where(u == 0, g_s, diode(u, g_s) / u)
    np.testing.assert_allclose(got, v.numpy() @ transfer(chord.numpy(), 20.0, 30.0), rtol=1e-7, atol=1e-14)


def test_cells_much_steeper_than_wires() -> None:
    """At the ideal voltage these cells would carry e**50 times their small-signal current; wires cannot."""
    g_s, v = some_cells(16, 16) + 1e-4, np.full(16, 1.0)
    got = solve_wires(g_s, v, 5.0, 5.0, cell_current=lambda u, g: g * 0.02 * torch.sinh(u / 0.02))
    shorted = solve_wires(np.full((16, 16), 1e6), v, 5.0, 5.0)
    assert (got > 0).all() and got.sum() < shorted.sum()
    assert got.sum() > solve_wires(g_s, v, 5.0, 5.0).sum()


def test_linear_law_is_the_linear_array() -> None:
    g_s, v = some_cells(5, 8), RNG.random(5)
    got = solve_wires(g_s, v, 3.0, 4.0, cell_current=lambda u, g: u * g)
    np.testing.assert_allclose(got, solve_wires(g_s, v, 3.0, 4.0), rtol=1e-8)


@pytest.mark.parametrize("cell_current", [None, diode])
def test_gradients(cell_current: Any) -> None:
    g_s = torch.tensor(some_cells(3, 4) * 1e3 + 0.2, requires_grad=True)  # mS
    v, gate = torch.rand(2, 3, dtype=torch.float64), torch.rand(2, 3, dtype=torch.float64)

    def current(g: Any, v: Any, gate: Any) -> Any:
        return 1e3 * solve_wires(g * 1e-3, v, 40.0, 30.0, gate=gate, cell_current=cell_current, tolerance=1e-12)

    assert torch.autograd.gradcheck(current, (g_s, v.requires_grad_(), gate.requires_grad_()))


def test_gradients_of_a_parameter_of_the_law() -> None:
    scale = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    g_s, v = torch.tensor(some_cells(3, 4)), torch.rand(3, dtype=torch.float64)

    def current(scale: Any) -> Any:
        return 1e3 * solve_wires(g_s, v, 9.0, 9.0, cell_current=lambda u, g: g * scale * torch.sinh(u / scale))

    assert torch.autograd.gradcheck(current, (scale,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": np.ones(3)}, r"v must have shape \(2,\) or \(K, 2\) to fit g_s \(2, 2\), not \(3,\)"),
        ({"v": np.ones((1, 1, 2))}, "v must have shape"),
        ({"v": np.array([np.inf, 0])}, "v must hold finite voltages"),
        ({"v": np.array([1j, 0])}, "v must hold real numbers"),
        ({"tolerance": 0.0}, "tolerance must be at least 1e-13 and below 1, not 0.0"),
        ({"gate": np.ones(3)}, r"gate must have shape \(2,\) or \(2, 2\), not \(3,\)"),
        ({"gate": -np.ones(2)}, "gate must hold finite factors"),
        (
            {"cell_current": lambda u, g: -g * u},
            "cell_current must not fall with the voltage; its slope reaches -0.0001 S",
        ),
        ({"cell_current": lambda u, g: g * u / 0}, "cell_current must return finite currents"),
        ({"cell_current": lambda u, g: (g * u).sum(-1, keepdim=True)}, "cell_current must return one current per cell"),
        ({"r_wl_ohm": -1.0}, "r_wl_ohm must be"),
        ({"sense": "top"}, "sense cannot be 'top'"),
    ],
)
def test_refuses(change: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"g_s": np.full((2, 2), 1e-4), "v": np.ones(2), "r_wl_ohm": 1.0, "r_bl_ohm": 1.0}
    with pytest.raises(CrossbarError, match=message):
        solve_wires(**(values | change))


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, imcsim.crossbar; sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
