"""One image through the arrays, after the last task or on any map: what is charged once the reads are known.

Shape letters: L mapped layers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.traffic import hop_values
from imcsim.core.charge import Charge, Charges

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Image:
    """What one image moves.

    Parameters
    ----------
    outputs
        Elements of all layers' outputs.
    fetched
        Input elements read from the buffer.
    crossed
        Elements x hops over links.
    """

    outputs: float
    fetched: float
    crossed: float


def moved_by(image: Image, chip: ChipConfig) -> Charges:
    """Return the charges (J) of activation functions, buffer and links."""
    said, bits, layers = "positions of one image", chip.input_bits, ("layers",)
    read, write = chip.buffer.read_price().also("input_bits"), chip.buffer.write_price().also("input_bits")
    hop = chip.link.energy_price().also(*hop_values(chip), "input_bits")
    return (
        Charge("activation", image.outputs, "elements", f"{said} x outputs", layers, chip.mac.vector_price()),
        Charge("buffer.read", image.fetched * bits, "bits", f"{said} x fan-in x input_bits", layers, read),
        Charge("buffer.write", image.outputs * bits, "bits", f"{said} x outputs x input_bits", layers, write),
        Charge(
            "link", image.crossed * bits, "bit hops", "the bits read and written x hops of their layer", layers, hop
        ),
    )
