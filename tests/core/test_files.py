import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from imcsim.core.errors import StorageError
from imcsim.core.files import remove, remove_abandoned, scratch, write_atomic


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
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"cannot write {path}: {os.strerror(errno.EFBIG)}"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no mount command")
    if done.returncode != 0:
        pytest.skip(f"a small tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path, "size=64k") as folder:
        yield folder


def test_a_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    path = small_disk / "result.json"
    write_atomic(path, "old")
    with pytest.raises(StorageError, match=r"^cannot write .*result.json: No space left on device$"):
        write_atomic(path, b"x" * 1_000_000)
    assert path.read_text() == "old"
    assert list(small_disk.iterdir()) == [path]


LEAVING = """
import os, signal, sys
from pathlib import Path
from imcsim.core.files import write_atomic
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_atomic(Path(sys.argv[1]), b"half")
"""


def test_the_next_write_removes_what_a_killed_writer_left(tmp_path: Path) -> None:
    path = tmp_path / "[a]*.json"  # no pattern: a name
    done = subprocess.run([sys.executable, "-c", LEAVING, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".part")
    (tmp_path / ".other.json.0123abcd.part").write_text("of another target")
    (tmp_path / "notes.part").write_text("a user's own")
    write_atomic(path, "whole")
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, ".other.json.0123abcd.part", "notes.part"}
    remove_abandoned(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, "notes.part"}


def test_a_writer_that_lives_keeps_its_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with scratch(path) as (temporary, file):
        file.write(b"slow")
        code = "import sys; from pathlib import Path; from imcsim.core import files; p = Path(sys.argv[1]);"
        code += "files.write_atomic(p, 'quick'); files.remove_abandoned(p.parent)"
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        assert temporary.exists()
        assert path.read_text() == "quick"
        file.flush()
        temporary.replace(path)
    assert path.read_text() == "slow"
    assert list(tmp_path.iterdir()) == [path]


def test_a_temporary_file_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = fcntl.flock, list[int]()

    def late(file: Any, how: int) -> None:
        calls.append(how)
        if len(calls) == 1:  # another process comes first
            for left in tmp_path.glob(".*.part"):
                left.unlink()
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_atomic(tmp_path / "result.json", "whole")
    assert len(calls) == 2
    assert (tmp_path / "result.json").read_text() == "whole"


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with the file ``old``, on a disk that refuses every write, for any user."""
    with mounted(tmp_path, "size=64k") as folder:
        (folder / "old").write_text("old")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield folder


def test_a_read_only_disk_is_the_storage_sentence(read_only_disk: Path) -> None:
    for path in (read_only_disk / "old", read_only_disk / "new", read_only_disk / "folder" / "new"):
        with pytest.raises(StorageError, match=rf"^cannot write {path}: Read-only file system$"):
            write_atomic(path, "new")
    with pytest.raises(StorageError, match=r"^cannot remove .*old: Read-only file system$"):
        remove(read_only_disk / "old")
    remove(read_only_disk / "absent")
    remove_abandoned(read_only_disk)
    assert (read_only_disk / "old").read_text() == "old"


def test_a_refusal_to_clean_up_does_not_hide_the_refusal_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise refuse(errno.EROFS)

    monkeypatch.setattr(os, "fsync", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(StorageError, match=r"^cannot write .*result.json: Read-only file system$"):
        write_atomic(tmp_path / "result.json", "new")
