"""Replica columns: exact without errors, solved with the wires, free of the bias that an ideal subtraction leaves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.crossbar import Encoding, effective_conductance
from tests.analog.hand import ALL_OFF, IDEAL_CELLS, all_rram, codes_of, images, input_codes, linear

ONE_BIT = {"rram__sign": "offset", "rram__cell_bits": 1}


def only(**switches: bool) -> dict[str, bool]:
    return ALL_OFF | switches


@pytest.mark.parametrize("cell_bits", [1, 2, 3])
@pytest.mark.parametrize(("columns", "open_rows"), [(2, 0), (8, 0), (24, 0), (8, 5)])
def test_without_errors_a_replica_subtracts_exactly_what_offset_binary_adds(
    cell_bits: int, columns: int, open_rows: int
) -> None:
    layer, x = linear(70, 20, seed=3), images(5, 70)
    own = {"rram__columns_per_adc": columns, "rram__open_rows": open_rows, "rram__adc_bits": 9}
    made = all_rram(rram__sign="offset", rram__cell_bits=cell_bits, **own)
    analog = imcsim.convert(layer, made, config=IDEAL_CELLS).eval()
    wanted = input_codes(x) @ codes_of(layer.weight) / (255 * 127)
    torch.testing.assert_close(analog(x), torch.from_numpy(wanted).float(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("open_rows", [0, 16, 15])
def test_wires_act_on_replicas_as_the_solved_array_does(open_rows: int) -> None:
    """One PE of 40 x 3 weights of 8 one-bit cells, by hand: 24 columns, and a pair after each weight's.

    Row passes are solved one by one, without the cells of closed rows; both columns of a pair are read in each.
    """
    layer = linear(40, 3, seed=5)
    made = all_rram(**ONE_BIT, rram__wl_segment_ohm=5.0, rram__bl_segment_ohm=9.0, rram__open_rows=open_rows)
    analog = imcsim.convert(layer, made, config=only(wires=True)).eval()
    analog.calibrate(torch.eye(40))
    encoding = Encoding(sign="offset", weight_bits=8, cell_bits=1)
    levels = np.moveaxis(encoding.levels(codes_of(layer.weight)), 0, -1)  # (40, 3, 8)
    even = (np.arange(40) % 2 == 0).astype(int)
    columns = np.concatenate([np.column_stack((levels[:, n], even, 1 - even)) for n in range(3)], axis=1)
    cells_s, effective_s = 1e-6 + columns * 39e-6, np.empty((40, 30))
    for first in range(0, 40, open_rows or 40):
        opened = np.zeros((40, 1), dtype=bool)
        opened[first : first + (open_rows or 40)] = True
        np.copyto(effective_s, effective_conductance(cells_s * opened, 5.0, 9.0), where=opened)
    seen = ((effective_s - 1e-6) / 39e-6).reshape(40, 3, 10)
    wanted = seen[..., :8] @ encoding.significance - 128 * seen[..., 8:].sum(-1)
    found = analog(torch.eye(40)).detach().numpy() * 127
    assert found == pytest.approx(wanted, abs=2e-3)
    assert np.abs(wanted - codes_of(layer.weight)).max() > 1


def bias(reference: str, cell_bits: int) -> float:
    """Mean error of the outputs by wires alone, in standard deviations of the right ones."""
    layer, x = linear(64, 16, seed=1), images(64, 64)
    with torch.no_grad():  # weights around zero, as networks have them
        layer.weight.mul_(torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(0)) ** 2)
        layer.weight[0, 0] = 1.0
    made = all_rram(rram__sign="offset", rram__cell_bits=cell_bits, rram__reference=reference)
    right = nn.functional.linear(x, layer.weight).detach()
    off = imcsim.convert(layer, made, config=only(wires=True)).eval()(x).detach() - right
    return float(off.mean().abs() / right.std())


# At two bits a column of weights conducts half more than a replica (levels 1.5 and 1 on average), and more is left.
@pytest.mark.parametrize(("cell_bits", "times"), [(1, 15), (2, 5)])
def test_a_replica_takes_away_the_bias_that_wires_give_an_offset_code(cell_bits: int, times: float) -> None:
    ideal, replica = bias("ideal", cell_bits), bias("replica", cell_bits)
    assert ideal > 1  # all outputs are too small, by more than they differ
    assert replica < ideal / times


def test_errors_of_a_replica_are_those_of_all_weights_that_share_it() -> None:
    # weights of 4 two-bit cells, two of them on a converter's 8 columns; the weights' own cells are exact at code 0
    layer, cell = nn.Linear(64, 4, bias=False), {"rram__cell__programming_model": "fraction"}
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[:, 0] = 1.0
    made = all_rram(rram__sign="offset", **cell)
    analog = imcsim.convert(layer, made, config=only(programming=True)).eval()
    analog.calibrate(images(2, 64))
    analog.program(0)
    (arrays,) = (layer.arrays for _, layer in analog.analog_layers())
    assert arrays.replicas is not None
    assert arrays.replicas.programmed_s.shape == (1, 64, 8, 2)
    raised = arrays.replicas.programmed_s[0, ::2, :, 0]  # level 2 of 1, 14, 27 and 40 uS
    assert raised.mean() == pytest.approx(27e-6, abs=4 * 2e-6 / np.sqrt(raised.size))
    assert raised.std() == pytest.approx(2e-6, rel=0.15)
    state = arrays.state
    assert state is not None
    exact = np.array([1e-6, 14e-6, 27e-6, 40e-6], np.float32)[state.levels]
    arrays.restore(type(state)(**{**vars(state), "programmed_s": exact}), arrays.cell_steps, arrays.replicas)
    off = analog(torch.eye(64)[1:]).detach().numpy()
    assert np.abs(off[:, 1:]).min() > 0
    np.testing.assert_allclose(off[:, 2], off[:, 3], rtol=1e-6)  # one pair
    assert np.abs(off[:, 1] - off[:, 2]).max() > 1e-3  # another one


def test_replicas_are_written_once_and_saved_with_the_network(tmp_path: Path) -> None:
    layer, x = linear(70, 20, seed=2), images(4, 70)
    analog = imcsim.convert(nn.Sequential(layer), all_rram(**ONE_BIT), calibration=x)
    analog.program(1)
    first = analog[0].arrays.replicas
    with torch.no_grad():
        analog[0].weight.mul_(0.5)
    analog.program(2)
    assert analog[0].arrays.replicas is first
    analog.drift(1e4)
    analog.save(tmp_path / "chip.safetensors")
    again = imcsim.load_converted(tmp_path / "chip.safetensors", nn.Sequential(linear(70, 20)))
    assert torch.equal(analog.eval()(x), again.eval()(x))
    kept = again[0].arrays.replicas
    assert np.array_equal(kept.programmed_s, first.programmed_s)
    assert np.array_equal(kept.normals, first.normals)
    assert kept.time_s == first.time_s


def test_pairs_of_differential_cells_have_no_replica() -> None:
    analog = imcsim.convert(nn.Sequential(linear(70, 20)), all_rram())
    analog.program(0)
    assert analog[0].arrays.pes.replicas is None
    assert analog[0].arrays.replicas is None
