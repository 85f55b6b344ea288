"""A Dask cluster, by address. Extra ``imcsim[dask]``; workers must see the results folder and the content."""

import logging
import time
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

from imcsim.core.errors import StudyError
from imcsim.study.engine import Handle, Payload, Runner, WorkerDied

_POLL_S = 0.1
_ASK_S = 1.0  # how often the scheduler is asked for its workers
_NO_WORKER_S = 60.0  # a nanny starts a dead worker anew within some seconds


class ClusterLost(StudyError):
    """The scheduler or all its workers are gone; what they finished is stored."""

    exit_status = 1


class DaskExecutor:
    """Jobs on the cluster whose scheduler listens at ``address``, e.g. ``tcp://10.0.0.5:8786``.

    Parameters
    ----------
    address
        Of the scheduler.
    timeout_s
        How long the scheduler may take to answer, at first and when the connection is lost.
    no_worker_s
        How long it may be without any worker.

    Raises
    ------
    StudyError
        If Dask is not installed, the scheduler does not answer, or has no worker.
    """

    def __init__(self, address: str, *, timeout_s: float = 10.0, no_worker_s: float = _NO_WORKER_S) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise StudyError("--engine dask needs Dask: pip install 'imcsim[dask]'") from None
        for name in ("distributed", "distributed.client"):  # what they would tell, with tracebacks, is told here
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._address, self._no_worker_s = address, no_worker_s
        try:
            self._client: Any = Client(address, timeout=timeout_s)
        except (OSError, ValueError) as error:
            raise StudyError(f"no Dask scheduler answers at {address}: {error}") from None
        self.slots = self._threads()
        if self.slots == 0:
            self._client.close()
            raise StudyError(f"the Dask scheduler at {address} has no workers")
        self._futures: list[Any] = []
        self._asked_s = self._seen_s = time.monotonic()

    def submit(self, runner: Runner, payload: Payload) -> Handle:
        """Start ``runner(payload)`` on the cluster.

        A job whose worker dies is given to another one, as often as the scheduler's ``allowed-failures`` says; then
        the dead worker is reported.

        Raises
        ------
        ClusterLost
            If the scheduler is gone.
        """
        try:
            future = self._client.submit(runner, payload, pure=False, retries=0)
        except Exception:
            if self.connected:
                raise
            raise self._gone() from None
        self._futures.append(future)
        return _DaskHandle(self, future)

    def close(self, wait_s: float) -> None:
        """Give running jobs ``wait_s`` seconds to end, cancel the others and leave the cluster; it goes on itself."""
        deadline = time.monotonic() + wait_s
        while self.connected and time.monotonic() < deadline and not all(future.done() for future in self._futures):
            time.sleep(_POLL_S)
        with suppress(Exception):  # of a lost scheduler: nothing is left to be cancelled or closed
            self._client.cancel([future for future in self._futures if not future.done()])
        with suppress(Exception):
            self._client.close()

    @property
    def connected(self) -> bool:
        """Whether the scheduler still answers; a connection that breaks loses the jobs that run."""
        return bool(self._client.status == "running")

    def check(self) -> None:
        """Raise ClusterLost if the scheduler is gone, or was without a worker for too long."""
        if not self.connected:
            raise self._gone()
        now = time.monotonic()
        if now - self._asked_s < _ASK_S:
            return
        self._asked_s = now
        if self._threads():
            self._seen_s = now
        elif now - self._seen_s >= self._no_worker_s:
            raise ClusterLost(
                f"the Dask scheduler at {self._address} has no workers left; what is finished is stored: start workers "
                f"and run the same command again to go on"
            )

    def _threads(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except Exception as error:
            if self.connected and not isinstance(error, OSError):
                raise
            raise self._gone() from None

    def _gone(self) -> ClusterLost:
        return ClusterLost(
            f"the Dask scheduler at {self._address} is gone; what is finished is stored: start it again and run the "
            f"same command to go on"
        )


class _DaskHandle:
    def __init__(self, executor: DaskExecutor, future: Any) -> None:
        self._executor, self._future = executor, future

    def done(self) -> bool:
        if self._future.cancelled() or not self._future.done():
            self._executor.check()
        return bool(self._future.done())

    def result(self) -> str:
        try:
            return str(self._future.result())
        except CancelledError:
            raise WorkerDied("it was cancelled on the cluster") from None
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                raise WorkerDied("its Dask worker died (killed, or out of memory)") from None
            raise
