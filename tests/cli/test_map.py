"""``imcsim map`` on the chips that come with imcsim."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from imcsim.chip.config import load_chip
from imcsim.cli.map import image_shape, map_command
from imcsim.core.errors import ConfigError, ContentError, ImcsimError

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
    assert found["params"] == {"channels": [8, 16], "norm": False}
    assert [(row["fan_in"], row["outputs"]) for row in found["layers"]] == [(9, 8), (72, 16), (16, 4)]
    assert found["total"]["weights"] == 72 + 72 * 16 + 64
    assert found["fit"]["needed"] == found["total"]["pes"] == sum(row["pes"] for row in found["layers"])
    with file.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows == [{key: str(value) for key, value in row.items()} for row in found["layers"]]


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (["convnt", "--chip", "hybrid-28nm"], ContentError, "unknown network 'convnt'; did you mean 'convnet'"),
        (["convnet", "--chip", "hybird-28nm"], ContentError, "unknown chip 'hybird-28nm'; did you mean 'hybrid-28nm'"),
        ([*DIGITS, "--rule", "im2cl"], ContentError, "unknown mapping rule 'im2cl'; did you mean 'im2col'"),
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


def test_image_shape() -> None:
    assert image_shape("3, 32,32") == (3, 32, 32)
    with pytest.raises(ConfigError, match="of at least 1; got '3,0,32'"):
        image_shape("3,0,32")


def test_importing_the_command_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'scipy', 'pandas', 'matplotlib', 'rich.table'}"
    code = f"import sys, imcsim.cli.map; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
