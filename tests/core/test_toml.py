import re
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError, ContentError
from imcsim.core.sources import Resolved
from imcsim.core.toml import load_resolved, parse_override, parse_overrides, read_toml
from tests.core.conftest import Write


class Cell(FrozenConfig):
    kind: str
    read_v: float = Field(gt=0)
    pulses: tuple[float, ...] = ()
    endurance: int = 100


class Part(FrozenConfig):
    count: int
    cell: Cell


class Plan(FrozenConfig):
    shape: str
    routers: int = 1


class Chip(FrozenConfig):
    name: str
    rram: Part


class Roomy(Chip):
    """A chip with places that its file leaves empty."""

    spare: Cell | None = None
    plan: Plan | None = None


def roomy(overrides: dict[str, Any]) -> Resolved[Roomy]:
    return load_resolved(Roomy, "chip", "tiny", overrides, {"rram.cell": "device", "spare": "device"})


CELL = """
kind = "rram"
read_v = {read_v}

[sources]
read_v = "Paper {read_v}, table 1"

[ranges]
read_v = [0.1, 0.5]
"""
CHIP = """
name = "tiny"

[rram]
count = 4
cell = "{cell}"

[sources]
rram = "design choice: four PEs are enough here"
"""

STAR = '[sources]\n"*" = "x"\n'


@pytest.fixture(autouse=True)
def content(write: Write) -> None:
    write("devices/good.toml", CELL.format(read_v=0.2))
    write("devices/other.toml", CELL.format(read_v=0.3))
    write("chips/tiny.toml", CHIP.format(cell="good"))


def load(overrides: dict[str, Any] | None = None, name: str = "tiny") -> Resolved[Chip]:
    return load_resolved(Chip, "chip", name, overrides, {"rram.cell": "device"})


def load_cell(name: str = "good") -> Resolved[Cell]:
    return load_resolved(Cell, "device", name)


def refusal(overrides: dict[str, Any] | None = None, name: str = "tiny") -> str:
    with pytest.raises(ConfigError) as caught:
        load(overrides, name)
    return str(caught.value)


def test_a_reference_is_followed_and_every_value_has_an_origin() -> None:
    chip = load()
    assert chip.config.rram.cell.read_v == 0.2
    assert set(chip.origins) == {
        "name", "rram.count", "rram.cell.kind", "rram.cell.read_v", "rram.cell.pulses", "rram.cell.endurance",
    }  # fmt: skip
    read = chip.origin("rram.cell.read_v")
    assert (read.kind, read.where, read.source) == ("file", "good.toml", "Paper 0.2, table 1")
    assert (read.low, read.high) == (0.1, 0.5)
    assert chip.origin("rram.count").source == "design choice: four PEs are enough here"
    assert (chip.origin("rram.count").low, chip.origin("rram.count").high) == (None, None)
    assert chip.origin("rram.cell.endurance").kind == "default"
    with pytest.raises(ConfigError, match=r"no value is called .rram.cell.nothing."):
        chip.origin("rram.cell.nothing")


def test_a_reference_of_a_part_that_the_file_lacks_is_passed_over() -> None:
    chip = load_resolved(Chip, "chip", "tiny", None, {"sram.cell": "device", "rram.cell": "device"})
    assert chip.config == load().config


def test_a_number_without_a_source_is_refused(write: Write) -> None:
    write("devices/bare.toml", 'kind = "rram"\nread_v = 0.2\n')
    with pytest.raises(ConfigError, match=r"^bare.toml: 'read_v' has no source; add it to \[sources\]$"):
        load_cell("bare")


@pytest.mark.parametrize("numbers", ["[1.0, 2.0]", "[[1]]", "[{a = 1}]"])
def test_numbers_in_a_list_need_a_source_too(write: Write, numbers: str) -> None:
    write("devices/bare.toml", f'kind = "rram"\npulses = {numbers}\n')
    with pytest.raises(ConfigError, match="'pulses' has no source"):
        load_cell("bare")


