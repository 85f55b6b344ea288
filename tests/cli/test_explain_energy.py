"""``imcsim explain energy...`` on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

ON = ("--chip", "hybrid-28nm")


def test_a_leaf_is_told_with_counts_and_sources(imcsim: Run, trace_file: Path) -> None:
    done = imcsim("explain", "energy.forward.adder_tree", "--trace", str(trace_file), *ON)
    assert done.returncode == 0
    for words in (
        "energy.forward.sram.adder_tree = ", "full adders x ", "trace: forward_vectors = ", "over all tasks and layers",
        "sram.adder_tree.activity = 0.25", "KULeuven-MICAS/zigzag-imc",
    ):  # fmt: skip
        assert words in done.stdout


def test_json_multiplies_to_the_priced_number(imcsim: Run, trace_file: Path) -> None:
    done = imcsim("explain", "energy", "--trace", str(trace_file), *ON, "--set", "clock_hz=1e8", "--json")
    records = json.loads(done.stdout)
    priced = json.loads(imcsim("price", str(trace_file), *ON, "--set", "clock_hz=1e8", "--json").stdout)
    assert {r["path"]: r["energy_j"] for r in records} == {
        f"energy.{leaf}": joules for leaf, joules in priced["energy_j"]["leaves"].items()
    }
    explained = [record for record in records if record["explained"]]
    assert len(explained) > 40
    for record in explained:
        assert record["amount"] * record["unit_j"] == pytest.approx(record["energy_j"], rel=1e-12, abs=0.0)
        assert all(parameter["source"] for parameter in record["parameters"])


def test_what_is_not_explained_says_so(imcsim: Run, trace_file: Path) -> None:
    done = imcsim("explain", "energy.migration.rram_program", "--trace", str(trace_file), *ON)
    assert done.returncode == 0
    assert "not explained yet" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("energy.forward.adc",), "energy.forward.adc is a priced number: name the trace with --trace FILE"),
        (
            ("clock_hz", "--trace"),
            "--trace explains paths that begin with energy, such as energy.forward, got 'clock_hz'",
        ),
        (("energy.forwrd", "--trace"), "no part of the energy of hybrid-28nm is called 'energy.forwrd'"),
    ],
)
def test_mistakes_give_one_sentence(imcsim: Run, trace_file: Path, arguments: tuple[str, ...], sentence: str) -> None:
    file = (str(trace_file),) if "--trace" in arguments else ()
    done = imcsim("explain", *arguments, *file, *ON)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
