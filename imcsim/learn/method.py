"""What a continual-learning method is: a frozen config, a few hooks, and a name.

A method is a class with one decorator, in a file of ``imcsim/learn/methods``, in another package behind an entry point
``imcsim.method``, or in a file that goes by its path. The loop (``learn/loop.py``) calls its hooks;
a method never touches the loop's state but through the :class:`Context` it is given.

Shape letters: B batch, G groups, D fan-in, N outputs per group.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, get_args

import torch
from torch import Tensor, nn
from typing_extensions import TypeVar

from imcsim.core.answers import wrong_signature
from imcsim.core.config import FrozenConfig, parse
from imcsim.core.errors import ConfigError, nearest, short
from imcsim.core.registry import Registry, import_entries
from imcsim.learn.stream import Task
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.schema import Scenario
from imcsim.trace.work_term import WORK_AMOUNTS, WorkTerm

if TYPE_CHECKING:
    from imcsim.learn.config import LearnConfig


class MethodConfig(FrozenConfig):
    """Base of a method's own configuration; unknown keys are refused."""


# Covariant, and MethodConfig where nothing is said: any method is a Method.
ConfigT_co = TypeVar("ConfigT_co", bound=MethodConfig, default=MethodConfig, covariant=True)


_LARGEST = 1 << 53  # of a count: the largest that a trace may hold


@dataclass
class WorkDone:
    """Work beyond the plain step that a method reports, for the recorder to charge.

    Layer-keyed counts use the names of ``trace.schema.COUNTS``, the others those of ``TASK_COUNTS``. ``terms`` are work
    of the method's own, under the names that it declares (:meth:`Method.work_terms`). ``acts`` are the method's own
    acts and cost nothing.
    """

    layers: dict[str, dict[str, int]] = field(default_factory=dict)
    task: dict[str, int] = field(default_factory=dict)
    acts: dict[str, int] = field(default_factory=dict)
    terms: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, amount: int = 0, layer: str | None = None, **amounts: int) -> None:
        """Add ``amount`` to a count (of ``layer``, or of the task), or ``amounts`` to a term of the method's own.

        ``amounts`` are those of :data:`~imcsim.trace.work_term.WORK_AMOUNTS`: ``operations``, ``bytes_read`` and
        ``bytes_written``.

        Raises
        ------
        ConfigError
            If an amount is none of those, negative, or no whole number.
        """
        if amounts:
            self._add_to_term(name, amounts)
            return
        table = self.task if layer is None else self.layers.setdefault(layer, {})
        table[name] = table.get(name, 0) + _whole(amount, f"work '{name}'")

    def _add_to_term(self, name: str, amounts: Mapping[str, int]) -> None:
        term = self.terms.setdefault(name, dict.fromkeys(WORK_AMOUNTS, 0))
        for what, amount in amounts.items():
            if what not in WORK_AMOUNTS:
                raise ConfigError(
                    f"work '{name}' has {', '.join(WORK_AMOUNTS)}, got '{what}'{nearest(what, WORK_AMOUNTS)}"
                )
            term[what] += _whole(amount, f"work '{name}': {what}")

    def did(self, act: str, times: int = 1) -> None:
        """Take note that the method did what it is known for: ``times`` of ``act``, see :meth:`Method.acts`."""
        if times:
            self.acts[act] = self.acts.get(act, 0) + _whole(times, f"act '{act}'")


def _whole(amount: Any, what: str) -> int:
    """Return ``amount`` as an integer; a share of an operation would be lost."""
    try:
        whole = int(amount)
        right = whole == amount and 0 <= whole < _LARGEST
    except (TypeError, ValueError, OverflowError):
        right = False
    if not right:
        said = "must not be negative" if isinstance(amount, int | float) and amount < 0 else "must be a whole number"
        raise ConfigError(f"{what} {said}, got {short(repr(amount), 40)}")
    return whole


