"""The code step follows weights that are replaced and stays while training moves them; old cells keep their meaning."""

import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.core.errors import MappingError
from imcsim.crossbar.layer_tags import keep_step
from imcsim.learn.api import learn_on
from imcsim.learn.rebuild import network_after
from tests.analog.hand import ALL_OFF, all_rram, chip, codes_of, images, input_codes, linear
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def by_load(analog: Any, weight: torch.Tensor) -> None:
    analog.load_state_dict({"weight": weight})


def by_assignment(analog: Any, weight: torch.Tensor) -> None:
    analog.load_state_dict({"weight": weight}, assign=True)


def in_place(analog: Any, weight: torch.Tensor) -> None:
    with torch.no_grad():
        analog.weight.copy_(weight)


def past_autograd(analog: Any, weight: torch.Tensor) -> None:
    analog.weight.data[:] = weight


def as_a_parameter(analog: Any, weight: torch.Tensor) -> None:
    analog.weight = nn.Parameter(weight.clone())


def by_an_optimiser(analog: Any, weight: torch.Tensor) -> None:
    analog.weight.grad = analog.weight.detach() - weight
    torch.optim.SGD([analog.weight], 1.0).step()


REPLACED = [by_load, by_assignment, in_place, past_autograd, as_a_parameter, by_an_optimiser]


