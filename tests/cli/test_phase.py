"""``--phase`` picks a placement phase of a task, in timeline and crash alike."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imcsim.chip import load_chip
from imcsim.cli.app import app
from imcsim.core.errors import EventsError
from imcsim.events import StepOptions, run, training_graph, work_of
from imcsim.trace.store import save
from tests.chip.hand import random_trace

PHASES = ((2, 4), (6,), (1, 5))


@pytest.fixture
def cut(tmp_path: Path) -> str:
    path = tmp_path / "cut.safetensors"
    save(random_trace(3, phases=PHASES), path)
    return str(path)


def call(*arguments: str) -> str:
    return CliRunner().invoke(app, [*arguments, "--chip", "all-rram-28nm"], catch_exceptions=False).stdout


@pytest.mark.parametrize("phase", [0, 1])
def test_the_steps_are_those_of_the_phase(cut: str, phase: int) -> None:
    work = work_of(random_trace(3, phases=PHASES), load_chip("all-rram-28nm").config, 0, phase=phase)
    expected = run(training_graph(work, StepOptions())).makespan_s
    told = json.loads(call("timeline", cut, "--task", "0", "--phase", str(phase), "--json"))
    assert told["latency_s"] == pytest.approx(expected, rel=1e-12)


def test_a_commit_of_a_phase_is_cut(cut: str) -> None:
    """Written once a task, cells are committed as its last phase ends, and not before."""
    policy = ("--set", "rram.write_policy=task", "--json")
    assert call("crash", cut, "--task", "0", "--phase", "1", *policy) == call("crash", cut, "--task", "0", *policy)
    with pytest.raises(EventsError, match="task 0 commits no PE"):
        call("crash", cut, "--task", "0", "--phase", "0", *policy)


@pytest.mark.parametrize("verb", ["timeline", "crash"])
def test_a_phase_that_there_is_not(verb: str, cut: str) -> None:
    with pytest.raises(EventsError, match="task 0 has phases 0 to 1, got 2"):
        call(verb, cut, "--task", "0", "--phase", "2")
