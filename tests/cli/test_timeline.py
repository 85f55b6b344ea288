"""``imcsim timeline`` inside this process."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imcsim.cli.app import app
from imcsim.core.errors import ConfigError, EventsError, ImcsimError

ON = ("--chip", "hybrid-28nm")


def call(*arguments: str) -> str:
    return CliRunner().invoke(app, ["timeline", *arguments], catch_exceptions=False).stdout


def record(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(*arguments, "--json"))
    return found


def test_the_text_names_what_limits(trace_file: Path) -> None:
    text = call(str(trace_file), *ON)
    for part in ("latency ", "closed form ", "critical path, by phase", "What would help"):
        assert part in text


def test_files_are_written(trace_file: Path, tmp_path: Path) -> None:
    png, perfetto = tmp_path / "steps.png", tmp_path / "steps.json"
    call(str(trace_file), *ON, "--png", str(png), "--perfetto", str(perfetto), "--once", "--steps", "2")
    assert png.read_bytes()[:4] == b"\x89PNG"
    assert {event["ph"] for event in json.loads(perfetto.read_text())["traceEvents"]} == {"M", "X"}


def test_options_arrive(trace_file: Path) -> None:
    plain = record(str(trace_file), *ON, "--task", "1", "--vectors", "1")
    assert (plain["task"], plain["vectors_per_task"], plain["options"]["steps"]) == (1, 1, 1)
    set_ = record(str(trace_file), *ON, "--vectors", "1", "--set", "link.bandwidth_bits_per_s=1e8")
    assert set_["latency_s"] > 2 * plain["latency_s"]
    shared = record(str(trace_file), "--chip", "all-rram-28nm", "--layers-per-adc", "2")
    assert any(row["name"] == "adc rram group 0" for row in shared["resources"])
    assert record(str(trace_file), *ON, "--queue", "1", "--priority", "writes-first")["options"]["queue_vectors"] == 1


def test_a_seed_draws_pulses_and_repeats(trace_file: Path) -> None:
    on = (str(trace_file), "--chip", "all-rram-28nm")
    mean, one, same, other = record(*on), *(record(*on, "--seed", seed) for seed in "001")
    assert one == same
    assert len({mean["latency_s"], one["latency_s"], other["latency_s"]}) == 3


def test_a_long_run_tells_its_error(trace_file: Path) -> None:
    found = record(str(trace_file), "--chip", "all-sram-28nm", "--steps", "6", "--steady")
    long = found["long_run"]
    assert (long["steps"], found["options"]["steps"]) == (6, 6)
    assert long["latency_s"] >= found["latency_s"]
    assert "all 6 steps: latency" in call(str(trace_file), "--chip", "all-sram-28nm", "--steps", "6", "--steady")


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("--priority", "reads"), ConfigError, "'priority'"),
        (("--task", "9"), EventsError, "the trace has tasks 0 to 2, got 9"),
        (("--steps", "7"), EventsError, "task 2 has 6 steps, got steps = 7"),
        (("--steady", "--seed", "0"), ConfigError, "--steady needs steps that repeat, and --seed draws each anew"),
        (("--steady", "--once"), EventsError, "leave out what a task does once"),
        (("--png", "x.gif"), ConfigError, "a figure is written as .png or .pdf"),
    ],
)
def test_mistakes_are_told(
    trace_file: Path, arguments: tuple[str, ...], error: type[ImcsimError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        call(str(trace_file), *ON, *arguments)


def test_a_mapping_rule(trace_file: Path) -> None:
    plain, same = (record(str(trace_file), *ON, "--rule", rule) for rule in ("im2col", "transposable"))
    assert same["latency_s"] == pytest.approx(plain["latency_s"], rel=1e-12)
