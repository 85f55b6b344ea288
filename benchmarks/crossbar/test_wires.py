"""Wires: 128 x 128 arrays, 1 ohm a segment, 10 kOhm or 1 MOhm cells, float64, in processor time of this process.

Run ``OMP_NUM_THREADS=1 python -m pytest benchmarks/crossbar/test_wires.py -p benchmark --benchmark-only``; the rows go
into ``wires.csv``. The ratios of a group are those of the same work: the currents of one array for 256 inputs, against
``test_wires``; the effective matrices of 64 arrays, against the plain products of 256 inputs with them; the currents of
one array for one input, against the direct way at 1 ohm. What bounds the merge: no one pass. Of its time, building
4 x 4 leaves takes about a fifth, the factorisations a fifth, the symmetric updates (all of the large products) a fifth,
moving blocks into place and mirroring them two fifths.
"""

import importlib.metadata
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from measured import record, row_of
from scipy.sparse.linalg import splu

from imcsim.crossbar import effective_conductance, solve_wires
from imcsim.crossbar.wires import effective

SIZE, INPUTS, ARRAYS = 128, 256, 64
BASES = {
    "one array, 256 inputs": "test_wires",
    "effective matrices of 64 arrays": "test_plain_products_of_256_inputs",
    "one array, one input": "test_few_inputs[1.0 ohm-direct]",
}
ONE = pytest.mark.benchmark(group="one array, 256 inputs", timer=time.process_time, warmup=True)
MANY = pytest.mark.benchmark(group="effective matrices of 64 arrays", timer=time.process_time, warmup=True)
FEW = pytest.mark.benchmark(group="one array, one input", timer=time.process_time, warmup=True)


@pytest.fixture(scope="module")
def measured() -> Iterator[dict[str, dict[str, Any]]]:
    """CPU times of every benchmark by group and name; written when all have run, as far as their base has."""
    groups: dict[str, dict[str, Any]] = {group: {} for group in BASES}
    yield groups
    rows = [
        row_of(
            group.replace(",", ""),
            f"{SIZE} x {SIZE}",
            name.removeprefix("test_"),
            times,
            done[BASES[group]],
            paired=False,
        )
        for group, done in groups.items()
        for name, times in done.items()
        if BASES[group] in done
    ]
    record("wires", rows, f" scipy {importlib.metadata.version('scipy')}{badcrossbar_version()}")


def badcrossbar_version() -> str:
    try:
        return f" badcrossbar {importlib.metadata.version('badcrossbar')}"
    except importlib.metadata.PackageNotFoundError:
        return ""


@pytest.fixture(autouse=True)
def noted(request: pytest.FixtureRequest, benchmark: Any, measured: dict[str, dict[str, Any]]) -> Iterator[None]:
    yield
    if benchmark.stats is not None:
        measured[benchmark.group][request.node.name] = benchmark.stats.stats.data


@pytest.fixture(scope="module")
def cells() -> torch.Tensor:
    torch.set_num_threads(1)
    low = torch.rand(ARRAYS, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) < 0.5
    return torch.where(low, 1e-4, 1e-6).double()


@pytest.fixture(scope="module")
def volts() -> torch.Tensor:
    return 0.2 * torch.rand(INPUTS, SIZE, generator=torch.Generator().manual_seed(1)).double()


def nodal_matrix(g_s: Any, ohm: float) -> Any:
    """Word nodes, then bit nodes, row by row; one segment before the first cell and after the last."""
    line = sp.diags([[-1.0] * (SIZE - 1), [2.0] * SIZE, [-1.0] * (SIZE - 1)], [-1, 0, 1]).tolil()
    line[-1, -1] = 1.0
    eye, cell = sp.identity(SIZE), sp.diags(g_s.ravel())
    bit = line.tocsc()[::-1, ::-1]
    return sp.bmat([[sp.kron(eye, line) / ohm + cell, -cell], [-cell, sp.kron(bit, eye) / ohm + cell]]).tocsc()


def superlu_currents(g_s: Any, v: Any, *, adjoint: bool) -> Any:
    factor = splu(nodal_matrix(g_s, 1.0), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    cells, eye = SIZE * SIZE, np.eye(SIZE)
    drivers, senses = np.zeros((2 * cells, SIZE)), np.zeros((2 * cells, SIZE))
    drivers[np.arange(SIZE) * SIZE] = eye
    senses[2 * cells - SIZE :] = eye
    return v @ (drivers.T @ factor.solve(senses)) if adjoint else (senses.T @ factor.solve(drivers @ v.T)).T


@ONE
def test_wires(benchmark: Callable[..., Any], cells: Any, volts: Any) -> None:
    got = benchmark(solve_wires, cells[0], volts, 1.0, 1.0)
    want = superlu_currents(cells[0].numpy(), volts.numpy(), adjoint=False)
    np.testing.assert_allclose(got, want, rtol=1e-10)


@ONE
def test_wires_of_an_array_seen_before(benchmark: Callable[..., Any], cells: Any, volts: Any) -> None:
    matrix = effective_conductance(cells[0], 1.0, 1.0)
    benchmark(lambda: volts @ matrix)


@ONE
def test_plain_product(benchmark: Callable[..., Any], cells: Any, volts: Any) -> None:
    benchmark(lambda: volts @ cells[0])


@ONE
@pytest.mark.parametrize("adjoint", [True, False], ids=["adjoint of 128 solutions", "256 solutions"])
def test_superlu(benchmark: Any, cells: Any, volts: Any, adjoint: bool) -> None:
    run = (cells[0].numpy(), volts.numpy())
    benchmark.pedantic(superlu_currents, run, {"adjoint": adjoint}, rounds=5)


@ONE
def test_badcrossbar(benchmark: Any, cells: Any, volts: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # its plots need cairo, its currents do not
        badcrossbar = pytest.importorskip("badcrossbar")
    run = (volts.numpy().T, (1 / cells[0]).numpy())
    only_output = {"r_i": 1.0, "node_voltages": False, "all_currents": False}
    solved = benchmark.pedantic(badcrossbar.compute, run, only_output, rounds=7)
    np.testing.assert_allclose(solved.currents.output, solve_wires(cells[0], volts, 1.0, 1.0), rtol=1e-9)


@MANY
def test_effective(benchmark: Any, cells: Any) -> None:
    benchmark.pedantic(effective_conductance, (cells, 1.0, 1.0), rounds=5)


@MANY
def test_effective_without_a_compiler(benchmark: Any, cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effective, "native_available", lambda: False)
    benchmark.pedantic(
        lambda: [effective_conductance(cells[k : k + 2], 1.0, 1.0) for k in range(0, ARRAYS, 2)], rounds=2
    )


@MANY
def test_plain_products_of_256_inputs(benchmark: Callable[..., Any], cells: Any, volts: Any) -> None:
    benchmark(lambda: volts @ cells)


@FEW
@pytest.mark.parametrize("tolerance", [1e-6, 1e-10, None], ids=["1e-6", "1e-10", "direct"])
@pytest.mark.parametrize("ohm", [0.35, 1.0, 2.93, 10.0], ids="{} ohm".format)
def test_few_inputs(benchmark: Callable[..., Any], cells: Any, volts: Any, ohm: float, tolerance: Any) -> None:
    benchmark(solve_wires, cells[0], volts[0], ohm, ohm, tolerance=tolerance)
