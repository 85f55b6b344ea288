"""A C source is built once, and its absence is no error."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from imcsim.crossbar.compiled import compiled_library

Place = tuple[Path, Path]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A source, and the empty cache that its library goes to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("IMCSIM_NATIVE", raising=False)
    source = tmp_path / "answer.c"
    source.write_text("int answer(void) { return 42; }")
    compiled_library.cache_clear()
    yield source, tmp_path / "imcsim" / "native"
    compiled_library.cache_clear()


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


def test_a_cache_that_cannot_be_written_is_no_error(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place[0]))
    assert compiled_library(place[0]) is None
