import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imcsim.core.errors import StorageError
from imcsim.core.files import write_atomic


def refuse(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize("content", ["text µ", "text µ".encode(), "", b""])
def test_the_content_is_written(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "new" / "folder" / "result.json"
    write_atomic(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert list(path.parent.iterdir()) == [path]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    write_atomic(path, "new")
    assert path.read_text() == "new"


def test_the_file_has_the_rights_of_any_other_new_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    write_atomic(tmp_path / "atomic", "")
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_refused_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise refuse(number)

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StorageError, match=f"^cannot write .*result.json: {os.strerror(number)}$"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*result.json: (File exists|Not a directory)"):
        write_atomic(tmp_path / "file" / "result.json", "x")


def test_a_folder_where_the_file_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*result.json: Is a directory"):
        write_atomic(tmp_path / "result.json", "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_the_systems_own_refusal_in_the_middle_of_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    # a limit on file size makes the kernel refuse after the first 4096 bytes, as a full disk does, for any user
    path = tmp_path / "result.json"
    path.write_text("old")
    code = """
import resource, sys
from pathlib import Path
from imcsim.core.errors import StorageError
from imcsim.core.files import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomic(Path(sys.argv[1]), b"x" * 100_000)
except StorageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == f"cannot write {path}: {os.strerror(errno.EFBIG)}"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no mount command")
    if done.returncode != 0:
        pytest.skip(f"a small tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], timeout=20, check=True)


def test_a_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    path = small_disk / "result.json"
    write_atomic(path, "old")
    with pytest.raises(StorageError, match=r"^cannot write .*result.json: No space left on device$"):
        write_atomic(path, b"x" * 1_000_000)
    assert path.read_text() == "old"
    assert list(small_disk.iterdir()) == [path]