def test_words_and_switches_need_no_source(write: Write) -> None:
    class Words(FrozenConfig):
        kind: str
        fast: bool
        tags: tuple[str, ...]

    write("devices/words.toml", 'kind = "rram"\nfast = true\ntags = ["a", "b"]\n')
    assert load_resolved(Words, "device", "words").origin("fast").source == "design choice"


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"rram.cell.read_v": "own", "rram.cell": "cell", "rram": "part", "*": "all"}, "own"),
        ({"rram.cell": "cell", "rram": "part", "*": "all"}, "cell"),
        ({"rram": "part", "*": "all"}, "part"),
        ({"*": "all"}, "all"),
    ],
)
def test_the_nearest_source_counts(write: Write, sources: dict[str, str], expected: str) -> None:
    lines = "\n".join(f'"{path}" = "{text}"' for path, text in sources.items())
    if "*" not in sources:
        lines += '\n"rram.count" = "x"'
    write(
        "chips/own.toml",
        f'name = "own"\n[rram]\ncount = 1\ncell = {{kind = "rram", read_v = 0.1}}\n[sources]\n{lines}',
    )
    assert load(name="own").origin("rram.cell.read_v").source == expected


def test_sources_may_be_nested_tables(write: Write) -> None:
    write(
        "chips/own.toml",
        'name = "own"\n[rram]\ncount = 1\ncell = {kind = "rram", read_v = 0.1}\n'
        '[sources.rram]\ncount = "counted"\ncell.read_v = "read"\n',
    )
    assert load(name="own").origin("rram.cell.read_v").source == "read"
    assert load(name="own").origin("rram.count").source == "counted"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (STAR + 'read_vv = "y"', "[sources] names no value: 'read_vv'; did you mean 'read_v'?"),
        (STAR + '[ranges]\nread = [0, 1]', "[ranges] names no value: 'read'; did you mean 'read_v'?"),
        (STAR + '[ranges]\n"*" = [0, 1]', "[ranges] names no value: '*'; allowed: kind, read_v"),
        (STAR + '[ranges]\nread_v = [1, 0]', "range of 'read_v' must be [low, high], two numbers, got [1, 0]"),
        (STAR + '[ranges]\nread_v = [0.3, 1]', "bad.toml: 'read_v' = 0.2 lies outside its own range [0.3, 1.0]"),
        (STAR + '[ranges]\nread_v = 1', "range of 'read_v' must be [low, high], two numbers, got 1"),
        (STAR + '[ranges]\nread_v = ["a", "b"]', "two numbers, got ['a', 'b']"),
        (STAR + '[ranges]\nread_v = [[0, 1], [1, 2]]', "range of 'read_v' has 2 pairs; give one for each entry"),
        (STAR + '[ranges]\nread_v = [nan, 1]', "two numbers, got [nan, 1]"),
    ],
)  # fmt: skip
def test_a_wrong_sources_or_ranges_table_is_refused(write: Write, lines: str, sentence: str) -> None:
    write("devices/bad.toml", f'kind = "rram"\nread_v = 0.2\n{lines}\n')
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        load_cell("bad")


def test_a_list_may_have_a_range_for_each_entry(write: Write) -> None:
    head = 'kind = "rram"\nread_v = 0.2\npulses = [2, 9]\n' + STAR + "[ranges]\n"
    write("devices/listed.toml", f"{head}pulses = [[1, 4], [7, 10]]\n")
    origin = load_cell("listed").origins["pulses"]
    assert (origin.low, origin.high, origin.ends(0), origin.ends(1)) == (1.0, 10.0, (1.0, 4.0), (7.0, 10.0))
    write("devices/one.toml", f"{head}pulses = [1, 10]\n")
    assert load_cell("one").origins["pulses"].ends(1) == (1.0, 10.0)
    for given, sentence in (
        ("[[1, 4]]", "range of 'pulses' has 1 pairs; give one for each entry of the value"),
        ("[[1, 4], 7]", "range of 'pulses' must be [low, high], two numbers, got 7"),
        ("[[1, 4], [7, 8]]", "'pulses' = 9 lies outside its own range [7.0, 8.0]"),
    ):
        write("devices/wrong.toml", f"{head}pulses = {given}\n")
        with pytest.raises(ConfigError, match=re.escape(sentence)):
            load_cell("wrong")


