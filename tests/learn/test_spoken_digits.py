import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from imcsim.core.errors import DataError
from imcsim.learn.data import load_dataset, spoken_digits
from imcsim.learn.data.logmel import logmel, mel_filters, read_wav
from imcsim.learn.data.spoken_digits import read_recordings
from tests.learn.test_data import digests, folder

__all__ = ["folder"]

REAL = Path(os.environ.get("IMCSIM_DATA", "/nonexistent"))


def wav(samples: NDArray[np.int16], rate_hz: int = 8000) -> bytes:
    content = io.BytesIO()
    wavfile.write(content, rate_hz, samples)
    return content.getvalue()


def tone(hz: float, amplitude: float = 0.5, samples: int = 8000) -> NDArray[np.float64]:
    return np.asarray(amplitude * np.sin(2 * np.pi * hz * np.arange(samples) / 8000))


def archive(names: list[str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as file:
        for number, name in enumerate(names):
            data = wav((tone(200.0 + 100 * number) * 32767).astype(np.int16))
            member = tarfile.TarInfo(f"free-spoken-digit-dataset-26eb/{name}")
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return content.getvalue()


NAMES = ["recordings/1_theo_5.wav", "recordings/0_theo_10.wav", "recordings/0_theo_4.wav", "README.md", "other/a.wav"]


def test_silence_is_zero_and_the_second_is_cut_or_padded() -> None:
    assert logmel(np.zeros(10)).shape == (49, 32) and not logmel(np.zeros(20_000)).any()
    long = tone(500, samples=12_000)
    assert np.array_equal(logmel(long), logmel(long[:8000]))
    assert not logmel(long[:1600])[10:].any() and logmel(long[:1600])[:9].any()


def test_a_tone_on_a_bin_has_the_power_of_its_window() -> None:
    """A sine of amplitude a on bin k puts (a x sum of window / 2)^2 there and a quarter of it, in power, on each side.

    That holds for the 200-point transform; padded to 256 points the peak stays and its neighbours grow.
    """
    picture = logmel(tone(1000.0)) / 2.0 - 80
    filters, window = mel_filters(), np.hanning(201)[:200]
    spectrum = np.abs(np.fft.rfft(0.5 * np.cos(2 * np.pi * 1000 / 8000 * np.arange(200)) * window, 256)) ** 2
    assert spectrum[32] == pytest.approx((0.5 * 100 / 2) ** 2, rel=1e-6)
    band = int((filters @ spectrum).argmax())
    assert picture[:, band] == pytest.approx(10 * np.log10((filters @ spectrum)[band]), abs=0.3)


def test_twenty_decibels_are_forty_steps() -> None:
    loud, soft = logmel(tone(700, 0.5)), logmel(tone(700, 0.05))
    assert (loud[:, 8].astype(int) - soft[:, 8] == 40).all()


def test_filters_are_triangles_of_height_one_from_60_hz_to_half_the_rate() -> None:
    filters = mel_filters()
    assert filters.shape == (32, 129) and filters.max() <= 1 and (filters >= 0).all()
    bins = np.arange(129) * 31.25
    assert not filters[:, bins <= 60].any() and not filters[:, -1].any()
    inner = (bins > 145) & (bins < 3700)  # each frequency is shared by two neighbours, in shares that sum to 1
    assert filters.sum(0)[inner] == pytest.approx(np.ones(inner.sum()))
    assert (np.diff(filters.argmax(1)) >= 0).all()


def test_the_archive_is_split_by_recording_and_sorted_by_name() -> None:
    sets = read_recordings(archive(NAMES), "here")
    assert sets["y_train"].tolist() == [0, 1] and sets["y_test"].tolist() == [0]
    assert sets["x_train"].shape == (2, 49, 32, 1)
    assert np.array_equal(sets["x_test"][0, ..., 0], logmel(read_wav(wav((tone(400) * 32767).astype(np.int16)), "")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "here is no archive of recordings"),
        (archive(NAMES)[:-200], "here is no archive of recordings"),
        (archive(NAMES[:2]), "here holds no recordings of the test set"),
    ],
)
def test_what_is_no_archive_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_recordings(content, "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "is not a WAV file"),
        (wav(np.zeros(9, np.int16), 16_000), "is not a mono recording of 16 bits at 8000 Hz"),
        (wav(np.zeros((9, 2), np.int16)), "is not a mono recording"),
    ],
)
def test_what_is_no_recording_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_wav(content, "it")


def test_a_download_is_checked_kept_and_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def serve(self: object, url: str, output: str, *args: object, **options: object) -> None:
        asked.append(url)
        Path(output).write_bytes(archive(NAMES))

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", serve)
    with pytest.raises(DataError, match="x_train of the download is not the original"):
        load_dataset("spoken-digits")
    assert not [path for path in folder.parent.rglob("*") if path.is_file()]
    monkeypatch.setattr(spoken_digits, "DIGESTS", digests(read_recordings(archive(NAMES), "")))
    first, second = load_dataset("spoken-digits"), load_dataset("spoken-digits")
    assert asked == [spoken_digits.URL] * 2 and spoken_digits.COMMIT in asked[0]
    assert np.array_equal(first.x_train, second.x_train) and first.x_train.shape == (2, 1, 49, 32)


def test_no_data_and_no_network_is_one_sentence(folder: Path) -> None:
    with pytest.raises(DataError, match=r"'spoken-digits' is not in the folder IMCSIM_DATA .*set IMCSIM_DATA"):
        load_dataset("spoken-digits")


def test_other_files_are_refused(folder: Path) -> None:
    path = folder / "fsdd_logmel.npz"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match=r"fsdd_logmel.npz is corrupt"):
        load_dataset("spoken-digits")
    np.savez(path, x_train=np.zeros(1))
    with pytest.raises(DataError, match=r"fsdd_logmel.npz lacks"):
        load_dataset("spoken-digits")
    np.savez(path, **{key: np.zeros(2, np.uint8) for key in spoken_digits.DIGESTS})  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"x_train of .*fsdd_logmel.npz is not the original"):
        load_dataset("spoken-digits")


@pytest.mark.skipif(not (REAL / "fsdd_logmel.npz").is_file(), reason="no data folder")
def test_the_real_set_passes_its_checks_and_comes_mixed() -> None:
    arrays = load_dataset("spoken-digits")
    assert arrays.x_train.shape == (2700, 1, 49, 32) and arrays.x_test.shape == (300, 1, 49, 32)
    assert np.bincount(arrays.y_train).tolist() == [270] * 10 and np.bincount(arrays.y_test).tolist() == [30] * 10
    assert len(set(arrays.y_test[:30].tolist())) >= 8
    assert arrays.class_count == 10 and not arrays.augment and "0.7 %" in arrays.notes[0]
