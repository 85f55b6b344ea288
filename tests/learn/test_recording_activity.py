import numpy as np
import pytest
import torch
from torch.nn import functional

from imcsim.learn.recording.activity import Activity, magnitude_codes, zero_error_vectors, zero_input_vectors
from imcsim.mapping.layer import LayerSpec


def conv(groups: int = 1, padding: int = 1, stride: int = 1, kernel: int = 3, dilation: int = 1) -> LayerSpec:
    return LayerSpec(
        name="c", kind="conv2d", in_features=4, out_features=4, kernel=(kernel, kernel), padding=(padding, padding),
        stride=(stride, stride), dilation=(dilation, dilation), groups=groups, input_elements=1, output_elements=1,
    )  # fmt: skip


LINEAR = LayerSpec(name="l", kind="linear", in_features=3, out_features=2, input_elements=3, output_elements=2)


def test_magnitude_codes_use_the_whole_range() -> None:
    assert magnitude_codes(torch.tensor([-2.0, 1.0, 0.0, 0.5]), 2).tolist() == [3, 2, 0, 1]
    assert magnitude_codes(torch.zeros(3), 8).tolist() == [0, 0, 0]


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_magnitude_codes_are_those_of_torch_in_float32(bits: int) -> None:
    values = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0)) * 1e-3
    scale = ((1 << bits) - 1) / values.abs().max()
    assert magnitude_codes(values, bits).tolist() == (values.abs() * scale).round().int().tolist()


@pytest.mark.parametrize("largest", [float("inf"), float("nan"), 1e-40])
def test_magnitudes_that_have_no_scale_are_zero_codes(largest: float) -> None:
    assert magnitude_codes(torch.tensor([0.0, largest]), 16).tolist() == [0, 0]


def test_densities_by_hand() -> None:
    activity = Activity(2, 2)
    activity.add(1, np.array([[3, 1, 0], [0, 0, 0]]), (1, 2))
    density, zero_share = activity.take()
    assert density.tolist() == [[0.0, 0.0], [pytest.approx(2 / 6), pytest.approx(1 / 6)]]
    assert zero_share.tolist() == [0.0, 0.5]
    assert not activity.take()[0].any()


@pytest.mark.parametrize("size", [10, 100_000])
def test_densities_of_few_and_of_many_codes(size: int) -> None:
    codes = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    activity = Activity(1, 8)
    activity.add(0, codes, (0, 1))
    expected = np.unpackbits(codes[:, None], axis=1, bitorder="little").mean(0)
    assert activity.take()[0][0].tolist() == expected.tolist()


@pytest.mark.parametrize(
    "spec", [conv(), conv(groups=2), conv(padding=0, stride=2), conv(kernel=1, padding=2), conv(padding=2, dilation=2)]
)
def test_zero_windows_match_im2col(spec: LayerSpec) -> None:
    generator = torch.Generator().manual_seed(0)
    codes = (torch.rand(3, 4, 6, 6, generator=generator) > 0.95).int() * 5
    columns = functional.unfold(codes.float(), spec.kernel, spec.dilation, spec.padding, spec.stride)
    grouped = columns.view(3, spec.groups, spec.fan_in, -1)
    expected = int((grouped == 0).all(2).sum())
    assert zero_input_vectors(codes.numpy(), spec) == (expected, grouped.shape[0] * spec.groups * grouped.shape[3])
    assert expected > 0
    busy = torch.ones_like(codes)
    outside = int(
        (functional.unfold(busy.float(), spec.kernel, spec.dilation, spec.padding, spec.stride) == 0).all(1).sum()
    )
    assert zero_input_vectors(busy.numpy(), spec) == (outside * spec.groups, columns.shape[2] * 3 * spec.groups)


def test_zero_vectors_of_linear_layers_and_errors() -> None:
    assert zero_input_vectors(np.array([[0, 0, 0], [0, 1, 0]]), LINEAR) == (1, 2)
    errors = np.zeros((1, 4, 2, 1), np.uint8)
    errors[0, 0, 0, 0] = 1
    assert zero_error_vectors(errors, conv()) == (1, 2)
    assert zero_error_vectors(errors, conv(groups=2)) == (3, 4)
    assert zero_error_vectors(np.array([[0, 0], [0, 0]]), LINEAR) == (2, 2)