@dataclass
class Context:
    """What a method may see and use.

    Parameters
    ----------
    network
        The network in training; mapped layers are ``network.get_submodule(spec.name)``.
    layers
        Mapped layers in order of execution.
    device
        Where tensors live.
    generator
        The only source of randomness for the method, on the CPU; its state is checkpointed.
    augment
        Applies the stream's augmentation to a batch of images (identity if the stream has none).
    pe_tile
        (weight rows, weight columns) of a PE.
    work
        Where the method reports extra work.
    epochs
        Epochs per task of this run; 0 if the caller does not say.
    steps
        Optimiser steps of the current task if all its samples are used; 0 if the caller does not say.
    weight_bits
        Bits of a weight's code.
    deployed
        Whether the network was trained before deployment; else the first task trains the backbone.
    wear
        Returns layer -> (G, row tiles, column tiles): programming events per cell of each PE so far, over the run's
        finished tasks (:func:`imcsim.learn.placing.life.events_by_pe`).
    frozen
        Names of the parameters that the user froze (``requires_grad_(False)``): no method may change them, nor what
        the cells of a mapped one hold.
    task, epoch, step
        Current position; ``step`` counts optimiser steps within the task.
    """

    network: nn.Module
    layers: tuple[LayerSpec, ...]
    device: torch.device
    generator: torch.Generator
    augment: Callable[[Tensor], Tensor]
    pe_tile: tuple[int, int]
    work: WorkDone = field(default_factory=WorkDone)
    epochs: int = 0
    steps: int = 0
    deployed: bool = False
    weight_bits: int = 8
    wear: Callable[[], dict[str, Tensor]] = dict
    frozen: frozenset[str] = frozenset()
    task: int = 0
    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class TaskPlan:
    """What a method decides before a task.

    Parameters
    ----------
    trainable_pes
        Layer -> bool (G, row tiles, column tiles), True where the PE trains; None: every PE trains and the method
        does not place PEs. A PE trains when its cells may be written in the task, be it only because an adaptor of
        cells changes what they hold.
    trains
        Names of the network's parameters that the optimiser may change; None: all of trainable PEs, and the digital
        ones that do not follow a frozen layer.
    restored_pes
        Layer -> bool (G, row tiles, column tiles), True where the method has set the PE's weights back before the task
        and holds them in it. Such a PE does not train, but its cells are written: the trace places it with those that
        do. Layers left out have none.
    """

    trainable_pes: Mapping[str, Tensor] | None = None
    trains: frozenset[str] | None = None
    restored_pes: Mapping[str, Tensor] = field(default_factory=dict)


