"""Runs jobs on workers: slots of one process each, or a Dask cluster; names the job whose worker dies."""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from imcsim.core.errors import ImcsimError, StudyError
from imcsim.core.host_memory import memory_sentence
from imcsim.core.json_text import Json

Payload = Json  # plain data, which a process or a cluster can be sent
Runner = Callable[[Payload], str]

_POLL_S = 0.1
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One call of the runner: ``title`` names it to people, ``payload`` is plain data."""

    title: str
    payload: Payload


class Handle(Protocol):
    """A job that was submitted."""

    def done(self) -> bool:
        """Return whether the result is there."""
        ...

    def result(self) -> str:
        """Return the runner's result or raise what it raised."""
        ...


class WorkerDied(Exception):
    """The worker that held a job is gone (killed, out of memory)."""


class Executor(Protocol):
    """Where jobs run; ``slots`` is how many at once."""

    slots: int

    def submit(self, runner: Runner, payload: Payload) -> Handle:
        """Start ``runner(payload)``; only called while fewer than ``slots`` jobs run."""
        ...

    def close(self, wait_s: float) -> None:
        """Give running jobs ``wait_s`` seconds to end, then end their workers."""
        ...


@dataclass
class Outcome:
    """Which jobs ended well (position -> result) and which did not (position -> reason)."""

    results: dict[int, str] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)


def run_jobs(
    jobs: Sequence[Job],
    runner: Runner,
    executor: Executor,
    *,
    finished: Callable[[int, str], None],
    tick: Callable[[list[int]], None],
) -> Outcome:
    """Run all jobs and return what became of each.

    A dead worker or an unexpected exception costs its own job only. An :class:`ImcsimError` (a wrong setting, a
    missing data set, a full disk) would meet the other jobs too, so it is raised at once.

    Parameters
    ----------
    finished
        Called with (position, result) as soon as a job ends well.
    tick
        Called often with the positions now running.
    """
    waiting, running, outcome = deque(range(len(jobs))), dict[int, Handle](), Outcome()
    while waiting or running:
        while waiting and len(running) < executor.slots:
            position = waiting.popleft()
            running[position] = executor.submit(runner, jobs[position].payload)
        ended = [position for position, handle in running.items() if handle.done()]
        for position in ended:
            _collect(position, running.pop(position), jobs[position], outcome, finished)
        tick(list(running))
        if not ended:
            time.sleep(_POLL_S)
    return outcome


def _collect(position: int, handle: Handle, job: Job, outcome: Outcome, finished: Callable[[int, str], None]) -> None:
    try:
        result = handle.result()
    except ImcsimError as error:
        raise type(error)(f"{job.title}: {error}") from None
    except WorkerDied as error:
        outcome.failures[position] = f"{job.title}: {error}"
    except Exception as error:
        reason = memory_sentence(error) or f"{type(error).__name__}: {error}"
        outcome.failures[position] = f"{job.title}: {reason}"
    else:
        outcome.results[position] = result
        finished(position, result)


class ProcessExecutor:
    """Worker processes of this machine, one thread each.

    Each slot is a pool of one process, so that a process that dies names its job and costs no other.
    """

    def __init__(self, slots: int) -> None:
        if slots < 1:
            raise StudyError(f"--jobs must be at least 1, got {slots}")
        self.slots = slots
        self._idle: list[ProcessPoolExecutor] = []
        self._busy: list[_SlotHandle] = []

    def submit(self, runner: Runner, payload: Payload) -> Handle:
        """Start ``runner(payload)`` on an idle slot, or on a new one."""
        self._reclaim()
        pool = self._idle.pop() if self._idle else _new_pool()
        # before the process starts: numerical libraries read the number of threads when they are imported
        with _one_thread(), _uninterrupted():
            handle = _SlotHandle(pool, pool.submit(runner, payload))
        self._busy.append(handle)
        return handle

    def close(self, wait_s: float) -> None:
        """End all worker processes, after ``wait_s`` seconds at most."""
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline and not all(handle.done() for handle in self._busy):
            time.sleep(_POLL_S)
        for handle in self._busy:
            _end(handle.pool, force=not handle.done())
        for pool in self._idle:
            _end(pool, force=False)
        self._busy, self._idle = [], []

    def _reclaim(self) -> None:
        for handle in [handle for handle in self._busy if handle.done()]:
            self._busy.remove(handle)
            if handle.broken:
                handle.pool.shutdown(wait=False)
            else:
                self._idle.append(handle.pool)


@dataclass(eq=False)
class _SlotHandle:
    pool: ProcessPoolExecutor
    future: "Future[str]"

    def done(self) -> bool:
        return self.future.done()

    @property
    def broken(self) -> bool:
        return isinstance(self.future.exception(), BrokenProcessPool)

    def result(self) -> str:
        try:
            return self.future.result()
        except BrokenProcessPool:
            raise WorkerDied("its worker process died (killed, or out of memory)") from None


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_enter_worker)


def _enter_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # a pool's worker would wait for its killed parent for ever


def _end(pool: ProcessPoolExecutor, *, force: bool) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=not force, cancel_futures=True)
    for process in processes if force else ():
        process.terminate()
        process.join()  # only then are its locks gone, and what it left half-written can be told


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back in the block, and in processes that are started there until they know what to do with it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
