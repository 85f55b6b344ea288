"""The one function that is sent to workers: train one point, save its trace, tell progress by a file.

It takes and returns plain values only, so that a process pool and a cluster can carry it alike. The learner (torch)
is imported inside.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from imcsim.core.content import use_content
from imcsim.core.errors import TraceError
from imcsim.core.files import remove, write_atomic
from imcsim.core.json_text import Json

_SECONDS_BETWEEN_REPORTS = 0.5


def train_point(payload: Json) -> str:
    """Train one point, save its trace and return the trace's path.

    Parameters
    ----------
    payload
        ``config`` (the learner's fields), ``where`` (for messages), ``trace``, ``checkpoint``, ``progress`` and
        ``stop`` (paths; an existing ``stop`` file asks the learner to leave its checkpoint and end), ``content``
        (content root).

    Raises
    ------
    ImcsimError
        What the learner, the content or the disk refuse.
    """
    with use_content(Path(payload["content"])):
        return _train(payload)


def _train(payload: Json) -> str:
    from imcsim.core.config import parse
    from imcsim.learn.api import learn
    from imcsim.learn.config import LearnConfig

    trace_path, checkpoint = Path(payload["trace"]), Path(payload["checkpoint"])
    train = partial(
        learn,
        parse(LearnConfig, payload["config"], payload["where"]),
        progress=progress_file(Path(payload["progress"])),
        checkpoint=checkpoint,
        stop=Path(payload["stop"]).exists,
        trace_file=trace_path,
    )
    try:
        train()
    except TraceError:
        if not checkpoint.exists():
            raise
        remove(checkpoint)  # broken, or of another run: what it saved is lost, the point is not
        train()
    remove(checkpoint)
    return str(trace_path)


def progress_file(path: Path) -> Callable[[int, int, str], None]:
    """Return a callback that keeps the latest (done, total, text) in ``path``, at most twice a second."""
    last = 0.0

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_REPORTS or done == total:
            last = now
            write_atomic(path, f"{done} {total} {text}")

    return report


def read_progress(path: Path) -> tuple[int, int, str] | None:
    """Return the latest (done, total, text) in ``path``, None if nothing was written yet."""
    try:
        done, total, text = path.read_text(encoding="utf-8").split(" ", 2)
    except (OSError, ValueError):
        return None
    return int(done), int(total), text