class Method(Generic[ConfigT_co]):
    """Base of all methods: plain fine-tuning; a method overrides what it needs.

    ``class Mine(Method[MineConfig])`` says what its configuration is: ``self.config`` is of that type, and settings
    from outside are checked against it. ``state_dict`` must hold everything that a resumed run needs, as tensors or
    JSON-able values.
    """

    #: class of ``self.config``; follows from ``Method[MineConfig]``
    config_type: ClassVar[type[MethodConfig]] = MethodConfig
    #: name under which it is registered
    registered_as: ClassVar[str] = ""
    #: whether it may be the base of another method, see :mod:`imcsim.learn.over_base`
    can_be_base: ClassVar[bool] = False
    #: paper and equation, or repository and file
    source: ClassVar[str] = ""
    #: scenarios that the method can serve; without "class-il" it must be told the task of an image
    scenarios: ClassVar[tuple[Scenario, ...]] = ("class-il", "task-il")

    def __init__(self, config: ConfigT_co) -> None:
        self.config = config

    def __init_subclass__(cls, **options: Any) -> None:
        """Take the class of the configuration from the brackets behind the base class."""
        super().__init_subclass__(**options)
        if "config_type" not in vars(cls):
            named = (argument for base in vars(cls).get("__orig_bases__", ()) for argument in get_args(base))
            for argument in named:
                found = getattr(argument, "__bound__", argument)
                if isinstance(found, type) and issubclass(found, MethodConfig):
                    cls.config_type = found
                    return

    def acts(self) -> tuple[str, ...]:
        """Return what makes the method what it is, as it is configured: "mask change", "pruning", "layer freeze".

        The method reports each one by ``context.work.did`` when it happens. A run in which one never did says so in its
        trace, and :func:`imcsim.testing.check_method` demands all of them.
        """
        return ()

    def work_terms(self) -> tuple[WorkTerm, ...]:
        """Return work of the method's own that no count of the schema holds, as it is configured.

        The method adds to a term by ``context.work.add(name, operations=..., bytes_read=..., bytes_written=...)``; what
        it adds to others is refused.
        """
        return ()

    def tasks(self, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        """Return the tasks to train on (joint training merges them)."""
        return tasks

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Return the network with what the method adds to it (adaptors, side paths), before its layers are mapped.

        It must not change what the network computes, and depend on nothing but its arguments and the configuration:
        the network of a trace is built again with it.
        """
        return network

    def optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: "LearnConfig"
    ) -> torch.optim.Optimizer:
        """Return the task's optimiser over ``parameters`` (name in the network -> parameter)."""
        values = list(parameters.values())
        if config.optimizer == "adam":
            return torch.optim.Adam(values, config.learning_rate, weight_decay=config.weight_decay)
        return torch.optim.SGD(values, config.learning_rate, config.momentum, weight_decay=config.weight_decay)

    def resident_layers(self, context: Context) -> tuple[str, ...]:
        """Return the mapped layers that stay in SRAM where a chip has it: a task's own, stored with its masks."""
        return ()

    @contextmanager
    def serving(self, context: Context, task: int) -> Iterator[None]:
        """Inside the block the network serves ``task``, as it would be after a task switch."""
        yield

    def switched_layers(self, context: Context) -> tuple[str, ...]:
        """Return the mapped layers whose arrays hold other weights for each task, so that a switch rewrites cells."""
        return ()

    def set_layers(self, context: Context) -> Mapping[str, str]:
        """Return mapped layer -> why its levels may have changed in this task without a weight gradient of the layer.

        Asked at the task's end, for methods that set weights back, draw them anew, or learn by a rule without
        gradients. A level change in any other layer without a gradient is refused
        (:mod:`imcsim.trace.laws.changes`).
        """
        return {}

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Score, place, set up; called once before the task's first epoch."""
        return TaskPlan()

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Return indices of the task's samples to use in this epoch, or None for all of them."""
        return None

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the scalar loss of one step; ``x`` is un-augmented (B, C, H, W), ``index`` its sample numbers."""
        return nn.functional.cross_entropy(context.network(context.augment(x)), y)

    def before_step(self, context: Context) -> None:
        """Change gradients after backward and before the optimiser's step."""

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Enforce masks, fill buffers."""

    def after_epoch(self, context: Context, task: Task) -> None:
        """Change masks."""

    def after_task(self, context: Context, task: Task) -> None:
        """Remember what later tasks need."""

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return layer -> bool weight mask in the parameter's own shape (sparsity), or None for a dense method."""
        return None

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return layer -> bool mask of the weights this step may update (parameter's shape), or None for all."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return everything a resumed run needs."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""


def _import_all() -> None:
    import_entries("imcsim.learn.methods", "method")


def _wrong(entry: object) -> str | None:
    if not (isinstance(entry, type) and issubclass(entry, Method)):
        return "is no subclass of imcsim.learn.method.Method"
    return wrong_signature(entry, Method)


METHODS: Registry[type[Method]] = Registry("method", _import_all, "imcsim.method", _wrong)
MethodT = TypeVar("MethodT", bound=type[Method])


def method(name: str) -> Callable[[MethodT], MethodT]:
    """Return a decorator that files a subclass of :class:`Method` under ``name``.

    Raises
    ------
    ContentError
        If another method has the name, or the class is no method.
    """

    def add(entry: MethodT) -> MethodT:
        METHODS.register(name)(entry)
        entry.registered_as = name
        return entry

    return add


def declared_work(method: Method) -> tuple[WorkTerm, ...]:
    """Return the work terms of ``method``; ConfigError if what it declares is none, or one twice."""
    terms = method.work_terms()
    called = method.registered_as or type(method).__name__
    if not isinstance(terms, tuple | list) or not all(isinstance(term, WorkTerm) for term in terms):
        raise ConfigError(f"method '{called}': work_terms must be a tuple of WorkTerm, got {short(repr(terms), 40)}")
    twice = next((a.name for i, a in enumerate(terms) for b in terms[:i] if a.name == b.name), None)
    if twice is not None:
        raise ConfigError(f"method '{called}': work_terms names '{twice}' twice")
    return tuple(terms)


def make_method(name: str, config: Mapping[str, Any] | None = None) -> Method:
    """Return method ``name`` (or of a file, ``./mine.py``) with its configuration, checked.

    Raises
    ------
    ContentError
        If there is no such method.
    ConfigError
        For an unknown or wrong field of its configuration.
    """
    factory = METHODS.get(name)
    return factory(parse(factory.config_type, config or {}, f"method_config of '{name}'"))
