"""A trace holds the whole network at each commit: codes, biases, batch-norm."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.core.errors import TraceError
from imcsim.learn.stream import Stream
from imcsim.trace.store import load, save
from imcsim.trace.trace import Trace


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, Stream, Trace]:
    stream = imcsim.split("digits", tasks=2, classes_per_task=2, train_limit=40)
    network = imcsim.load("network", "convnet", like=stream, channels=(4, 6), norm=True)
    return network, stream, imcsim.learn(network, stream, method="er", epochs=1)


def test_the_last_network_is_the_one_that_was_trained(trained: tuple[nn.Module, Stream, Trace]) -> None:
    network, stream, trace = trained
    again = imcsim.network_after(trace, 1)
    x = stream.tasks[0].x_test
    assert torch.equal(again(x), network.eval()(x))


def test_earlier_networks_have_the_accuracies_that_were_recorded(trained: tuple[nn.Module, Stream, Trace]) -> None:
    _, stream, trace = trained
    task, network = stream.tasks[0], imcsim.network_after(trace, 0)
    logits = network(task.x_test)[:, list(task.classes)]
    guess = torch.tensor(task.classes)[logits.argmax(1)]
    assert float((guess == task.y_test).double().mean()) == pytest.approx(trace.task_il[0, 0])


def test_deployment_is_before_the_first_task(trained: tuple[nn.Module, Stream, Trace]) -> None:
    _, stream, trace = trained
    fresh = imcsim.load("network", "convnet", like=stream, channels=(4, 6), norm=True)
    deployed = imcsim.network_after(trace, -1)
    assert torch.equal(deployed.get_parameter("classifier.bias"), fresh.get_parameter("classifier.bias"))
    assert np.array_equal(trace.digital["features.0.norm.running_mean"][0], np.zeros(4))


def test_it_survives_the_disk(trained: tuple[nn.Module, Stream, Trace], tmp_path: Path) -> None:
    network, stream, trace = trained
    save(trace, tmp_path / "run.safetensors")
    again = imcsim.network_after(load(tmp_path / "run.safetensors"), 1)
    assert torch.equal(again(stream.tasks[1].x_test), network.eval()(stream.tasks[1].x_test))


def test_a_network_of_ones_own_is_given(trained: tuple[nn.Module, Stream, Trace]) -> None:
    network, stream, trace = trained
    given = imcsim.load("network", "convnet", like=stream, channels=(4, 6), norm=True, seed=5)
    before = {name: value.clone() for name, value in given.state_dict().items()}
    again = imcsim.network_after(trace, 1, given)
    assert torch.equal(again(stream.tasks[0].x_test), network.eval()(stream.tasks[0].x_test))
    assert all(torch.equal(value, before[name]) for name, value in given.state_dict().items())


@pytest.mark.parametrize("task", [-2, 2])
def test_a_task_that_was_not_is_refused(trained: tuple[nn.Module, Stream, Trace], task: int) -> None:
    with pytest.raises(TraceError, match=rf"tasks 0 to 1 \(-1: deployment\), got {task}"):
        imcsim.network_after(trained[2], task)


def test_another_network_is_refused(trained: tuple[nn.Module, Stream, Trace]) -> None:
    _, stream, trace = trained
    wider = imcsim.load("network", "convnet", like=stream, channels=(4, 8), norm=True)
    with pytest.raises(TraceError, match="the network is not the trace's: size mismatch"):
        imcsim.network_after(trace, 0, wider)
    other = imcsim.load("network", "convnet", like=stream, channels=(4, 6), norm=False)
    with pytest.raises(TraceError, match=r"the network is not the trace's: '.*' is on one side only"):
        imcsim.network_after(trace, 0, other)


def test_a_network_without_a_name_must_be_given(trained: tuple[nn.Module, Stream, Trace]) -> None:
    _, stream, _ = trained
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    trace = imcsim.learn(network, stream, epochs=1)
    with pytest.raises(TraceError, match="network 'Sequential' is not a registered one; give the network itself"):
        imcsim.network_after(trace, 0)
    again = imcsim.network_after(trace, 1, network)
    assert torch.equal(again(stream.tasks[0].x_test), network(stream.tasks[0].x_test))


def test_the_masks_of_one_task(trained: tuple[nn.Module, Stream, Trace]) -> None:
    _, stream, plain = trained
    assert plain.placement(task=1) == {}  # er places no PEs
    network = imcsim.load("network", "convnet", like=stream, channels=(4, 6))
    trace = imcsim.learn(network, stream, method="hyb-learn", epochs=1)
    masks = trace.placement(task=1)
    assert set(masks) == {layer.name for layer in trace.meta.layers}
    assert all(np.array_equal(mask, trace.placement[name][1]) for name, mask in masks.items())
    with pytest.raises(TraceError, match="the trace has tasks 0 to 1, got 2"):
        trace.placement(task=2)
