"""Effective conductance against nodal analysis, by hand, and against what every resistor network obeys."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import imcsim.crossbar as crossbar
from imcsim.core.errors import CrossbarError
from imcsim.crossbar import effective_conductance, solve_wires
from imcsim.crossbar.wires import effective
from imcsim.crossbar.wires.native import native_available
from tests.crossbar.nodal import Floats, transfer

CASES = sorted(Path(os.environ.get("IMCSIM_CASES", "/nonexistent")).glob("crossbar/*.npz"))
SIZES = [(1, 1), (1, 5), (5, 1), (2, 2), (2, 9), (3, 4), (7, 5), (11, 13), (16, 8), (17, 3)]
ENDS: list[dict[str, Any]] = [
    {},
    {"end_segments": False},
    {"r_src_ohm": 50.0, "r_sns_ohm": 20.0},
    {"r_src_ohm": 50.0, "end_segments": False},
    {"drive": "both"},
    {"sense": "both", "r_sns_ohm": 3.0},
    {"drive": "both", "sense": "both", "end_segments": False},
    {"drive": "both", "sense": "both", "r_src_ohm": 5.0, "r_sns_ohm": 7.0},
]


def some_cells(rows: int, cols: int, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, cols)) < 0.1, 0.0, rng.uniform(1e-6, 1e-3, (rows, cols)))


@pytest.fixture(params=["native", "torch"])
def either_form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "torch":
        monkeypatch.setattr(effective, "native_available", lambda: False)
    elif not native_available():
        pytest.skip("no C compiler here: the torch form is the only one")
    yield


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("ends", ENDS, ids=str)
@pytest.mark.parametrize("r", [(2.0, 3.0), (0.0, 3.0), (2.0, 0.0), (0.0, 0.0)], ids=str)
def test_agrees_with_nodal_analysis(r: tuple[float, float], ends: dict[str, Any]) -> None:
    for rows, cols in SIZES:
        g_s = some_cells(rows, cols)
        got = effective_conductance(g_s, *r, **ends)
        want = transfer(g_s, *r, **ends)
        assert np.allclose(got, want, rtol=1e-10, atol=1e-19), (rows, cols)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("path", CASES or [None], ids=lambda path: path.stem if path else "none")
def test_agrees_with_the_cases_of_other_simulators(path: Path | None) -> None:
    if path is None:
        pytest.skip("IMCSIM_CASES names no folder with cases: published cases are not at hand")
    case = np.load(path)
    ends: dict[str, Any] = {"r_src_ohm": float(case["r_src"]), "r_sns_ohm": float(case["r_sns"])}
    ends |= {"end_segments": bool(case["end_seg"]), "drive": str(case["drive"]), "sense": str(case["sense"])}
    for dtype, rtol in ((np.float64, 1e-11), (np.float32, 1e-5)):
        got = effective_conductance(case["G"].astype(dtype), float(case["r_wl"]), float(case["r_bl"]), **ends)
        assert got.dtype == dtype
        np.testing.assert_allclose(case["V"].astype(dtype) @ got, case["i_out"], rtol=rtol)


def test_one_cell_is_a_series_circuit() -> None:
    got = effective_conductance(np.array([[1e-3]]), 2.0, 3.0, r_src_ohm=10.0, r_sns_ohm=20.0)
    assert got[0, 0] == pytest.approx(1 / (1000 + 2 + 3 + 10 + 20), rel=1e-14)


def test_two_cells_on_one_word_line_by_hand() -> None:
    # columns 0 and 1 at 1 kOhm; 1 ohm a word-line segment, none on the bit lines
    behind = 1 / (1 / 1000 + 1 / 1001)
    node = behind / (1 + behind)
    got = effective_conductance(np.array([[1e-3, 1e-3]]), 1.0, 0.0)
    np.testing.assert_allclose(got, [[node / 1000, node / 1001]], rtol=1e-14)


@pytest.mark.usefixtures("either_form")
def test_a_batch_is_its_arrays_one_by_one() -> None:
    g_s = np.stack([[some_cells(9, 6, seed=3 * i + j) for j in range(3)] for i in range(2)])
    got = effective_conductance(g_s, 1.0, 2.0)
    assert got.shape == (2, 3, 9, 6)
    one = effective_conductance(g_s[1, 2], 1.0, 2.0)
    np.testing.assert_allclose(got[1, 2], one, rtol=1e-13)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("r", [1e-9, 1e-7])
def test_good_wires_lose_no_digits(r: float) -> None:
    """To first order the cells lose what the ideal currents drop on the way; far below what rounding could hide."""
    g_s, steps = some_cells(32, 32), np.arange(1, 33)
    shared = r * np.minimum(steps[:, None], steps)
    volts = g_s @ shared + shared[::-1, ::-1] @ g_s  # every driver at one volt
    got = effective_conductance(g_s, r, r)
    assert (g_s.sum(0) - got.sum(0)) == pytest.approx((g_s * volts).sum(0), rel=1e-4)
    np.testing.assert_allclose(effective_conductance(g_s, 0, 0), g_s, rtol=0)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("shape", [(2, 90), (90, 2), (33, 50), (40, 12)])
def test_long_and_odd_arrays_against_the_iterative_way(shape: tuple[int, int]) -> None:
    for ends in ENDS:
        g_s, v = some_cells(*shape), np.random.default_rng(2).random(shape[0])
        want = solve_wires(g_s, v, 1.0, 2.0, tolerance=1e-13, **ends)
        np.testing.assert_allclose(v @ effective_conductance(g_s, 1.0, 2.0, **ends), want, rtol=1e-10)


circuits = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**16), st.sampled_from(ENDS))
ohms = st.sampled_from([0.0, 1e-3, 1.0, 40.0])


@settings(max_examples=60, deadline=None)
@given(circuits, ohms, ohms)
def test_passive(circuit: tuple[int, int, int, dict[str, Any]], r_wl: float, r_bl: float) -> None:
    rows, cols, seed, ends = circuit
    g_s = some_cells(rows, cols, seed)
    got = effective_conductance(g_s, r_wl, r_bl, **ends)
    assert (got >= -1e-18).all()
    assert (got.sum(0) <= g_s.sum(0) * (1 + 1e-12)).all()  # one volt everywhere: no bit line above the ideal
    one_way = got.sum(1)  # a driver alone: what reaches the sense ends is at most the ideal
    assert (one_way <= g_s.sum(1) * (1 + 1e-12)).all()


@settings(max_examples=40, deadline=None)
@given(circuits, ohms, ohms, st.sampled_from([1.3, 10.0]))
def test_worse_wires_carry_less(
    circuit: tuple[int, int, int, dict[str, Any]], r_wl: float, r_bl: float, more: float
) -> None:
    rows, cols, seed, ends = circuit
    g_s = some_cells(rows, cols, seed)
    before = effective_conductance(g_s, r_wl, r_bl, **ends).sum()
    assert effective_conductance(g_s, r_wl * more, r_bl, **ends).sum() <= before * (1 + 1e-12)
    assert effective_conductance(g_s, r_wl, r_bl * more, **ends).sum() <= before * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(circuits, ohms, ohms)
def test_reciprocal(circuit: tuple[int, int, int, dict[str, Any]], r_wl: float, r_bl: float) -> None:
    """Driving the bit lines and sensing the word lines gives the same transfers (reciprocity)."""
    rows, cols, seed, ends = circuit
    g_s = some_cells(rows, cols, seed)
    backwards: dict[str, Any] = {
        "r_src_ohm": ends.get("r_sns_ohm", 0.0),
        "r_sns_ohm": ends.get("r_src_ohm", 0.0),
        "end_segments": ends.get("end_segments", True),
        "drive": "both" if ends.get("sense") == "both" else "left",
        "sense": "both" if ends.get("drive") == "both" else "bottom",
    }
    got = effective_conductance(g_s[::-1, ::-1].T.copy(), r_bl, r_wl, **backwards)
    want = effective_conductance(g_s, r_wl, r_bl, **ends)
    np.testing.assert_allclose(got.T[::-1, ::-1], want, rtol=1e-10, atol=1e-18)


def test_mirrored_arrays_that_both_ends_serve() -> None:
    g_s = some_cells(6, 9)
    ends: dict[str, Any] = {"drive": "both", "sense": "both"}
    got = effective_conductance(g_s[::-1, ::-1].copy(), 1.0, 2.0, **ends)
    np.testing.assert_allclose(got[::-1, ::-1], effective_conductance(g_s, 1.0, 2.0, **ends), rtol=1e-11)


def test_rows_may_swap_where_bit_lines_are_ideal() -> None:
    g_s, order = some_cells(6, 9), np.random.default_rng(1).permutation(6)
    got = effective_conductance(g_s[order], 5.0, 0.0)
    np.testing.assert_allclose(got, effective_conductance(g_s, 5.0, 0.0)[order], rtol=1e-12)


def test_torch_in_torch_out_with_gradients() -> None:
    g_s = torch.tensor(some_cells(3, 5) + 1e-4, requires_grad=True)
    got = effective_conductance(g_s, 20.0, 30.0)
    assert isinstance(got, torch.Tensor) and got.dtype == torch.float64
    np.testing.assert_allclose(got.detach(), effective_conductance(g_s.detach().numpy(), 20.0, 30.0), rtol=1e-12)
    assert torch.autograd.gradcheck(
        lambda g: effective_conductance(1e-4 * g, 20.0, 30.0) * 1e4, (g_s.detach() * 1e4).requires_grad_()
    )
    assert effective_conductance(g_s.detach().float(), 1.0, 1.0).dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r_wl_ohm": -1.0}, "r_wl_ohm must be a finite resistance of zero or more, not -1.0"),
        ({"r_bl_ohm": float("nan")}, "r_bl_ohm must be a finite resistance"),
        ({"r_sns_ohm": float("inf")}, "r_sns_ohm must be a finite resistance"),
        ({"drive": "lefft"}, "drive cannot be 'lefft'; did you mean 'left'?"),
        ({"sense": "top"}, "sense cannot be 'top'"),
        ({"g_s": np.array([[1e-4, -1e-6]])}, "g_s must hold finite conductances of zero or more, not -1e-06 S"),
        ({"g_s": np.array([[np.nan]])}, "g_s must hold finite conductances"),
        ({"g_s": np.ones(4)}, r"g_s must have shape \(..., R, C\) .* not \(4,\)"),
        ({"g_s": np.ones((4, 0))}, "g_s must have shape"),
        ({"g_s": np.ones((2, 2), dtype=complex)}, "g_s must hold real numbers, not complex128"),
        ({"g_s": torch.ones(2, 2, dtype=torch.complex64)}, "g_s must hold real numbers, not torch.complex64"),
    ],
)
def test_refuses_what_is_no_circuit(change: dict[str, Any], message: str) -> None:
    given_values: dict[str, Any] = {"g_s": np.full((2, 2), 1e-4), "r_wl_ohm": 1.0, "r_bl_ohm": 1.0} | change
    with pytest.raises(CrossbarError, match=message):
        effective_conductance(**given_values)


def test_unknown_names_stay_unknown() -> None:
    assert {"effective_conductance", "solve_wires"} <= set(dir(crossbar))
    with pytest.raises(AttributeError, match="no attribute 'solve_wire'"):
        crossbar.solve_wire  # noqa: B018
