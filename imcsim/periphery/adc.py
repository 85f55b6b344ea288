"""Column analog-to-digital converters under published cost models, which disagree by up to ten times."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticKnownError

from imcsim.core.charge import Floats, Price
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.periphery.converters.converter import ConverterModel, ConverterType, Words, table_name
from imcsim.periphery.converters.flash import Flash
from imcsim.periphery.converters.integrating import Integrating
from imcsim.periphery.converters.macro_fit import MacroFit
from imcsim.periphery.converters.multilevel_sense_amp import MultilevelSenseAmp
from imcsim.periphery.converters.neurosim import NeurosimFit
from imcsim.periphery.converters.registry import CONVERTERS, model_class, model_of_table
from imcsim.periphery.converters.sense_amp import SenseAmp
from imcsim.periphery.converters.survey import SurveyTable
from imcsim.periphery.converters.table import ConverterTable
from imcsim.periphery.nodes import NodeTable, shrink
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
    flash: Flash | None = None
    integrating: Integrating | None = None
    sense_amp: SenseAmp | None = None

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
    def converter_type(self) -> ConverterType:
        """How the converter finds a code: ``sar``, ``flash``, ``integrating`` or ``sense-amp``."""
        return self._chosen().kind

    def of_type(self, wanted: ConverterType) -> "Adc":
        """Return the converter priced under a model of that type: the chosen one, else the first whose table is given.

        Raises
        ------
        ConfigError
            If no table is of that type.
        """
        if self.converter_type == wanted:
            return self
        for name in CONVERTERS.names():
            model = getattr(self, table_name(name), None)
            if isinstance(model, ConverterModel) and model.kind == wanted:
                return self.model_copy(update={"model": name})
        kinds = sorted({model.kind for _, model in self if isinstance(model, ConverterModel)})
        raise ConfigError(f"adc '{self.name}': none of its tables is of type '{wanted}'; there is {', '.join(kinds)}")

    def scaled(self, nodes: NodeTable, feature_size_m: float, supply_v: float) -> "Adc":
        """Return the converter at another node (m) and supply (V); its times are those at its node's nominal supply.

        Each model says what it does with the factors of gates (``scaled``): comparators and counters follow them,
        capacitors and currents that noise and matching set do not. A model fitted at several nodes has its own law.

        Raises
        ------
        ConfigError
            For a node that the table lacks, or a supply too close to the threshold.
        """
        by = shrink(nodes, self.feature_size_m, feature_size_m, supply_v)
        tables = {key: model.scaled(by) for key, model in self if isinstance(model, ConverterModel)}
        return self.model_copy(update={"feature_size_m": feature_size_m, **tables})

    def mirrors(self, bits: float) -> int:
        """Return the comparators that a column's current is mirrored into: 2^b - 1 in a flash converter, else 1."""
        self._check(bits)
        return self._chosen().mirrors(bits)

    def energy_j(self, bits: float, supply_v: float, column_conductance_s: Amount) -> Amount:
        """Return the energy of one conversion (J).

        Parameters
        ----------
        bits
            Resolution; a fraction where the levels are no power of two and the model allows for it.
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

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time of one conversion (s) in an array of ``rows`` rows; ConfigError as :meth:`energy_j`."""
        self._check(bits)
        return self._chosen().time_s(bits, rows)

    def area_m2(self, bits: float) -> float:
        """Return the area of one converter (m2); ConfigError as :meth:`energy_j`."""
        self._check(bits)
        return self._chosen().area_m2(self.feature_size_m, bits, self.macro_fit)

    def energy_price(self, bits: float, supply_v: float, column_conductance_s: Amount, at: str = "rram.adc") -> Price:
        """Return the price (J) of one conversion, :meth:`energy_j` with its words, for the converter at path ``at``.

        The caller adds where the bits and the column's conductance come from.
        """
        return self._price(self.energy_j(bits, supply_v, column_conductance_s), self._words("energy", bits), at)

    def time_price(self, bits: float, rows: int, at: str = "rram.adc") -> Price:
        """Return the price (s) of one conversion, :meth:`time_s` with its words; ``at`` as :meth:`energy_price`."""
        return self._price(self.time_s(bits, rows), self._words("time", bits), at)

    def area_price(self, bits: float, at: str = "rram.adc") -> Price:
        """Return the price (m2) of one converter, :meth:`area_m2` with its words; ``at`` as :meth:`energy_price`."""
        return self._price(self.area_m2(bits), self._words("area", bits), at)

    def _words(self, number: Literal["energy", "time", "area"], bits: float) -> Words | None:
        return self._chosen().words(number, bits)

    def _price(self, value: float | Floats, words: Words | None, at: str) -> Price:
        """Return the price that ``words`` speak of: those of the chosen model, or None for the fallback's area."""
        said, model = (MacroFit.area_words, _FALLBACK) if words is None else (words, self.model)
        return Price(value, said.formula, (f"{at}.model", *said.origins(at, model)))

    def _chosen(self) -> ConverterModel:
        found = getattr(self, table_name(self.model), None)
        if not isinstance(found, ConverterModel):
            raise ValueError(f"model = '{self.model}' needs the table [{table_name(self.model)}]")
        return found

    def _check(self, bits: float) -> None:
        model = self._chosen()
        known = model.bits_known
        if bits not in known and not (model.fractions and known[0] <= bits <= known[-1]):
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
