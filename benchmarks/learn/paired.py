"""Instrumented training beside the bare PyTorch loop with the same arithmetic, in one process, by CPU time."""

from collections.abc import Callable
from time import process_time

import torch
from torch import nn

from imcsim.learn.api import make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import Learner, start_task, train_epoch
from imcsim.learn.stream import Stream, Task


def random_stream(image_shape: tuple[int, int, int], samples: int, classes: int = 2) -> Stream:
    """Return one task of random images with random labels: what is measured does not depend on what is learned."""
    random = torch.Generator().manual_seed(0)
    x = torch.rand(samples, *image_shape, generator=random)
    y = torch.randint(classes, (samples,), generator=random)
    task = Task(0, tuple(range(classes)), x, y, x[:classes], y[:classes])
    return Stream("random", (task,), classes, image_shape)


def learner_of(config: LearnConfig, network: nn.Module, stream: Stream) -> Learner:
    """Return a learner with its first task started."""
    learner = make_learner(config, network, stream)
    start_task(learner, learner.tasks[0])
    return learner


def bare_epoch(learner: Learner, task: Task) -> None:
    """Run one epoch as anyone would write it: codes forward, straight-through backward, saturation; nothing watched."""
    method, context, optimizer = learner.method, learner.context, learner.optimizer
    learner.network.train()
    total = torch.zeros(())
    order = torch.randperm(len(task.y_train), generator=learner.shuffle)
    for index in torch.split(order, learner.config.batch_size):
        x, y = task.x_train[index], task.y_train[index]
        learner.network.zero_grad()
        loss = method.loss(context, task, x, y, index)
        loss.backward()  # type: ignore[no-untyped-call]
        if optimizer is not None:
            optimizer.step()
        learner.quantiser.saturate()
        method.after_step(context, x, y)
        context.step += 1
        total += loss.detach()
    float(total)


def overhead(watched: Learner, bare: Learner, epochs: int) -> tuple[float, float]:
    """Return CPU seconds of a (watched, bare) epoch, as :func:`in_turn`; the hooks of ``bare`` are taken off.

    Both must start from the same network and stream.
    """
    bare.recorder.passes.remove()
    return in_turn(watched, bare, epochs, bare_epoch)


def in_turn(
    first: Learner, second: Learner, epochs: int, run_second: Callable[[Learner, Task], None] = train_epoch
) -> tuple[float, float]:
    """Return CPU seconds of an epoch of either learner: the best of ``epochs``, taken in turn after one that warms up.

    The best of many says what the work needs; the rest of a time is other work on the machine.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(epochs + 1):
        for side, learner, run in ((0, first, train_epoch), (1, second, run_second)):
            start = process_time()
            run(learner, learner.tasks[0])
            times[side].append(process_time() - start)
    return min(times[0][1:]), min(times[1][1:])
