"""What a network gives must be logits; anything else is refused before it trains."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import imcsim
from imcsim.core.errors import ConfigError
from tests.learn.helpers import TinyNet, tiny_net, tiny_stream

NEEDED = "but learning needs one logit a class, a floating-point tensor (images, 4)"


class Gives(nn.Module):
    """A network whose logits pass through ``change``."""

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.body: TinyNet = tiny_net()
        self.change = change

    def forward(self, x: Tensor) -> Any:
        return self.change(self.body(x))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda y: (y, y), f"the network gives a tuple, {NEEDED}"),
        (lambda y: {"logits": y}, f"the network gives a dict, {NEEDED}"),
        (lambda y: None, f"the network gives a NoneType, {NEEDED}"),
        (lambda y: y[..., None], f"the network gives a float32 tensor (1, 4, 1) for one image, {NEEDED}"),
        (lambda y: y.flatten(), f"the network gives a float32 tensor (4,) for one image, {NEEDED}"),
        (lambda y: y.view(-1, 2), f"the network gives a float32 tensor (2, 2) for one image, {NEEDED}"),
        (lambda y: y.long(), f"the network gives a int64 tensor (1, 4) for one image, {NEEDED}"),
        (lambda y: y[:, :3], "the network gives 3 logits but the stream has 4 classes"),
    ],
)
def test_what_is_no_row_of_logits_is_refused_before_anything_trains(
    change: Callable[[Tensor], Any], sentence: str
) -> None:
    network, before = Gives(change), tiny_net().state_dict()
    with pytest.raises(ConfigError) as told:
        imcsim.learn(network, tiny_stream())
    assert str(told.value) == sentence
    assert all(torch.equal(before[key], values) for key, values in network.body.state_dict().items())


def test_more_logits_than_classes_are_taken() -> None:
    imcsim.learn(Gives(lambda y: torch.cat((y, y), 1)), tiny_stream(), epochs=1)
