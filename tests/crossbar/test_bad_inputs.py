"""What no circuit and no code can be: each public function of the wires and of the encoding, one sentence each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.errors import ConfigError, CrossbarError
from imcsim.crossbar import AdcRange, Encoding, effective_conductance, node_voltages, solve_wires

_G, _V = np.full((3, 4), 1e-6), np.ones(3)
_TG, _TV = torch.from_numpy(_G), torch.from_numpy(_V)


def solve(g_s: Any = _G, v: Any = _V, wl: Any = 1.0, bl: Any = 1.0, **options: Any) -> Any:
    return solve_wires(g_s, v, wl, bl, **options)


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: effective_conductance(_G, "1", 1.0), "r_wl_ohm must be a finite resistance of zero or more, not '1'"),  # type: ignore[arg-type]
    (lambda: effective_conductance(_G, 1.0, None), "r_bl_ohm must be a finite resistance of zero or more, not None"),  # type: ignore[arg-type]
    (lambda: effective_conductance(_G, _V, 1.0), "r_wl_ohm must be a finite resistance of zero or more, not array"),  # type: ignore[arg-type]
    (lambda: effective_conductance(_G, 1.0, 1j), "r_bl_ohm must be a finite resistance of zero or more, not 1j"),  # type: ignore[arg-type]
    (lambda: effective_conductance(_G, 1.0, 1.0, r_src_ohm=-1), "r_src_ohm must be a finite resistance of zero or mor"),
    (lambda: effective_conductance(_G, 1.0, 1.0, end_segments="no"), "end_segments must be True or False, not 'no'"),  # type: ignore[arg-type]
    (lambda: effective_conductance(_G, 1.0, 1.0, drive=None), "drive cannot be None; allowed: both, left"),  # type: ignore[arg-type]
    (lambda: effective_conductance("abc", 1.0, 1.0), "g_s must hold real numbers, not <U3"),
    (lambda: effective_conductance(None, 1.0, 1.0), "g_s must hold real numbers, not object"),
    (lambda: effective_conductance([[1.0], [1.0, 2.0]], 1.0, 1.0), "g_s must hold rows of one length"),
    (lambda: effective_conductance(_V, 1.0, 1.0), r"g_s must have shape \(..., R, C\) .* not \(3,\)"),
    (lambda: effective_conductance(_G[:0], 1.0, 1.0), r"g_s must have shape .* of one or more, not \(0, 4\)"),
    (
        lambda: effective_conductance(_G * np.nan, 1.0, 1.0),
        "g_s must hold finite conductances of zero or more, not nan",
    ),
    (lambda: effective_conductance(-_G, 1.0, 1.0), "g_s must hold finite conductances of zero or more, not -1e-06 S"),
    (lambda: effective_conductance(_TG.to("meta"), 1.0, 1.0), "g_s must be a dense tensor .* not one on the meta dev"),
    (lambda: effective_conductance(_TG.to_sparse(), 1.0, 1.0), "g_s must be a dense tensor .* of layout torch.sparse"),
    (lambda: effective_conductance(np.ma.masked_less(_G, 1), 1.0, 1.0), "g_s must be a plain array, not a masked one"),
    (lambda: solve(v=_TV.to("meta")), "v must be a dense tensor that holds its numbers, not one on the meta device"),
    (lambda: solve(v="ab"), "v must hold real numbers, not <U2"),
    (lambda: solve(v=_V * np.inf), "v must hold finite voltages"),
    (lambda: solve(v=np.ones(4)), r"v must have shape \(3,\) or \(K, 3\) to fit g_s \(3, 4\), not \(4,\)"),
    (lambda: solve(wl="1"), "r_wl_ohm must be a finite resistance of zero or more, not '1'"),
    (lambda: solve(tolerance="x"), "tolerance must be at least 1e-13 and below 1, not 'x'"),
    (lambda: solve(tolerance=float("nan")), "tolerance must be at least 1e-13 and below 1, not nan"),
    (lambda: solve(tolerance=True), "tolerance must be at least 1e-13 and below 1, not True"),
    (lambda: solve(gate="x"), "gate must hold real numbers, not <U1"),
    (lambda: solve(gate=-_V), "gate must hold finite factors of zero or more"),
    (lambda: solve(gate=np.ones(5)), r"gate must have shape \(3,\) or \(3, 4\), not \(5,\)"),
    (lambda: solve(cell_current=3), r"cell_current must be a function \(u, g_s\) -> i, not int"),
    (
        lambda: solve(cell_current=lambda u, g: (u * g).numpy()),
        "cell_current must return a torch tensor, .* not ndarray",
    ),
    (
        lambda: solve(cell_current=lambda u, g: u.sum()),
        r"cell_current must return one current per cell \(1, 3, 4\), not",
    ),
    (lambda: solve(drives="both"), "wires have no 'drives'; did you mean 'drive'?"),
    (lambda: node_voltages(_G, _V, 1.0, 1.0, senses="both"), "wires have no 'senses'; did you mean 'sense'?"),  # type: ignore[call-arg]
    (lambda: node_voltages(_G, _V, 1.0, "1"), "r_bl_ohm must be a finite resistance of zero or more, not '1'"),  # type: ignore[arg-type]
    (lambda: node_voltages(_G, np.ones(4), 1.0, 1.0), r"v must have shape \(3,\)"),
    (lambda: Encoding().levels(np.array([1.7])), "codes must be a numpy array of integers, given an array of float64"),
    (lambda: Encoding().levels(np.array([True])), "codes must be a numpy array of integers, given an array of bool"),
    (lambda: Encoding().levels([1]), "codes must be a numpy array of integers, given a list"),  # type: ignore[arg-type]
    (lambda: Encoding().levels(torch.tensor([1])), "codes must be a numpy array of integers, given a Tensor"),  # type: ignore[arg-type]
    (lambda: Encoding().levels(np.array([300])), "codes must lie in -127..127, given 300..300"),
    (lambda: Encoding().codes(np.zeros((3, 2), int)), r"levels must have shape \(8, ...\), given \(3, 2\)"),
    (lambda: Encoding().codes(np.zeros((8, 2))), "levels must be a numpy array of integers, given an array of float64"),  # type: ignore[arg-type]
    (lambda: Encoding(cell_bits=0), "^Encoding: 'cell_bits': Input should be greater than or equal to 1"),
    (lambda: AdcRange(4, (1,), (0.0,), (0.0,)).config("x"), "config must be a BitSliceConfig, given str"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("act", "sentence"), BAD)
def test_one_sentence(act: Callable[[], Any], sentence: str) -> None:
    with pytest.raises((ConfigError, CrossbarError), match=sentence) as refused:
        act()
    assert "\n" not in str(refused.value)


def test_what_is_harmless_is_taken() -> None:
    wanted = effective_conductance(_G, 1.0, 2.0)
    assert np.array_equal(effective_conductance(_G.tolist(), 1, 2), wanted)
    assert np.array_equal(effective_conductance(np.asfortranarray(_G), torch.tensor(1.0), 2.0), wanted)  # type: ignore[arg-type]
    back = _G[::-1, ::-1]
    assert np.array_equal(effective_conductance(back, 1.0, 2.0), effective_conductance(back.copy(), 1.0, 2.0))
    assert effective_conductance(torch.ones(2, 2, dtype=torch.float16), 1.0, 1.0).dtype == torch.float16
    assert effective_conductance(np.ones((2, 2), dtype=np.int32), 1.0, 1.0).dtype == np.float64
    assert effective_conductance(np.ones((0, 2, 2)), 1.0, 1.0).shape == (0, 2, 2)
    assert solve_wires(_G, np.ones((0, 3)), 1.0, 1.0).shape == (0, 4)
    assert node_voltages(_G, np.ones((0, 3)), 1.0, 1.0)[0].size == 0
