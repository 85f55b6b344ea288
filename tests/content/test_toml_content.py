"""Every shipped TOML loads, and every number in it has a source and lies inside its range."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from imcsim.chip.config import load_chip
from imcsim.core.config import FrozenConfig
from imcsim.core.content import names, path_of
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Origin, leaves
from imcsim.core.toml import load_resolved, read_toml
from imcsim.devices import RramCell, SramCell
from imcsim.periphery import Adc, AdderTree, Buffer, DigitalMac, Dram, Link, RowDriver, ShiftAdd

TYPES: dict[str, type[FrozenConfig]] = {
    "rram": RramCell,
    "sram": SramCell,
    "adc": Adc,
    "driver": RowDriver,
    "shift-add": ShiftAdd,
    "adder-tree": AdderTree,
    "buffer": Buffer,
    "link": Link,
    "lpddr4": Dram,
    "hbm2": Dram,
    "mac": DigitalMac,
}
PARTS = [(kind, name) for kind in ("device", "component") for name in names(kind)]
FILES = [*PARTS, *(("chip", name) for name in names("chip"))]


def load(kind: str, name: str, path: Path | None = None) -> tuple[FrozenConfig, Mapping[str, Origin]]:
    if kind == "chip":
        chip = load_chip(name)
        return chip.config, chip.origins
    part_type = TYPES[max((key for key in TYPES if f"{name}-".startswith(f"{key}-")), key=len)]
    part = load_resolved(part_type, kind, name if path is None else str(path))
    return part.config, part.origins


def numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, list[float]]]:
    for path, value in leaves(values):
        items = value if isinstance(value, (list, tuple)) else [value]
        found = [float(item) for item in items if isinstance(item, (int, float)) and not isinstance(item, bool)]
        if found:
            yield path, found


def test_the_expected_content_is_there() -> None:
    rram = {"rram-28nm", "rram-40nm-pessimistic", "rram-neurram-130nm", "rram-cmo-hfox-28nm", "rram-22ffl"}
    assert rram | {"sram-28nm", "sram-22nm-pessimistic"} <= set(names("device"))
    assert {"all-rram-28nm", "all-sram-28nm", "hybrid-28nm"} <= set(names("chip"))


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_file_loads_under_its_own_name(kind: str, name: str) -> None:
    config, _ = load(kind, name)
    assert config.model_dump()["name"] == name


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_every_number_has_a_source(kind: str, name: str) -> None:
    config, origins = load(kind, name)
    for path, _ in numbers(config.model_dump()):
        source = origins[path].source
        assert len(source) > len("design choice"), f"{path} has no source"
        assert "[memory]" not in source, f"{path}: say 'unverified, from memory' instead"


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_every_number_comes_from_a_file(kind: str, name: str) -> None:
    config, origins = load(kind, name)
    assert {origins[path].kind for path, _ in numbers(config.model_dump())} == {"file"}


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_every_value_lies_inside_its_range(kind: str, name: str) -> None:
    config, origins = load(kind, name)
    for path, values in numbers(config.model_dump()):
        low, high = origins[path].low, origins[path].high
        if low is not None and high is not None:
            assert low <= min(values) and max(values) <= high, f"{path} = {values} lies outside {low}..{high}"


def test_the_default_devices_state_ranges_for_what_spans_decades() -> None:
    origins = load_chip("hybrid-28nm").origins
    for path in ("set_energy_j", "reset_energy_j", "guaranteed_cycles", "conductance_max_s"):
        assert origins[f"rram.cell.{path}"].low is not None
    assert origins["sram.cell.write_energy_j"].high == pytest.approx(0.2e-12)


@pytest.mark.parametrize("name", [name for name in names("device") if name.startswith("rram-")])
def test_every_rram_cell_chooses_its_models(name: str) -> None:
    _, origins = load("device", name)
    for field in ("programming_model", "relaxation_model"):
        assert origins[field].kind == "file" and len(origins[field].source) > len("design choice")
    if origins["nonlinearity_v"].kind != "file":  # TOML has no word for "none": the file says it in a comment
        assert "# nonlinearity_v is left out" in path_of("device", name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_unknown_key_is_refused_with_file_and_key(kind: str, name: str, tmp_path: Path) -> None:
    text = path_of(kind, name).read_text(encoding="utf-8")
    broken = tmp_path / f"{name}.toml"
    broken.write_text(text.replace("\nname = ", '\nnmae = "x"\nname = ', 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{name}\.toml: unknown key 'nmae'; did you mean 'name'"):
        load(kind, name, broken)


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_number_without_a_source_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    key = next(path for path, _ in numbers(read_toml(path_of(kind, name))) if "." not in path)
    lines = path_of(kind, name).read_text(encoding="utf-8").splitlines()
    broken = tmp_path / f"{name}.toml"
    broken.write_text("\n".join(line for line in lines if not line.startswith(f'{key} = "')), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{name}\.toml: '{key}' has no source; add it to \[sources\]"):
        load(kind, name, broken)
