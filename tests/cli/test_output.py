"""What happens when nobody can read what is printed, in processes of their own."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from imcsim.cli.__main__ import guarded
from tests.cli.conftest import ROOT

VERBS = (
    ("price", "{trace}", "--chip", "all-sram-28nm"), ("learn", "--out", "t.safetensors"), ("map", "mlp"), ("--help",),
)  # fmt: skip
FULL = Path("/dev/full")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``line`` of bash, in which ``imcsim`` is the command line."""
    function = f"set -o pipefail; imcsim() {{ {shlex.quote(sys.executable)} -m imcsim \"$@\"; }}; {line}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", function], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_closed_output_is_one_sentence_before_any_work(
    verb: tuple[str, ...], trace_file: Path, tmp_path: Path
) -> None:
    done = shell(f"imcsim {shlex.join(verb).replace('{trace}', str(trace_file))} >&-", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("imcsim: error: standard output is closed, so that nothing can be printed; ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("verb", ["price {trace} --chip all-sram-28nm", "--version"])
def test_a_full_disk_behind_the_output_is_one_sentence(verb: str, trace_file: Path, tmp_path: Path) -> None:
    done = shell(f"imcsim {verb.format(trace=trace_file)} >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "imcsim: error: cannot write to standard output: No space left on device\n"


def test_a_reader_that_left_hears_no_complaint(trace_file: Path, tmp_path: Path) -> None:
    done = shell(f"imcsim price {trace_file} --chip all-sram-28nm --json | true", tmp_path)
    assert done.returncode != 0
    assert done.stderr == ""


def test_without_stderr_the_status_still_tells(tmp_path: Path) -> None:
    assert shell("imcsim list chps 2>&-", tmp_path).returncode == 2
    assert shell("imcsim list chip >&- 2>&-", tmp_path).returncode == 1
    assert shell("imcsim list chip 2>&- | grep -c hybrid-28nm", tmp_path).stdout == "1\n"


def test_too_large_a_network_is_no_defect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from imcsim.cli.app import app

    command = ["learn", "--network", "mlp", "--set", "network_params.hidden=[4000000000000]", "--out"]
    assert guarded(lambda: app([*command, str(tmp_path / "t")], standalone_mode=False)) == 1
    told = capsys.readouterr().err
    assert told == "imcsim: error: out of memory; use fewer --jobs, a lower batch_size or a smaller network\n"
