"""A C source is built once, and its absence is no error."""

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imcsim.crossbar.compiled import CacheWarning, compiled_library, usable_cache

Place = tuple[Path, Path]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A source, and the empty cache that its library goes to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("IMCSIM_NATIVE", raising=False)
    source = tmp_path / "answer.c"
    source.write_text("int answer(void) { return 42; }")
    compiled_library.cache_clear()
    usable_cache.cache_clear()
    yield source, tmp_path / "imcsim" / "native"
    compiled_library.cache_clear()
    usable_cache.cache_clear()


def test_a_source_is_built_once(place: Place) -> None:
    source, cache = place
    library = compiled_library(source)
    if library is None:
        pytest.skip("no C compiler here")
    assert library.answer() == 42
    (built,) = cache.iterdir()
    stamp = built.stat().st_mtime_ns
    compiled_library.cache_clear()
    assert isinstance(compiled_library(source), ctypes.CDLL)
    assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [stamp]


def test_another_source_is_another_library(place: Place) -> None:
    source, cache = place
    if compiled_library(source) is None:
        pytest.skip("no C compiler here")
    source.write_text("int answer(void) { return 43; }")
    compiled_library.cache_clear()
    changed = compiled_library(source)
    assert changed is not None
    assert changed.answer() == 43
    assert len(list(cache.iterdir())) == 2


def test_it_can_be_switched_off(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMCSIM_NATIVE", "0")
    assert compiled_library(place[0]) is None
    assert not place[1].exists()


def test_no_compiler_is_no_error(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place[1]))
    assert compiled_library(place[0]) is None


def test_a_source_that_fails_is_no_error_and_leaves_nothing(place: Place) -> None:
    source, cache = place
    source.write_text("int answer(")
    assert compiled_library(source) is None
    assert not cache.exists() or not list(cache.iterdir())


def expect_answer(source: Path) -> None:
    library = compiled_library(source)
    if library is None:
        pytest.skip("no C compiler here")
    assert library.answer() == 42


def test_a_cache_that_cannot_be_written_is_said_once_and_the_library_is_built_elsewhere(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place[0]))
    with pytest.warns(
        CacheWarning, match=r"cannot use .*native: Not a directory; .*built anew in each process"
    ) as told:
        expect_answer(place[0])
        compiled_library.cache_clear()
        expect_answer(place[0])
    assert len(told) == 1


LOADING = """
import sys
from pathlib import Path
from imcsim.crossbar.compiled import CacheWarning, usable_cache, compiled_library
print(compiled_library(Path(sys.argv[1])).answer())
"""


@pytest.mark.parametrize("damage", [lambda data: data[:4096], lambda data: b"", lambda data: b"\x7fELF" * 2000])
def test_a_damaged_library_is_built_again_and_kills_nobody(place: Place, damage: Callable[[bytes], bytes]) -> None:
    source, cache = place
    expect_answer(source)
    (built,) = cache.iterdir()
    whole = built.read_bytes()
    built.unlink()  # not in place: this process has it loaded
    built.write_bytes(damage(whole))
    done = subprocess.run([sys.executable, "-c", LOADING, str(source)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
    (again,) = cache.iterdir()
    assert again.read_bytes() != damage(whole)


def test_another_library_under_the_same_key_is_not_loaded(place: Place) -> None:
    source, cache = place
    expect_answer(source)
    (built,) = cache.iterdir()
    planted = cache / f"{built.name.rpartition('-')[0]}-{'0' * 64}.so"
    planted.write_bytes(built.read_bytes())
    compiled_library.cache_clear()
    expect_answer(source)
    assert list(cache.iterdir()) == [built]


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_cache_that_others_can_write_to_is_not_used(place: Place, mode: int) -> None:
    source, cache = place
    cache.mkdir(parents=True)
    cache.chmod(mode)
    with pytest.warns(CacheWarning, match=r"native can be written by others; chmod go-w makes it usable; "):
        expect_answer(source)
    assert list(cache.iterdir()) == []


def test_a_cache_of_another_user_is_not_used(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cache = place
    cache.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    with pytest.warns(CacheWarning, match="native belongs to another user"):
        expect_answer(source)
    assert list(cache.iterdir()) == []


def test_a_full_cache_is_said_and_the_library_still_serves(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(CacheWarning, match=r"cannot write .*: No space left on device; "):
        expect_answer(place[0])
    assert list(place[1].iterdir()) == []
