"""The same code on a GPU: exact where nothing is drawn, the same moments where something is."""

import pytest
import torch

import imcsim
from tests.analog.hand import IDEAL_CELLS, chip, images, two_layers

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")


def test_ideal_arrays_compute_the_same() -> None:
    x = images(4, 3, 12, 12)
    here = imcsim.convert(two_layers(), chip(), config=IDEAL_CELLS, calibration=x).eval()
    there = imcsim.convert(two_layers(), chip(), config=IDEAL_CELLS, calibration=x).eval().cuda()
    torch.testing.assert_close(there(x.cuda()).cpu(), here(x), rtol=1e-4, atol=1e-5)


def test_it_is_programmed_read_and_trained_there() -> None:
    x = images(8, 3, 12, 12).cuda()
    analog = imcsim.convert(two_layers(), chip(), config={"explicit_training": True}).cuda()
    analog.program(0)
    analog.calibrate(x)
    first, second = analog.eval()(x), analog(x)
    assert first.device.type == "cuda"
    assert not torch.equal(first, second)  # read noise
    analog.train()(x).sum().backward()
    assert analog.head.weight.grad.device.type == "cuda"
