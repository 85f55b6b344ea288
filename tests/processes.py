"""Processes that tests start: Ctrl-C reaches them however the suite was started, and none outlives its test.

No limit of seconds decides a test: a busy machine is no defect. What hangs for ever meets pytest's own ``--timeout``.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

# A shell that starts the suite in the background has it ignore Ctrl-C, and that is inherited.
_INTERRUPTIBLE = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """Start ``command`` in a process group of its own; at the end, kill and reap whatever is left of the group.

    Parameters
    ----------
    command
        The program's full path, and its arguments.
    options
        As those of ``subprocess.Popen``.
    """
    whole = [sys.executable, "-c", _INTERRUPTIBLE, *command]
    process = subprocess.Popen(whole, start_new_session=True, text=True, **options)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as ``condition`` holds."""
    while not condition():
        time.sleep(0.02)
