"""What other people's code draws from the process's global generators follows from the seed and the place alone."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imcsim.core.config import parse
from imcsim.core.seeds import child_seed
from imcsim.learn.api import LearningStopped, learn_on
from imcsim.learn.backbone import pretrain
from imcsim.learn.config import BackboneConfig, LearnConfig
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.global_draws import lent_globals, seed_globals
from imcsim.learn.method import METHODS, Context, Method, MethodConfig, TaskPlan
from imcsim.learn.networks import NETWORKS, build_network
from imcsim.learn.shapes import trace_layers
from imcsim.learn.start import make_stream
from imcsim.learn.stream import Task
from imcsim.testing.methods import TINY, same_trace
from imcsim.trace.trace import Trace

CONFIG = parse(LearnConfig, TINY | {"method": "er", "network": "mlp", "network_params": {}}, "test")
IMAGE = (1, 8, 8)


def three_draws() -> tuple[float, float, float]:
    """One number of each global generator."""
    return float(torch.rand(())), float(np.random.random()), random.random()  # noqa: NPY002


def stand_at(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)


class Drawing(nn.Module):
    """Linear layers with noise of all three generators on the images, in evaluation too."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(64, 8), nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.rand(64) + torch.from_numpy(np.random.random(64)).float() + random.random()  # noqa: NPY002
        logits: Tensor = self.head(self.body(x.flatten(1) + noise).relu())
        return logits


def drawing(classes: int = 4) -> nn.Module:
    with lent_globals(3):
        return Drawing(classes)


def run(**told: Any) -> Trace:
    stream = make_stream(CONFIG)
    return learn_on(CONFIG, drawing(stream.class_count), stream, **told)


def test_a_network_that_draws_from_all_three_gives_the_same_trace_wherever_they_stand(tmp_path: Path) -> None:
    stand_at(1)
    whole = run()
    for part in range(CONFIG.epochs * CONFIG.tasks + 1):
        stand_at(2 + part)
        try:
            resumed = run(checkpoint=tmp_path / "c", stop=lambda: True)
        except LearningStopped:
            continue
    assert same_trace(whole, resumed)


@contextmanager
def left_alone() -> Iterator[None]:
    stand_at(7)
    expected = three_draws()
    stand_at(7)
    yield
    assert three_draws() == expected


def fails() -> None:
    def stop(done: int, total: int, text: str) -> None:
        raise RuntimeError("told to")

    with pytest.raises(RuntimeError, match="told to"):
        run(progress=stop)


def trains_a_backbone() -> None:
    task = make_stream(CONFIG).tasks[0]
    pretrain(drawing(), task, BackboneConfig(dataset="digits", epochs=1, learning_rate=0.01))


@pytest.mark.parametrize(
    "use",
    [
        run,
        fails,
        trains_a_backbone,
        lambda: accuracy_rows(drawing(), make_stream(CONFIG).tasks, {0, 1}),
        lambda: trace_layers(drawing(), IMAGE),
        lambda: build_network("mlp", 4, IMAGE, generator=5),
    ],
    ids=["learn", "an error", "backbone", "accuracy", "layers", "build"],
)
def test_the_users_own_draws_go_on_as_if_nothing_had_been(use: Callable[[], object]) -> None:
    with left_alone():
        use()


def test_a_builder_that_draws_with_numpy_is_seeded_too() -> None:
    NETWORKS.names()

    def builder(class_count: int, image_shape: tuple[int, int, int]) -> nn.Module:
        network = nn.Linear(1, 1)
        with torch.no_grad():
            network.weight.fill_(three_draws()[1])
        return network

    try:
        NETWORKS.register("drawing")(builder)
        first, again, other = (build_network("drawing", 2, IMAGE, generator=seed).weight for seed in (1, 1, 2))
    finally:
        NETWORKS._entries.pop("drawing", None)
    assert first == again
    assert first != other


class Diary(Method):
    """Draws in every hook and keeps what it drew; ``greedy`` hooks draw once more."""

    config_type, source, greedy = MethodConfig, "test", ""

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.drawn: dict[tuple[str, int, int, int], tuple[float, float, float]] = {}

    def note(self, hook: str, context: Context, step: int = 0) -> None:
        self.drawn[hook, context.task, context.epoch, step] = three_draws()
        if hook == self.greedy:
            three_draws()

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        self.note("before_task", context)
        return TaskPlan()

    def optimizer(self, context: Context, *rest: Any) -> torch.optim.Optimizer:
        self.note("optimizer", context)
        return super().optimizer(context, *rest)

    def before_epoch(self, context: Context, task: Task) -> None:
        self.note("before_epoch", context)

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        self.note("loss", context, context.step)
        return super().loss(context, task, x, y, index)

    def after_epoch(self, context: Context, task: Task) -> None:
        self.note("after_epoch", context)

    def after_task(self, context: Context, task: Task) -> None:
        self.note("after_task", context)

    @contextmanager
    def serving(self, context: Context, task: int) -> Iterator[None]:
        self.note("serving", context, task)
        yield


class Greedy(Diary):
    """What a new draw in one hook moves must be its own numbers alone."""

    greedy = "before_epoch"


def diary(kind: type[Diary], seed: int = 0) -> Diary:
    config = CONFIG.model_copy(update={"seed": seed})
    stream = make_stream(config)
    method = kind(MethodConfig())
    learn_on(config, build_network("mlp", stream.class_count, IMAGE), stream, method=method)
    return method


def test_each_hook_draws_its_own_numbers() -> None:
    stand_at(1)
    plain = diary(Diary).drawn
    stand_at(2)
    assert diary(Greedy).drawn == plain
    other = diary(Diary, seed=1).drawn
    assert len({*plain.values(), *other.values()}) == len(plain) + len(
        other
    )  # no two hooks, tasks, epochs, seeds alike
    hooks = ("before_task", "optimizer", "before_epoch", "loss", "after_epoch", "after_task", "serving")
    assert {hook for hook, *_ in plain} == set(hooks)
    assert {(task, epoch) for hook, task, epoch, _ in plain if hook == "loss"} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_the_steps_of_an_epoch_draw_from_the_named_seed() -> None:
    drawn = diary(Diary, seed=5).drawn
    for task in (0, 1):
        for epoch in (0, 1):
            first = min(key for key in drawn if key[:3] == ("loss", task, epoch))
            seed_globals(child_seed(5, "global", task, epoch))
            assert drawn[first] == three_draws()


def test_a_hook_that_draws_globally_conforms() -> None:
    from imcsim.testing.methods import check_method

    class Noisy(Method):
        """Moves weights by global draws before and after a task."""

        config_type, source = MethodConfig, "test"

        def move(self, context: Context) -> None:
            with torch.no_grad():
                for spec in context.layers:
                    if f"{spec.name}.weight" in context.frozen:
                        continue
                    weight = context.network.get_parameter(f"{spec.name}.weight")
                    weight.add_(0.01 * torch.rand_like(weight) + 0.01 * three_draws()[1])

        def before_task(self, context: Context, task: Task) -> TaskPlan:
            self.move(context)
            return TaskPlan()

        def after_task(self, context: Context, task: Task) -> None:
            self.move(context)

    METHODS.names()
    try:
        METHODS.register("noisy")(Noisy)
        check_method("noisy")
    finally:
        METHODS._entries.pop("noisy", None)
