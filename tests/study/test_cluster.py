"""A Dask cluster of real processes: what runs there, and what is told when its parts are killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from imcsim.core.errors import StudyError
from imcsim.study.cluster import ClusterLost, DaskExecutor
from imcsim.study.engine import Job, run_jobs
from imcsim.trace.store import load
from tests.processes import started, wait_until
from tests.study import fakes

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",  # a job whose worker dies is not given to another
}  # fmt: skip


@dataclass
class Cluster:
    address: str
    scheduler: "subprocess.Popen[str]"
    workers: list["subprocess.Popen[str]"]


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Start a scheduler and workers of one thread."""
    pytest.importorskip("distributed", reason="the extra imcsim[dask] is not installed")
    file = folder / "scheduler.json"
    module = [sys.executable, "-m"]
    scheduler = [*module, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*module, "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    place = {"env": ENVIRONMENT, "cwd": folder, "stderr": subprocess.DEVNULL}
    with ExitStack() as stack:
        own = stack.enter_context(started([*scheduler, "--scheduler-file", str(file)], **place))
        wait_until(lambda: own.poll() is not None or (file.exists() and file.read_text().endswith("}")))
        more = [*worker, "--scheduler-file", str(file)]
        served = [stack.enter_context(started(more, **place)) for _ in range(workers)]
        yield Cluster(json.loads(file.read_text())["address"], own, served)


def executor(of: Cluster, **changes: float) -> DaskExecutor:
    """Return an executor on the cluster once all its workers are there."""
    from distributed import Client

    with Client(of.address) as client:
        client.wait_for_workers(len(of.workers))
    return DaskExecutor(of.address, **changes)


def test_jobs_run_on_the_cluster_and_a_dead_worker_is_named(tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as running:
        on = executor(running)
        assert on.slots == 2
        jobs = [Job(f"job {n}", {"n": n}) for n in range(5)]
        outcome = run_jobs(jobs, fakes.die_on_two, on, finished=lambda *_: None, tick=lambda _: None)
        on.close(0.0)
    assert outcome.results == {0: "0", 1: "1", 3: "3", 4: "4"}
    assert outcome.failures == {2: "job 2: its Dask worker died (killed, or out of memory)"}


def test_a_cluster_without_workers_is_told_at_once_and_after_a_while(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as running:
        on = executor(running, no_worker_s=0.1)
        jobs = [Job("job", {"n": 0, "sleep": 100_000})]
        with pytest.raises(
            ClusterLost, match=r"has no workers left; what is finished is stored: start workers and run"
        ):
            run_jobs(jobs, fakes.slow_echo, on, finished=lambda *_: None, tick=lambda _: running.workers[0].kill())
        on.close(0.0)
        with pytest.raises(StudyError, match=f"^the Dask scheduler at {running.address} has no workers$"):
            DaskExecutor(running.address)


def test_no_scheduler_is_told() -> None:
    pytest.importorskip("distributed", reason="the extra imcsim[dask] is not installed")
    with pytest.raises(StudyError, match=r"^no Dask scheduler answers at tcp://127.0.0.1:9: "):
        DaskExecutor("tcp://127.0.0.1:9", timeout_s=0.2)


def test_a_killed_scheduler_is_one_sentence_and_what_is_finished_stays(tmp_path: Path) -> None:
    study = tmp_path / "tiny" / "study.toml"
    study.parent.mkdir()
    study.write_text(fakes.STUDY)
    command = [sys.executable, "-m", "imcsim", "run", str(study), "--engine", "dask", "--address"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with cluster(tmp_path, 1) as running:
        executor(running).close(0.0)
        with started([*command, running.address], env=ENVIRONMENT, cwd=tmp_path, **pipes) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "4 training points, 0 stored, 4 to train\n"
            assert process.stderr.readline() == "1/4 plain, seed 0\n"
            running.scheduler.kill()
            out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[-1] == (
        f"imcsim: error: the Dask scheduler at {running.address} is gone; what is finished is stored: start it again "
        f"and run the same command to go on"
    )
    assert "Traceback" not in err and "defect" not in err
    folder = tmp_path / "results" / "tiny" / "digits"
    assert not (folder / "work" / "stop").exists()
    traces = list((folder / "traces").glob("*.safetensors"))
    assert traces
    for trace in traces:
        load(trace)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match=r"needs Dask: pip install 'imcsim\[dask\]'"):
        DaskExecutor("tcp://there:8786")
