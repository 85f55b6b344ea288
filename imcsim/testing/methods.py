"""The conformance suite of continual-learning methods: run over every registered method, ours and other people's."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from imcsim.core.arrays import AnyArray
from imcsim.core.config import parse
from imcsim.core.seeds import child_seed
from imcsim.learn.api import LearningStopped, learn, learn_on, make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.global_draws import lent_globals
from imcsim.learn.loop import train
from imcsim.learn.method import METHODS
from imcsim.learn.quantize import evaluating
from imcsim.learn.record import make_trace
from imcsim.learn.start import make_network, make_stream
from imcsim.testing.dropout import with_dropout
from imcsim.testing.method_watch import MethodCheckError, Watch, WatchedMethod
from imcsim.testing.user_frozen import check_user_frozen
from imcsim.trace.acts import idle_acts
from imcsim.trace.conservation import check_trace
from imcsim.trace.trace import Trace

__all__ = ["TINY", "MethodCheckError", "check_method"]

#: two tasks of two digits each and a small convolution network: a run takes well under a second
TINY: dict[str, object] = {
    "dataset": "digits",
    "tasks": 2,
    "classes_per_task": 2,
    "train_limit": 60,
    "network": "convnet",
    "network_params": {"channels": [4, 8, 8], "norm": True},
    "epochs": 2,
    "batch_size": 16,
    "momentum": 0.9,
    "weight_decay": 1e-3,
    "pe_tile": [8, 4],
}

_ELSEWHERE = 12345  # where the global generators stand in a run that must not depend on it
_SPLIT = ("dataset", "tasks", "classes_per_task")  # what domains settle themselves


def check_method(name: str, method_config: Mapping[str, object] | None = None, **options: object) -> Trace:
    """Prove on a tiny run that method ``name`` keeps every law; return the run's trace.

    The laws: the same seed gives the same trace and another seed another, whatever the process's global generators
    (torch, numpy, ``random``) hold; a run on a network with dropout that is stopped after any epoch and resumed gives
    the same trace; a frozen PE keeps every bit through its task; weights outside the active mask are exactly 0;
    a step changes no weight outside the update mask (all of it, for a layer that freezes within a task); masks are bool
    in the parameter's shape, and the trace counts the weights that they hold; accuracies are finite; a method that
    declares Class-IL needs no task identity at test; each act that it declares happens; logged writes are the level
    changes that happened, cell by cell; what the user froze keeps every bit, in weights and in cells; the trace obeys
    the conservation laws of :mod:`imcsim.trace.conservation`.

    Parameters
    ----------
    name
        A registered method.
    method_config
        Its configuration.
    options
        Fields of :class:`~imcsim.learn.config.LearnConfig` that replace those of :data:`TINY`. Momentum and weight
        decay are on by default: they are what moves a weight whose gradient is masked. With ``domains``, the data set
        and the tasks of :data:`TINY` are left out.

    Raises
    ------
    MethodCheckError
        At the first law broken.
    ConservationError
        If the trace contradicts itself.
    """
    tiny = {key: value for key, value in TINY.items() if "domains" not in options or key not in _SPLIT}
    data = {**tiny, "method": name, "method_config": dict(method_config or {}), **options}
    config = parse(LearnConfig, data, f"conformance of {name}")
    declared = METHODS.get(name).scenarios
    known = bool(declared) and set(declared) <= {"class-il", "task-il"}
    _require(known, f"{name}: scenarios {declared} must be of class-il, task-il")
    trace, watch = watched_run(config)
    check_accuracy(trace)
    check_writes(trace, watch)
    check_active(trace, watch)
    check_scenarios(trace, watch)
    check_acts(trace)
    check_trace(trace)
    with lent_globals(_ELSEWHERE):
        again = learn(config)
    _require(same_trace(trace, again), f"{name}: the same seed gives another trace")
    other = learn(config.model_copy(update={"seed": config.seed + 1}))
    _require(not same_trace(trace, other), f"{name}: another seed gives the same trace, so the seed is not used")
    check_resume(config)
    check_user_frozen(config)
    return trace


def watched_run(config: LearnConfig) -> tuple[Trace, Watch]:
    """Run ``config`` with every step watched; see :class:`~imcsim.testing.method_watch.WatchedMethod`."""
    stream = make_stream(config)
    network = make_network(config, stream)
    with lent_globals(child_seed(config.seed, "global")):
        learner = make_learner(config, network, stream)
        watch = Watch(learner)
        learner.method = WatchedMethod(learner.method, watch)
        train(learner, watch.end_epoch)
        learner.recorder.passes.remove()
    return make_trace(learner, stream), watch


def check_accuracy(trace: Trace) -> None:
    """Raise MethodCheckError unless all accuracies are shares."""
    for matrix in trace.accuracy.values():
        inside = bool(np.isfinite(matrix).all() and (matrix >= 0).all() and (matrix <= 1).all())
        _require(inside, f"{trace.meta.method}: an accuracy is not a number between 0 and 1")


def check_acts(trace: Trace) -> None:
    """Raise MethodCheckError unless each act that the method declares happened in the run."""
    for act in idle_acts(trace.meta.acts):
        raise MethodCheckError(
            f"{trace.meta.method}: no {act} happened in {trace.meta.tasks} tasks of "
            f"{trace.by_task(trace.task_counts['epochs'])[-1]} epochs: its step counts and rates must scale with so "
            f"short a run, and context.work.did('{act}') report it"
        )


def check_writes(trace: Trace, watch: Watch) -> None:
    """Raise MethodCheckError unless logged level changes, step by step, are those of the codes that were seen."""
    for spec in trace.meta.layers:
        for encoding in trace.meta.encodings:
            logged = trace.by_task(trace.changes["step", encoding.name, spec.name])
            for task, commits in enumerate(watch.commits):
                levels = encoding.levels(np.stack([codes[spec.name] for codes in commits]))  # (K, commits, G, D, N)
                seen = (levels[:, 1:] != levels[:, :-1]).sum(1)
                _require(
                    np.array_equal(seen, logged[task]),
                    f"{trace.meta.method}: task {task}, layer {spec.name}, {encoding.name}: {int(logged[task].sum())} "
                    f"level changes are logged, but {int(seen.sum())} happened",
                )


def check_active(trace: Trace, watch: Watch) -> None:
    """Raise MethodCheckError unless the trace counts the weights that existed: at a task's end, and at most."""
    for number, spec in enumerate(trace.meta.layers):
        for task, (active, peak) in enumerate(zip(watch.active, watch.peak, strict=True)):
            where = f"{trace.meta.method}: task {task}, layer {spec.name}"
            logged = int(trace.counts["active_weights"][trace.meta.last_phases[task], number])
            _require(logged == active[spec.name], f"{where}: {active[spec.name]} weights exist, logged are {logged}")
            of_task = np.array(trace.meta.phase_tasks) == task
            most = int(trace.counts["peak_active_weights"][of_task, number].max())
            seen = max(active[spec.name], peak[spec.name])
            _require(most >= seen, f"{where}: {seen} weights existed at once, logged are {most}")


