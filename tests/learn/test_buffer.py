import pytest
import torch
from torch import Tensor

from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.buffer import Replay, ReplayConfig, Reservoir
from imcsim.learn.loop import start_task, train_step
from imcsim.learn.method import METHODS, Context
from imcsim.learn.methods.derpp import Derpp, DerppConfig
from imcsim.learn.methods.er import Er
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return images whose every pixel, label and logit is the image's number."""
    y = torch.arange(first, last)
    return y.float().view(-1, 1, 1, 1).expand(-1, 1, 2, 2), y, y.float().view(-1, 1).expand(-1, 3)


def test_fills_in_order_then_replaces() -> None:
    buffer = Reservoir(4, generator(), keep_logits=True)
    assert buffer.add(*numbered(0, 3)) == 3 and len(buffer) == 3
    assert buffer.labels.tolist() == [0, 1, 2]
    written = buffer.add(*numbered(3, 100), task=1)
    assert len(buffer) == 4 and buffer.seen == 100 and 1 < written < 97
    x, y, logits = buffer.draw(4)
    assert torch.equal(x[:, 0, 0, 0], y.float()) and torch.equal(logits[:, 2], y.float())
    assert set(buffer.tasks.tolist()) <= {0, 1}


def test_every_image_is_kept_with_the_same_probability() -> None:
    kept = torch.zeros(20)
    source = generator(1)
    for _ in range(2000):
        buffer = Reservoir(5, source)
        buffer.add(torch.zeros(20, 1, 1, 1), torch.arange(20))
        kept[buffer.labels] += 1
    # expected 500 +- 19.4 each: 5 standard deviations
    assert (kept - 500).abs().max() < 97


def test_draws_are_without_replacement_and_from_the_given_generator() -> None:
    buffer = Reservoir(10, generator())
    buffer.add(*numbered(0, 10)[:2])
    y = buffer.draw(10)[1]
    assert sorted(y.tolist()) == list(range(10))
    assert len(buffer.draw(99)[1]) == 10
    first, second = buffer.draw(3, generator(5))[1], buffer.draw(3, generator(5))[1]
    assert torch.equal(first, second)


def test_an_empty_buffer_cannot_be_drawn_from() -> None:
    with pytest.raises(ValueError, match="empty"):
        Reservoir(3, generator()).draw(1)


def test_bytes_of_an_entry() -> None:
    plain, dark = Reservoir(3, generator()), Reservoir(3, generator(), keep_logits=True)
    assert plain.sample_bytes == 0
    plain.add(*numbered(0, 1))
    dark.add(*numbered(0, 1))
    assert (plain.sample_bytes, dark.sample_bytes) == (4 + 4, 4 + 4 + 12)


def test_state_comes_back() -> None:
    buffer, copy = Reservoir(3, generator(), True), Reservoir(3, generator(), True)
    buffer.add(*numbered(0, 9))
    copy.load_state_dict(buffer.state_dict())
    assert copy.seen == 9 and torch.equal(copy.labels, buffer.labels)
    assert torch.equal(copy.draw(3, generator(2))[2], buffer.draw(3, generator(2))[2])


@pytest.mark.parametrize(("method", "passes"), [("er", 1), ("derpp", 2)])
def test_replay_is_charged(method: str, passes: int) -> None:
    config = tiny_config(method=method, method_config={"buffer_size": 6}, epochs=1)
    trace = learn_on(config, tiny_net(), tiny_stream(10))
    # batches of 4, 4 and 2: nothing to draw at the first step, then min(batch, held) for each draw
    read = passes * (min(4, 4) + min(2, 6))
    assert trace.task_counts["replay_samples_read"][0] == read
    assert trace.task_counts["samples"][0] == 10 + read
    written = trace.task_counts["replay_samples_written"][0]
    entry = 16 + 4 + (16 if method == "derpp" else 0)
    assert 6 <= written <= 10
    assert trace.task_counts["replay_bytes_written"][0] == written * entry
    assert trace.task_counts["replay_bytes_read"][0] == read * entry
    assert trace.counts["forward_vectors"][0, 2] == 10 + read


def test_replay_from_the_second_task_only() -> None:
    config = tiny_config(method="er", method_config={"replay_from_task": 1})
    trace = learn_on(config, tiny_net(), tiny_stream(10))
    assert trace.task_counts["replay_samples_read"][0] == 0
    assert trace.task_counts["replay_samples_read"][1] > 0
    assert trace.task_counts["replay_samples_written"][0] > 0


