"""``imcsim map`` on the chips that come with imcsim."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from imcsim.chip.config import load_chip
from imcsim.cli.map import image_shape, map_command
from imcsim.core.errors import ConfigError, ContentError, ImcsimError, MappingError, TraceError
from imcsim.learn.config import default_encodings
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from imcsim.trace.store import save

APP = typer.Typer()
APP.command()(map_command)
DIGITS = ["convnet", "--chip", "hybrid-28nm", "--input", "1,8,8"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(APP, arguments)


def test_the_table_fits_100_columns_and_says_whether_the_network_fits() -> None:
    done = run(*DIGITS)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines())) <= 100
    config = load_chip("hybrid-28nm").config
    text = " ".join(done.output.split())
    assert "288 x 64" in text
    assert config.rram is not None and config.sram is not None
    assert f"hybrid-28nm has {config.rram.pe_count} RRAM PEs and {config.sram.pe_count} SRAM PEs" in text
    assert "it fits." in text


def test_an_override_reaches_the_chip() -> None:
    done = run(*DIGITS, "--set", "rram.pe_count=1")
    assert "hybrid-28nm has 1 RRAM PEs" in done.output
    assert "it does not fit, short by" in " ".join(done.output.split())


def test_json_and_csv_agree(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    done = run(*DIGITS, "--param", "channels=[8, 16]", "--classes", "4", "--json", "--csv", str(file))
    found = json.loads(done.output)
    assert found["params"] == {"channels": [8, 16], "norm": True}
    assert [(row["fan_in"], row["outputs"]) for row in found["layers"]] == [(9, 8), (72, 16), (16, 4)]
    assert found["total"]["weights"] == 72 + 72 * 16 + 64
    assert found["fit"]["needed"] == found["total"]["pes"] == sum(row["pes"] for row in found["layers"])
    with file.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows == [{key: str(value) for key, value in row.items()} for row in found["layers"]]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of 'mlp' without hidden layers on 1 x 8 x 8 images: half of its PEs frozen in the second task."""
    spec = linear_layer("classifier", 64, 10)
    rng = np.random.default_rng(0)
    codes = [rng.integers(-127, 128, spec.matrix_shape) for _ in range(3)]
    trains = np.ones((2, 1, 1, 2), dtype=bool)
    trains[1, 0, 0, 0] = False  # the first of two PEs of 64 x 8 weights
    codes[2][:, :, :8] = codes[1][:, :, :8]
    made = make_trace(
        [spec],
        {"classifier": codes[0]},
        {"classifier": [[[codes[1]]], [[codes[2]]]]},
        default_encodings(8),
        placement={"classifier": trains},
        pe_tile=(64, 8),
        counts={"trainable_weights": [[640], [128]]},
    )
    return save_trace(made, tmp_path_factory.mktemp("trace") / "run.safetensors")


def save_trace(trace: Trace, path: Path) -> Path:
    save(trace, path)
    return path


LINEAR = ["mlp", "--chip", "hybrid-28nm", "--input", "1,8,8", "--param", "hidden=[]"]


def test_a_mask_tells_which_pes_are_frozen(trace: Path) -> None:
    found = json.loads(run(*LINEAR, "--mask", str(trace), "--compare", "im2col,freeze_align", "--json").output)
    assert [row["frozen_pes"] for row in found] == [1, 1]
    first = json.loads(
        run(*LINEAR, "--mask", str(trace), "--task", "0", "--compare", "im2col,freeze_align", "--json").output
    )
    assert [row["frozen_pes"] for row in first] == [0, 0]
    assert json.loads(run(*LINEAR, "--mask", str(trace), "--json").output)["frozen_pes"] == [0]
    assert "In 1 of 2 PEs nothing trains" in run(*LINEAR, "--mask", str(trace)).output


