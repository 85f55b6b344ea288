"""A method over another one: everything that it does not override is the base method's.

A base is any method that says ``can_be_base = True``. It gives the loss, what is remembered and which samples train.
What trains, what is masked and what is added to the network is for the method over it: the hooks of :data:`RESERVED`
are not asked of a base, so one that overrides them is refused.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import Field
from torch import Tensor
from typing_extensions import TypeVar

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError, ContentError, nearest
from imcsim.learn.method import METHODS, Context, Method, MethodConfig, TaskPlan
from imcsim.learn.stream import Task
from imcsim.trace.work_term import WorkTerm

#: hooks that are the business of the method over a base
RESERVED = (
    "prepare", "optimizer", "resident_layers", "serving", "switched_layers", "active_masks", "update_masks",
)  # fmt: skip


class BaseChoice(MethodConfig):
    """Which method gives the loss and the replay: any that can be a base, with its configuration."""

    base: str = "er"
    base_config: dict[str, Any] = Field(default_factory=dict)


BaseT = TypeVar("BaseT", bound=BaseChoice, default=BaseChoice, covariant=True)


class OverBase(Method[BaseT]):
    """Passes every hook on to ``self.base``; a subclass overrides what differs and calls the hook it overrides.

    Raises
    ------
    ConfigError, ContentError
        If there is no such base method, it cannot be one, or ``base_config`` does not fit it.
    """

    def __init__(self, config: BaseT) -> None:
        super().__init__(config)
        self.base = make_base(config.base, config.base_config, self.title)

    @property
    def title(self) -> str:
        """What messages call the method."""
        return self.registered_as or type(self).__name__

    def acts(self) -> tuple[str, ...]:
        """Return the base method's acts."""
        return self.base.acts()

    def work_terms(self) -> tuple[WorkTerm, ...]:
        """Return the base method's."""
        return self.base.work_terms()

    def tasks(self, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        """Return the base method's tasks."""
        return self.base.tasks(tasks)

    def set_layers(self, context: Context) -> Mapping[str, str]:
        """As the base method."""
        return self.base.set_layers(context)

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """As the base method, which leaves it to the method over it what trains.

        Raises
        ------
        ConfigError
            If the base method plans what trains.
        """
        if self.base.before_task(context, task) != TaskPlan():
            raise ConfigError(
                f"{self.title}: base method '{self.config.base}' says in before_task what trains, which a base leaves "
                f"to the method over it"
            )
        return TaskPlan()

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """As the base method."""
        return self.base.before_epoch(context, task)

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the base method's loss."""
        return self.base.loss(context, task, x, y, index)

    def before_step(self, context: Context) -> None:
        """As the base method."""
        self.base.before_step(context)

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """As the base method."""
        self.base.after_step(context, x, y)

    def after_epoch(self, context: Context, task: Task) -> None:
        """As the base method."""
        self.base.after_epoch(context, task)

    def after_task(self, context: Context, task: Task) -> None:
        """As the base method."""
        self.base.after_task(context, task)

    def state_dict(self) -> dict[str, Any]:
        """Return the base method's state."""
        return {"base": self.base.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.base.load_state_dict(state["base"])


def make_base(name: str, config: Mapping[str, Any], title: str) -> Method:
    """Return base method ``name`` (or of a file) with its configuration; ``title`` names the method over it.

    Raises
    ------
    ConfigError, ContentError
        If there is no such method, it is no base, or ``config`` does not fit it.
    """
    base = METHODS.get(name)
    if not base.can_be_base:
        raise ConfigError(f"{title}: method '{name}' cannot be a base{nearest('', base_names())}")
    taken = [hook for hook in RESERVED if getattr(base, hook) is not getattr(Method, hook)]
    if taken:
        raise ConfigError(
            f"{title}: base method '{name}' overrides {', '.join(taken)}, which a base leaves to the method over it"
        )
    if set(base.scenarios) != set(Method.scenarios):
        raise ConfigError(
            f"{title}: base method '{name}' serves {', '.join(base.scenarios) or 'no scenario'}, and a base must serve "
            f"{' and '.join(Method.scenarios)}"
        )
    return base(parse(base.config_type, config, f"{title} base_config"))


def base_names() -> list[str]:
    """Return the names of all methods that can be a base; those of packages that cannot be imported are left out."""
    found = []
    for name in METHODS.names():
        with suppress(ContentError):
            found += [name] if METHODS.get(name).can_be_base else []
    return found
