"""Recordings as pictures: log-mel spectra in steps of half a decibel.

The frames are those of the re-packed spoken digits (see docs/data.md): 8 kHz, the first second, zero-padded; Hann
windows of 25 ms every 20 ms; FFT of 256 points; 32 mel bands from 60 to 4000 Hz; 10 log10(power + 1e-8). Left
open there, and design choices here: mel = 2595 log10(1 + f / 700), triangles of height 1, samples from -1 to 1,
a periodic window, power not normalised.
"""

import io
import struct
import warnings

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import DataError

RATE_HZ = 8_000
FRAMES, BANDS = 49, 32
_WINDOW, _HOP, _FFT = 200, 160, 256
_LOW_HZ, _HIGH_HZ = 60.0, 4_000.0
_FLOOR = 1e-8
_STEPS_PER_DB, _LOWEST_DB = 2.0, -80.0
_FULL_SCALE = 32_768.0  # of 16-bit samples


def read_wav(content: bytes, where: str) -> NDArray[np.float64]:
    """Return the samples (n,), -1 to 1, of a mono 16-bit WAV file at 8 kHz; DataError if it is none."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks of metadata beside the samples
            rate_hz, samples = wavfile.read(io.BytesIO(content))
    except (ValueError, EOFError, OSError, IndexError, TypeError, ArithmeticError, NameError, struct.error):
        raise DataError(f"{where} is not a WAV file") from None
    if rate_hz != RATE_HZ or samples.dtype != np.int16 or samples.ndim != 1:
        raise DataError(f"{where} is not a mono recording of 16 bits at {RATE_HZ} Hz")
    return samples / _FULL_SCALE


def logmel(samples: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the picture (49 frames, 32 bands) of samples (n,) at 8 kHz; decibels = value / 2 - 80.

    What comes after the first second is cut; what is missing of it is silence.
    """
    from scipy.signal import get_window

    second = np.zeros(RATE_HZ)
    second[: min(RATE_HZ, len(samples))] = samples[:RATE_HZ]
    starts = _HOP * np.arange(FRAMES)
    frames = second[starts[:, None] + np.arange(_WINDOW)] * get_window("hann", _WINDOW)
    power = np.abs(np.fft.rfft(frames, _FFT)) ** 2 @ mel_filters().T
    decibels = 10 * np.log10(power + _FLOOR)
    return np.clip(np.rint((decibels - _LOWEST_DB) * _STEPS_PER_DB), 0, 255).astype(np.uint8)


def mel_filters() -> NDArray[np.float64]:
    """Return triangles (32 bands, 129 bins), evenly spaced in mel, each from one neighbour's peak to the other's."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (_LOW_HZ, _HIGH_HZ))
    corners = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    bins = np.arange(_FFT // 2 + 1) * RATE_HZ / _FFT
    left, peak, right = (corners[i : i + BANDS, None] for i in range(3))
    return np.maximum(0, np.minimum((bins - left) / (peak - left), (right - bins) / (right - peak)))