def test_replay_batch_overrides_the_batch_size() -> None:
    config = tiny_config(method="er", method_config={"replay_batch": 1, "replay_from_task": 1}, epochs=1)
    trace = learn_on(config, tiny_net(), tiny_stream(10))
    assert trace.task_counts["replay_samples_read"][1] == 3


def test_er_averages_over_both_halves() -> None:
    network = tiny_net()
    learner = make_learner(tiny_config(), network, tiny_stream(4), Er(ReplayConfig()))
    context, task = learner.context, learner.tasks[0]
    assert isinstance(learner.method, Er)
    learner.method.reservoir(context).add(task.x_train[:1], task.y_train[:1])
    x, y = task.x_train[1:], task.y_train[1:]
    loss = learner.method.loss(context, task, x, y, torch.arange(1, 4))
    expected = torch.nn.functional.cross_entropy(network(task.x_train), task.y_train)
    torch.testing.assert_close(loss, expected)


def test_derpp_stores_the_logits_of_before_the_step_and_never_refreshes_them() -> None:
    network = tiny_net()
    method = Derpp(DerppConfig(buffer_size=4))
    learner = make_learner(tiny_config(learning_rate=1.0), network, tiny_stream(8), method)
    task = learner.tasks[0]
    start_task(learner, task)
    with torch.no_grad():
        before = network(task.x_train[:4])
    train_step(learner, task, torch.arange(4), sample_activity=False)
    buffer = method.reservoir(learner.context)
    order = torch.randperm(4, generator=generator(3))
    assert torch.allclose(buffer.draw(4, generator(3))[2], before[order])
    with torch.no_grad():
        assert not torch.allclose(network(task.x_train[:4]), before, atol=1e-3)


def test_derpp_loss_by_hand() -> None:
    network = tiny_net()
    method = Derpp(DerppConfig(alpha=0.3, beta=0.7))
    learner = make_learner(tiny_config(), network, tiny_stream(4), method)
    context, task = learner.context, learner.tasks[0]
    old_x, old_y, old_logits = task.x_train[:1], task.y_train[:1], torch.ones(1, 4)
    method.reservoir(context).add(old_x, old_y, old_logits)
    x, y = task.x_train[1:], task.y_train[1:]
    loss = method.loss(context, task, x, y, torch.arange(1, 4))
    entropy, error = torch.nn.functional.cross_entropy, torch.nn.functional.mse_loss
    expected = entropy(network(x), y) + 0.3 * error(network(old_x), old_logits) + 0.7 * entropy(network(old_x), old_y)
    torch.testing.assert_close(loss, expected)


class _Noted(Derpp):
    """Notes the labels of every draw."""

    def recall(self, context: Context, batch: int) -> Replay:
        replay = super().recall(context, batch)
        self.drawn = [*getattr(self, "drawn", []), *replay[1].tolist()]
        return replay


def test_derpp_draws_twice_and_the_second_draw_does_not_follow_the_first() -> None:
    method = _Noted(DerppConfig(replay_batch=1))
    learner = make_learner(tiny_config(), tiny_net(), tiny_stream(4), method)
    context, task = learner.context, learner.tasks[0]
    method.reservoir(context).add(task.x_train, torch.arange(4), torch.zeros(4, 4))
    for _ in range(60):
        method.loss(context, task, task.x_train, task.y_train, torch.arange(4))
    pairs = set(zip(method.drawn[::2], method.drawn[1::2], strict=True))
    assert len(method.drawn) == 120
    # each of 16 pairs is missed with probability (15 / 16)^60 = 2 %; that more than 5 are is next to impossible
    assert len(pairs) > 10


def test_replay_remembers_what_finetuning_forgets() -> None:
    finetune, er = (
        learn_on(tiny_config(method=name, epochs=20), tiny_net(), tiny_stream(40)) for name in ("finetune", "er")
    )
    assert finetune.class_il[1, 0] == 0.0
    assert er.class_il[1, 0] > 0.5


def test_joint_trains_once_and_repeats_its_row() -> None:
    trace = learn_on(tiny_config(method="joint", epochs=20), tiny_net(), tiny_stream(20))
    assert (trace.class_il[0] == trace.class_il[1]).all() and trace.class_il[0].min() > 0.4
    assert trace.task_counts["samples"].tolist() == [20 * 40, 0]
    assert trace.counts["active_weights"][1].tolist() == [27, 54, 128]
    assert all((codes[1] == codes[2]).all() for codes in trace.codes.values())


def test_every_method_names_its_source() -> None:
    assert all(METHODS.get(name).source for name in METHODS)
