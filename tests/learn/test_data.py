import gzip
import lzma
import os
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imcsim.core.errors import ContentError, DataError
from imcsim.learn.data import Arrays, cifar, dataset, idx, load_dataset
from imcsim.learn.data.arrays import channels_first, check_digests, fault
from imcsim.learn.data.cifar import decode_lossless, read_batch
from imcsim.learn.data.idx import read_idx
from tests.registries import forgetting

REAL = Path(os.environ.get("IMCSIM_DATA", "/nonexistent"))
has_data = pytest.mark.skipif(not (REAL / "mnist.npz").is_file(), reason="no data folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, an empty cache, and no network."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("IMCSIM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(*args: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", refuse)
    return tmp_path / "data"


def idx_bytes(values: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def sets(n: int = 4) -> dict[str, NDArray[np.uint8]]:
    images = np.arange(n * 4, dtype=np.uint8).reshape(n, 2, 2)
    labels = np.arange(n, dtype=np.uint8)
    return {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": labels[:2]}


def digests(arrays: dict[str, NDArray[np.uint8]]) -> dict[str, str]:
    import hashlib

    return {key: hashlib.sha256(values.tobytes()).hexdigest() for key, values in arrays.items()}


def batch(n: int) -> dict[bytes, Any]:
    return {b"data": np.arange(n * 3072, dtype=np.uint8).reshape(n, 3072), b"labels": [i % 10 for i in range(n)]}


def test_digits_need_neither_folder_nor_network(folder: Path) -> None:
    arrays = load_dataset("digits")
    assert arrays.x_train.shape == (1438, 1, 8, 8) and arrays.maximum == 16 and arrays.class_count == 10
    counts = np.bincount(arrays.y_test)
    assert counts.min() >= 35 and counts.max() <= 37


def test_unknown_data_set() -> None:
    with pytest.raises(ContentError, match="unknown data set 'cifar'; did you mean 'cifar10'"):
        load_dataset("cifar")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_no_data_and_no_network_is_one_sentence(folder: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"'{name}' is not in the folder IMCSIM_DATA .*{folder.name}.*set IMCSIM_DATA"):
        load_dataset(name)


@pytest.mark.parametrize("form", ["npz", "gz", "raw"])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_every_form_gives_the_same_arrays(folder: Path, monkeypatch: pytest.MonkeyPatch, form: str, name: str) -> None:
    arrays = sets()
    monkeypatch.setitem(idx.DIGESTS, name, digests(arrays))
    stem = name.replace("-", "_")
    if form == "npz":
        np.savez(folder / f"{stem}.npz", **arrays)  # type: ignore[arg-type]
    else:
        (folder / stem).mkdir()
        for key, file in idx._FILES.items():
            content = idx_bytes(arrays[key])
            path = folder / stem / (f"{file}.gz" if form == "gz" else file)
            path.write_bytes(gzip.compress(content) if form == "gz" else content)
    found = load_dataset(name)
    assert np.array_equal(found.x_train[:, 0], arrays["x_train"]) and np.array_equal(found.y_test, arrays["y_test"])


def test_a_download_is_checked_and_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = sets()
    monkeypatch.setitem(idx.DIGESTS, "mnist", digests(arrays))
    asked: list[str] = []

    def serve(self: object, url: str, output: str, *args: object, **options: object) -> None:
        asked.append(url)
        key = next(key for key, file in idx._FILES.items() if file in url)
        Path(output).write_bytes(gzip.compress(idx_bytes(arrays[key])))

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", serve)
    first, second = load_dataset("mnist"), load_dataset("mnist")
    assert len(asked) == 4 and all(url.startswith("https://") for url in asked)
    assert np.array_equal(first.x_train, second.x_train)


def test_a_wrong_download_is_refused_and_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(self: object, url: str, output: str, *args: object, **options: object) -> None:
        Path(output).write_bytes(gzip.compress(idx_bytes(sets()["x_train"])))

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", serve)
    with pytest.raises(DataError, match="x_train of the download is not the original"):
        load_dataset("mnist")
    with pytest.raises(DataError, match="does not match its md5"):
        load_dataset("fashion-mnist")
    with pytest.raises(DataError, match="the download does not match the md5"):
        load_dataset("cifar10")
    assert not [path for path in folder.parent.rglob("*") if path.is_file()]


def test_another_npz_is_refused(folder: Path) -> None:
    np.savez(folder / "mnist.npz", **sets())  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"x_train of .*mnist.npz is not the original"):
        load_dataset("mnist")


def test_an_npz_without_an_array_is_refused(folder: Path) -> None:
    np.savez(folder / "mnist.npz", x_train=np.zeros(1))
    with pytest.raises(DataError, match=r"mnist.npz lacks"):
        load_dataset("mnist")


def test_a_cut_npz_is_refused(folder: Path) -> None:
    (folder / "mnist.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match=r"mnist.npz is corrupt"):
        load_dataset("mnist")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file"),
        (b"\0\0\x0d\1" + b"\0" * 8, "is not an IDX file of unsigned bytes"),
        (idx_bytes(np.zeros((2, 2), np.uint8))[:-1], "is cut short"),
        (b"\0\0\x08\3\0\0", "is cut short"),
        (gzip.compress(idx_bytes(np.zeros(5, np.uint8)), mtime=0)[:-9], "corrupt gzip"),
    ],
)
def test_broken_idx_files(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_idx(content, "file")


def test_layouts_become_channels_first() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    assert channels_first(pixels).shape == (1, 3, 2, 4) and channels_first(pixels)[0, 1, 0, 2] == 7
    assert channels_first(pixels[..., 0]).shape == (1, 1, 2, 4)


def test_lossless_decoding_inverts_the_coding() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    planes = images.transpose(3, 0, 1, 2).copy()
    planes[0] -= planes[1]
    planes[2] -= planes[1]
    coded = planes.copy()
    coded[..., 1:] -= planes[..., :-1]
    coded[:, :, 1:, 0] -= planes[:, :, :-1, 0]
    assert np.array_equal(decode_lossless(coded), images)


def test_a_batch_is_read() -> None:
    images, labels = read_batch(pickle.dumps(batch(2), protocol=2), "batch")
    assert images.shape == (2, 32, 32, 3) and labels.tolist() == [0, 1]
    assert images[0, 0, 1, 0] == 1 and images[0, 0, 0, 1] == 1024 % 256


@pytest.mark.parametrize("payload", [os.system, Path("/")])
def test_a_batch_with_code_in_it_is_refused(payload: object) -> None:
    with pytest.raises(DataError, match="which no data set needs; refused"):
        read_batch(pickle.dumps({b"data": payload}), "batch")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({}), pickle.dumps(3)])
