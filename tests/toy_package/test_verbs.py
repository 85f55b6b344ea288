"""Every verb of the command line takes the toy package's memories, converter and regulator as it takes imcsim's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import imcsim
from imcsim.cli.app import app
from imcsim.core.errors import ConfigError, TraceError
from imcsim.learn.wear.of_chip import wear_of_chip
from imcsim.report.study_report import write_report
from imcsim.study.run import RunOptions, run_study
from imcsim.study.spec import load_study
from imcsim.study.worker import train_point
from imcsim.trace.store import save
from tests.chip.hand import random_trace
from tests.packaging.inline import Inline
from tests.toy_package.conftest import SITE
from tests.toy_package.two_layers import toy, two_layers

CHIPS = ("toy-fefet", "toy-fefet-sram", "toy-rram-analog-sram", "toy-sram-ldo")
SMALL = ("--set", "array.rows=4", "--set", "array.cols=16")


def call(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*arguments: str) -> Any:
    return json.loads(call(*arguments, "--json"))


@pytest.fixture
def stored(tmp_path: Path) -> str:
    path = tmp_path / "t.safetensors"
    save(random_trace(5), path)
    return str(path)


@pytest.mark.parametrize(
    ("kind", "name", "own"), [("memory", "fefet", "digital-sram"), ("converter", "vco-counter", "survey"),
                              ("part", "ldo", None), ("device", "fefet-toy", "sram-28nm"),
                              ("component", "ldo-toy", "adc-28nm"), ("chip", "toy-fefet", "hybrid-28nm")],
)  # fmt: skip
def test_list_and_show(kind: str, name: str, own: str | None) -> None:
    lines = [line.split() for line in call("list", kind).splitlines()]
    assert [name, "(package", "imcsim-toy)"] in lines
    assert own is None or [own] in lines
    assert not [module for module in sys.modules if module.startswith("imcsim_toy")]
    assert call("show", kind, name)


def test_show_tells_keys_files_and_formulas() -> None:
    memory = call("show", "memory", "fefet").splitlines()
    assert memory[0].startswith("FeFET PEs: nonvolatile")
    assert {"pe_count", "cell (a device by name)", "adc (a component by name)"} <= set(memory)
    converter = call("show", "converter", "vco-counter").splitlines()
    assert {"counting_hz", "energy: 2^b (P / f + E_count)", "time: 2^b / f", "area: A_vco + b A_bit"} <= set(converter)
    assert "design (a component by name)" in call("show", "part", "ldo").splitlines()
    assert "wl_segment_ohm = 0.0" in call("show", "memory", "analog-rram").splitlines()


def test_values_have_origins_and_can_be_set() -> None:
    cell = told("explain", "memory.fefet.cell.program_energy_j", "--chip", "toy-fefet")
    assert [(e["value"], e["where"], e["low"], e["high"]) for e in cell] == [(4e-15, "fefet-toy.toml", 1e-15, 1e-14)]
    (count,) = told("explain", "memory.fefet.pe_count", "--chip", "toy-fefet", "--set", "memory.fefet.pe_count=7")
    assert (count["value"], count["kind"]) == (7, "override")
    name = ("--chip", "toy-fefet", "--set", "memory.fefet.adc=adc-28nm", "--set", "memory.fefet.adc_bits=6")
    converter = told("explain", "memory.fefet.adc.model", *name)
    assert (converter[0]["value"], converter[0]["where"]) == ("macro-fit", "adc-28nm.toml")
    (eta,) = told("explain", "part.regulator.design.efficiency", "--chip", "toy-sram-ldo")
    assert (eta["value"], eta["where"]) == (0.8, "ldo-toy.toml")


@pytest.mark.parametrize("chip", CHIPS)
def test_a_chip_is_read_again_from_what_it_dumps(chip: str) -> None:
    config = toy(chip).config
    assert type(config).model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("chip", CHIPS)
def test_price_explain_and_timeline(chip: str, stored: str) -> None:
    text = call("price", stored, "--chip", chip, *SMALL)
    config = toy(chip).config
    for macro in config.macros:
        assert f"{macro.name.upper()} programming events, whole stream" in text
    found = told("price", stored, "--chip", chip, *SMALL)
    assert set(found["writes"]) == {macro.name for macro in config.macros}
    entries = told("explain", "energy", "--trace", stored, "--chip", chip, *SMALL)
    assert sum(e["energy_j"] for e in entries) == pytest.approx(found["row"]["energy_j"], rel=1e-12)
    line = told("timeline", stored, "--chip", chip, *SMALL)
    assert line["energy_j"] > 0


@pytest.mark.parametrize("chip", CHIPS)
def test_map_and_its_comparison_call_memories_by_their_names(chip: str, tmp_path: Path) -> None:
    layers = ("map", "mlp", "--input", "1,8,8", "--chip", chip)
    page = tmp_path / "page.html"
    text = call(*layers, "--html", str(page))
    for macro in toy(chip).config.macros:
        assert f"{macro.memory.pe_count} {macro.name.upper()} PEs" in text
        assert macro.name.upper() in page.read_text()
    fit = told(*layers)["fit"]
    assert {name: fit[name] for name in fit if name not in ("rram", "sram", "needed", "available", "fits")} == {
        macro.name: 400 for macro in toy(chip).config.macros if macro.name not in ("rram", "sram")
    }
    home = toy(chip).config.home.name.upper()
    assert f"all weights in {home}" in " ".join(call(*layers, "--compare", "im2col,dense_pack").split())


@pytest.mark.parametrize("chip", CHIPS[:3])
def test_life_counts_the_memory_that_keeps_its_weights(chip: str, stored: str) -> None:
    found = " ".join(call("life", stored, "--chip", chip, *SMALL).split())
    assert f"{toy(chip).config.home.name.upper()} programming" in found
    assert "worst cell at guaranteed cycles" in found


@pytest.mark.parametrize("chip", CHIPS[1:3])
def test_crash_cuts_a_commit(chip: str, stored: str) -> None:
    config = toy(chip).config
    home, work = (macro.name.upper() for macro in config.macros)
    text = call("crash", stored, "--chip", chip, *SMALL, "--cuts", "11")
    assert f"a cut empties {work}, buffer and DRAM; {home} has no place for biases" in text
    assert f"{home} PEs without weights" in text


STUDY = """
name = "toy"
title = "Toy"
question = "Does it pass?"
seeds = [0]
reference_chip = "toy-fefet-sram"
[stream]
dataset = "digits"
tasks = 2
[network]
name = "mlp"
[training]
epochs = 1
[[methods]]
label = "hyb"
method = "hyb-learn"
[[chips]]
name = "toy-fefet"
[[chips]]
name = "toy-fefet-sram"
[[chips]]
name = "toy-rram-analog-sram"
[[chips]]
name = "toy-sram-ldo"
[[variants]]
label = "worse"
set = { "part.regulator.design.efficiency" = 0.4, "memory.fefet.cell.erase_energy_j" = 2e-9 }
"""


def test_a_study_with_its_page(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    options = RunOptions(out=tmp_path / "results", executor=Inline(), runner=train_point)
    result = run_study(load_study(str(tmp_path / "study.toml")), options)
    rows = {row["chip"]: row for row in result.rows}
    assert tuple(rows) == CHIPS
    assert rows["toy-fefet"]["fefet_worst_writes"] >= 1
    assert rows["toy-fefet"]["lifetime_tasks"] == pytest.approx(
        1e8 * 2 / rows["toy-fefet"]["fefet_worst_writes"], rel=0.5
    )
    assert rows["toy-rram-analog-sram"]["rram_writes"] > 0 and rows["toy-rram-analog-sram"]["cache_writes"] > 0
    assert rows["toy-sram-ldo"]["energy_part_j"] > 0
    write_report(result)
    page = (result.folder / "report.html").read_text()
    assert "FEFET, worst cell" in page and "CACHE, worst cell" in page
    table = (result.folder / "table.md").read_text()
    assert "worst RRAM or FEFET cell" in " ".join(table.split())


def test_learning_on_cells_that_wear() -> None:
    wear = wear_of_chip(toy("toy-fefet-sram").config)
    assert (wear.endurance_scale_cycles, wear.endurance_shape, wear.policy) == (1e10, 1.5, "commit")
    with pytest.raises(ConfigError, match="toy-sram-ldo"):
        wear_of_chip(toy("toy-sram-ldo").config)


def test_accuracy_on_arrays_of_another_sort_is_no_guess() -> None:
    stream = imcsim.split("digits", tasks=2)
    network = imcsim.load("network", "mlp", like=stream)
    for chip, name in (("toy-fefet", "fefet"), ("toy-rram-analog-sram", "cache")):
        with pytest.raises(ConfigError, match=rf"how \[memory.{name}\] of '{chip}', of sort '[\w-]+', computes is not"):
            imcsim.convert(network, chip)
    assert imcsim.convert(network, "toy-sram-ldo") is not None


def test_what_does_not_fit_is_said_of_its_own_memory() -> None:
    with pytest.raises(TraceError, match=r"memory\.fefet\.pe_count = 2; raise it \(--set memory\.fefet\.pe_count=3\)"):
        imcsim.price(two_layers(), toy("toy-fefet", {"memory.fefet.pe_count": 2}))
    full = {"memory.cache.pe_count": 1, "overflow": "refuse"}
    with pytest.raises(TraceError, match=r"room for 1 in CACHE; .* raise memory\.cache\.pe_count"):
        imcsim.price(two_layers(), toy("toy-rram-analog-sram", full))


def test_the_command_line_finds_the_package_by_its_metadata() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SITE)}
    command = [sys.executable, "-m", "imcsim", "show", "chip", "toy-fefet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "memory.fefet.cell.erase_s = 1e-07" in done.stdout, done.stderr
