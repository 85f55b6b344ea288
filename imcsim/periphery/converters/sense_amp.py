"""Small sense amplifiers: comparisons with references, one after another or all at once."""

from typing import ClassVar, Self

from pydantic import Field

from imcsim.periphery.converters.converter import ConverterModel, ConverterType, RangedConverter, Words, levels
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.nodes import Shrink
from imcsim.periphery.table import Amount


@converter_model("sense-amp")
class SenseAmp(RangedConverter):
    """Sense amplifiers that compare a column with reference columns or currents.

    In turn, one amplifier halves what is left: b comparisons. ``at_once``, an amplifier for each level but the lowest
    makes 2^b - 1 in the time of one, and each takes a copy of the column's current (:meth:`mirrors`). Energy, time and
    area are those of one comparison times their number (definition of either search). Amplifiers are a few gates, and
    go from node to node as gates do; currents of references are the array's, and left out.
    """

    energy_words: ClassVar[Words] = Words(
        "n C Vdd^2, n = b comparisons in turn or 2^b - 1 at once", ("comparator_f", "at_once"), of_chip=("supply_v",)
    )
    time_words: ClassVar[Words] = Words("b t_compare in turn, or t_compare at once", ("compare_s", "at_once"))
    area_words: ClassVar[Words | None] = Words(
        "n A, n = one amplifier in turn or 2^b - 1 at once", ("comparator_m2", "at_once")
    )
    converter_type: ClassVar[ConverterType] = "sense-amp"
    fractions: ClassVar[bool] = True

    comparator_f: float = Field(gt=0, description="C, switched by one comparison")
    compare_s: float = Field(gt=0)
    comparator_m2: float = Field(gt=0, description="A")
    at_once: bool = False

    def mirrors(self, bits: float) -> int:
        """Return the amplifiers, each of which takes a copy of a column's current."""
        return levels(bits) - 1 if self.at_once else 1

    def scaled(self, by: Shrink) -> Self:
        """Return the converter at another node and supply, where its amplifiers are what gates become."""
        return self.model_copy(
            update={
                "comparator_f": self.comparator_f * by.capacitance,
                "compare_s": self.compare_s * by.delay,
                "comparator_m2": self.comparator_m2 * by.area,
            }
        )

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion, of every column alike."""
        comparisons = levels(bits) - 1 if self.at_once else _turns(bits)
        return comparisons * self.comparator_f * supply_v**2

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion."""
        return self.compare_s * (1 if self.at_once else _turns(bits))

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of all amplifiers."""
        return self.mirrors(bits) * self.comparator_m2


def _turns(bits: float) -> int:
    """Return the comparisons that tell all levels apart, each halving what is left."""
    return (levels(bits) - 1).bit_length()
