import sys
from types import ModuleType
from typing import Any

import pytest

from imcsim.core.errors import StudyError
from imcsim.study.cluster import DaskExecutor
from imcsim.study.engine import Job, run_jobs
from tests.study import fakes


class KilledWorker(Exception):
    """Named as Dask's own."""


class FakeFuture:
    def __init__(self, value: str | None) -> None:
        self.value = value

    def done(self) -> bool:
        return True

    def result(self) -> str:
        if self.value is None:
            raise KilledWorker
        return self.value


class FakeClient:
    """The part of ``distributed.Client`` that is used."""

    threads = 3

    def __init__(self, address: str, timeout: float) -> None:
        if address != "tcp://there:8786":
            raise OSError("timed out")

    def nthreads(self) -> dict[str, int]:
        return {"worker": self.threads} if self.threads else {}

    def submit(self, runner: Any, payload: Any, *, pure: bool, retries: int) -> FakeFuture:
        return FakeFuture(None if payload["n"] == 1 else runner(payload))

    def cancel(self, futures: list[FakeFuture]) -> None:
        self.cancelled = futures

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch) -> type[FakeClient]:
    module = ModuleType("distributed")
    module.Client = FakeClient  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "distributed", module)
    return FakeClient


def test_jobs_run_on_the_cluster_and_a_dead_worker_is_named(distributed: type[FakeClient]) -> None:
    executor = DaskExecutor("tcp://there:8786")
    assert executor.slots == 3
    jobs = [Job(f"job {n}", {"n": n, "sleep": 0}) for n in range(3)]
    outcome = run_jobs(jobs, fakes.slow_echo, executor, finished=lambda *_: None, tick=lambda _: None)
    executor.close(0.0)
    assert outcome.results == {0: "0", 2: "2"}
    assert outcome.failures == {1: "job 1: its Dask worker died (killed, or out of memory)"}


def test_no_scheduler_and_no_workers_are_told(distributed: type[FakeClient], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match="no Dask scheduler answers at tcp://nowhere:1: timed out"):
        DaskExecutor("tcp://nowhere:1")
    monkeypatch.setattr(FakeClient, "threads", 0)
    with pytest.raises(StudyError, match="has no workers"):
        DaskExecutor("tcp://there:8786")


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match=r"needs Dask: pip install 'imcsim\[dask\]'"):
        DaskExecutor("tcp://there:8786")
