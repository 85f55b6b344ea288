"""What a sort of another package answers is held against what it promises: one sentence where it does not hold."""

import math
import re
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.part import ChipPart, part_sort
from imcsim.chip.price import price
from imcsim.core.charge import Charge, Price
from imcsim.core.config import parse
from imcsim.core.errors import ContentError
from imcsim.core.sources import Resolved
from imcsim.memory import Beside, Component, Endurance, Lines, Piece, ReadTime, memory_sort
from imcsim.memory.digital_sram import DigitalSram
from imcsim.periphery.converters import ConverterModel, Words, converter_model
from tests.toy_package.two_layers import two_layers

_NUMBERS = count()
ONE = Price(1e-15, "one")
NAN = Price(math.nan, "none")


def answering(**methods: Any) -> Any:
    """Price a trace on digital SRAM of another package, some of whose methods answer otherwise."""
    sort = f"answering-{next(_NUMBERS)}"
    memory_sort(sort)(type("Answering", (DigitalSram,), {"__module__": "foreign", "__annotations__": {}, **methods}))
    values = load_chip("all-sram-28nm").config.model_dump()
    values["memory"] = {"x": {"sort": sort, **values.pop("sram"), "pe_count": 128}}
    if methods.get("volatile") is False:  # weights rest there
        values["commit"] = "task"
    return price(two_layers(), Resolved(parse(ChipConfig, values, "chip"), {}))


def with_part(charges: Any) -> Any:
    """Price a trace on a chip with a part that charges so."""
    sort = f"answering-{next(_NUMBERS)}"
    part_sort(sort)(type("Part", (ChipPart,), {"__module__": "foreign", "__annotations__": {}, "charges": charges}))
    values = load_chip("all-sram-28nm").config.model_dump() | {"part": {"p": {"sort": sort}}}
    return price(two_layers(), Resolved(parse(ChipConfig, values, "chip"), {}))


def giving(answer: Any) -> Any:
    return lambda self, *args, **kwargs: answer


def component(**fields: Any) -> Any:
    def forward(self: Any, site: Any, weights: Any, busy: Any, *, after: bool = False) -> Any:
        whole = {"name": "cells", "amount": weights.grid.weights, "of": "x", "formula": "y", "each": ONE}
        return (Component(**(whole | fields)),)

    return forward


