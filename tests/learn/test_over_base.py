"""Any method that says so may be a base; what a base may not do is refused."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.learn.method import METHODS, Context, Method, MethodConfig, TaskPlan, make_method, method
from imcsim.learn.over_base import OverBase, base_names
from imcsim.learn.stream import Task
from imcsim.testing import check_method
from imcsim.testing.methods import TINY, same_trace
from imcsim.trace.trace import Trace


class ScaledConfig(MethodConfig):
    factor: float = 1.0


class Scaled(Method[ScaledConfig]):
    """Cross-entropy times a factor."""

    can_be_base = True

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        return self.config.factor * nn.functional.cross_entropy(context.network(context.augment(x)), y)


@pytest.fixture
def registered() -> Iterator[Callable[[type[Method]], None]]:
    """Return a function that registers a method as "base-x" for the test."""
    METHODS.names()

    def register(entry: type[Method]) -> None:
        METHODS._forget("base-x")
        method("base-x")(entry)

    yield register
    METHODS._forget("base-x")


def run(name: str, config: Mapping[str, Any], **options: Any) -> Trace:
    return learn(parse(LearnConfig, {**TINY, "method": name, "method_config": config, **options}, "test"))


@pytest.mark.parametrize("over", ["hyb-learn", "first-k", "rigl"])
def test_a_base_of_the_users_own_gives_the_loss(over: str, registered: Callable[[type[Method]], None]) -> None:
    """A factor 1 is fine-tuning to the bit; a factor c with steps of 1/c is the same up to rounding, so c is in use."""
    registered(Scaled)
    plain = run(over, {"base": "finetune"}, epochs=1)
    assert same_trace(run(over, {"base": "base-x"}, epochs=1), plain)
    doubled = run(over, {"base": "base-x", "base_config": {"factor": 2.0}}, epochs=1, weight_decay=0.0)
    stepped = run(over, {"base": "finetune"}, epochs=1, weight_decay=0.0, learning_rate=0.1)
    assert all(np.array_equal(doubled.codes[name], stepped.codes[name]) for name in doubled.codes)
    assert not same_trace(doubled, plain)


def test_the_method_over_it_keeps_every_law(registered: Callable[[type[Method]], None]) -> None:
    registered(Scaled)
    check_method("set", {"base": "base-x", "base_config": {"factor": 2.0}})


def test_those_that_can_be_a_base_are_listed_where_one_cannot() -> None:
    assert base_names() == ["derpp", "er", "finetune"]
    for name in set(METHODS.names()) - set(base_names()):
        with pytest.raises(
            ConfigError, match=rf"^hyb-learn: method '{name}' cannot be a base; allowed: derpp, er, fin"
        ):
            make_method("hyb-learn", {"base": name})


def test_a_wrong_setting_of_the_base_is_named(registered: Callable[[type[Method]], None]) -> None:
    registered(Scaled)
    with pytest.raises(ConfigError, match=r"^rigl base_config: unknown key 'facter'; did you mean 'factor'\?$"):
        make_method("rigl", {"base": "base-x", "base_config": {"facter": 2}})


class _Places(Method):
    can_be_base = True

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        return TaskPlan(trains=frozenset())


class _Masks(Method):
    can_be_base = True

    def active_masks(self) -> Mapping[str, Tensor] | None:
        return {"x": torch.ones(1, dtype=torch.bool)}


class _TaskOnly(Method):
    can_be_base = True
    scenarios: ClassVar[tuple[Any, ...]] = ("task-il",)


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        (_Masks, "first-k: base method 'base-x' overrides active_masks, which a base leaves to the method over it"),
        (_TaskOnly, "first-k: base method 'base-x' serves task-il, and a base must serve class-il and task-il"),
        (_Places, "first-k: base method 'base-x' says in before_task what trains, which a base leaves to the method"),
    ],
)
def test_what_a_base_may_not_do_is_refused(
    base: type[Method], sentence: str, registered: Callable[[type[Method]], None]
) -> None:
    registered(base)
    with pytest.raises(ConfigError, match=f"^{sentence}"):
        run("first-k", {"base": "base-x"}, epochs=1)


def test_the_class_of_the_settings_follows_from_the_brackets() -> None:
    class Unsaid(Method):
        pass

    class Deeper(Scaled):
        pass

    class Own(Method):
        config_type = ScaledConfig

    assert [c.config_type for c in (Method, Unsaid, Scaled, Deeper, Own)] == [
        MethodConfig, MethodConfig, ScaledConfig, ScaledConfig, ScaledConfig,
    ]  # fmt: skip
    for name in METHODS.names():
        found = METHODS.get(name)
        settings = type(make_method(name).config)
        assert settings is found.config_type
        assert issubclass(found, OverBase) == ("base" in settings.model_fields and name != "sparcl")
