import pytest

from imcsim.cli.__main__ import guarded
from imcsim.core.errors import ConfigError, StorageError


def raising(error: BaseException) -> object:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (ConfigError("a rule\nis broken"), 2, "imcsim: error: a rule is broken\n"),
        (StorageError("cannot write x: No space left on device"), 1, "imcsim: error: cannot write x: No space left"),
        (KeyboardInterrupt(), 130, "imcsim: interrupted\n"),
        (MemoryError(), 1, "imcsim: error: out of memory; use fewer --jobs, a lower batch_size or a smaller network\n"),
        (OSError(28, "No space left on device"), 1, "imcsim: error: cannot write to standard output: No space left on device\n"),
        (OSError(30, "Read-only file system", "a/b"), 1, "imcsim: error: a/b: Read-only file system\n"),
        (ZeroDivisionError("by zero"), 1, "imcsim: error: ZeroDivisionError: by zero; this is a defect of imcsim"),
    ],
)
def test_errors_become_one_line_and_a_status(
    error: BaseException, status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(lambda: raising(error)) == status
    told = capsys.readouterr().err
    assert told.startswith(sentence)
    assert told.count("\n") == 1


def test_success_is_zero_and_an_interrupt_inside_the_command_line_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: None) == 0
    assert guarded(lambda: 130) == 130
    assert capsys.readouterr().err == "imcsim: interrupted\n"


def test_the_traceback_is_there_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMCSIM_TRACEBACK", "1")
    with pytest.raises(ConfigError):
        guarded(lambda: raising(ConfigError("x")))
