import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imcsim.core.errors import DataError, StudyError
from imcsim.study.engine import Job, Outcome, ProcessExecutor, Runner, run_jobs
from tests.processes import started, wait_until
from tests.study import fakes

AGES_S = 100_000
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2])}


def run(count: int, runner: Runner, slots: int = 2) -> tuple[Outcome, list[int]]:
    executor, seen = ProcessExecutor(slots), list[int]()
    jobs = [Job(f"job {n}", {"n": n}) for n in range(count)]
    try:
        outcome = run_jobs(jobs, runner, executor, finished=lambda n, _: seen.append(n), tick=lambda _: None)
    finally:
        executor.close(0.0)
    return outcome, seen


def test_every_job_runs_once_with_one_thread() -> None:
    outcome, seen = run(3, fakes.echo)
    assert outcome.results == {0: "0:1", 1: "1:1", 2: "2:1"}
    assert sorted(seen) == [0, 1, 2]
    assert outcome.failures == {}


def test_a_killed_worker_names_its_job_and_costs_no_other() -> None:
    outcome, _ = run(4, fakes.die_on_two)
    assert outcome.results == {0: "0", 1: "1", 3: "3"}
    assert outcome.failures == {2: "job 2: its worker process died (killed, or out of memory)"}


def test_an_unexpected_exception_costs_its_own_job() -> None:
    outcome, _ = run(4, fakes.raise_on_two, slots=1)
    assert sorted(outcome.results) == [0, 1, 3]
    assert outcome.failures == {2: "job 2: ValueError: no good"}


def test_the_users_mistake_stops_at_once_and_names_the_job() -> None:
    with pytest.raises(DataError, match=r"^job 0: data set 0 is missing$"):
        run(3, fakes.refuse, slots=1)


def test_zero_jobs_are_refused() -> None:
    with pytest.raises(StudyError, match="--jobs must be at least 1, got 0"):
        ProcessExecutor(0)


def test_close_ends_a_running_worker() -> None:
    executor = ProcessExecutor(1)
    handle = executor.submit(fakes.slow_echo, {"n": 1, "sleep": AGES_S})
    executor.close(0.1)  # returns before the worker would
    assert executor.slots == 1
    wait_until(handle.done)


INTERRUPTED = """
import sys, time
import tests.study.fakes as fakes
if __name__ == "__mp_main__":  # a worker that begins: it imports this file before it knows what to do with Ctrl-C
    open(sys.argv[1], "a").write("w")
    time.sleep(100_000)
from imcsim.study.engine import Job, ProcessExecutor, run_jobs
if __name__ == "__main__":
    executor = ProcessExecutor(2)
    jobs = [Job(f"job {n}", {"n": n, "sleep": 100_000}) for n in range(4)]
    try:
        run_jobs(jobs, fakes.slow_echo, executor, finished=print, tick=lambda p: print("tick", flush=True))
    except KeyboardInterrupt:
        executor.close(0.2)
        print("closed", flush=True)
"""


def test_an_interrupt_reaches_the_parent_only(tmp_path: Path) -> None:
    script, told = tmp_path / "interrupted.py", tmp_path / "workers"
    script.write_text(INTERRUPTED)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started([sys.executable, str(script), str(told)], env=ENVIRONMENT, **pipes) as process:
        wait_until(lambda: told.exists() and told.read_text() == "ww")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers, too
        out, err = process.communicate()
    assert process.returncode == 0
    assert "closed" in out
    assert err == ""


ORPHANING = """
import sys
import tests.study.fakes as fakes
from imcsim.study.engine import ProcessExecutor
if __name__ == "__main__":
    ProcessExecutor(1).submit(fakes.tell_pid, {"file": sys.argv[1]}).result()
"""


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script, told = tmp_path / "orphaning.py", tmp_path / "pid"
    script.write_text(ORPHANING)
    with started([sys.executable, str(script), str(told)], env=ENVIRONMENT) as process:
        wait_until(lambda: told.exists() and told.read_text() != "")
        worker = int(told.read_text())
        assert alive(worker)
        process.kill()
        process.wait()
        wait_until(lambda: not alive(worker))
