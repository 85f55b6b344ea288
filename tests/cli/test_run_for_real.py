"""The command line on real training, in processes of its own: learn, run, Ctrl-C, missing data."""

import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from imcsim.trace.store import load
from tests.cli.conftest import ROOT, Run
from tests.processes import started
from tests.study import fakes

SMALL = ("--set", "epochs=1", "--set", "train_limit=20", "--set", "network_params.hidden=[8]")


def test_learn_then_price(imcsim: Run, tmp_path: Path) -> None:
    done = imcsim("learn", "--network", "mlp", "--method", "er", "--out", "t.safetensors", "--json", *SMALL)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"trace", "config_hash", "class_il_final", "task_il_final"}
    priced = imcsim("price", "t.safetensors", "--chip", "all-sram-28nm")
    assert priced.returncode == 0
    assert priced.stdout.startswith("er on all-sram-28nm: mlp, Split-digits, seed 0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--method", "err"), "unknown method 'err'; did you mean 'er'?"),
        (("--network", "convnte"), "unknown network 'convnte'; did you mean 'convnet'?"),
        (("--dataset", "digts"), "unknown data set 'digts'; did you mean 'digits'?"),
        (("--set", "epoch=1"), "imcsim learn: unknown key 'epoch'; did you mean 'epochs'?"),
    ],
)
def test_a_wrong_name_gives_one_sentence(imcsim: Run, arguments: tuple[str, ...], sentence: str) -> None:
    done = imcsim("learn", "--out", "t.safetensors", *arguments)
    assert (done.returncode, done.stderr) == (2, f"imcsim: error: {sentence}\n")


def tiny(folder: Path, *more: str) -> AbstractContextManager["subprocess.Popen[str]"]:
    """Run the tiny study in ``folder``."""
    path = folder / "tiny" / "study.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(fakes.STUDY.replace("epochs = 1", "epochs = 1\nbatch_size = 64"))
    command = [sys.executable, "-m", "imcsim", "run", str(path), *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return started(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes)


def test_ctrl_c_then_the_same_command_finishes(tmp_path: Path) -> None:
    with tiny(tmp_path, "--jobs", "1") as process:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        assert lines == ["4 training points, 0 stored, 4 to train\n", "1/4 plain, seed 0\n"]
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err + out
    folder = tmp_path / "results" / "tiny" / "digits"
    assert err.splitlines()[-1].startswith("imcsim: stopped; ")
    assert err.splitlines()[-1].endswith("run the same command again to go on")
    assert not list(folder.rglob("*.part"))
    with tiny(tmp_path, "--jobs", "2") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Tiny: mlp on Split-digits, 2 tasks, 2 seeds" in out
    assert "4/4" in err
    assert (folder / "report.html").exists()


def test_sigkill_of_the_whole_run_leaves_no_broken_file(tmp_path: Path) -> None:
    with tiny(tmp_path, "--jobs", "2") as process:
        assert process.stderr is not None
        process.stderr.readline()
        assert "1/4" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGKILL)
    traces = list((tmp_path / "results").rglob("*.safetensors"))
    assert traces
    for trace in traces:
        load(trace)  # whole, or a TraceError


def test_a_scheduler_s_stop_is_as_clean_as_ctrl_c(tmp_path: Path) -> None:
    with tiny(tmp_path, "--jobs", "1") as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.terminate()
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("imcsim: stopped; ")
    assert "leaked" not in err


def test_a_missing_data_set_gives_one_sentence(imcsim: Run, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(fakes.STUDY)
    done = imcsim(
        "run", str(path), "--set", "stream.dataset=mnist", IMCSIM_DATA=str(tmp_path / "none"),
        XDG_CACHE_HOME=str(tmp_path / "cache"), http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("imcsim: error: plain, seed ")
    assert "mnist" in last