def test_what_is_no_batch_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="test_batch is no batch of CIFAR-10"):
        read_batch(content, "test_batch")


def test_the_extracted_archive_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = folder / "cifar-10-batches-py"
    home.mkdir()
    for name in (*cifar._BATCHES, "test_batch"):
        (home / name).write_bytes(pickle.dumps(batch(2), protocol=2))
    images, labels = read_batch(pickle.dumps(batch(2), protocol=2), "")
    found = {
        "x_test": images,
        "y_test": labels,
        "x_train": np.tile(images, (5, 1, 1, 1)),
        "y_train": np.tile(labels, 5),
    }
    monkeypatch.setattr(cifar, "DIGESTS", digests(found))
    arrays = load_dataset("cifar10")
    assert arrays.x_train.shape == (10, 3, 32, 32) and arrays.augment and not arrays.notes
    (home / "data_batch_3").unlink()
    with pytest.raises(DataError, match=r"cannot read .*data_batch_3"):
        load_dataset("cifar10")


def test_another_archive_is_refused(folder: Path) -> None:
    (folder / "cifar-10-python.tar.gz").write_bytes(b"something")
    with pytest.raises(DataError, match="does not match the md5 c58f30108f718f92721af3b95e74349a"):
        load_dataset("cifar10")


def test_corrupt_lossless_files_are_refused(folder: Path) -> None:
    for half in "ab":
        (folder / f"cifar10_lossless_{half}.npy.xz").write_bytes(lzma.compress(b"no array"))
    np.savez(folder / "cifar10_meta.npz", y_train=np.zeros(1), y_test=np.zeros(1))
    with pytest.raises(DataError, match="is corrupt; remove or replace it"):
        load_dataset("cifar10")


