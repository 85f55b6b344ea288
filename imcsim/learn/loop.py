"""The training loop."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError
from imcsim.core.seeds import child_seed
from imcsim.learn.config import LearnConfig
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.freeze import Freezer
from imcsim.learn.global_draws import seed_globals
from imcsim.learn.method import Context, Method, WorkDone
from imcsim.learn.quantize import Quantiser
from imcsim.learn.recording.recorder import Recorder
from imcsim.learn.stream import Task
from imcsim.learn.weight_error import WeightError
from imcsim.learn.writing.writer import Writer


@dataclass
class Learner:
    """Everything that a run holds; ``task`` and ``epoch`` count what is finished, ``started``: the task is planned."""

    config: LearnConfig
    stream_tasks: tuple[Task, ...]
    tasks: tuple[Task, ...]
    network: nn.Module
    method: Method
    context: Context
    quantiser: Quantiser
    freezer: Freezer
    recorder: Recorder
    shuffle: torch.Generator
    augmentation: torch.Generator
    weight_error: WeightError
    producers: tuple[tuple[str, ...], ...]
    writer: Writer
    class_il: list[list[float]] = field(default_factory=list)
    task_il: list[list[float]] = field(default_factory=list)
    optimizer: torch.optim.Optimizer | None = None
    task: int = 0
    epoch: int = 0
    started: bool = False


def train(learner: Learner, after_epoch: Callable[[], None]) -> None:
    """Train on every task that is left, from wherever ``learner`` stands."""
    for task in learner.tasks[learner.task :]:
        if not learner.started:
            start_task(learner, task)
        while learner.epoch < learner.config.epochs:
            train_epoch(learner, task)
            learner.epoch += 1
            after_epoch()
        finish_task(learner, task)
    for index in range(learner.task, len(learner.stream_tasks)):  # joint: nothing is left to learn
        learner.recorder.skip_task(index)
        evaluate(learner)


def start_task(learner: Learner, task: Task) -> None:
    """Plan the task, freeze what the plan freezes, make the optimiser anew."""
    context = learner.context
    context.task, context.epoch, context.step, context.work = learner.task, 0, 0, WorkDone()
    seed_hook(learner, "before_task")
    context.steps = task_steps(learner.config, task)
    learner.freezer.apply(learner.method.before_task(context, task))
    learner.freezer.zero_inactive(learner.method)
    learner.writer.rows.begin_task()
    if learner.task == 0:
        learner.quantiser.program()
        learner.recorder.deploy()
    learner.recorder.begin_task(learner.task)
    learner.optimizer = make_optimizer(learner)
    learner.started = True


def task_steps(config: LearnConfig, task: Task) -> int:
    """Return the optimiser steps of ``task`` if every epoch uses all of its samples."""
    samples, size = len(task.y_train), config.batch_size
    return config.epochs * (samples // size if config.drop_last else -(-samples // size))


def train_epoch(learner: Learner, task: Task) -> None:
    """Run one epoch."""
    context = learner.context
    context.epoch = learner.epoch
    seed_hook(learner, "before_epoch")
    learner.network.train()
    chosen = learner.method.before_epoch(context, task)
    learner.recorder.note_active(learner.method)
    seed_hook(learner)
    total = torch.zeros((), device=context.device)
    for number, index in enumerate(_batches(learner, task, chosen)):
        total += train_step(learner, task, index, sample_activity=number == 0)
    if not torch.isfinite(total):
        raise ConfigError(
            f"training diverged in task {learner.task}, epoch {learner.epoch}: the loss is not finite; "
            f"lower learning_rate (given: {learner.config.learning_rate})"
        )
    seed_hook(learner, "after_epoch")
    learner.method.after_epoch(context, task)
    learner.freezer.zero_inactive(learner.method)
    learner.recorder.end_epoch()


def train_step(learner: Learner, task: Task, index: Tensor, sample_activity: bool) -> Tensor:
    """Run one optimiser step on the samples ``index`` (B,); return the loss, detached."""
    method, context, optimizer = learner.method, learner.context, learner.optimizer
    x, y = task.x_train[index], task.y_train[index]
    learner.network.zero_grad()
    with learner.recorder.watching(sample_activity), _autocast(learner), _one_value_told(len(y)):
        loss = method.loss(context, task, x, y, index)
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        given = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"{loss!r:.40}"
        called = method.registered_as or type(method).__name__
        raise ConfigError(f"method '{called}': loss must return a tensor of one number, got {given}")
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    method.before_step(context)
    learner.freezer.mask_gradients(method)
    learner.writer.rows.choose(learner.freezer)
    if optimizer is not None:
        optimizer.step()
    learner.quantiser.saturate()
    learner.freezer.restore(method)
    method.after_step(context, x, y)
    learner.recorder.end_step()
    context.step += 1
    return loss.detach()


@contextmanager
def _one_value_told(samples: int) -> Iterator[None]:
    """Tell batch-norm's refusal in words of this package: it has no statistics of a single value a channel."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ConfigError(
            f"batch-norm sees one value a channel in a batch of {samples} on maps of one pixel: raise batch_size, set "
            f"drop_last = true where only the last batch is so small, or take larger images"
        ) from None


