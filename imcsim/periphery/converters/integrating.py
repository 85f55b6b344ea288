"""An integrating converter: a column is integrated or compared with a ramp while a counter runs."""

from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from imcsim.periphery.converters.converter import ConverterModel, ConverterType, RangedConverter, Words, levels
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.nodes import Shrink
from imcsim.periphery.table import Amount, check_increasing


@converter_model("integrating")
class Integrating(RangedConverter):
    """A biased integrator or ramp, and a counter of its steps.

    Energy I Vdd t + C_ff Vdd^2 (2^b - 1 - b / 2); time 2^b t_step, or what ``stated_times_s`` says for its
    ``stated_bits``; area A_0 + b A_ff. The bias current flows as long as the conversion lasts: five precisions of one
    chip show it (NeuRRAM, Wan et al., Nature 608 (2022) 504-512: energy / (Vdd t) is the same within 5 %). A counter
    that runs to k flips 2 k - popcount(k) bits (definition of binary counting), 2^b - 1 - b / 2 in the mean over all k.

    From node to node and supply to supply steps go as delays of gates, the counter and the area as gates; the bias
    current stays, since noise and speed set it, not the node.
    """

    energy_words: ClassVar[Words] = Words(
        "I Vdd t + C_ff Vdd^2 (2^b - 1 - b / 2), t = 2^b t_step",
        ("bias_a", "step_s", "counter_bit_f"),
        of_chip=("supply_v",),
    )
    time_words: ClassVar[Words] = Words("2^b t_step", ("step_s",))
    area_words: ClassVar[Words | None] = Words("A_0 + b A_ff", ("integrator_m2", "counter_bit_m2"))
    converter_type: ClassVar[ConverterType] = "integrating"
    fractions: ClassVar[bool] = True

    bias_a: float = Field(gt=0, description="I")
    step_s: float = Field(gt=0, description="t_step")
    counter_bit_f: float = Field(ge=0, description="C_ff, switched by one flip of a counter's bit")
    integrator_m2: float = Field(gt=0, description="A_0")
    counter_bit_m2: float = Field(ge=0, description="A_ff")
    stated_bits: tuple[int, ...] = ()
    stated_times_s: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _one_time_for_each(self) -> "Integrating":
        check_increasing("stated_bits", self.stated_bits)
        if len(self.stated_times_s) != len(self.stated_bits):
            raise ValueError("stated_times_s needs one entry for each of stated_bits")
        if min(self.stated_times_s, default=1.0) <= 0:
            raise ValueError(f"stated_times_s must hold values > 0, got {min(self.stated_times_s)}")
        return self

    def words(self, number: Literal["energy", "time", "area"], bits: float) -> Words | None:
        """Return the words of a number at ``bits``: a stated time is not that of steps."""
        said = super().words(number, bits)
        if said is None or number == "area" or bits not in self.stated_bits:
            return said
        kept = [name for name in said.coefficients if name != "step_s"]
        formula = said.formula.replace("2^b t_step", "as stated for b bits")
        return replace(said, formula=formula, coefficients=(*kept, "stated_bits", "stated_times_s"))

    def scaled(self, by: Shrink) -> Self:
        """Return the converter at another node and supply."""
        changed: dict[str, Any] = {
            "step_s": self.step_s * by.delay,
            "stated_times_s": tuple(seconds * by.delay for seconds in self.stated_times_s),
            "counter_bit_f": self.counter_bit_f * by.capacitance,
            "integrator_m2": self.integrator_m2 * by.area,
            "counter_bit_m2": self.counter_bit_m2 * by.area,
        }
        return self.model_copy(update=changed)

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion, of every column alike."""
        flips = levels(bits) - 1 - bits / 2
        return self.bias_a * supply_v * self.time_s(bits, 1) + self.counter_bit_f * supply_v**2 * flips

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion, whatever its code."""
        if bits in self.stated_bits:
            return self.stated_times_s[self.stated_bits.index(int(bits))]
        return levels(bits) * self.step_s

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of one converter."""
        return self.integrator_m2 + bits * self.counter_bit_m2
