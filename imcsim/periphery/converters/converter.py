"""A cost model of a column converter: what one conversion takes, and the words for it; and a name for each model.

A model is one file: a :class:`ConverterModel` under ``@converter_model("its-name")``, in this folder or in another
package behind an entry point ``imcsim.converter``. Its coefficients are a table of the converter's TOML file, of the
model's name with ``_`` for ``-``: ``[its_name]``.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from pydantic import ConfigDict, Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError, ContentError, nearest
from imcsim.core.registry import Registry, import_entries
from imcsim.periphery.table import Amount

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


class ConverterModel(FrozenConfig):
    """One published cost model; its fields are its coefficients.

    A coefficient that is called as a method is (``time_s``) has another name here and the file's as its alias.
    A model gives energy and time with their words. One that states no area leaves out ``area_m2`` and ``area_words``:
    its converter takes the area of another model, the macro fit.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    energy_words: ClassVar[Words]
    time_words: ClassVar[Words]
    area_words: ClassVar[Words | None] = None
    follows_conductance: ClassVar[bool] = False  # whether a conversion's energy depends on the column's conductance

    @property
    def bits_known(self) -> range | tuple[int, ...]:
        """Numbers of bits that the model holds for."""
        return range(1, _MOST_BITS + 1)

    @property
    def nodes_m(self) -> tuple[float, ...]:
        """Feature sizes (m) between the first and last of which the energy holds; none if for any."""
        return ()

    @abstractmethod
    def energy_j(self, feature_size_m: float, bits: int, supply_v: float, conductance_s: Amount) -> Amount | float:
        """Return the energy (J) of one conversion.

        Parameters
        ----------
        feature_size_m
            Node of the converter (m), inside ``nodes_m``.
        bits
            Resolution, one of ``bits_known``.
        supply_v
            Supply (V), > 0.
        conductance_s
            Conductance of the column (S), >= 0; an array holds a column in each element, and so does what is returned.
            A model that costs every column alike may return one number.
        """

    @abstractmethod
    def time_s(self, bits: int, rows: int) -> float:
        """Return the time (s) of one conversion in an array of ``rows`` rows; ``bits`` is one of ``bits_known``."""

    def area_m2(self, feature_size_m: float, bits: int, fallback: "ConverterModel | None") -> float:
        """Return the area (m2) of one converter; of a model that states none, that of ``fallback``."""
        if fallback is None:
            raise ConfigError("a converter model without an area of its own needs another to take it from")
        return fallback.area_m2(feature_size_m, bits, fallback)


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


ModelT = TypeVar("ModelT", bound=type[ConverterModel])


def _import_all() -> None:
    import_entries("imcsim.periphery.converters", "converter model")


CONVERTERS: Registry[type[ConverterModel]] = Registry("converter model", _import_all, "imcsim.converter")


def converter_model(name: str) -> Callable[[ModelT], ModelT]:
    """Return a decorator that files a model under ``name``; ContentError if it is none, or its words name no value."""

    def add(model: ModelT) -> ModelT:
        checked(name, model)
        CONVERTERS.register(name)(model)
        return model

    return add


def table_name(model: str) -> str:
    """Return the name of a model's table in TOML: that of the model, with ``_`` for ``-``."""
    return model.replace("-", "_")


def model_class(name: str) -> type[ConverterModel]:
    """Return the model called ``name``; ContentError if there is none, or if it is not what a model has to be."""
    return checked(name, CONVERTERS.get(name))


def model_of_table(table: str) -> str | None:
    """Return the name of the model whose coefficients a table holds; None if no model has such a table."""
    return next((name for name in CONVERTERS.names() if table_name(name) == table), None)


def checked(name: str, model: type[ConverterModel]) -> type[ConverterModel]:
    """Return ``model`` if it prices a converter and its words name its own fields.

    Raises
    ------
    ContentError
        With the model and what is missing or misspelt.
    """
    if not (isinstance(model, type) and issubclass(model, ConverterModel)):
        raise ContentError(f"converter model '{name}' must be a class of imcsim.periphery.converters.ConverterModel")
    for needed in ("energy_words", "time_words", *sorted(model.__abstractmethods__)):
        if needed in model.__abstractmethods__ or not isinstance(getattr(model, needed, None), Words):
            raise ContentError(f"converter model '{name}' has no {needed}")
    if (model.area_words is None) != (model.area_m2 is ConverterModel.area_m2):
        raise ContentError(f"converter model '{name}' needs both area_m2 and area_words, or neither")
    for words in (model.energy_words, model.time_words, model.area_words):
        for field in words.coefficients if words else ():
            if field not in (known := model.table_keys()):
                raise ContentError(
                    f"converter model '{name}' says '{words.formula if words else ''}' of its table's '{field}', "
                    f"which is no field{nearest(field, known)}"
                )
    return model
