"""The compiled form is built once, and its absence is no error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imcsim.crossbar.wires.native import native_available

CODE = "from imcsim.crossbar.wires.native import native_available; print(native_available())"


def available(**environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", CODE], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_it_is_built_once_into_the_cache(tmp_path: Path) -> None:
    if not native_available():
        pytest.skip("no C compiler here")
    assert available(XDG_CACHE_HOME=str(tmp_path)) == "True"
    (built,) = (tmp_path / "imcsim" / "native").iterdir()
    stamp = built.stat().st_mtime_ns
    assert available(XDG_CACHE_HOME=str(tmp_path)) == "True"
    assert [path.stat().st_mtime_ns for path in built.parent.iterdir()] == [stamp]


def test_it_can_be_switched_off() -> None:
    assert available(IMCSIM_NATIVE="0") == "False"


def test_no_compiler_is_no_error(tmp_path: Path) -> None:
    assert available(PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path)) == "False"


def test_a_compiler_that_fails_is_no_error_and_leaves_nothing(tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    assert available(PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path)) == "False"
    assert not list((tmp_path / "imcsim" / "native").iterdir())


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert available(XDG_CACHE_HOME=str(blocked)) == "False"