def test_compare_prints_both_rules_and_the_change(tmp_path: Path) -> None:
    file = tmp_path / "compare.csv"
    done = run(*DIGITS, "--compare", "im2col, replicate", "--pe-budget", "200", "--csv", str(file))
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines())) <= 100
    text = " ".join(done.output.split())
    assert "convnet on hybrid-28nm: im2col against replicate" in text
    assert "interval of a full pipeline" in text
    with file.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["rule"] for row in rows] == ["im2col", "replicate"]
    assert float(rows[1]["interval_s"]) < float(rows[0]["interval_s"])


def test_a_budget_that_is_not_given_is_the_chips() -> None:
    found = json.loads(run(*DIGITS, "--rule", "replicate", "--set", "rram.pe_count=150", "--json").output)
    assert 118 < found["total"]["pes"] <= 150


def test_floor_plan_and_page_are_written(tmp_path: Path) -> None:
    png, page = tmp_path / "plan.png", tmp_path / "plan.html"
    done = run(*DIGITS, "--rule", "kernel_split", "--png", str(png), "--html", str(page))
    assert done.exit_code == 0, done.output
    assert "by kernel_split" in done.output
    assert png.read_bytes().startswith(b"\x89PNG")
    text = page.read_text(encoding="utf-8")
    assert "convnet on hybrid-28nm by kernel_split" in text and "288 x 64" in text


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (["convnt", "--chip", "hybrid-28nm"], ContentError, "unknown network 'convnt'; did you mean 'convnet'"),
        (["convnet", "--chip", "hybird-28nm"], ContentError, "unknown chip 'hybird-28nm'; did you mean 'hybrid-28nm'"),
        ([*DIGITS, "--rule", "im2cl"], ContentError, "unknown mapping rule 'im2cl'; did you mean 'im2col'"),
        ([*DIGITS, "--rule", "freeze_align"], MappingError, "needs 'trainable', a mask (G, D, N) that is true where"),
        ([*DIGITS, "--rule", "sparse_skip"], MappingError, "where the weight is zero: give --mask TRACE"),
        ([*DIGITS, "--rule", "replicate", "--pe-budget", "3"], MappingError, "but pe_budget is 3"),
        (
            [*DIGITS, "--compare", "im2col"],
            ConfigError,
            "--compare reads two different rules, e.g. im2col,",
        ),
        ([*DIGITS, "--compare", "im2col,im2col"], ConfigError, "two different rules"),
        ([*DIGITS, "--mask", "nowhere.safetensors"], TraceError, "cannot read trace nowhere.safetensors"),
        ([*DIGITS, "--png", "plan.jpg"], ConfigError, "a figure is written as .png or .pdf, not as '.jpg'"),
        ([*DIGITS, "--param", "chanels=[1]"], ConfigError, "unknown key 'chanels'; did you mean 'channels'"),
        ([*DIGITS, "--param", "channels"], ConfigError, "an override reads path=value, got 'channels'"),
        ([*DIGITS, "--set", "aray.rows=4"], ConfigError, "did you mean 'array'"),
        ([*DIGITS, "--input", "8,8"], ConfigError, "--input reads channels,height,width, e.g. 3,32,32; got '8,8'"),
        (["resnet18", "--chip", "hybrid-28nm", "--param", "stem=imagenet", "--input", "0,1,1"], ConfigError, "'0,1,1'"),
    ],
)
def test_each_mistake_gives_one_sentence(arguments: list[str], error: type[ImcsimError], sentence: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, error)
    assert sentence in str(done.exception)
    assert "\n" not in str(done.exception)


def test_a_trace_of_another_network_is_refused(trace: Path) -> None:
    done = run(*DIGITS, "--mask", str(trace))
    assert isinstance(done.exception, TraceError)
    assert "layer 0 of the trace is 'classifier' (1, 64, 10), of the network 'features.0.conv'" in str(done.exception)


def test_image_shape() -> None:
    assert image_shape("3, 32,32") == (3, 32, 32)
    with pytest.raises(ConfigError, match="of at least 1; got '3,0,32'"):
        image_shape("3,0,32")


def test_importing_the_command_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'scipy', 'pandas', 'matplotlib', 'rich.table'}"
    code = f"import sys, imcsim.cli.map; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
