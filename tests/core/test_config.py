import math
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from imcsim.core.config import FrozenConfig, config_hash, parse
from imcsim.core.errors import ConfigError


class Pulse(FrozenConfig):
    energy_j: float = Field(1e-12, ge=0)
    width_s: float = 1e-7


class Cell(FrozenConfig):
    kind: Literal["rram", "sram"] = "rram"
    levels: int = Field(4, ge=2)
    set_pulse: Pulse = Pulse()
    reset_pulse: Pulse | None = None
    steps: tuple[Pulse, ...] = ()
    by_name: dict[str, Pulse] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _window(self) -> "Cell":
        if self.kind == "sram" and self.levels != 2:
            raise ValueError(f"an SRAM cell has 2 levels, not {self.levels}")
        return self


def refusal(data: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(Cell, data, "cell.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"levls": 4}, "cell.toml: unknown key 'levls'; did you mean 'levels'?"),
        ({"set_pulse": {"energy": 1.0}}, "cell.toml: unknown key 'set_pulse.energy'; did you mean 'energy_j'?"),
        ({"reset_pulse": {"widths": 1.0}}, "cell.toml: unknown key 'reset_pulse.widths'; did you mean 'width_s'?"),
        ({"steps": [{}, {"width": 1}]}, "cell.toml: unknown key 'steps.1.width'; did you mean 'width_s'?"),
        ({"by_name": {"weak": {"width": 1}}}, "cell.toml: unknown key 'by_name.weak.width'; did you mean 'width_s'?"),
        ({"set_pulse": {"zzz": 1}}, "cell.toml: unknown key 'set_pulse.zzz'; allowed: energy_j, width_s"),
        ({"kind": "flash"}, "cell.toml: 'kind': Input should be 'rram' or 'sram' (given: 'flash')"),
        (
            {"set_pulse": {"energy_j": -1.0}},
            "cell.toml: 'set_pulse.energy_j': Input should be greater than or equal to 0 (given: -1.0)",
        ),
        ({"kind": "sram", "levels": 4}, "cell.toml: an SRAM cell has 2 levels, not 4"),
    ],
)
def test_a_mistake_gives_one_sentence(data: dict[str, Any], sentence: str) -> None:
    assert refusal(data) == sentence


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    assert refusal({"set_pulse": {"width_s": value}}).startswith(
        "cell.toml: 'set_pulse.width_s': Input should be a finite number"
    )


def test_a_missing_field_is_named() -> None:
    class Named(FrozenConfig):
        name: str

    with pytest.raises(ConfigError, match=r"^chip.toml: 'name' is missing$"):
        parse(Named, {}, "chip.toml")


def test_a_misspelt_key_is_named_rather_than_the_field_that_it_leaves_out() -> None:
    class Named(FrozenConfig):
        name: str

    with pytest.raises(ConfigError, match=r"^chip.toml: unknown key 'nmae'; did you mean 'name'\?$"):
        parse(Named, {"nmae": "x"}, "chip.toml")


def test_a_config_cannot_be_changed() -> None:
    cell = Cell()
    with pytest.raises(ValidationError, match="frozen"):
        cell.levels = 8  # type: ignore[misc]
    assert cell.levels == 4


def test_a_default_is_validated_too() -> None:
    class Wrong(FrozenConfig):
        share: float = Field(2.0, le=1)

    with pytest.raises(ConfigError, match="'share': Input should be less than or equal to 1"):
        parse(Wrong, {}, "x")


def test_the_hash_is_stable() -> None:
    # pinned: a change of the hash orphans every stored result
    assert config_hash({"b": 1, "a": [1.5, "x"]}) == "27edd5497e48a293"


def test_the_hash_of_a_config_is_that_of_its_values() -> None:
    assert config_hash(Cell()) == config_hash(Cell().model_dump(mode="json"))


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.floats(allow_nan=False) | st.text(), min_size=2))
def test_the_hash_ignores_the_order_of_keys(data: dict[str, Any]) -> None:
    assert config_hash(data) == config_hash(dict(reversed(data.items())))


@given(st.integers(2, 10**6), st.integers(2, 10**6))
def test_the_hash_tells_configs_apart(first: int, second: int) -> None:
    assert (config_hash(Cell(levels=first)) == config_hash(Cell(levels=second))) == (first == second)


def test_configs_with_the_same_values_are_equal_whatever_they_have_worked_out() -> None:
    class Cached(FrozenConfig):
        size: int

        @cached_property
        def table(self) -> NDArray[np.int64]:
            return np.arange(self.size)

    class Outer(FrozenConfig):
        inner: Cached

    one, other = Outer(inner=Cached(size=3)), Outer(inner=Cached(size=3))
    assert len(one.inner.table) == len(other.inner.table) == 3
    assert one == other and hash(one) == hash(other)
    assert one != Outer(inner=Cached(size=4))
    assert Pulse() != Cell() and Pulse() != Pulse(width_s=2e-7) and Pulse() == Pulse(energy_j=1e-12)
