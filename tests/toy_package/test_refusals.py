"""A sort that is not whole, a table that is broken, a name that there is not: one sentence each."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from imcsim.chip import load_chip
from imcsim.core.errors import ConfigError, ContentError, ImcsimError
from tests.toy_package.two_layers import toy

BROKEN = """
from imcsim.chip.part import ChipPart, part_sort
from imcsim.memory.memory import Memory, memory_sort
from imcsim.periphery.converters import ConverterModel

class Half(Memory):
    volatile = False
    verb = "program"

class Silent(Memory):
    pass

class Idle(ChipPart):
    pass

@part_sort("idle-by-name")
class Named(ChipPart):
    references = {}
    def charges(self, spent, at):
        return ()

@part_sort("lost")
class Lost(ChipPart):
    def charges(self, spent, at):
        return ()

class Dumb(ConverterModel):
    pass

no_class = 3
"""
POINTS = """
[imcsim.memory]
half = broken_toy:Half
silent = broken_toy:Silent
number = broken_toy:no_class
[imcsim.part]
idle = broken_toy:Idle
other-name = broken_toy:Named
[imcsim.converter]
dumb = broken_toy:Dumb
"""


@pytest.mark.parametrize(
    ("chip", "given", "sentence"),
    [
        (
            "toy-fefet",
            {"memory.fefet.sort": "fefft"},
            "'memory.fefet.sort': unknown memory sort 'fefft'; did you mean 'fefet'?",
        ),
        (
            "toy-sram-ldo",
            {"part.regulator.sort": "lod"},
            "'part.regulator.sort': unknown part sort 'lod'; did you mean 'ldo'?",
        ),
        ("toy-fefet", {"memory.fefet.pe_coun": 3}, "'memory.fefet': unknown key 'pe_coun'; did you mean 'pe_count'?"),
        ("toy-fefet", {"memory.fefet.cell.erase_s": -1}, "'cell.erase_s': Input should be greater than 0 (given: -1)"),
        ("toy-fefet", {"memory.fefet.cell": "rram-28nm"}, "'memory.fefet': unknown key 'cell."),
        ("toy-fefet", {"memory.fefet.cell": "fefet-toi"}, "unknown device 'fefet-toi'; did you mean 'fefet-toy'?"),
        (
            "toy-fefet",
            {"memory.fefet.adc_bits": 9},
            "[memory.fefet] adc 'vco-toy': model 'vco-counter' holds for 4 to 8 bits",
        ),
        ("toy-fefet", {"memory.fefet": 3}, "'memory.fefet'"),
        ("toy-fefet", {"memory": {"fefet": {"pe_count": 3}}}, "'memory.fefet.sort': is missing: one of analog-rram, "),
        (
            "toy-sram-ldo",
            {"part.regulator.design.efficiency": 2},
            "'part.regulator': 'design.efficiency': Input should be",
        ),
        ("toy-sram-ldo", {"part.regulator.design": "ldo-28nm"}, "unknown component 'ldo-28nm'"),
        (
            "toy-sram-ldo",
            {"weight_gradient": "sram-array", "sram": None},
            "a chip needs [rram], [sram] or both, or a [memory.NAME] of another sort",
        ),
        (
            "toy-rram-analog-sram",
            {"weight_gradient": "sram-array"},
            "weight_gradient = 'sram-array' needs adders in [memory.cache]",
        ),
        ("toy-sram-ldo", {"commit": "task"}, "or other memory that keeps its weights without power"),
    ],
)
def test_a_chip_that_does_not_hold_together(chip: str, given: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ImcsimError) as caught:
        toy(chip, given)
    told = str(caught.value)
    assert sentence in told
    assert "\n" not in told


def chip_file(folder: Path, before: str, after: str) -> str:
    source = Path(__file__).parent / "site" / "imcsim_toy" / "models" / "toy-fefet-sram.toml"
    text = source.read_text()
    assert before in text
    path = folder / "chip.toml"
    path.write_text(text.replace(before, after))
    return str(path)


def test_two_memories_of_one_kind_or_name(tmp_path: Path) -> None:
    more = '[memory.other]\nsort = "fefet"\ncell = "fefet-toy"\nadc = "vco-toy"\n'
    more += (
        'pe_count = 1\ncell_bits = 2\nsign = "differential"\nadc_bits = 8\ncolumns_per_adc = 8\nwrite_policy = "step"\n'
    )
    two = chip_file(tmp_path, "[sram]", f"{more}[sram]")
    with pytest.raises(
        ConfigError, match=r"keep their weights without power, got \[memory.fefet\] and \[memory.other\]"
    ):
        load_chip(two)
    twice = chip_file(tmp_path, "[memory.fefet]", "[memory.sram]")
    with pytest.raises(ConfigError, match="two memories of the chip are called 'sram': give one another name"):
        load_chip(twice)
    dotted = chip_file(tmp_path, "[memory.fefet]", '[memory."a.b"]')
    with pytest.raises(
        ConfigError, match=re.escape("'memory.a.b': a name in leaves and tables has letters, digits, '-' and '_' alone")
    ):
        load_chip(dotted)


@pytest.mark.parametrize(
    ("table", "sort", "sentence"),
    [
        ("memory", "half", "memory sort 'half' of broken_toy.Half has no area"),
        ("memory", "silent", "memory sort 'silent' of broken_toy.Silent has no area"),
        ("memory", "number", "is no class of imcsim.memory.memory.Memory"),
        ("part", "idle", "part sort 'idle' of broken_toy.Idle has no charges"),
        ("part", "other-name", "part sort 'other-name' must be filed under its own name, not under 'idle-by-name'"),
    ],
)
def test_a_sort_that_is_not_whole(
    table: str, sort: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_toy.py").write_text(BROKEN)
    (tmp_path / "broken_toy-1.0.dist-info").mkdir()
    (tmp_path / "broken_toy-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: broken-toy\nVersion: 1\n"
    )
    (tmp_path / "broken_toy-1.0.dist-info" / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    where = {"memory": ("toy-fefet", "memory.fefet"), "part": ("toy-sram-ldo", "part.regulator")}
    chip, path = where[table]
    with pytest.raises(ImcsimError) as caught:
        toy(chip, {f"{path}.sort": sort})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_converter_that_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_toy.py").write_text(BROKEN)
    (tmp_path / "broken_toy-1.0.dist-info").mkdir()
    (tmp_path / "broken_toy-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: broken-toy\nVersion: 1\n"
    )
    (tmp_path / "broken_toy-1.0.dist-info" / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ContentError, match="converter model 'dumb' has no "):
        toy("toy-fefet", {"memory.fefet.adc.model": "dumb"})
