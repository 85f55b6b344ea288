"""Converter ranges from data, against sums counted by hand."""

import warnings
from typing import Any

import numpy as np
import pytest

from imcsim.core.errors import ConfigError
from imcsim.crossbar import BitSliceConfig, bit_sliced_matmul, calibrate_adc
from imcsim.crossbar.slicing.calibrate import ClippingWarning, column_sum_histograms
from tests.crossbar.slicing_oracle import cells_of, planes_of

_CONFIG = BitSliceConfig(rows=8, cell_bits=2, w_bits=4, x_bits=3, w_map="diff", adc_bits=3)


def data(config: BitSliceConfig = _CONFIG) -> tuple[Any, Any]:
    generator = np.random.default_rng(2)
    x = generator.integers(*config.x_range, size=(40, 20), endpoint=True)
    return x, generator.integers(*config.w_range, size=(20, 6), endpoint=True)


def test_histograms_hold_every_sum() -> None:
    x, w = data()
    counted = np.zeros((4, 25), dtype=np.int64)
    planes = np.array([[[v for v, _ in planes_of(int(code), _CONFIG)] for code in row] for row in x])
    cells = np.array([[[v for v, _ in cells_of(int(code), _CONFIG)] for code in row] for row in w])
    for k in (0, 8, 16):
        for s in range(4):
            sums = np.einsum("mkt,kn->mtn", planes[:, k : k + 8], cells[k : k + 8, :, s])
            counted[s] += np.bincount(sums.ravel(), minlength=25)
    np.testing.assert_array_equal(column_sum_histograms(x, w, _CONFIG), counted)


def test_max_clips_nothing_with_the_least_step() -> None:
    x, w = data()
    top = int(np.flatnonzero(column_sum_histograms(x, w, _CONFIG).sum(axis=0))[-1])
    found = calibrate_adc(x, w, _CONFIG, "max")
    assert found.clipped_shares == (0.0,)
    assert 7 * found.steps[0] >= top > 7 * (found.steps[0] - 1)


def test_enough_bits_make_the_product_exact() -> None:
    x, w = data()
    found = calibrate_adc(x, w, _CONFIG.model_copy(update={"adc_bits": 8}))
    assert found.steps == (1,)
    assert found.rms_errors == (0.0,)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, found.config(_CONFIG)), x @ w)


def test_mse_is_the_best_of_all_steps() -> None:
    x, w = data()
    counts = column_sum_histograms(x, w, _CONFIG).sum(axis=0)
    sums = np.arange(len(counts))
    errors = {}
    for step in range(1, 8):
        values = np.minimum(np.floor(sums / step + 0.5), 7) * step
        errors[step] = float(np.sqrt((counts * (values - sums) ** 2).sum() / counts.sum()))
    with pytest.warns(ClippingWarning) if errors[1] < errors[2] else _nothing():
        found = calibrate_adc(x, w, _CONFIG, "mse")
    assert found.steps[0] == min(errors, key=lambda step: errors[step])
    assert found.rms_errors[0] == pytest.approx(min(errors.values()))


_PAIRS = BitSliceConfig(**(_CONFIG.model_dump() | {"pair": "subtracted", "open_rows": 5}))


def differences() -> tuple[Any, Any]:
    """Every difference of two columns' sums, slice by slice, and their histogram -15 .. 15 (5 rows of level 3)."""
    x, w = data()
    planes = (x[..., None] >> np.arange(3)) & 1
    levels = np.sign(w)[..., None] * ((abs(w)[..., None] >> np.array([0, 2])) & 3)
    rows = [slice(0, 5), slice(5, 8), slice(8, 13), slice(13, 16), slice(16, 20)]
    sums = [np.einsum("mkt,kns->smtn", planes[:, k], levels[k]).reshape(2, -1) for k in rows]
    found = np.concatenate(sums, axis=1)
    return found, np.stack([np.bincount(one + 15, minlength=31) for one in found])


def test_histograms_of_subtracted_pairs_hold_every_difference() -> None:
    np.testing.assert_array_equal(column_sum_histograms(*data(), _PAIRS), differences()[1])


