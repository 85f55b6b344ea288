"""A method over another one: everything that it does not override is the base method's."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from imcsim.core.config import parse
from imcsim.learn.method import METHODS, Context, Method, MethodConfig, TaskPlan
from imcsim.learn.stream import Task
from imcsim.trace.work_term import WorkTerm


class BaseChoice(MethodConfig):
    """Which method gives the loss and the replay: "finetune", "er" or "derpp", with its configuration."""

    base: Literal["finetune", "er", "derpp"] = "er"
    base_config: dict[str, Any] = Field(default_factory=dict)


class OverBase(Method):
    """Passes every hook on to ``self.base``; a subclass overrides what differs and calls the hook it overrides.

    Raises
    ------
    ConfigError
        If ``base_config`` does not fit the base method; ``title`` names the method in the message.
    """

    config_type = BaseChoice

    def __init__(self, config: BaseChoice, title: str) -> None:
        super().__init__(config)
        base = METHODS.get(config.base)
        self.base: Method = base(parse(base.config_type, config.base_config, f"{title} base_config"))

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
        """As the base method."""
        return self.base.before_task(context, task)

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
