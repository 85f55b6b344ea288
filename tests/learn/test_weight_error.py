"""Noise-aware training: errors on the weights of training forward passes, and nowhere else."""

from typing import Any

import numpy as np
import pytest
import torch

import imcsim
from imcsim.core.errors import ConfigError
from imcsim.learn.quantize import Quantiser, evaluating
from imcsim.learn.shapes import trace_layers
from imcsim.learn.weight_error import WeightError
from tests.learn.helpers import tiny_net


def test_the_error_has_the_spread_asked_for_and_changes_at_each_pass() -> None:
    network = tiny_net()
    layers = trace_layers(network, (1, 4, 4))
    quantiser = Quantiser(network, layers, 8, error=WeightError(0.1, torch.Generator().manual_seed(0)))
    x = torch.rand(500, 1, 4, 4)
    noisy = [network(x).detach() for _ in range(2)]
    with evaluating(network):
        clean = [network(x) for _ in range(2)]
    assert torch.equal(*clean)
    assert not torch.equal(*noisy)
    drawn = WeightError(0.1, torch.Generator().manual_seed(1)).draw(2.0, torch.empty(300, 300))
    assert float(drawn.std()) == pytest.approx(0.2, rel=0.01)
    assert quantiser.error is not None


def test_no_spread_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert WeightError(0.0, generator).of_codes(1.0) is None
    assert torch.equal(generator.get_state(), before)


def test_seeds_reproduce_and_noise_alters_the_run() -> None:
    stream = imcsim.split("digits", tasks=1, classes_per_task=2, train_limit=40)

    def codes(**settings: Any) -> Any:
        network = imcsim.load("network", "mlp", like=stream, hidden=(4,))
        trace = imcsim.learn(network, stream, epochs=1, **settings)
        return np.concatenate([array[-1].ravel() for array in trace.codes.values()])

    assert np.array_equal(codes(weight_noise=0.1), codes(weight_noise=0.1))
    assert not np.array_equal(codes(weight_noise=0.1), codes())


def test_noise_needs_codes() -> None:
    stream = imcsim.split("digits", tasks=1, classes_per_task=2, train_limit=40)
    network = imcsim.load("network", "mlp", like=stream)
    with pytest.raises(ConfigError, match="weight_noise is an error on codes and needs quantise = true"):
        imcsim.learn(network, stream, weight_noise=0.1, quantise=False)
