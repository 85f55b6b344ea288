"""Voltages along the lines: other simulators, nodal analysis, Kirchhoff, and one array by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.errors import CrossbarError
from imcsim.crossbar import node_voltages, solve_wires
from tests.crossbar.nodal import voltages
from tests.crossbar.test_wires import CASES, ENDS, some_cells

RNG = np.random.default_rng(11)
WITH_VOLTAGES = [path for path in CASES if "v_wl" in np.load(path)]


@pytest.mark.skipif(not CASES, reason="IMCSIM_CASES names no folder with cases: published cases are not at hand")
def test_some_cases_hold_voltages() -> None:
    assert len(WITH_VOLTAGES) >= 3


@pytest.mark.parametrize("path", WITH_VOLTAGES, ids=lambda path: path.stem)
def test_agrees_with_the_cases_of_other_simulators(path: Path) -> None:
    case = np.load(path)
    ends: dict[str, Any] = {"r_src_ohm": float(case["r_src"]), "r_sns_ohm": float(case["r_sns"])}
    ends |= {"end_segments": bool(case["end_seg"]), "drive": str(case["drive"]), "sense": str(case["sense"])}
    word, bit = node_voltages(case["G"], case["V"], float(case["r_wl"]), float(case["r_bl"]), **ends)
    np.testing.assert_allclose(word, case["v_wl"], rtol=1e-9)
    np.testing.assert_allclose(bit, case["v_bl"], rtol=1e-8)


@pytest.mark.parametrize("r", [(2.0, 3.0), (0.0, 3.0), (2.0, 0.0), (0.0, 0.0)], ids=str)
@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_agrees_with_nodal_analysis(ends: dict[str, Any], r: tuple[float, float]) -> None:
    for rows, cols in ((1, 1), (6, 5), (1, 4), (4, 1)):
        g_s, v = some_cells(rows, cols), RNG.uniform(0, 0.2, (3, rows))
        for got, want in zip(node_voltages(g_s, v, *r, **ends), voltages(g_s, *r, **ends), strict=True):
            np.testing.assert_allclose(got, np.einsum("ijk,nk->nij", want, v), rtol=1e-8, atol=1e-13)


def test_two_cells_on_one_word_line_by_hand() -> None:
    # columns 0 and 1 at 1 kOhm, 1 ohm a word-line segment, 2 ohm from each bit line to ground
    second = 1 + 1000 + 2
    behind = 1 / (1 / 1002 + 1 / second)
    node = behind / (1 + behind)
    word, bit = node_voltages(np.array([[1e-3, 1e-3]]), np.array([1.0]), 1.0, 2.0)
    np.testing.assert_allclose(word, [[node, node * (second - 1) / second]], rtol=1e-10)
    np.testing.assert_allclose(bit, [[node * 2 / 1002, node * 2 / second]], rtol=1e-9)


def test_currents_and_voltages_obey_kirchhoff_and_ohm() -> None:
    g_s, v, r_wl, r_bl = some_cells(9, 7), RNG.uniform(0, 0.2, 9), 3.0, 4.0
    word, bit = node_voltages(g_s, v, r_wl, r_bl)
    current = solve_wires(g_s, v, r_wl, r_bl)
    np.testing.assert_allclose((g_s * (word - bit)).sum(0), current, rtol=1e-8)
    np.testing.assert_allclose(
        bit[-1] / r_bl, current, rtol=1e-8
    )  # all that a bit line collects passes its last segment
    np.testing.assert_allclose((v - word[:, 0]) / r_wl, (g_s * (word - bit)).sum(1), rtol=1e-6)
    assert np.all(np.diff(word, axis=1) <= 0) and np.all(np.diff(bit, axis=0) <= 0)  # each line falls to its end


def test_ideal_wires_hold_the_inputs_and_ground() -> None:
    v = RNG.uniform(0, 0.2, 4)
    word, bit = node_voltages(some_cells(4, 6), v, 0.0, 0.0)
    assert np.array_equal(word, np.repeat(v[:, None], 6, axis=1))
    assert np.array_equal(bit, np.zeros((4, 6)))


def test_shapes_kinds_and_batches() -> None:
    g_s = np.stack([some_cells(4, 6, seed) for seed in range(3)])
    many, one = RNG.random((3, 5, 4)), RNG.random((3, 4)).astype(np.float32)
    word, bit = node_voltages(g_s, many, 1.0, 1.0)
    assert word.shape == bit.shape == (3, 5, 4, 6)
    np.testing.assert_allclose(word[2, 3], node_voltages(g_s[2], many[2, 3], 1.0, 1.0)[0], rtol=1e-10)
    single = node_voltages(g_s, one, 1.0, 1.0)
    assert all(line.shape == (3, 4, 6) and line.dtype == np.float32 for line in single)
    tensor, _ = node_voltages(torch.tensor(g_s), torch.tensor(many), 1.0, 1.0)
    assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float64


def test_gradients() -> None:
    g_s = torch.tensor(some_cells(3, 4) * 1e3 + 0.2, requires_grad=True)  # mS
    v = torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda g, x: node_voltages(g * 1e-3, x, 40.0, 30.0), (g_s, v))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": np.ones(3)}, r"v must have shape \(2,\) or \(K, 2\) to fit g_s \(2, 2\), not \(3,\)"),
        ({"v": np.array([np.nan, 0])}, "v must hold finite voltages"),
        ({"g_s": -np.ones((2, 2))}, "g_s must hold finite conductances"),
        ({"r_bl_ohm": -1.0}, "r_bl_ohm must be a finite resistance"),
        ({"drive": "right"}, "drive cannot be 'right'"),
    ],
)
def test_refuses(change: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"g_s": np.full((2, 2), 1e-4), "v": np.ones(2), "r_wl_ohm": 1.0, "r_bl_ohm": 1.0}
    with pytest.raises(CrossbarError, match=message):
        node_voltages(**(values | change))
