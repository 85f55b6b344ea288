"""Column analog-to-digital converters under published cost models, which disagree by up to ten times."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticKnownError

from imcsim.core.charge import Floats, Price
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.periphery.converters.converter import ConverterModel, Words, table_name
from imcsim.periphery.converters.macro_fit import MacroFit
from imcsim.periphery.converters.multilevel_sense_amp import MultilevelSenseAmp
from imcsim.periphery.converters.neurosim import NeurosimFit
from imcsim.periphery.converters.registry import CONVERTERS, model_class, model_of_table
from imcsim.periphery.converters.survey import SurveyTable
from imcsim.periphery.converters.table import ConverterTable
from imcsim.periphery.table import Amount

_FALLBACK = "macro-fit"  # whose area a model takes that states none


class Adc(FrozenConfig):
    """A column converter; ``model`` picks which cost model prices it, of those whose table is given.

    The tables of imcsim's own models are fields; a table of any other model of
    :data:`~imcsim.periphery.converters.CONVERTERS` is read, too, by the model's name with ``_`` for ``-``. A model that
    states no area (``neurosim``, ``neurosim-mlsa``) takes that of the macro fit, and needs its table, too.

    Raises
    ------
    ConfigError
        Through :func:`imcsim.core.config.parse`, for a model or table that there is not, or a table that is missing.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    model: str
    feature_size_m: float = Field(gt=0)
    macro_fit: MacroFit | None = None
    neurosim: NeurosimFit | None = None
    neurosim_mlsa: MultilevelSenseAmp | None = None
    survey: SurveyTable | None = None
    table: ConverterTable | None = None

    @field_validator("model")
    @classmethod
    def _there_is_such_a_model(cls, model: str) -> str:
        names = CONVERTERS.names()
        if model not in names:
            *others, last = (f"'{name}'" for name in names)
            raise PydanticKnownError("literal_error", {"expected": f"{', '.join(others)} or {last}"})
        model_class(model)
        return model

    @model_validator(mode="before")
    @classmethod
    def _tables_of_other_models(cls, data: Any) -> Any:
        """Read each table that is no field as the coefficients of the model that it is named after."""
        if not isinstance(data, Mapping):
            return data
        others = {key: cls._table(str(key), value) for key, value in data.items() if key not in cls.model_fields}
        return {**data, **others}

    @classmethod
    def _table(cls, key: str, value: Any) -> ConverterModel:
        part = cls.open_part(key)
        if part is None:
            raise _error(cls, "extra_forbidden", (key,), value)
        try:
            return part.model_validate(value)
        except ValidationError as error:
            raise _below(key, error) from None

    @model_validator(mode="after")
    def _tables_are_given(self) -> "Adc":
        if self.macro_fit is None and (self.model == _FALLBACK or self._chosen().area_words is None):
            raise _error(type(self), "missing", ("macro_fit",), None)
        self._chosen()
        return self

    @classmethod
    def table_keys(cls) -> list[str]:
        """Return the keys that the converter's table may have: a table for each model among them."""
        return list(dict.fromkeys((*cls.model_fields, *map(table_name, CONVERTERS.names()))))

    @classmethod
    def open_part(cls, key: str) -> type[ConverterModel] | None:
        """Return the model whose coefficients the table ``key`` holds."""
        return None if key in cls.model_fields else model_of_table(key)

    def __hash__(self) -> int:
        """Equal converters have the same hash; tables of other packages' models count, which pydantic leaves out."""
        return hash(tuple(value for _, value in self))

    @property
    def follows_conductance(self) -> bool:
        """Whether the energy of a conversion depends on the column's conductance."""
        return self._chosen().follows_conductance

    @property
    def converter_type(self) -> str:
        """How it finds a code: "sar", "flash", "integrating" or "sense-amp"."""
        return self._chosen().converter_type

    def mirrors(self, bits: int) -> int:
        """Return the comparators that a column's current is mirrored into: 2^b - 1 in a flash converter, else 1."""
        return 2**bits - 1 if self._chosen().converter_type == "flash" else 1

    def energy_j(self, bits: int, supply_v: float, column_conductance_s: Amount) -> Amount:
        """Return the energy of one conversion (J).

        Parameters
        ----------
        bits
            Resolution.
        supply_v
            Supply (V).
        column_conductance_s
            Conductance of the column while it is read (S), the sum over its open cells. An array holds a column in
            each element (say, one for each task and PE), and so does what is returned.

        Raises
        ------
        ConfigError
            For bits outside the model's range, a supply <= 0 or a conductance that is negative or not a number.
        """
        self._check(bits)
        if supply_v <= 0:
            raise ConfigError(f"adc '{self.name}': supply_v must be > 0, got {supply_v}")
        if not np.all(np.asarray(column_conductance_s) >= 0):
            worst = float(np.min(column_conductance_s))
            raise ConfigError(f"adc '{self.name}': column_conductance_s must be >= 0, got {worst:g}")
        model = self._chosen()
        self._check_node(model.nodes_m)
        found = model.energy_j(self.feature_size_m, bits, supply_v, column_conductance_s)
        each: Amount = found + 0.0 * column_conductance_s  # a model that costs all columns alike returns one number
        return each

    def time_s(self, bits: int, rows: int) -> float:
        """Return the time of one conversion (s) in an array of ``rows`` rows; ConfigError as :meth:`energy_j`."""
        self._check(bits)
        return self._chosen().time_s(bits, rows)

    def area_m2(self, bits: int) -> float:
        """Return the area of one converter (m2); ConfigError as :meth:`energy_j`."""
        self._check(bits)
        return self._chosen().area_m2(self.feature_size_m, bits, self.macro_fit)

    def energy_price(self, bits: int, supply_v: float, column_conductance_s: Amount, at: str = "rram.adc") -> Price:
        """Return the price (J) of one conversion, :meth:`energy_j` with its words, for the converter at path ``at``.

        The caller adds where the bits and the column's conductance come from.
        """
        return self._price(self.energy_j(bits, supply_v, column_conductance_s), self._chosen().energy_words, at)

    def time_price(self, bits: int, rows: int, at: str = "rram.adc") -> Price:
        """Return the price (s) of one conversion, :meth:`time_s` with its words; ``at`` as :meth:`energy_price`."""
        return self._price(self.time_s(bits, rows), self._chosen().time_words, at)

    def area_price(self, bits: int, at: str = "rram.adc") -> Price:
        """Return the price (m2) of one converter, :meth:`area_m2` with its words; ``at`` as :meth:`energy_price`."""
        words = self._chosen().area_words
        if words is None:
            return self._price(self.area_m2(bits), MacroFit.area_words, at, model=_FALLBACK)
        return self._price(self.area_m2(bits), words, at)

    def _price(self, value: float | Floats, words: Words, at: str, model: str | None = None) -> Price:
        """Return the price that ``words`` speak of: those of ``model``, by default the chosen one."""
        return Price(value, words.formula, (f"{at}.model", *words.origins(at, model or self.model)))

    def _chosen(self) -> ConverterModel:
        found = getattr(self, table_name(self.model), None)
        if not isinstance(found, ConverterModel):
            raise ValueError(f"model = '{self.model}' needs the table [{table_name(self.model)}]")
        return found

    def _check(self, bits: int) -> None:
        known = self._chosen().bits_known
        if bits not in known:
            listed = isinstance(known, tuple)
            wanted = ", ".join(map(str, known)) if listed else f"{known[0]} to {known[-1]}"
            raise ConfigError(
                f"adc '{self.name}': model '{self.model}' holds for {wanted} bits, got {bits}; "
                f"change adc_bits or adc.model"
            )

    def _check_node(self, nodes: tuple[float, ...]) -> None:
        if nodes and not nodes[0] <= self.feature_size_m <= nodes[-1]:
            raise ConfigError(
                f"adc.feature_size_m must lie in {nodes[0]}..{nodes[-1]} m for '{self.model}': {self.feature_size_m}"
            )


def _error(config: type[Adc], kind: str, loc: tuple[str, ...], given: Any) -> ValidationError:
    return ValidationError.from_exception_data(config.__name__, [InitErrorDetails(type=kind, loc=loc, input=given)])


def _below(key: str, error: ValidationError) -> ValidationError:
    """Return the errors of a table as errors of the table ``key`` of its converter."""
    each = [
        InitErrorDetails(type=e["type"], loc=(key, *e["loc"]), input=e["input"], ctx=e.get("ctx", {}))
        for e in error.errors()
    ]
    return ValidationError.from_exception_data(error.title, each)
