"""A converter model of another package: one class and one table of TOML, and nothing else."""

import importlib.metadata
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import Field

from imcsim.chip.config import load_chip
from imcsim.core.config import config_hash, parse
from imcsim.core.errors import ConfigError, ContentError
from imcsim.core.toml import load_resolved
from imcsim.periphery import Adc
from imcsim.periphery.converters import CONVERTERS, ConverterModel, Words, converter_model
from imcsim.periphery.table import Amount

TOML = """
name = "adc-vco"
model = "vco-counter"
feature_size_m = 28e-9

[vco_counter]
bits = 8
count_j = 2e-15
leakage_s = 3.0
area_m2 = 5e-10

[sources]
"*" = "design choice: a test"
"""
WORDS = {"energy_words": Words("E_count 2^b"), "time_words": Words("t")}


class VcoCounter(ConverterModel):
    """Counts periods of an oscillator: 2^b of them, each a nanosecond; a siemens adds ``leakage_s`` counts."""

    energy_words: ClassVar[Words] = Words("E_count (2^b + c G)", ("count_j", "leakage_s"))
    time_words: ClassVar[Words] = Words("2^b ns")
    area_words: ClassVar[Words | None] = Words("area of the counter", ("area_m2",))
    follows_conductance: ClassVar[bool] = True

    bits: int = Field(ge=1)
    count_j: float = Field(gt=0)
    leakage_s: float
    counter_m2: float = Field(alias="area_m2", gt=0)

    @property
    def bits_known(self) -> range:
        return range(1, self.bits + 1)

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> Amount:
        return self.count_j * (math.exp2(bits) + self.leakage_s * conductance_s)

    def time_s(self, bits: float, rows: int) -> float:
        return math.exp2(bits) * 1e-9

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        return self.counter_m2


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is registered in a test is forgotten after it."""
    CONVERTERS.names()
    for kept in ("_entries", "_origins", "_imported"):
        monkeypatch.setattr(CONVERTERS, kept, dict(getattr(CONVERTERS, kept)))
    yield


@pytest.fixture
def file(registry: None, tmp_path: Path) -> str:
    converter_model("vco-counter")(VcoCounter)
    path = tmp_path / "adc-vco.toml"
    path.write_text(TOML)
    return str(path)


def test_its_table_is_read_and_prices_a_conversion(file: str) -> None:
    adc = load_resolved(Adc, "component", file).config
    assert adc.energy_j(3, 0.9, 0.0) == pytest.approx(16e-15)
    np.testing.assert_allclose(adc.energy_j(3, 0.9, np.array([0.0, 2.0])), [16e-15, 28e-15])
    assert adc.time_s(4, 64) == pytest.approx(16e-9)
    assert adc.area_m2(4) == 5e-10 and adc.follows_conductance
    price = adc.energy_price(3, 0.9, 0.0, "rram.adc")
    assert price.value == pytest.approx(16e-15) and price.formula == "E_count (2^b + c G)"
    assert price.origins == ("rram.adc.model", "rram.adc.vco_counter.count_j", "rram.adc.vco_counter.leakage_s")
    assert adc.area_price(3, "x").origins == ("x.model", "x.vco_counter.area_m2")


def test_overrides_and_origins_reach_into_its_table(file: str) -> None:
    found = load_resolved(Adc, "component", file, {"vco_counter.count_j": 1e-15})
    assert found.config.energy_j(3, 0.9, 0.0) == pytest.approx(8e-15)
    assert found.origin("vco_counter.count_j").kind == "override"
    assert found.origin("vco_counter.area_m2").source == "design choice: a test"
    assert "vco_counter.counter_m2" not in found.origins


def test_a_chip_takes_it(file: str) -> None:
    chip = load_chip("hybrid-28nm", {"rram.adc": file, "rram.adc.vco_counter.count_j": 4e-15, "rram.adc_bits": 8})
    assert chip.config.rram is not None
    adc = chip.config.rram.adc
    assert adc.energy_j(5, 0.9, 0.0) == pytest.approx(128e-15)
    for price in (adc.energy_price(5, 0.9, 0.0), adc.time_price(5, 64), adc.area_price(5)):
        assert set(price.origins) <= chip.origins.keys()
    with pytest.raises(ConfigError, match="model 'vco-counter' holds for 1 to 8 bits, got 9"):
        load_chip("hybrid-28nm", {"rram.adc": file, "rram.adc_bits": 9})


def test_overrides_alone_open_its_table_in_a_file_without_one(registry: None) -> None:
    converter_model("vco-counter")(VcoCounter)
    values = {"bits": 8, "count_j": 2e-15, "leakage_s": 3.0, "area_m2": 5e-10}
    overrides = {"rram.adc.model": "vco-counter", "rram.adc_bits": 8} | {
        f"rram.adc.vco_counter.{key}": v for key, v in values.items()
    }
    part = load_chip("hybrid-28nm", overrides).config.rram
    assert part is not None and part.adc.energy_j(3, 0.9, 0.0) == pytest.approx(16e-15)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[vco_counter]", "[vco_countr]", r"unknown key 'vco_countr'; did you mean 'vco_counter'\?$"),
        ("[vco_counter]", "[survy]", r"unknown key 'survy'; did you mean 'survey'\?$"),
        ("count_j =", "cuont_j =", r"unknown key 'vco_counter.cuont_j'; did you mean 'count_j'\?$"),
        ("area_m2 =", "counter_m2 =", r"unknown key 'vco_counter.counter_m2'; "),
        ("count_j = 2e-15", "count_j = -1.0", r"'vco_counter.count_j': .*greater than 0 \(given: -1.0\)$"),
        ("bits = 8\n", "", r"'vco_counter.bits' is missing$"),
        ('"vco-counter"', '"vco-countr"', r"'model': .*'table' or 'vco-counter' \(given: 'vco-countr'\)$"),
        ('"vco-counter"', '"survey"', r"model = 'survey' needs the table \[survey\]$"),
        ('"vco-counter"', '"macro-fit"', r"'macro_fit' is missing$"),
    ],
)
def test_what_is_wrong_is_one_sentence(file: str, old: str, new: str, sentence: str) -> None:
    assert old in TOML
    Path(file).write_text(TOML.replace(old, new, 1))
    with pytest.raises(ConfigError, match=rf"^adc-vco\.toml: {sentence}"):
        load_resolved(Adc, "component", file)


def test_a_table_that_is_none_is_refused(file: str) -> None:
    start = TOML.index("[vco_counter]")
    Path(file).write_text(TOML[:start] + "vco_counter = 3\n" + TOML[TOML.index("[sources]") :])
    with pytest.raises(ConfigError, match=r"^adc-vco.toml: 'vco_counter': .*dictionary.*\(given: 3\)$"):
        load_resolved(Adc, "component", file)


def test_its_table_without_its_package_is_refused(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {name: entry for name, entry in CONVERTERS._entries.items() if name != "vco-counter"}
    monkeypatch.setattr(CONVERTERS, "_entries", shipped)
    with pytest.raises(ConfigError, match="unknown key 'vco_counter'; "):
        load_resolved(Adc, "component", file)


def test_its_table_counts_as_any_other_value(file: str) -> None:
    one, same = (load_resolved(Adc, "component", file).config for _ in range(2))
    other = load_resolved(Adc, "component", file, {"vco_counter.count_j": 1e-15}).config
    assert one == same and hash(one) == hash(same) and config_hash(one) == config_hash(same)
    assert one != other and hash(one) != hash(other) and config_hash(one) != config_hash(other)
    assert pickle.loads(pickle.dumps(one)) == one
    assert parse(Adc, one.model_dump(), "again") == one
    python = Adc(name="p", model="vco-counter", feature_size_m=28e-9, vco_counter=one.model_dump()["vco_counter"])
    assert python.energy_j(3, 0.9, 0.0) == one.energy_j(3, 0.9, 0.0)


def test_a_package_enters_by_its_entry_point_and_is_imported_when_asked_for(
    registry: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []

    def load() -> type[ConverterModel]:
        loads.append(1)
        return VcoCounter

    point = SimpleNamespace(name="vco-counter", value="toy:Vco", module="toy", dist=None, load=load)
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: [point] if group == "imcsim.converter" else []
    )
    monkeypatch.setattr(CONVERTERS, "_points", CONVERTERS._points)
    monkeypatch.setattr(CONVERTERS, "_points_of", None)  # read the metadata again
    load_chip("hybrid-28nm")
    assert "vco-counter" in CONVERTERS.names() and not loads
    path = tmp_path / "adc-vco.toml"
    path.write_text(TOML)
    assert load_resolved(Adc, "component", str(path)).config.time_s(1, 64) == pytest.approx(2e-9)
    assert loads == [1]


def model(**parts: Any) -> Any:
    def energy_j(self: Any, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        return 1.0

    def time_s(self: Any, bits: float, rows: int) -> float:
        return 1.0

    whole = {"energy_j": energy_j, "time_s": time_s, "__module__": __name__, **WORDS, **parts}
    return type("Toy", (ConverterModel,), {name: part for name, part in whole.items() if part is not None})


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"time_s": None}, "converter model 'toy' has no time_s$"),
        ({"energy_words": None}, "converter model 'toy' has no energy_words$"),
        ({"area_words": Words("A")}, "converter model 'toy' needs both area_m2 and area_words, or neither$"),
        (
            {"__annotations__": {"pulse_j": float}, "time_words": Words("t", ("puls_j",))},
            r"the words 't' of converter model 'toy' name 'puls_j', which is no field of it; did you mean 'pulse_j'\?$",
        ),
    ],
)
def test_a_model_that_is_not_whole_is_refused(registry: None, parts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ContentError, match=sentence):
        converter_model("toy")(model(**parts))
    assert "toy" not in CONVERTERS.names()


def test_a_field_named_as_a_method_is_refused_with_the_way_out(registry: None) -> None:
    with pytest.warns(UserWarning, match="shadows"):
        shadowing = model(time_s=None, __annotations__={"time_s": float})
    with pytest.raises(ContentError, match=r"has a field 'time_s', which is .*: .* with Field\(alias='time_s'\)$"):
        converter_model("toy")(shadowing)


def test_what_is_no_model_and_tables_of_one_name_are_refused(file: str) -> None:
    with pytest.raises(ContentError, match=r"'toy' must be a class of imcsim\.periphery\.converters\.ConverterModel$"):
        converter_model("toy")(int)  # type: ignore[type-var]
    converter_model("vco_counter")(VcoCounter)
    with pytest.raises(ContentError, match=r"'vco-counter' and 'vco_counter' both have the table \[vco_counter\]$"):
        load_resolved(Adc, "component", file)


def test_one_that_states_no_area_needs_a_fit_to_take_it_from(registry: None) -> None:
    converter_model("toy")(model())
    values = {"name": "a", "model": "toy", "feature_size_m": 28e-9, "toy": {}}
    with pytest.raises(ConfigError, match=r"^a\.toml: 'macro_fit' is missing$"):
        parse(Adc, values, "a.toml")
    shipped = load_resolved(Adc, "component", "adc-28nm").config
    borrowing = parse(Adc, {**values, "macro_fit": shipped.model_dump()["macro_fit"]}, "a.toml")
    assert borrowing.area_m2(8) == shipped.model_copy(update={"model": "macro-fit"}).area_m2(8)
    np.testing.assert_array_equal(borrowing.energy_j(8, 0.9, np.zeros(3)), [1.0, 1.0, 1.0])  # one for each column
