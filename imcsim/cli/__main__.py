"""The ``imcsim`` command: one sentence and an exit status for whatever goes wrong, never a traceback."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from imcsim.core.errors import ImcsimError
from imcsim.core.host_memory import memory_sentence

INTERRUPTED = 130
# Files are written whole, and their refusals name them: without a name, it was the output.
_WRITE_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def main() -> None:
    """Run the command line and end the process with its exit status."""
    from imcsim.cli.app import app

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop is as clean as Ctrl-C
    sys.exit(with_output(lambda: guarded(lambda: app(standalone_mode=False))))


def with_output(action: Callable[[], int]) -> int:
    """Run ``action`` and return its exit status; 1 if what it prints cannot be told, which is said on stderr.

    A reader that goes away (a closed pipe) hears no more, and no complaint.
    """
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - nobody listens; the exit status still tells
    if sys.stdout is None:
        sys.stderr.write(
            "imcsim: error: standard output is closed, so that nothing can be printed; send it to a file, or to "
            "/dev/null\n"
        )
        return 1
    status = action()
    refusal = _flushed()
    if refusal is None:
        return status
    if not isinstance(refusal, BrokenPipeError) and not status:
        sys.stderr.write(f"imcsim: error: cannot write to standard output: {refusal.strerror}\n")
    return status or 1


def _flushed() -> OSError | None:
    """Flush standard output; return the refusal, after which nothing more is written to it, not even at the end."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        return error
    return None


def guarded(action: Callable[[], object]) -> int:
    """Run ``action`` and return an exit status: 2 for the user's mistake, 1 for a failure, 130 after Ctrl-C.

    Every error is told in one line on stderr; the environment variable IMCSIM_TRACEBACK=1 shows the traceback.
    """
    try:
        result = action()
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # the last: of a file of the user's
        left = isinstance(error.__context__, BrokenPipeError)  # the reader of a pipe, who wants no more
        if left or os.environ.get("IMCSIM_TRACEBACK") == "1":
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
    if (memory := memory_sentence(error)) is not None:
        return f"imcsim: error: {memory}", 1
    if isinstance(error, OSError):
        return f"imcsim: error: {_refusal(error)}", 1
    if hasattr(error, "format_message"):  # a mistake in the command line itself
        return _usage(str(error.format_message()), int(getattr(error, "exit_code", 2)))
    return _unexpected(error, text)


def _unexpected(error: BaseException, text: str) -> tuple[str, int]:
    from imcsim.core.local_code import user_code_of

    file = user_code_of(error)
    if file is not None:
        return f"imcsim: error: {file} failed: {type(error).__name__}: {text}; IMCSIM_TRACEBACK=1 shows where", 2
    advice = "this is a defect of imcsim: set IMCSIM_TRACEBACK=1 and report what it shows"
    return f"imcsim: error: {type(error).__name__}: {text}; {advice}", 1


def _refusal(error: OSError) -> str:
    what = " ".join((error.strerror or str(error)).split())
    if error.filename is not None:
        return f"{error.filename}: {what}"
    return f"cannot write to standard output: {what}" if error.errno in _WRITE_REFUSED else what


def _usage(message: str, status: int) -> tuple[str, int]:
    if message.startswith("Usage:"):  # no verb was given: this is the help text
        return message, status
    sentence = " ".join(message.split()).rstrip(".")
    return f"imcsim: error: {sentence[:1].lower()}{sentence[1:]}; see imcsim --help", status


if __name__ == "__main__":
    main()
