"""``imcsim explain energy...``, ``latency...`` and ``area...`` on the command line."""

import json
from pathlib import Path

import pytest

from imcsim.chip.charged import SI_UNITS
from imcsim.cli.explain_priced import TREES
from tests.cli.conftest import Run

ON = ("--chip", "hybrid-28nm")
UNITS = {tree: unit.lower() for tree, unit in SI_UNITS.items()}


def test_the_command_knows_every_tree() -> None:
    assert tuple(SI_UNITS) == TREES


def test_a_leaf_is_told_with_counts_and_sources(imcsim: Run, trace_file: Path) -> None:
    done = imcsim("explain", "energy.forward.adder_tree", "--trace", str(trace_file), *ON)
    assert done.returncode == 0
    for words in (
        "energy.forward.sram.adder_tree = ", "full adders x ", "trace: forward_vectors = ", "over all tasks and layers",
        "sram.adder_tree.activity = 0.25", "KULeuven-MICAS/zigzag-imc",
    ):  # fmt: skip
        assert words in done.stdout


@pytest.mark.parametrize("tree", ["energy", "latency", "area", "inference"])
def test_json_sums_to_the_priced_numbers(imcsim: Run, trace_file: Path, tree: str) -> None:
    done = imcsim("explain", tree, "--trace", str(trace_file), *ON, "--set", "clock_hz=1e8", "--json")
    records, unit = json.loads(done.stdout), UNITS[tree]
    priced = json.loads(imcsim("price", str(trace_file), *ON, "--set", "clock_hz=1e8", "--json").stdout)
    leaves = {r["path"]: r[f"{tree}_{unit}"] for r in records}
    assert leaves == {f"{tree}.{leaf}": value for leaf, value in priced[f"{tree}_{unit}"]["leaves"].items()}
    for record in records:
        total = sum(term["amount"] * term[f"unit_{unit}"] for term in record["terms"])
        assert total == pytest.approx(leaves[record["path"]], rel=1e-12, abs=0.0)
        assert all(parameter["source"] for term in record["terms"] for parameter in term["parameters"])


def test_a_leaf_of_several_terms_tells_each(imcsim: Run, trace_file: Path) -> None:
    done = imcsim("explain", "energy.migration.rram_read", "--trace", str(trace_file), *ON)
    assert done.returncode == 0
    assert [line.split(" x ")[0].split()[0] for line in done.stdout.splitlines() if line[4:6] in ("= ", "+ ")] == [
        "=", "+", "+", "+",
    ]  # fmt: skip
    assert "conversions x " in done.stdout


def test_a_time_and_an_area_are_told(imcsim: Run, trace_file: Path) -> None:
    time = imcsim("explain", "latency.forward", "--trace", str(trace_file), *ON)
    assert "vectors through SRAM" in time.stdout
    assert "weight_sets x weights_per_tree x max(product + adders + accumulator" in time.stdout
    area = imcsim("explain", "area.rram.adc", "--trace", str(trace_file), *ON)
    assert " m2" in area.stdout
    assert "converters" in area.stdout


def test_a_link_on_a_floor_plan_shows_its_hops(imcsim: Run, trace_file: Path) -> None:
    plan = 'floor_plan={topology="mesh",pes_per_router=4}'
    done = imcsim("explain", "energy.link.forward", "--trace", str(trace_file), *ON, "--set", plan)
    assert "hops of its layer on the floor plan (" in done.stdout
    assert "floor_plan.topology = mesh" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("energy.forward.adc",), "energy.forward.adc is a priced number: name the trace with --trace FILE"),
        (("area",), "area is a priced number: name the trace with --trace FILE"),
        (("clock_hz", "--trace"), "--trace explains paths that begin with energy, latency, area, deployment,"),
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