def test_a_digest_names_what_differs() -> None:
    with pytest.raises(DataError, match="y_test of here is not the original"):
        check_digests("mnist", "here", sets(), {"y_test": "0" * 64})


@has_data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_real_sets_pass_their_checks(name: str) -> None:
    arrays = load_dataset(name)
    assert arrays.x_train.shape == (60_000, 1, 28, 28) and arrays.x_test.shape == (10_000, 1, 28, 28)
    assert arrays.class_count == 10 and not arrays.augment


@has_data
def test_real_idx_files_pass_the_published_md5() -> None:
    """The digests stand for the originals: rebuilt IDX files have the md5 sums of LeCun's."""
    import hashlib

    with np.load(REAL / "mnist.npz") as file:
        labels = hashlib.md5(idx_bytes(file["y_train"])).hexdigest()
        images = hashlib.md5(idx_bytes(file["x_test"][..., 0])).hexdigest()
    assert labels == "a25bea736e30d166cdddb491f175f624"
    assert images == "2646ac647ad5339dbf082846283269ea"


@has_data
@pytest.mark.slow
def test_real_cifar10_decodes_and_says_how_few_test_images_it_has(tmp_path: Path) -> None:
    arrays = load_dataset("cifar10")
    assert arrays.x_train.shape == (50_000, 3, 32, 32) and arrays.x_test.shape == (1_000, 3, 32, 32)
    mean = arrays.x_train[:, 0].mean() / 255
    assert mean == pytest.approx(0.49140, abs=2e-5)
    assert "first 1,000 of the 10,000" in arrays.notes[0]
    assert arrays.y_train[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]


GOOD = np.zeros((6, 1, 2, 2), dtype=np.uint8), np.array([0, 1, 2] * 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x_train": GOOD[0].astype(float)}, "x_train must hold images as uint8 (n, C, H, W), got float64 of shape"),
        ({"x_test": GOOD[0][:, 0]}, "x_test must hold images as uint8 (n, C, H, W), got uint8 of shape (6, 2, 2)"),
        ({"x_test": GOOD[0][:0]}, "x_test must hold images as uint8 (n, C, H, W), got uint8 of shape (0, 1, 2, 2)"),
        ({"x_train": [1]}, "x_train must hold images as uint8 (n, C, H, W), got list"),
        ({"y_train": GOOD[1][:4]}, "y_train must hold one whole number for each of the 6 images, got int64 of shape"),
        ({"y_train": GOOD[1] * 1.0}, "y_train must hold one whole number for each of the 6 images, got float64 of"),
        ({"y_test": GOOD[1] - 1}, "labels of y_test must be 0 or more, got -1"),
        ({"y_test": GOOD[1] + 1}, "a test image has label 3, and training images go up to 2"),
        ({"x_train": GOOD[0] + 17, "maximum": 16}, "pixels of x_train go up to 17, but maximum is 16"),
        ({"x_test": GOOD[0][..., :1]}, "images to train have the shape (1, 2, 2), those to test (1, 2, 1)"),
    ],
)
def test_a_data_set_of_the_users_is_checked(change: dict[str, Any], sentence: str) -> None:
    good = Arrays("toy", *GOOD, *GOOD)
    assert fault(good) is None
    with forgetting():
        dataset("toy-x")(lambda: replace(good, **change))
        with pytest.raises(DataError) as caught:
            load_dataset("toy-x")
    assert str(caught.value).startswith(f"data set 'toy-x': {sentence}")


def test_a_reader_that_fails_or_returns_something_else_is_named() -> None:
    with forgetting():
        dataset("toy-y")(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        with pytest.raises(ContentError, match="data set 'toy-y' cannot be read: ZeroDivisionError: division by zero"):
            load_dataset("toy-y")
        dataset("toy-z")(lambda: GOOD)  # type: ignore[arg-type,return-value]
        with pytest.raises(DataError, match=r"'toy-z': its reader must return imcsim.learn.data.Arrays, got tuple"):
            load_dataset("toy-z")