def right(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """What the layer gives on codes of weight and inputs, largest on largest: integers, times both steps."""
    product = torch.from_numpy(input_codes(x) @ codes_of(weight)).double()
    return product * float(weight.abs().max()) / 127 / 255


@pytest.mark.parametrize("factor", [10.0, 0.01, 0.9, 1.2, -3.0])
@pytest.mark.parametrize("replace", REPLACED)
@pytest.mark.parametrize("trained_before", [False, True])
def test_weights_that_are_replaced_take_a_new_step(
    replace: Callable[[Any, torch.Tensor], None], factor: float, trained_before: bool
) -> None:
    x, other = images(20, 70), linear(70, 10, seed=9).weight.detach() * factor
    analog = imcsim.convert(linear(), chip(), config=ALL_OFF)
    if trained_before:
        analog.train()(x)  # an evaluation between the two: what comes later is no step of training
    analog.eval()(x)
    replace(analog, other)
    torch.testing.assert_close(analog(x).double(), right(other, x), rtol=1e-5, atol=1e-6)


def test_programmed_cells_keep_their_weights_until_they_are_programmed_again() -> None:
    layer, x = linear(128, 8), images(9, 128)
    mask = {"0": np.array([[[True], [False]]])}  # 64 rows in SRAM, 64 in RRAM
    analog = imcsim.convert(nn.Sequential(layer), chip(), mask, config=ALL_OFF).eval()
    analog.program(0)
    analog.calibrate(x)
    old = layer.weight.detach()
    new = 10 * linear(128, 8, seed=4).weight.detach()
    analog.load_state_dict({"0.weight": new})
    both = torch.cat([new[:, :64], old[:, 64:]], dim=1)
    torch.testing.assert_close(analog(x), x @ both.T, rtol=0.02, atol=0.1)
    assert "changed since they were programmed: 0" in str(analog.summary(io.StringIO()))
    assert analog.program(1).events > 0
    torch.testing.assert_close(analog(x), x @ new.T, rtol=0.02, atol=0.1)


def test_other_weights_of_the_same_codes_need_no_event_and_count_once_they_are_programmed() -> None:
    layer, x = linear(), images(5, 70)
    analog = imcsim.convert(layer, all_rram(), config=ALL_OFF, calibration=x).eval()
    analog.program(0)
    before = analog(x)
    with torch.no_grad():
        analog.weight.mul_(4)
    assert torch.equal(analog(x), before)
    assert analog.summary(io.StringIO()).rows[0].stale_share > 0.9
    assert analog.program(1).events == 0
    torch.testing.assert_close(analog(x), 4 * before)
    assert analog.summary(io.StringIO()).rows[0].stale_share == 0


def test_cells_of_an_older_step_keep_their_meaning_when_their_pe_comes_back_from_sram() -> None:
    layer, x = linear(128, 8), images(9, 128)
    analog = imcsim.convert(nn.Sequential(layer), chip(), config=ALL_OFF, calibration=x).eval()
    analog.program(0)
    first = layer.weight.detach()[:, :64]
    analog.place({"0": np.array([[[True], [False]]])})
    with torch.no_grad():
        analog[0].weight.mul_(10)
    analog.program(1)  # the second PE alone
    analog.place("rram")
    both = torch.cat([first, 10 * layer.weight.detach()[:, 64:]], dim=1)
    torch.testing.assert_close(analog(x), x @ both.T, rtol=0.02, atol=0.1)


def test_small_steps_of_training_keep_the_step_and_change_few_cells() -> None:
    analog = imcsim.convert(linear(), all_rram(), config=ALL_OFF)
    analog.program(0)
    step = analog.grid.step
    optimizer = torch.optim.SGD(analog.parameters(), 1e-3)
    for seed in range(5):
        analog.train()(images(8, 70, seed=seed)).square().mean().backward()
        optimizer.step()
        analog.saturate()
        analog.eval()(images(8, 70))
    assert analog.grid.step == step
    assert 0 < analog.program(1).events < 0.2 * 700 * 8  # 8 cells a weight


def test_training_that_leaves_the_range_takes_a_wider_one_and_saturate_prevents_it() -> None:
    x = images(4, 70)
    for held in (False, True):
        analog = imcsim.convert(linear(), chip(), config=ALL_OFF).train()
        step = analog.grid.step
        analog(x)
        with torch.no_grad():
            analog.weight.mul_(1.5)
        if held:
            analog.saturate()
        analog(x)
        assert analog.grid.step == pytest.approx(step if held else 1.5 * step, rel=1e-6)


def test_weights_that_shrink_in_training_keep_at_least_all_but_one_bit_of_their_codes() -> None:
    analog, x = imcsim.convert(linear(), chip(), config=ALL_OFF).train(), images(4, 70)
    step = analog.grid.step
    for size, wanted in ((0.9, step), (0.51, step), (0.49, 0.49 * step)):
        analog(x)
        with torch.no_grad():
            analog.weight.mul_(size / analog.weight.abs().max())
        analog(x)
        assert analog.grid.step == pytest.approx(wanted, rel=1e-6)


def test_errors_of_training_are_those_of_the_step_now() -> None:
    layer = linear(300, 100, seed=2)
    made = all_rram(rram__cell__programming_model="fraction", rram__cell__programming_sigma_fraction=0.05)
    analog = imcsim.convert(layer, made, config={"relaxation": False}).train()
    eye, spreads = torch.eye(300), []
    for _ in range(2):
        with torch.no_grad():
            spreads.append(float((analog(eye).T - analog.weight).std()))
            analog.weight.mul_(7)
    assert spreads[1] == pytest.approx(7 * spreads[0], rel=0.02)


def test_a_trace_keeps_its_step_through_state_dicts_and_others_do_not() -> None:
    """Metadata of the ``state_dict`` tells the learned step; tensors alone are those of any network."""
    network = tiny_net()
    trace = learn_on(tiny_config(), network, tiny_stream())
    plain = [network_after(trace, task, tiny_net()) for task in (0, 1)]
    analog = imcsim.convert(plain[0], chip(), config=ALL_OFF)
    for task in (0, 1):
        state = plain[task].state_dict()
        analog.load_state_dict(copy.deepcopy(state))
        analog.program(task)
        for name, layer in analog.analog_layers():
            held = chip().config.geometry.encoding.codes(np.moveaxis(layer.arrays.state.levels, -1, 0))
            assert np.array_equal(held, trace.codes[name][task + 1])
            assert layer.grid.learned
    analog.load_state_dict(network.state_dict())  # the learned network itself
    assert all(layer.grid.learned for _, layer in analog.analog_layers())
    assert plain[0].load_state_dict(analog.state_dict())  # the plain network takes no notice
    analog.load_state_dict({name: 10 * value for name, value in network.state_dict().items()})
    for _, layer in analog.analog_layers():
        assert not layer.grid.learned
        assert layer.grid.step == pytest.approx(float(layer.weight.detach().abs().max()) / 127, rel=1e-6)


def test_a_learned_step_holds_in_place_while_weights_fit_it() -> None:
    layer = linear()
    keep_step(layer, 3 / 127)
    for factor, step in ((0.6, 3 / 127), (2.9, 3 / 127), (10.0, 10 / 127), (0.01, 0.01 / 127)):
        analog = imcsim.convert(layer, chip(), config=ALL_OFF).eval()
        with torch.no_grad():
            analog.weight.mul_(factor)
        assert analog.grid.step == pytest.approx(step, rel=1e-6)


def zeroed(layer: nn.Linear) -> nn.Linear:
    with torch.no_grad():
        layer.weight.zero_()
    return layer


@pytest.mark.parametrize("learned_step", [None, 0.02])
@pytest.mark.parametrize("sign", ["differential", "offset"])
@pytest.mark.parametrize("programmed", [False, True])
def test_a_layer_of_zeros_gives_zero(learned_step: float | None, sign: str, programmed: bool) -> None:
    layer, x = zeroed(linear()), images(6, 70)
    keep_step(layer, learned_step)
    analog = imcsim.convert(layer, all_rram(rram__sign=sign, rram__cell__stuck_high_fraction=0.05))
    if programmed:
        analog.program(0)
        analog.drift(86_400.0)
    for network in (analog.eval(), analog.train()):
        assert torch.equal(network(x), torch.zeros(6, 10))


def test_a_layer_of_zeros_learns() -> None:
    analog, x = imcsim.convert(zeroed(linear()), chip()).train(), images(6, 70)
    for _ in range(2):
        analog(x).sum().backward()
        with torch.no_grad():
            analog.weight -= 0.1 * analog.weight.grad
        analog.saturate()
    assert analog.grid.step == pytest.approx(float(analog.weight.detach().abs().max()) / 127, rel=0.6)
    assert float(analog.weight.detach().abs().max()) > 0


@pytest.mark.parametrize("sign", ["differential", "offset"])
def test_outputs_and_pes_of_zeros_add_nothing(sign: str) -> None:
    """70 x 10 weights on 2 x 2 PEs of 64 x 8: output 3 has no weights, output 9 none in the second row of PEs."""
    layer, x = linear(), images(6, 70)
    with torch.no_grad():
        layer.weight[3] = 0
        layer.weight[8:, 64:] = 0  # the last PE whole
    rest = copy.deepcopy(layer)
    made = all_rram(rram__sign=sign, rram__cell__stuck_high_fraction=0.05)
    analog = imcsim.convert(layer, made, calibration=x).eval()
    analog.program(0)
    y = analog(x)
    assert torch.equal(y[:, 3], torch.zeros(6))
    assert float(y[:, 2].std()) > 0
    moved = x.clone()
    moved[:, 64:] = 0.5  # inputs of the empty PE alone
    quiet = imcsim.convert(rest, made, config={"read_noise": False}, calibration=x).eval()
    quiet.program(0)
    assert torch.equal(quiet(x)[:, 8:], quiet(moved)[:, 8:])
    assert not torch.equal(quiet(x)[:, :8], quiet(moved)[:, :8])


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_weights_that_are_no_numbers_are_refused_by_name_and_place(value: float, shown: str) -> None:
    last = nn.Linear(10, 4)
    model = nn.Sequential(linear(), nn.ReLU(), last)
    with torch.no_grad():
        last.weight[1, 3] = value
    sentence = rf"layer '2' holds a weight of {shown} at \(1, 3\): only finite numbers of float32 have codes"
    with pytest.raises(MappingError, match=sentence):
        imcsim.convert(model, chip())
    good = imcsim.convert(nn.Sequential(linear(), nn.ReLU(), nn.Linear(10, 4)), chip())
    with torch.no_grad():
        good[2].weight[1, 3] = value
    acts: list[Callable[[], Any]] = [
        lambda: good.eval()(images(1, 70)),
        lambda: good.train()(images(1, 70)),
        lambda: good.program(0),
    ]
    for act in acts:
        with pytest.raises(MappingError, match=sentence):
            act()
    with pytest.raises(MappingError, match=sentence):
        good.load_state_dict(model.state_dict())


def test_weights_beyond_float32_are_refused_and_far_below_it_count_as_zero() -> None:
    layer = linear().double()
    with torch.no_grad():
        layer.weight[0, 0] = 1e39
    with pytest.raises(MappingError, match=r"holds a weight of 1e\+39 at \(0, 0\)"):
        imcsim.convert(layer, chip())
    tiny = linear()
    with torch.no_grad():
        tiny.weight.mul_(1e-42)
    assert torch.equal(imcsim.convert(tiny, chip(), config=ALL_OFF).eval()(images(2, 70)), torch.zeros(2, 10))
