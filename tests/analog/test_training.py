"""``train()``: the forward pass knows the hardware, gradients pass straight through."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import imcsim
from imcsim.analog import AnalogConfig
from imcsim.chip.config import ChipConfig
from imcsim.core.sources import Resolved
from tests.analog.hand import ALL_OFF, all_rram, chip, images, linear, two_layers


def step(values: torch.Tensor, largest_code: int) -> float:
    return float(values.abs().max() / largest_code)


def test_without_noise_the_gradient_is_that_of_the_rounded_layer() -> None:
    layer, x = linear(20, 5, seed=1, bias=True), images(6, 20)
    analog = imcsim.convert(layer, chip(), config=ALL_OFF).train()
    x.requires_grad_()
    analog(x).square().sum().backward()
    rounded_x = (torch.round(x.detach() * 255) / 255).requires_grad_()
    weight = (torch.round(layer.weight.detach() * 127) / 127).requires_grad_()
    functional.linear(rounded_x, weight, layer.bias).square().sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(analog.weight.grad, weight.grad)
    torch.testing.assert_close(x.grad, rounded_x.grad)


def test_gradients_stop_at_inputs_that_saturate() -> None:
    analog = imcsim.convert(linear(4, 2), chip(), config=ALL_OFF).train()
    x = torch.tensor([[0.1, 0.2, 0.3, 1.0]])
    analog(x)
    wide = (4 * x).requires_grad_()
    analog(wide).sum().backward()
    assert analog.inputs.largest == pytest.approx(1.3)  # a tenth of the way from 1 to 4
    assert wide.grad is not None
    assert torch.equal(wide.grad[0] == 0, torch.tensor([False, False, False, True]))


def test_weights_carry_the_programming_error_of_their_cells_anew_at_each_pass() -> None:
    layer = linear(300, 100, seed=2)
    made = all_rram(rram__cell__programming_model="fraction", rram__cell__programming_sigma_fraction=0.05)
    analog = imcsim.convert(layer, made, config={"relaxation": False}).train()
    eye = torch.eye(300)
    with torch.no_grad():
        first, second = analog(eye).T, analog(eye).T
    sigma = 0.05 * 40 / 13 * np.sqrt(2 * (1 + 4**2 + 16**2 + 64**2)) / 127
    assert float((first - layer.weight.detach()).std()) == pytest.approx(sigma, rel=0.02)
    assert float((first - second).std()) == pytest.approx(sigma * np.sqrt(2), rel=0.02)


def test_sram_pes_train_without_noise() -> None:
    layer = linear(64, 16, seed=3)
    mask = np.array([[[True, False]]])
    analog = imcsim.convert(nn.Sequential(layer), chip(), {"0": mask}).train()
    eye = torch.eye(64)
    with torch.no_grad():
        error = analog(eye).T - layer.weight.detach()
    assert float(error[:8].abs().max()) < 1e-6
    assert float(error[8:].std()) > 0.01


def test_the_noise_comes_from_the_generator_that_is_passed() -> None:
    x = images(2, 3, 12, 12)
    outputs = [
        imcsim.convert(two_layers(), chip(), generator=seed).train()(x)
        for seed in (1, 1, torch.Generator().manual_seed(5), torch.Generator().manual_seed(5), 2)
    ]
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[2], outputs[3])
    assert not torch.equal(outputs[0], outputs[4])


def test_explicit_training_sees_the_arrays_and_keeps_the_straight_gradient() -> None:
    layer, x = linear(70, 5, seed=4), images(6, 70)
    made = all_rram(rram__adc_bits=3)
    analog = imcsim.convert(layer, made, config=AnalogConfig.ideal(converter=True, explicit_training=True))
    analog.calibrate(x)
    seen = analog.eval()(x)
    trained = analog.train()(x)
    torch.testing.assert_close(trained, seen, rtol=1e-5, atol=1e-6)
    trained.sum().backward()
    plain = imcsim.convert(layer, made, config=ALL_OFF).train()
    plain(x).sum().backward()
    torch.testing.assert_close(analog.weight.grad, plain.weight.grad)
    assert not torch.allclose(seen, plain(x))


def trained_on_digits(config: AnalogConfig, made: Resolved[ChipConfig]) -> nn.Module:
    """A small convolution network, ten epochs with ``config``; plain again."""
    stream = imcsim.split("digits", tasks=1)
    network = imcsim.load("network", "convnet", like=stream, norm=True, channels=(16, 16))
    analog = imcsim.convert(network, made, config=config).train()
    optimizer, order = torch.optim.SGD(analog.parameters(), 0.1), torch.Generator().manual_seed(0)
    task = stream.tasks[0]
    for _ in range(10):
        for batch in torch.split(torch.randperm(len(task.y_train), generator=order), 32):
            optimizer.zero_grad()
            loss = functional.cross_entropy(analog(task.x_train[batch]), task.y_train[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            analog.saturate()
    network.load_state_dict(analog.state_dict())
    return network


def test_training_for_the_chip_makes_a_network_that_survives_it() -> None:
    """Programming errors of 10 % of the window: two thirds of the plain network's accuracy are lost, not so aware."""
    made = all_rram(rram__cell__programming_model="fraction", rram__cell__programming_sigma_fraction=0.1)
    task, found = imcsim.split("digits", tasks=1).tasks[0], []
    for config in (AnalogConfig.ideal(), AnalogConfig.ideal(programming=True)):
        on_chip = imcsim.convert(
            trained_on_digits(config, made), made, config=AnalogConfig.ideal(programming=True, converter=True)
        )
        accuracies = []
        for seed in range(4):
            on_chip.program(seed)
            on_chip.calibrate(task.x_train[:128])
            accuracies.append(float((on_chip.eval()(task.x_test).argmax(1) == task.y_test).float().mean()))
        found.append(np.mean(accuracies))
    assert found[1] > found[0] + 0.2


def test_weights_are_held_in_the_range_of_codes() -> None:
    analog = imcsim.convert(linear(), chip())
    with torch.no_grad():
        analog.weight.mul_(3)
    analog.saturate()
    assert float(analog.weight.detach().abs().max()) == pytest.approx(1.0, rel=1e-6)
