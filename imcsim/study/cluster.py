"""A Dask cluster, by address. Extra ``imcsim[dask]``; workers must see the results folder and the content."""

from typing import Any

from imcsim.core.errors import StudyError
from imcsim.study.engine import Handle, Payload, Runner, WorkerDied


class DaskExecutor:
    """Jobs on the cluster whose scheduler listens at ``address``, e.g. ``tcp://10.0.0.5:8786``.

    Raises
    ------
    StudyError
        If Dask is not installed, the scheduler does not answer, or has no worker.
    """

    def __init__(self, address: str, *, timeout_s: float = 10.0) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise StudyError("--engine dask needs Dask: pip install 'imcsim[dask]'") from None
        try:
            self._client: Any = Client(address, timeout=timeout_s)
        except (OSError, ValueError) as error:
            raise StudyError(f"no Dask scheduler answers at {address}: {error}") from None
        self.slots = sum(self._client.nthreads().values())
        if self.slots == 0:
            raise StudyError(f"the Dask scheduler at {address} has no workers")
        self._futures: list[Any] = []

    def submit(self, runner: Runner, payload: Payload) -> Handle:
        """Start ``runner(payload)`` on the cluster; a job is not retried, so that a dead worker is reported."""
        future = self._client.submit(runner, payload, pure=False, retries=0)
        self._futures.append(future)
        return _DaskHandle(future)

    def close(self, wait_s: float) -> None:
        """Cancel what still runs and leave the cluster; the cluster itself goes on."""
        self._client.cancel([future for future in self._futures if not future.done()])
        self._client.close()


class _DaskHandle:
    def __init__(self, future: Any) -> None:
        self._future = future

    def done(self) -> bool:
        return bool(self._future.done())

    def result(self) -> str:
        try:
            return str(self._future.result())
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                raise WorkerDied("its Dask worker died (killed, or out of memory)") from None
            raise
