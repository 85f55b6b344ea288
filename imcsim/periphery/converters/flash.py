"""A flash converter: a comparator for each level but the lowest, all at once."""

from typing import ClassVar, Self

from pydantic import Field

from imcsim.periphery.converters.converter import ConverterModel, ConverterType, RangedConverter, Words, levels
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.nodes import Shrink
from imcsim.periphery.table import Amount


@converter_model("flash")
class Flash(RangedConverter):
    """Clocked comparators, each against a level of its own: the definition of a flash converter.

    Energy (2^b - 1) C Vdd^2, time that of one comparison, area (2^b - 1) A. A column that is a current is mirrored into
    each comparator: :meth:`mirrors`. Clocked comparators are a few gates, and go from node to node as gates do; the
    ladder of references is shared by the converters of an array and is left out.
    """

    energy_words: ClassVar[Words] = Words("(2^b - 1) C Vdd^2", ("comparator_f",), of_chip=("supply_v",))
    time_words: ClassVar[Words] = Words("t_compare, whatever the bits", ("compare_s",))
    area_words: ClassVar[Words | None] = Words("(2^b - 1) A", ("comparator_m2",))
    converter_type: ClassVar[ConverterType] = "flash"
    fractions: ClassVar[bool] = True

    comparator_f: float = Field(gt=0, description="C, switched by one comparison")
    compare_s: float = Field(gt=0)
    comparator_m2: float = Field(gt=0, description="A")

    def mirrors(self, bits: float) -> int:
        """Return the comparators, each of which takes a copy of a column's current."""
        return levels(bits) - 1

    def scaled(self, by: Shrink) -> Self:
        """Return the converter at another node and supply, where its comparators are what gates become."""
        return self.model_copy(
            update={
                "comparator_f": self.comparator_f * by.capacitance,
                "compare_s": self.compare_s * by.delay,
                "comparator_m2": self.comparator_m2 * by.area,
            }
        )

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion, of every column alike."""
        return (levels(bits) - 1) * self.comparator_f * supply_v**2

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion: that of one comparison."""
        return self.compare_s

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of all comparators."""
        return (levels(bits) - 1) * self.comparator_m2
