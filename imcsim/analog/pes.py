"""What a layer on PEs depends on: the size of a PE, how codes lie in it, and what is analog about it.

No chip and no trace: a learner may describe the PEs of one layer of its own; :func:`imcsim.convert` takes them from a
chip.
"""

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.crossbar.converter_bits import forward_bits
from imcsim.crossbar.encoding import Encoding, PairReading, Reference
from imcsim.crossbar.replicas import ReplicaPlaces
from imcsim.devices.rram import RramCell
from imcsim.mapping.geometry import PeGeometry


class AnalogCells(FrozenConfig):
    """PEs of RRAM cells as their products see them.

    Parameters
    ----------
    cell
        The cell, with its errors.
    adc_bits
        Bits of a conversion.
    pair
        Whether the two columns of a differential pair are ``subtracted`` ahead of one conversion or each ``converted``.
    open_rows
        Rows of a PE that are open at once; 0: all.
    wl_segment_ohm, bl_segment_ohm
        Resistance (ohm) of a word line or bit line from one cell to the next.
    columns_per_adc
        Columns that share a converter, and so a pair of replica columns.
    reference
        What offset codes are read against: ``replica`` columns of each PE, or an ``ideal`` subtraction. A differential
        pair needs none.
    """

    cell: RramCell
    adc_bits: int = Field(ge=1, le=16)
    pair: PairReading = "subtracted"
    open_rows: int = Field(0, ge=0)
    wl_segment_ohm: float = Field(0.0, ge=0)
    bl_segment_ohm: float = Field(0.0, ge=0)
    columns_per_adc: int = Field(8, ge=1)
    reference: Reference = "replica"


class LayerPes(FrozenConfig):
    """The PEs of a layer.

    Parameters
    ----------
    name
        Whose PEs they are, for messages.
    geometry
        Cells of a PE, and how a weight's code is spread over them.
    input_bits
        Bits of an input code.
    dac_bits
        Input bits of one read cycle.
    analog
        The RRAM PEs; None: all PEs are SRAM PEs, which multiply exactly.
    """

    name: str = "the layer's PEs"
    geometry: PeGeometry
    input_bits: int = Field(8, ge=1, le=16)
    dac_bits: int = Field(1, ge=1, le=8)
    analog: AnalogCells | None = None

    @model_validator(mode="after")
    def _inputs_fill_a_cycle(self) -> "LayerPes":
        if self.dac_bits > self.input_bits:
            raise ValueError(f"dac_bits ({self.dac_bits}) must be <= input_bits ({self.input_bits})")
        return self

    @model_validator(mode="after")
    def _signs_have_a_bit(self) -> "LayerPes":
        if self.analog is not None and self.pairs_subtracted and self.analog.adc_bits == 1:
            raise ValueError(
                "adc_bits must be >= 2 where pairs are subtracted, one of them the sign, "
                "given 1; pair 'converted' has no sign"
            )
        return self

    @property
    def pairs_subtracted(self) -> bool:
        """Whether converters see the difference of a pair's columns."""
        return self.analog is not None and self.encoding.sign == "differential" and self.analog.pair == "subtracted"

    @property
    def open_rows(self) -> int:
        """Rows of a PE that are open at once."""
        rows = self.geometry.rows
        return rows if self.analog is None else min(rows, self.analog.open_rows or rows)

    @property
    def lossless_adc_bits(self) -> int:
        """Fewest bits of a conversion that lose nothing of exact cells."""
        pair: PairReading = "subtracted" if self.pairs_subtracted else "converted"
        return forward_bits(self.encoding, rows=self.open_rows, digit_bits=self.dac_bits, pair=pair)

    @property
    def replicas(self) -> ReplicaPlaces | None:
        """The replica columns of each RRAM PE; None where it has none."""
        analog = self.analog
        if analog is None or self.encoding.sign != "offset" or analog.reference != "replica":
            return None
        return ReplicaPlaces.of(self.geometry.weight_cols, self.encoding.cells_per_weight, analog.columns_per_adc)

    @property
    def encoding(self) -> Encoding:
        """How a weight's code is spread over cells."""
        return self.geometry.encoding

    @property
    def tile(self) -> tuple[int, int]:
        """Weights (rows, outputs) in a PE."""
        return self.geometry.weight_rows, self.geometry.weight_cols
