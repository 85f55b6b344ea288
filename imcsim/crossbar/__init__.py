"""The array: how codes become cell levels, what its wires do to a product, and what a column's converter makes of it.

Names that need torch are imported when they are first used, so that ``import imcsim.crossbar`` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from imcsim.crossbar.converter_bits import fewest_bits, forward_bits, transposed_bits
from imcsim.crossbar.encoding import Encoding

if TYPE_CHECKING:
    from imcsim.crossbar.slicing.calibrate import AdcRange, calibrate_adc
    from imcsim.crossbar.slicing.config import BitSliceConfig
    from imcsim.crossbar.slicing.idle import IdlePhases, idle_phases
    from imcsim.crossbar.slicing.product import bit_sliced_conv2d, bit_sliced_matmul
    from imcsim.crossbar.slicing.programmed import SlicedWeights, program_weights
    from imcsim.crossbar.wires.effective import effective_conductance
    from imcsim.crossbar.wires.nodes import node_voltages
    from imcsim.crossbar.wires.solve import solve_wires

_LAZY = {
    "AdcRange": "imcsim.crossbar.slicing.calibrate",
    "BitSliceConfig": "imcsim.crossbar.slicing.config",
    "IdlePhases": "imcsim.crossbar.slicing.idle",
    "SlicedWeights": "imcsim.crossbar.slicing.programmed",
    "bit_sliced_conv2d": "imcsim.crossbar.slicing.product",
    "bit_sliced_matmul": "imcsim.crossbar.slicing.product",
    "calibrate_adc": "imcsim.crossbar.slicing.calibrate",
    "effective_conductance": "imcsim.crossbar.wires.effective",
    "idle_phases": "imcsim.crossbar.slicing.idle",
    "node_voltages": "imcsim.crossbar.wires.nodes",
    "program_weights": "imcsim.crossbar.slicing.programmed",
    "solve_wires": "imcsim.crossbar.wires.solve",
}

__all__ = [
    "AdcRange",
    "BitSliceConfig",
    "Encoding",
    "IdlePhases",
    "SlicedWeights",
    "bit_sliced_conv2d",
    "bit_sliced_matmul",
    "calibrate_adc",
    "effective_conductance",
    "fewest_bits",
    "forward_bits",
    "idle_phases",
    "node_voltages",
    "program_weights",
    "solve_wires",
    "transposed_bits",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'imcsim.crossbar' has no attribute '{name}'")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
