"""A cost model of a column converter: energy, time and area of one conversion, and the words for each.

A model of your own is a subclass of :class:`ConverterModel` in one file; no other file changes. How it is filed and how
a TOML names it is in :mod:`imcsim.periphery.converters.registry`.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from imcsim.core.answers import watch, wrong_number
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.periphery.nodes import Shrink
from imcsim.periphery.table import Amount

ConverterType = Literal["sar", "flash", "integrating", "sense-amp"]
"""How a converter finds a code: a bit after the other, all levels at once, by counting, by comparing currents."""

_MOST_BITS = 16  # of any converter of a chip (adc_bits)


@dataclass(frozen=True)
class Words:
    """How a number of a converter follows, and from which values.

    Parameters
    ----------
    formula
        In the letters of the model's source.
    coefficients
        Fields of the model's own table that enter.
    of_adc
        Fields of the converter beside its tables that enter: ``feature_size_m`` or nothing.
    of_chip
        Paths of other values of the chip that enter: ``supply_v``, ``array.rows``. The bits and what a column's
        conductance follows from are not among them: who counts conversions knows those.
    """

    formula: str
    coefficients: tuple[str, ...] = ()
    of_adc: tuple[str, ...] = ()
    of_chip: tuple[str, ...] = ()

    def origins(self, at: str, model: str) -> tuple[str, ...]:
        """Return dotted paths of all values for the converter at path ``at``, whose table is that of ``model``."""
        own = (f"{at}.{table_name(model)}.{name}" for name in self.coefficients)
        return (*(f"{at}.{name}" for name in self.of_adc), *own, *self.of_chip)


def levels(bits: float) -> int:
    """Return the levels that ``bits`` tell apart, 2^b rounded: converters with 11 of them (3.46 bits) exist."""
    return round(math.pow(2.0, bits))


def table_name(model: str) -> str:
    """Return the name of a model's table in TOML: that of the model, with ``_`` for ``-``."""
    return model.replace("-", "_")


class ConverterModel(FrozenConfig):
    """One published cost model; its fields are its coefficients.

    A coefficient that is called as a method is (``time_s``) has another name here and the file's as its alias.
    A model gives energy and time with their words. One that states no area leaves out ``area_m2`` and ``area_words``:
    its converter takes the area of another model, the macro fit.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        watch(cls, {"energy_j": _wrong_energy, "time_s": _wrong_single, "area_m2": _wrong_single}, "converter model")

    energy_words: ClassVar[Words]
    time_words: ClassVar[Words]
    area_words: ClassVar[Words | None] = None
    converter_type: ClassVar[ConverterType] = "sar"
    fractions: ClassVar[bool] = False  # whether it holds for levels that are no power of two: 3.46 bits, 11 levels
    follows_conductance: ClassVar[bool] = False  # whether a conversion's energy depends on the column's conductance

    @property
    def kind(self) -> ConverterType:
        """How the converter finds a code: ``converter_type``, unless the model's table says otherwise."""
        return self.converter_type

    @property
    def bits_known(self) -> range | tuple[int, ...]:
        """Numbers of bits that the model holds for."""
        return range(1, _MOST_BITS + 1)

    @property
    def nodes_m(self) -> tuple[float, ...]:
        """Feature sizes (m) between the first and last of which the energy holds; none if for any."""
        return ()

    def words(self, number: Literal["energy", "time", "area"], bits: float) -> Words | None:
        """Return the words of a number at ``bits``; None for an area that is another model's."""
        return {"energy": self.energy_words, "time": self.time_words, "area": self.area_words}[number]

    def mirrors(self, bits: float) -> int:
        """Return how many comparators take a copy of the column's current each; 1 where the current is taken once."""
        return 1

    def scaled(self, by: Shrink) -> Self:
        """Return the model at another node and supply; as it is if it has a law of its own for that, or none."""
        return self

    @abstractmethod
    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> Amount | float:
        """Return the energy (J) of one conversion.

        Parameters
        ----------
        feature_size_m
            Node of the converter (m), inside ``nodes_m``.
        bits
            Resolution, one of ``bits_known``; a fraction only if the model has ``fractions``.
        supply_v
            Supply (V), > 0.
        conductance_s
            Conductance of the column (S), >= 0; an array holds a column in each element, and so does what is returned.
            A model that costs every column alike may return one number.
        """

    @abstractmethod
    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion in an array of ``rows`` rows; ``bits`` is one of ``bits_known``."""

    def area_m2(self, feature_size_m: float, bits: float, fallback: "ConverterModel | None") -> float:
        """Return the area (m2) of one converter; of a model that states none, that of ``fallback``."""
        if fallback is None:
            raise ConfigError("a converter model without an area of its own needs another to take it from")
        return fallback.area_m2(feature_size_m, bits, fallback)


def _wrong_energy(
    model: ConverterModel, answer: object, feature_size_m: float, bits: int, supply_v: float, conductance_s: Amount
) -> str | None:
    return wrong_number(answer, np.shape(conductance_s))


def _wrong_single(model: ConverterModel, answer: object, *_: object) -> str | None:
    return wrong_number(answer)


class RangedConverter(ConverterModel):
    """A model for each number of bits from ``bits_min`` to ``bits_max``."""

    bits_min: int = Field(ge=1)
    bits_max: int = Field(ge=1)

    @model_validator(mode="after")
    def _range_of_bits(self) -> "RangedConverter":
        if self.bits_min > self.bits_max:
            raise ValueError(f"bits_min ({self.bits_min}) must be <= bits_max ({self.bits_max})")
        return self

    @property
    def bits_known(self) -> range:
        """Numbers of bits that the model holds for."""
        return range(self.bits_min, self.bits_max + 1)
