"""A learner's own layer on PEs that it describes itself: no chip file, no trace, no network to convert."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import imcsim
from imcsim.analog import AnalogCells, AnalogConfig, LayerPes, analog_layer
from imcsim.analog.clock import Clock
from imcsim.core.errors import ConfigError, MappingError
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.geometry import PeGeometry

CELL = imcsim.load("chip", "hybrid-28nm").config.rram.cell  # type: ignore[union-attr]
PES = LayerPes(
    geometry=PeGeometry(rows=8, cols=16, encoding=Encoding(weight_bits=4, cell_bits=1)),
    input_bits=4,
    analog=AnalogCells(cell=CELL, adc_bits=10),
)


def linear(fan_in: int = 12, outputs: int = 3) -> nn.Linear:
    layer = nn.Linear(fan_in, outputs)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
        layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator))
    return layer


def inputs(fan_in: int = 12) -> Tensor:
    return torch.rand(6, fan_in, generator=torch.Generator().manual_seed(2))


def by_codes(layer: nn.Linear, x: Tensor) -> Tensor:
    """What ideal arrays give: codes of 4 bits of weights (-7 .. 7) and inputs (0 .. 15), multiplied in float64."""
    step, scale = layer.weight.detach().abs().max() / 7, x.max() / 15
    weight, codes = torch.round(layer.weight.detach() / step), torch.round(x / scale)
    return (codes.double() @ weight.double().T * (step * scale).double()).float() + layer.bias.detach()


@pytest.mark.parametrize("pes", [PES, PES.model_copy(update={"analog": None})], ids=["rram", "sram"])
def test_ideal_pes_multiply_codes(pes: LayerPes) -> None:
    layer = linear()
    analog = analog_layer(layer, pes, AnalogConfig.ideal()).eval()
    assert torch.allclose(analog(inputs()), by_codes(layer, inputs()), atol=1e-5)
    assert analog.weight is layer.weight  # an optimiser of the learner's trains both
    assert analog.arrays.grid == (1, 2, 2)  # 12 rows in PEs of 8, 3 outputs of 6 cells in PEs of 16
    assert analog.arrays.in_sram.all() == (pes.analog is None)


def test_the_same_pes_give_what_a_converted_network_on_their_chip_gives() -> None:
    chip = imcsim.load("chip", "hybrid-28nm", overrides={"rram.wl_segment_ohm": 2.0}).config
    assert chip.rram is not None
    analog = AnalogCells(
        cell=chip.rram.cell,
        adc_bits=chip.rram.adc_bits,
        wl_segment_ohm=2.0,
        bl_segment_ohm=chip.rram.bl_segment_ohm,
    )
    own = LayerPes(
        geometry=PeGeometry(
            rows=chip.array.rows,
            cols=chip.array.cols,
            encoding=Encoding(sign=chip.rram.sign, weight_bits=chip.weight_bits, cell_bits=chip.rram.cell_bits),
        ),
        input_bits=chip.input_bits,
        dac_bits=chip.dac_bits,
        analog=analog,
    )
    layer, clock = linear(), Clock()
    made = analog_layer(layer, own, clock=clock).eval()
    converted = imcsim.convert(nn.Sequential(layer), chip, "rram").eval()
    made.program_cells(np.random.default_rng(3))
    converted[0].program_cells(np.random.default_rng(3))
    for network_clock in (clock, converted.analog_clock):
        network_clock.seed_reads(4)
        network_clock.now_s = 3600.0
    assert torch.equal(made(inputs()), converted(inputs()))  # errors, age, wires and read noise included
    assert not torch.allclose(made(inputs()), by_codes(layer, inputs()), atol=1e-4)


def test_pes_move_to_sram_one_by_one() -> None:
    layer = linear()
    analog = analog_layer(layer, PES, AnalogConfig.ideal()).eval()
    analog.place_pes(np.array([[[True, False], [False, True]]]))
    assert torch.allclose(analog(inputs()), by_codes(layer, inputs()), atol=1e-5)


def test_it_trains_for_its_own_cells() -> None:
    layer = linear()
    analog = analog_layer(layer, PES).train()
    analog(inputs()).square().sum().backward()
    assert layer.weight.grad is not None and float(layer.weight.grad.abs().sum()) > 0


def test_a_convolution_too() -> None:
    conv = nn.Conv2d(2, 3, 3, padding=1)
    analog = analog_layer(conv, PES, AnalogConfig.ideal()).eval()
    assert analog(torch.rand(2, 2, 5, 5)).shape == (2, 3, 5, 5)
    assert analog.arrays.shape == (1, 18, 3)


def test_what_cannot_be_is_told_in_one_sentence() -> None:
    with pytest.raises(ConfigError, match="adc_bits must be >= 2 where pairs are subtracted, one of them the sign"):
        LayerPes(geometry=PES.geometry, analog=AnalogCells(cell=CELL, adc_bits=1))
    LayerPes(geometry=PES.geometry, analog=AnalogCells(cell=CELL, adc_bits=1, pair="converted"))
    with pytest.raises(ConfigError, match=r"LayerPes: dac_bits \(8\) must be <= input_bits \(4\)"):
        LayerPes(geometry=PES.geometry, input_bits=4, dac_bits=8)
    with pytest.raises(ConfigError, match="'adc_bits'"):
        AnalogCells(cell=CELL, adc_bits=0)
    with pytest.raises(MappingError, match="no Linear or Conv2d"):
        analog_layer(nn.ReLU(), PES)  # type: ignore[arg-type]


def test_no_chip_and_no_trace_is_loaded_for_it() -> None:
    code = (
        "import sys; from imcsim.analog import LayerPes, AnalogCells, analog_layer; import imcsim.analog.reading; "
        "print([name for name in sys.modules if name.startswith(('imcsim.chip', 'imcsim.trace', 'imcsim.learn'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
