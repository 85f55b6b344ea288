import json

import numpy as np
import pytest
import torch
from torch import Tensor

from imcsim.core.config import config_hash, parse
from imcsim.core.errors import ConfigError, ContentError
from imcsim.learn.api import learn, learn_on
from imcsim.learn.config import LearnConfig
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.method import Context, Method, MethodConfig
from imcsim.learn.networks import build_network
from imcsim.learn.stream import Task, split
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


class Logits(torch.nn.Module):
    """Gives the image's own four pixels as logits."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def one_hot_task(index: int, classes: tuple[int, ...], guesses: list[list[float]], labels: list[int]) -> Task:
    x, y = torch.tensor(guesses, dtype=torch.float32).view(-1, 1, 2, 2), torch.tensor(labels)
    return Task(index, classes, x, y, x, y)


def test_accuracy_by_hand() -> None:
    first = one_hot_task(0, (0, 1), [[1, 2, 9, 0], [2, 1, 0, 0]], [1, 0])
    second = one_hot_task(1, (2, 3), [[9, 0, 1, 0], [0, 0, 0, 1]], [2, 2])
    assert accuracy_rows(Logits(), [first, second], {0, 1}) == ([1.0, 0.0], [1.0, 0.5])
    assert accuracy_rows(Logits(), [first, second], {0, 1, 2, 3}) == ([0.5, 0.0], [1.0, 0.5])


def test_evaluation_leaves_the_network_as_it_was() -> None:
    network = tiny_net(norm=True).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    accuracy_rows(network, tiny_stream().tasks, {0, 1})
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_same_configuration_gives_the_same_trace() -> None:
    config = LearnConfig(network="mlp", method="er", epochs=1, train_limit=20)
    torch.manual_seed(5)
    first = learn(config)
    torch.manual_seed(6)
    state = torch.get_rng_state()
    second = learn(config)
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's randomness is touched
    assert np.array_equal(first.class_il, second.class_il)
    assert all(np.array_equal(values, second.codes[name]) for name, values in first.codes.items())
    other = learn(config.model_copy(update={"seed": 1}))
    assert any(not np.array_equal(values, other.codes[name]) for name, values in first.codes.items())


def test_recording_meta() -> None:
    config = LearnConfig(network="mlp", epochs=1, train_limit=20)
    meta = learn(config).meta
    assert meta.config == json.loads(json.dumps(config.model_dump(mode="json")))
    assert meta.config_hash == config_hash(config)
    assert {"python", "numpy", "torch", "imcsim", "processor", "blas"} <= set(meta.versions)
    assert meta.task_classes == ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9)) and meta.task_sizes == (20,) * 5
    assert meta.pe_tile is None and "80/20" in meta.notes[0]
    assert len(meta.weight_scales) == len(meta.layers)


def test_progress_counts_epochs() -> None:
    seen: list[tuple[int, int, str]] = []
    learn_on(tiny_config(), tiny_net(), tiny_stream(), progress=lambda *args: seen.append(args))
    assert [entry[:2] for entry in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert seen[2][2] == "finetune: task 2/2"


def test_stop_without_a_checkpoint() -> None:
    with pytest.raises(Exception, match=r"^learning was stopped after task 1, epoch 1$"):
        learn_on(tiny_config(), tiny_net(), tiny_stream(), stop=lambda: True)


def test_accuracy_rises() -> None:
    config = tiny_config(tasks=1, epochs=20)
    trace = learn_on(config, tiny_net(), tiny_stream(40, tasks=1))
    assert trace.class_il.shape == (1, 1) and trace.class_il[0, 0] == 1.0


def test_a_method_can_choose_samples() -> None:
    class Half(Method):
        def before_epoch(self, context: Context, task: Task) -> Tensor:
            return torch.arange(5)

    trace = learn_on(tiny_config(epochs=1), tiny_net(), tiny_stream(10), method=Half(MethodConfig()))
    assert trace.task_counts["samples"].tolist() == [5, 5]


def test_drop_last_drops_the_last_incomplete_batch() -> None:
    trace = learn_on(tiny_config(epochs=1, drop_last=True), tiny_net(), tiny_stream(10))
    assert trace.task_counts["samples"].tolist() == [8, 8]


def test_bfloat16_is_recorded_and_learns() -> None:
    config = tiny_config(tasks=1, epochs=30, autocast_bf16=True)
    trace = learn_on(config, tiny_net(norm=True), tiny_stream(40, tasks=1))
    assert trace.meta.config["autocast_bf16"] is True
    assert trace.class_il[0, 0] > 0.9


def test_bfloat16_passes_through_frozen_layers() -> None:
    config = LearnConfig(
        network="convnet", method="hyb-learn", epochs=1, train_limit=10, autocast_bf16=True, tasks=2, classes_per_task=2
    )
    assert learn(config).class_il.shape == (2, 2)


def test_one_image_on_maps_of_one_pixel_is_refused_where_batch_norm_has_no_statistics() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 4), torch.nn.BatchNorm2d(2), torch.nn.Flatten())
    network.add_module("head", torch.nn.Linear(2, 4))
    with pytest.raises(ConfigError, match=r"in a batch of 1 on maps .* raise batch_size"):
        learn_on(tiny_config(batch_size=1), network, tiny_stream())
    trace = learn_on(tiny_config(batch_size=1), tiny_net(), tiny_stream(samples=3))
    assert trace.task_counts["optimizer_steps"].tolist() == [6, 6]


def test_divergence_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"training diverged in task 0, epoch \d: .* lower learning_rate"):
        learn_on(tiny_config(learning_rate=1e30, epochs=5, quantise=False), tiny_net(), tiny_stream())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": 1}, "did you mean 'learning_rate'"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"weight_bits": 1}, "'weight_bits'.*given: 1"),
        ({"encodings": [{"weight_bits": 4}], "weight_bits": 8}, "is not for weight_bits = 8"),
        ({"encodings": [{}, {}]}, "encodings must differ"),
        ({"pe_tile": [0, 8]}, "pe_tile must be at least"),
        ({"device": "gpu"}, "'cpu' or 'cuda', got 'gpu'"),
    ],
)
def test_bad_configurations(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(LearnConfig, changes, "study.toml")


def test_default_encodings_follow_the_weight_bits() -> None:
    names = [encoding.name for encoding in LearnConfig(weight_bits=6).encodings]
    assert names == ["differential-6w-2c", "offset-6w-1c", "differential-6w-1c"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"method": "finetun"}, ContentError, "unknown method 'finetun'; did you mean 'finetune'"),
        ({"method_config": {"alpha": 1}}, ConfigError, "method_config of 'finetune': unknown key 'alpha'"),
        ({"network": "convnat"}, ContentError, "did you mean 'convnet'"),
        ({"dataset": "digit"}, ContentError, "unknown data set 'digit'; did you mean 'digits'"),
        ({"drop_last": True, "batch_size": 64, "train_limit": 20}, ConfigError, "drop_last leaves no batch .* 64"),
        ({"tasks": 3}, ConfigError, "10 classes of digits do not divide into 3 tasks"),
    ],
)
def test_mistakes_are_one_sentence(changes: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        learn(LearnConfig.model_validate({"network": "mlp"} | changes))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="torch finds no GPU"):
        learn(LearnConfig(network="mlp", device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_a_gpu_run_counts_the_same_work() -> None:
    cpu = learn(LearnConfig(network="convnet", method="er", epochs=1, train_limit=50))
    gpu = learn(LearnConfig(network="convnet", method="er", epochs=1, train_limit=50, device="cuda"))
    assert all(np.array_equal(values, gpu.counts[name]) for name, values in cpu.counts.items())
    assert np.abs(cpu.task_il - gpu.task_il).max() < 0.1


def test_a_network_with_too_few_outputs_is_refused() -> None:
    stream = split("digits", 5, train_limit=10, seed=0)
    network = build_network("mlp", 4, stream.image_shape, {}, 0)
    with pytest.raises(ConfigError, match="the network has 4 outputs but the stream has 10 classes"):
        learn_on(LearnConfig(), network, stream)
