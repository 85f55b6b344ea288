"""Images and weights that are no numbers are named before anything trains; the learning rate is not blamed."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn_on
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


@pytest.mark.parametrize("name", ["x_train", "x_test"])
@pytest.mark.parametrize(("value", "shown"), [(float("nan"), "nan"), (float("inf"), "inf"), (-float("inf"), "-inf")])
def test_an_image_that_is_no_number_is_named(name: str, value: float, shown: str) -> None:
    stream = tiny_stream()
    images = getattr(stream.tasks[1], name).clone()
    images[3, 0, 2, 1] = images[7, 0, 0, 0] = value
    broken = replace(stream, tasks=(stream.tasks[0], replace(stream.tasks[1], **{name: images})))
    network, before = tiny_net(), tiny_net().state_dict()
    sentence = rf"{name}: image 3 holds {shown} at \(0, 2, 1\), and 2 of 10 images hold such; only finite"
    with pytest.raises(ConfigError, match=sentence):
        learn_on(tiny_config(), network, broken)
    after = network.state_dict()
    assert all(torch.equal(after[key], values) for key, values in before.items())  # nothing was trained


def test_a_weight_that_is_no_number_is_named() -> None:
    network: Any = tiny_net()
    name, parameter = list(network.named_parameters())[-1]
    with torch.no_grad():
        parameter.view(-1)[0] = float("nan")
    with pytest.raises(
        ConfigError, match=f"^the network's '{name}' holds nan at .*; only finite weights can be trained"
    ):
        learn_on(tiny_config(), network, tiny_stream())


def test_a_loss_that_diverges_is_still_the_learning_rates() -> None:
    with pytest.raises(ConfigError, match=r"training diverged in task 0, epoch .*; lower learning_rate"):
        learn_on(tiny_config(learning_rate=1e30, epochs=4, quantise=False), tiny_net(), tiny_stream())