def finish_task(learner: Learner, task: Task) -> None:
    """Let the method remember, record, evaluate on all tasks."""
    seed_hook(learner, "after_task")
    learner.method.after_task(learner.context, task)
    learner.freezer.zero_inactive(learner.method)
    learner.freezer.check_held(learner.config.method)
    learner.context.work.add("optimizer_state_values", learner.writer.rows.kept_values)
    learner.recorder.set_layers.append(dict(learner.method.set_layers(learner.context)))
    learner.recorder.end_phase(learner.method, state_per_value(learner.optimizer), learner.context.work)
    learner.task, learner.epoch, learner.started = learner.task + 1, 0, False
    evaluate(learner)


def evaluate(learner: Learner) -> None:
    """Add one row to both accuracy matrices."""
    seen = {label for task in learner.tasks[: learner.task] for label in task.classes}
    serving = partial(learner.method.serving, learner.context)
    seed = child_seed(learner.config.seed, "global", learner.task, "evaluate")
    class_il, task_il = accuracy_rows(learner.network, learner.stream_tasks, seen, serving, seed)
    if "class-il" not in learner.method.scenarios:
        class_il = [0.0] * len(class_il)  # the method must be told the task: see TraceMeta.scenarios
    learner.class_il.append(class_il)
    learner.task_il.append(task_il)


def seed_hook(learner: Learner, *hook: str) -> None:
    """Seed the global generators for a hook, or for the steps of an epoch; all that a hook may draw follows from it.

    A resumed run enters at a hook: whatever was drawn before must not matter to it, nor to any hook after it.
    """
    seed = child_seed(learner.config.seed, "global", learner.task, learner.epoch, *hook)
    seed_globals(seed, learner.context.device)


def make_optimizer(learner: Learner) -> torch.optim.Optimizer | None:
    """Return a new optimiser over what may train, None if nothing may."""
    parameters = learner.freezer.trainable_parameters()
    seed = child_seed(learner.config.seed, "global", learner.task, "optimizer")  # a resumed run makes it in any epoch
    seed_globals(seed, learner.context.device)
    return learner.method.optimizer(learner.context, parameters, learner.config) if parameters else None


def state_per_value(optimizer: torch.optim.Optimizer | None) -> int:
    """Return how many values an optimiser keeps for each one it trains: 1 momentum, 2 Adam; 0 for None."""
    if optimizer is None:
        return 0
    kept = [sum(torch.is_tensor(v) and v.dim() > 0 for v in state.values()) for state in optimizer.state.values()]
    return max(kept, default=0)


def _batches(learner: Learner, task: Task, chosen: Tensor | None) -> Iterator[Tensor]:
    """Yield shuffled sample numbers, ``batch_size`` at a time."""
    samples = torch.arange(len(task.y_train)) if chosen is None else chosen.cpu()
    order = samples[torch.randperm(len(samples), generator=learner.shuffle)].to(task.y_train.device)
    for batch in torch.split(order, learner.config.batch_size):
        if len(batch) == learner.config.batch_size or not learner.config.drop_last:
            yield batch


def _autocast(learner: Learner) -> AbstractContextManager[None]:
    enabled, device = learner.config.autocast_bf16, learner.context.device.type
    if not enabled and not torch.is_autocast_enabled(device):
        return nullcontext()  # entering a disabled one costs more than asking
    return torch.autocast(device, dtype=torch.bfloat16, enabled=enabled)