def check_scenarios(trace: Trace, watch: Watch) -> None:
    """Raise MethodCheckError unless the declared scenarios hold.

    A Class-IL accuracy must come out the same when the test images of all tasks are mixed: nothing told the network
    which task they are of. One image per task may differ, for its logits may tie.
    """
    method, learner = trace.meta.method, watch.learner
    declared = METHODS.get(method).scenarios
    if "class-il" not in declared:
        return
    tasks = learner.stream_tasks
    images, labels = torch.cat([t.x_test for t in tasks]), torch.cat([t.y_test for t in tasks])
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    known = torch.tensor(sorted({label for t in tasks for label in t.classes}))
    with evaluating(learner.network):
        guess = known[learner.network(images[mixed])[:, known].argmax(1)]
    right, owner = guess == labels[mixed], torch.repeat_interleave(torch.tensor([len(t.y_test) for t in tasks]))[mixed]
    for task in tasks:
        told, found = trace.class_il[-1, task.index], float(right[owner == task.index].double().mean())
        _require(
            abs(told - found) <= 1.5 / len(task.y_test),
            f"{method}: task {task.index}: Class-IL accuracy {told:.3f} is {found:.3f} when tasks are mixed",
        )


def check_resume(config: LearnConfig) -> None:
    """Raise MethodCheckError unless a run that is stopped after every single epoch, and resumed, gives the whole trace.

    The network has dropout, and the global generators stand elsewhere each time: what a hook draws from them must not
    depend on what ran before it.
    """
    whole = _with_dropout(config)
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "run.safetensors"
        for part in range(config.epochs * config.tasks + 1):
            try:
                with lent_globals(_ELSEWHERE + part):
                    trace = _with_dropout(config, checkpoint=checkpoint, stop=lambda: True)
            except LearningStopped:
                continue
            _require(same_trace(trace, whole), f"{config.method}: a resumed run gives another trace")
            _require(trace.meta.acts == whole.meta.acts, f"{config.method}: a resumed run counts other acts")
            return
    raise MethodCheckError(f"{config.method}: a run resumed after every epoch does not end")


def _with_dropout(config: LearnConfig, **told: Any) -> Trace:
    stream = make_stream(config)
    return learn_on(config, with_dropout(make_network(config, stream)), stream, **told)


def same_trace(first: Trace, second: Trace) -> bool:
    """Whether all arrays of two traces are equal bit for bit."""
    one, two = _arrays(first), _arrays(second)
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def _arrays(trace: Trace) -> dict[str, AnyArray]:
    named: dict[str, AnyArray] = {}
    for group in ("counts", "task_counts", "codes", "changes", "transitions", "placement", "active", "accuracy",
                  "digital", "wear_counts", "pulses", "half_selects"):  # fmt: skip
        for key, array in getattr(trace, group).items():
            named[f"{group}/{'/'.join(key) if isinstance(key, tuple) else key}"] = array
    for name in ("input_density", "error_density", "input_zero_share", "error_zero_share"):
        named[name] = getattr(trace, name)
    named |= {f"work/{term}/{name}": array for term, table in trace.work.items() for name, array in table.items()}
    return named


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise MethodCheckError(message)