def test_a_reference_can_be_overridden_and_the_fields_below_it() -> None:
    chip = load({"rram.cell": "other", "rram.cell.endurance": 7})
    assert chip.config.rram.cell.read_v == 0.3
    assert chip.config.rram.cell.endurance == 7
    assert chip.origin("rram.cell.read_v").where == "other.toml"
    changed = chip.origin("rram.cell.endurance")
    assert (changed.kind, changed.where) == ("override", "rram.cell.endurance=7")


def test_a_whole_table_can_be_overridden() -> None:
    chip = load({"rram.cell": {"kind": "mine", "read_v": 0.4}})
    assert chip.config.rram.cell == Cell(kind="mine", read_v=0.4)
    assert chip.origin("rram.cell.read_v").kind == "override"
    assert chip.origin("rram.cell.endurance").kind == "default"


def test_an_override_does_not_touch_the_callers_data() -> None:
    overrides: dict[str, Any] = {"rram.cell": {"kind": "mine", "read_v": 0.4}, "rram.cell.read_v": 0.5}
    assert load(overrides).config.rram.cell.read_v == 0.5
    assert overrides["rram.cell"] == {"kind": "mine", "read_v": 0.4}


def test_a_file_beside_the_chip_can_be_referenced(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("chips/mine.toml", CELL.format(read_v=0.45))
    path = write("chips/near.toml", CHIP.format(cell="mine.toml"))
    monkeypatch.chdir(path.parents[1])
    assert load(name=str(path)).config.rram.cell.read_v == 0.45


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"rramm.count": 3}, "tiny.toml: override of 'rramm.count': no such table 'rramm'; did you mean 'rram'?"),
        ({"q.x": 3}, "tiny.toml: override of 'q.x': no such table 'q'; allowed: rram, rram.cell"),
        ({"rram.cuont": 3}, "tiny.toml: unknown key 'rram.cuont'; did you mean 'count'?"),
        ({"rram.cell.read_v": -1}, "tiny.toml: 'rram.cell.read_v': Input should be greater than 0 (given: -1)"),
        ({"rram.cell": 3}, "tiny.toml: 'rram.cell': Input should be a valid dictionary or instance of Cell (given: 3)"),
        ({"rram.count": 1.5}, "tiny.toml: 'rram.count': Input should be a valid integer"),
    ],
)
def test_a_wrong_override_is_refused(overrides: dict[str, Any], sentence: str) -> None:
    assert refusal(overrides).startswith(sentence)


def test_an_override_by_an_unknown_reference_is_refused() -> None:
    with pytest.raises(ContentError, match="unknown device 'god'; did you mean 'good'"):
        load({"rram.cell": "god"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=1", ("a.b", 1)),
        ("a=1e-12", ("a", 1e-12)),
        ("a = true", ("a", True)),
        ("a=[1, 2]", ("a", [1, 2])),
        ("a='x'", ("a", "x")),
        ("a=fashion-mnist", ("a", "fashion-mnist")),
        ("a=x=y", ("a", "x=y")),
        ("a=", ("a", "")),
    ],
)
def test_an_override_is_read_as_toml_or_as_a_word(text: str, expected: tuple[str, Any]) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["", "a", "=1", " =1"])
def test_an_override_without_path_or_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"an override reads path=value, got '{text}'")):
        parse_override(text)


def test_the_last_of_two_overrides_counts() -> None:
    assert parse_overrides(["a=1", "b=2", "a=3"]) == {"a": 3, "b": 2}


def test_text_that_is_not_toml_is_refused_with_its_line(write: Write) -> None:
    path = write("devices/broken.toml", 'kind = "rram"\nread_v = \n')
    with pytest.raises(ConfigError, match=r"^broken.toml is not valid TOML: .*line 2"):
        read_toml(path)


