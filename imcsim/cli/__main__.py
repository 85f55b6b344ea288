"""The ``imcsim`` command: one sentence and an exit status for whatever goes wrong, never a traceback."""

import os
import signal
import sys
from collections.abc import Callable

from imcsim.core.errors import ImcsimError

INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with its exit status."""
    from imcsim.cli.app import app

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop is as clean as Ctrl-C
    sys.exit(guarded(lambda: app(standalone_mode=False)))


def guarded(action: Callable[[], object]) -> int:
    """Run ``action`` and return an exit status: 2 for the user's mistake, 1 for a failure, 130 after Ctrl-C.

    Every error is told in one line on stderr; the environment variable IMCSIM_TRACEBACK=1 shows the traceback.
    """
    try:
        result = action()
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("IMCSIM_TRACEBACK") == "1":
            raise
        sentence, status = _told(error)
        sys.stderr.write(f"{sentence}\n")
        return status
    if result == INTERRUPTED:  # the command line turns Ctrl-C into this
        sys.stderr.write("imcsim: interrupted\n")
    return result if isinstance(result, int) else 0


def _told(error: BaseException) -> tuple[str, int]:
    text = " ".join(str(error).split())
    if isinstance(error, ImcsimError):
        return f"imcsim: {'' if error.exit_status == INTERRUPTED else 'error: '}{text}", error.exit_status
    if isinstance(error, KeyboardInterrupt):
        return "imcsim: interrupted", INTERRUPTED
    if isinstance(error, MemoryError):
        return "imcsim: error: out of memory; use fewer --jobs or a smaller network", 1
    if isinstance(error, OSError):
        return f"imcsim: error: {text}", 1
    if hasattr(error, "format_message"):  # a mistake in the command line itself
        return _usage(str(error.format_message()), int(getattr(error, "exit_code", 2)))
    advice = "this is a defect of imcsim: set IMCSIM_TRACEBACK=1 and report what it shows"
    return f"imcsim: error: {type(error).__name__}: {text}; {advice}", 1


def _usage(message: str, status: int) -> tuple[str, int]:
    if message.startswith("Usage:"):  # no verb was given: this is the help text
        return message, status
    sentence = " ".join(message.split()).rstrip(".")
    return f"imcsim: error: {sentence[:1].lower()}{sentence[1:]}; see imcsim --help", status


if __name__ == "__main__":
    main()
