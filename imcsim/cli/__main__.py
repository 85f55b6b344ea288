"""The ``imcsim`` command: one sentence and an exit status for whatever goes wrong, never a traceback."""

import os
import sys
from collections.abc import Callable

from imcsim.core.errors import ImcsimError

INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with its exit status."""
    from imcsim.cli.app import app

    sys.exit(guarded(app))


def guarded(action: Callable[[], object]) -> int:
    """Run ``action`` and return an exit status: 2 for the user's mistake, 1 for a failure, 130 after Ctrl-C.

    Every error is told in one line on stderr; the environment variable IMCSIM_TRACEBACK=1 shows the traceback.
    """
    try:
        action()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("IMCSIM_TRACEBACK") == "1":
            raise
        sentence, status = _told(error)
        sys.stderr.write(f"imcsim: {sentence}\n")
        return status
    return 0


def _told(error: BaseException) -> tuple[str, int]:
    text = " ".join(str(error).split())
    if isinstance(error, ImcsimError):
        return f"error: {text}", error.exit_status
    if isinstance(error, KeyboardInterrupt):
        return text or "interrupted", INTERRUPTED
    if isinstance(error, MemoryError):
        return "error: out of memory; use fewer --jobs or a smaller network", 1
    if isinstance(error, OSError):
        return f"error: {text}", 1
    advice = "this is a defect of imcsim: set IMCSIM_TRACEBACK=1 and report what it shows"
    return f"error: {type(error).__name__}: {text}; {advice}", 1


if __name__ == "__main__":
    main()