def test_ranges_of_subtracted_pairs_are_those_of_magnitudes() -> None:
    """3 bits: codes -4 .. 3."""
    sums = differences()[0].ravel()
    found = calibrate_adc(*data(), _PAIRS, "max")
    assert found.clipped_shares == (0.0,)
    assert 3 * found.steps[0] >= abs(sums).max() > 3 * (found.steps[0] - 1)
    with pytest.warns(ClippingWarning):
        half = calibrate_adc(*data(), _PAIRS, "percentile", percentile=50)
    step = half.steps[0]
    assert 3 * step >= np.sort(abs(sums))[len(sums) // 2] > 3 * (step - 1)
    assert half.clipped_shares[0] == pytest.approx(np.mean((sums > 3 * step) | (sums < -4 * step)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClippingWarning)
        best = calibrate_adc(*data(), _PAIRS, "mse")
    values = {s: np.clip(np.floor(sums / s + 0.5), -4, 3) * s for s in range(1, 8)}
    errors = {s: float(np.sqrt(np.mean((v - sums) ** 2))) for s, v in values.items()}
    assert best.steps[0] == min(errors, key=lambda s: errors[s])
    assert best.rms_errors[0] == pytest.approx(min(errors.values()))
    assert len(calibrate_adc(*data(), _PAIRS, per_slice=True).steps) == 2


def test_clipped_share_is_reported_and_warned_of() -> None:
    x, w = data()
    counts = column_sum_histograms(x, w, _CONFIG).sum(axis=0)
    with pytest.warns(ClippingWarning, match=r"converter clips \d+\.\d% of its conversions \(adc_bits 3, percentile"):
        found = calibrate_adc(x, w, _CONFIG, "percentile", percentile=50)
    full_scale = 7 * found.steps[0]
    assert found.clipped_shares[0] == pytest.approx(counts[full_scale + 1 :].sum() / counts.sum())


def test_a_percentile_clips_at_most_the_rest() -> None:
    x, w = data()
    assert calibrate_adc(x, w, _CONFIG, "percentile", percentile=99).clipped_shares[0] <= 0.01
    assert calibrate_adc(x, w, _CONFIG, "percentile", percentile=100) == calibrate_adc(x, w, _CONFIG, "max")


def test_many_sigmas_are_the_maximum_and_few_are_less() -> None:
    x, w = data()
    widest = calibrate_adc(x, w, _CONFIG, "sigma", sigmas=50)
    assert widest == calibrate_adc(x, w, _CONFIG, "max")
    with pytest.warns(ClippingWarning):
        assert calibrate_adc(x, w, _CONFIG, "sigma", sigmas=0.1).steps[0] < widest.steps[0]


def test_one_step_per_slice_fits_each() -> None:
    x, w = data()
    w = np.clip(w, -1, 1)  # the upper slices are empty
    found = calibrate_adc(x, w, _CONFIG.model_copy(update={"adc_bits": 1}), per_slice=True)
    assert len(found.steps) == 4
    assert found.steps[1] == found.steps[3] == 1 < found.steps[0]
    assert found.config(_CONFIG).adc_step == max(found.steps)


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        ({}, {"method": "maximum"}, "unknown calibration method 'maximum'; did you mean 'max'"),
        ({"adc_bits": None}, {}, r"adc_bits must be given to calibrate a converter, given None \(ideal\)"),
        ({}, {"percentile": 0}, r"percentile must lie in \(0, 100\], given 0"),
        ({}, {"sigmas": 0.0}, "sigmas must be > 0 and finite, given 0"),
    ],
)
def test_refusals(fields: dict[str, Any], options: dict[str, Any], message: str) -> None:
    x, w = data()
    with pytest.raises(ConfigError, match=message):
        calibrate_adc(x, w, _CONFIG.model_copy(update=fields), **options)


def test_shapes_and_codes_are_checked() -> None:
    x, w = data()
    with pytest.raises(ConfigError, match=r"x \(M, D\) and w \(D, N\) must share D and hold codes, given \(40, 19\)"):
        calibrate_adc(x[:, 1:], w, _CONFIG)
    with pytest.raises(ConfigError, match=r"x must hold codes in 0\.\.7"):
        calibrate_adc(x + 8, w, _CONFIG)