def test_bytes_that_are_not_text_are_refused(write: Write) -> None:
    path = write("devices/broken.toml", "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"^broken.toml is not valid TOML"):
        read_toml(path)


def test_a_file_that_cannot_be_read_is_refused(write: Write) -> None:
    path = write("devices/gone.toml", "")
    path.unlink()
    with pytest.raises(ConfigError, match=r"^cannot read .*gone.toml: No such file or directory$"):
        read_toml(path)


def test_a_name_for_a_component_that_the_file_leaves_out_is_followed() -> None:
    chip = roomy({"spare": "other", "spare.endurance": 9})
    assert chip.config.spare is not None
    assert (chip.config.spare.read_v, chip.config.spare.endurance) == (0.3, 9)
    assert chip.origin("spare.read_v").where == "other.toml"
    with pytest.raises(ContentError, match="unknown device 'othr'; did you mean 'other'"):
        roomy({"spare": "othr"})


def test_fields_of_a_part_that_the_file_leaves_out_can_be_set() -> None:
    chip = roomy({"plan.shape": "mesh", "plan.routers": 4})
    assert chip.config.plan == Plan(shape="mesh", routers=4)
    assert chip.origin("plan.routers").kind == "override"
    for overrides, sentence in (
        ({"plan.routers": 4}, "tiny.toml: 'plan.shape' is missing"),
        ({"plan.shape": "x", "plan.ruters": 2}, "tiny.toml: unknown key 'plan.ruters'; did you mean 'routers'?"),
        ({"plan.deep.x": 1}, "tiny.toml: override of 'plan.deep.x': no such table 'plan.deep'"),
    ):
        with pytest.raises(ConfigError) as caught:
            roomy(overrides)
        assert str(caught.value).startswith(sentence)


def test_the_origin_of_no_value_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no value is called 'rram.cuont'; did you mean 'rram.count'\?"):
        load().origin("rram.cuont")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a" + ".a" * 50_000 + " = 1", "a key has more than 16 parts"),
        ("[" + "a." * 50_000 + "a]", "a key has more than 16 parts"),
        ('"a"' + ' . "b"' * 5_000 + " = 1", "a key has more than 16 parts"),
        ("a = " + "[" * 20_000 + "]" * 20_000, "nested deeper than 16 levels"),
        ("a = " + "{b = " * 40 + "1" + "}" * 40, "nested deeper than 16 levels"),
        ("a = " + "[" * 17 + "]" * 17, "nested deeper than 16 levels"),
        ("a = " + "9" * 5_000, "integer string conversion"),
        ("#" * 300_000, "has more than 262,144 bytes"),
        ('a = "' + "x" * 100_000, "is not valid TOML"),
    ],
)
def test_a_text_that_would_take_long_is_refused_at_once(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    before = time.process_time()
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_toml(path)
    assert time.process_time() - before < 5  # it took 39 s of processor time
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_what_is_long_but_plain_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plain.toml"
    path.write_text(
        "a.b.c = [" + "1.5, " * 20_000 + "]\nd = " + "[" * 14 + "]" * 14 + '\ne = "J. Appl. Phys., p. 1. 2. 3."\n'
    )
    assert len(read_toml(path)["a"]["b"]["c"]) == 20_000


@pytest.mark.parametrize("section", ["sources", "ranges"])
def test_a_section_that_is_a_list_is_refused(tmp_path: Path, section: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(f"[[{section}]]\na = 1\n")
    with pytest.raises(ConfigError, match=rf"odd.toml: \[{section}\] must be one table, once"):
        load_resolved(FrozenConfig, "chip", str(path))


def test_an_override_of_endless_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="no path is as long as"):
        parse_override("a" + ".a" * 50_000 + "=1")
    assert parse_override("a.b=" + "[" * 2000) == ("a.b", "[" * 2000)  # no TOML, so a text
