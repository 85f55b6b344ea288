"""What a method or a network of a user's answers is looked at before it is believed."""

import math
import re
from typing import Any

import pytest
import torch
from torch import nn

import imcsim
from imcsim.core.errors import ConfigError, ContentError
from imcsim.learn.method import Method, WorkDone, method
from imcsim.learn.networks import build_network, network
from imcsim.trace.work_term import WorkTerm
from tests.learn.helpers import tiny_stream
from tests.registries import forgetting


def entropy(self: Any, context: Any, task: Any, x: Any, y: Any, index: Any) -> Any:
    return nn.functional.cross_entropy(context.network(x), y)


def vector(self: Any, context: Any, task: Any, x: Any, y: Any, index: Any) -> Any:
    return nn.functional.cross_entropy(context.network(x), y, reduction="none")


TERM = WorkTerm(name="bank", memory="dram", why="it is kept")


@pytest.mark.parametrize(
    ("hooks", "error", "said"),
    [
        ({"loss": lambda self, *a: None}, ConfigError, "method 'mine': loss must return a tensor of one number, got"),
        ({"loss": lambda self, *a: 1.0}, ConfigError, "loss must return a tensor of one number, got 1.0"),
        ({"loss": vector}, ConfigError, "loss must return a tensor of one number, got shape ("),
        ({"loss": lambda self: 3}, ContentError, "has loss(self), which must take (self, context, task, x, y, index)"),
        ({"work_terms": lambda self: 3}, ConfigError, "method 'mine': work_terms must be a tuple of WorkTerm, got 3"),
        ({"work_terms": lambda self: ("a",)}, ConfigError, "work_terms must be a tuple of WorkTerm, got ('a',)"),
        ({"work_terms": lambda self: (TERM, TERM)}, ConfigError, "method 'mine': work_terms names 'bank' twice"),
    ],
)  # fmt: skip
def test_a_method_that_answers_wrongly(hooks: dict[str, Any], error: type[Exception], said: str) -> None:
    stream = tiny_stream(tasks=1)
    net = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(stream.image_shape), stream.class_count))
    with forgetting(), pytest.raises(error, match=re.escape(said)) as caught:
        method("mine")(type("Mine", (Method,), {"source": "none", "loss": entropy, **hooks}))
        imcsim.learn(net, stream, method="mine", epochs=1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("amount", [math.nan, math.inf, 1.5, "much", None, 1 << 53])
def test_work_is_counted_in_whole_numbers(amount: Any) -> None:
    work = WorkDone()
    with pytest.raises(ConfigError, match="work 'bank': operations must be a whole number, got"):
        work.add("bank", operations=amount)
    with pytest.raises(ConfigError, match="work 'scoring_macs' must be a whole number, got"):
        work.add("scoring_macs", amount)
    with pytest.raises(ConfigError, match="work 'scoring_macs' must not be negative, got -1"):
        work.add("scoring_macs", -1)
    work.add("bank", operations=2.0)  # type: ignore[arg-type]
    work.add("bank", operations=torch.tensor(3))  # type: ignore[arg-type]
    assert work.terms["bank"]["operations"] == 5


@pytest.mark.parametrize(("built", "kind"), [(None, "NoneType"), ("net", "str"), (nn.Linear, "type")])
def test_a_network_that_is_none(built: Any, kind: str) -> None:
    with forgetting():
        network("mine")(lambda class_count, image_shape: built)
        with pytest.raises(ContentError, match=f"'mine': its builder must return a torch.nn.Module, got {kind}"):
            build_network("mine", 2, (1, 4, 4))