def beside(**fields: Any) -> Any:
    def lines(self: Any, site: Any, grid: Any, *, transposed: bool = False) -> Any:
        whole = {"lines": 2, "siemens": 1e-6, "subtracted": 0, "across": 0, "along": 0}
        return Lines(grid.cols + 2, grid.rows, "x", transposed=transposed, beside=Beside(**(whole | fields)))

    return lines


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ({"forward": giving(None)}, "forward must be a tuple of Component, got None"),
        ({"forward": giving((3,))}, "forward must be a tuple of Component, got 3 in it"),
        ({"forward": component(name="a.b")}, "each with a name of letters, digits, '-' and '_', got 'a.b'"),
        ({"forward": component(amount=-1.0)}, "'cells' has an amount that is not finite and not negative, got -1"),
        ({"forward": component(amount=np.ones(77))}, "an amount that is not of shape"),
        ({"forward": component(each=NAN)}, "has an each that is not a Price whose value is finite and not negative"),
        ({"forward": component(each=2.0)}, "has an each that is not a Price, got 2.0"),
        ({"forward_time": giving(3)}, "forward_time must be a ReadTime, got 3"),
        ({"forward_time": giving(ReadTime(Price(-1.0, ""), ONE))}, "finite and not negative, got -1"),
        ({"forward_time": giving(ReadTime(Price(np.ones(3), ""), ONE))}, "a single number, got an array of shape (3,)"),
        ({"row_write_time": giving(1e-9)}, "row_write_time must be a Price, got 1e-09"),
        ({"write_energy": giving(Price(np.ones((3, 3)), ""))}, "of shape (2, 2), got an array of shape (3, 3)"),
        ({"write_energy": giving(Price(cast("Any", "dear"), ""))}, "write_energy must be a Price whose value is a num"),
        ({"write_time": giving(Charge("x", 1.0, "", "", (), ONE))}, "write_time must be a Charge without a leaf"),
        ({"write_time": giving(Charge("", np.ones(77), "", "", (), ONE))}, "got an array of shape (77,)"),
        ({"area": giving({"other": Piece(1, "x", ONE)})}, "area must be a dict of Piece, 'cells' first"),
        ({"area": giving({"cells": Piece(-1, "x", ONE)})}, "'cells' has not finite and not negative, got -1"),
        ({"leakage": giving(3)}, "leakage must be a Price, got 3"),
        ({"volatile": False, "fixed_cells": giving(3)}, "fixed_cells must be cells (P,) and a Price in J, or None"),
        ({"volatile": False, "fixed_cells": giving((-1, ONE))}, "fixed_cells must be finite and not negative, got -1"),
        ({"volatile": False, "fixed_cells": giving((1, NAN))}, "fixed_cells must be a Price whose value is finite"),
        ({"lines": beside(lines=-1)}, "lines must be finite and not negative, got -1"),
        ({"lines": beside(siemens=np.ones(77))}, "lines must be of shape"),
        ({"endurance": property(giving(None))}, "endurance must be an Endurance, got None"),
        ({"endurance": property(giving(Endurance(math.nan)))}, "finite and not negative, got nan"),
        ({"endurance": property(giving(Endurance(0.0)))}, "positive, got 0"),
        ({"geometry": giving(3)}, "geometry must be a PeGeometry, got 3"),
        ({"area": lambda self, site: 1 / 0}, "area failed: ZeroDivisionError: division by zero (test_answers.py, line"),
        ({"forward": lambda self: ()}, "has forward(self), which must take (self, site, weights, busy, *, after)"),
        ({"volatile": "yes"}, "has volatile = 'yes', which must be True or False"),
        ({"verb": "a.b"}, "has verb = 'a.b', which must be a name of letters, digits, '-' and '_'"),
    ],
)  # fmt: skip
def test_a_memory_that_answers_wrongly(methods: dict[str, Any], said: str) -> None:
    with pytest.raises(ContentError, match=re.escape(said)) as caught:
        answering(**methods)
    assert re.match(r"memory sort 'answering-\d+'", str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_memory_that_answers_rightly_costs_what_it_says() -> None:
    """Each weight of each PE costs 1 fJ a vector, once forward: the sum over layers of vectors x weights."""
    trace = two_layers()
    weights = np.array([layer.fan_in * layer.outputs for layer in trace.meta.layers])
    expected = float((trace.counts["forward_vectors"] * weights).sum()) * 1e-15
    assert answering(forward=component()).energy.part("forward", "x").total == pytest.approx(expected, rel=1e-12)


def charge(amount: Any, each: Any = ONE, leaf: Any = "loss") -> Any:
    return lambda self, spent, at: (Charge(leaf, amount, "j", "x", (), each),) if spent.tree == "energy" else ()


PHASES = np.ones(len(two_layers().meta.phase_tasks))


@pytest.mark.parametrize(
    ("charges", "said"),
    [
        (giving(None), "charges must be a tuple of Charge, got None"),
        (giving((3,)), "charges must be a tuple of Charge, got 3 in it"),
        (charge(-PHASES), "the amount of 'loss' in the tree energy is not finite and not negative, got -1"),
        (charge(PHASES * math.nan), "is not finite and not negative, got nan"),
        (charge(np.ones(77)), "got an array of shape (77,)"),
        (charge(1.0), "is not an array by phase, of shape"),
        (charge("much"), "the amount of 'loss' in the tree energy is not a number, got 'much'"),
        (charge(PHASES, 1.0), "each of 'loss' in the tree energy is not a Price, got 1.0"),
        (charge(PHASES, NAN), "each of 'loss' in the tree energy is not a Price whose value is finite"),
        (charge(PHASES, ONE, ""), "charges whose leaves are each a name of letters, digits, '-' and '_', got ''"),
        (charge(PHASES, ONE, "a..b"), "got ''"),
        (lambda self: (), "has charges(self), which must take (self, spent, at)"),
    ],
)  # fmt: skip
def test_a_part_that_charges_wrongly(charges: Any, said: str) -> None:
    with pytest.raises(ContentError, match=re.escape(said)):
        with_part(charges)


def test_a_part_that_charges_rightly() -> None:
    found = with_part(charge(PHASES, Price(2e-12, "two"), "loss.of-it"))
    assert found.energy.leaves["part", "p", "loss", "of-it"] == pytest.approx(2e-12 * len(PHASES), rel=1e-15)


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ({"energy_j": giving(-1.0)}, "energy_j must be finite and not negative, got -1"),
        ({"energy_j": giving("much")}, "energy_j must be a number, got 'much'"),
        ({"energy_j": giving(np.ones(77))}, "got an array of shape (77,)"),
        ({"time_s": giving(math.inf)}, "time_s must be finite and not negative, got inf"),
        ({"time_s": giving(None)}, "time_s must be a number, got None"),
        ({"area_m2": giving(math.nan)}, "area_m2 must be finite and not negative, got nan"),
        ({"time_s": lambda self: 1.0}, "has time_s(self), which must take (self, bits, rows)"),
    ],
)
def test_a_converter_that_answers_wrongly(methods: dict[str, Any], said: str, tmp_path: Path) -> None:
    words = Words("0", ())
    whole = {
        "energy_words": words, "time_words": words, "area_words": words, "__module__": "foreign",
        "__annotations__": {"energy_words": ClassVar[Words], "time_words": ClassVar[Words],
                            "area_words": ClassVar[Words | None]},
        "energy_j": giving(1e-15), "time_s": giving(1e-9), "area_m2": giving(1e-12),
    }  # fmt: skip
    model = f"answering-{next(_NUMBERS)}"
    with pytest.raises(ContentError, match=re.escape(said)):
        converter_model(model)(type("Model", (ConverterModel,), whole | methods))
        adc = {"name": "mine", "model": model, "feature_size_m": 28e-9, model.replace("-", "_"): {}}
        values = load_chip("all-rram-28nm").config.model_dump()
        values["rram"]["adc"] = adc
        price(two_layers(), Resolved(parse(ChipConfig, values, "chip"), {}))
