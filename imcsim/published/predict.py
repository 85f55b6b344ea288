"""What a published macro takes, part by part, by the functions that charge a chip's memories."""

from collections.abc import Mapping
from dataclasses import dataclass

from imcsim.memory.analog_array import AnalogArray
from imcsim.memory.analog_rram import AnalogRram
from imcsim.memory.digital_sram import DigitalSram
from imcsim.memory.figures import figures
from imcsim.published.facts import Assumption, Fact
from imcsim.published.macro_of import PublishedMacro, macro_of
from imcsim.published.points import PublishedPoint
from imcsim.published.units import PublishedUnits


@dataclass(frozen=True)
class Prediction:
    """Energy of one MAC (J), time of one input (s) and area of one macro (m2), by component, before calibration."""

    macro: PublishedMacro
    energy_j: Mapping[str, float]
    time_s: Mapping[str, float]
    area_m2: Mapping[str, float]

    @property
    def assumed(self) -> tuple[Assumption, ...]:
        """What the row does not state."""
        return self.macro.assumed


def predict(point: PublishedPoint, units: PublishedUnits, instead: Mapping[str, Fact] | None = None) -> Prediction:
    """Return what a row's macro takes; OutOfScope as :func:`imcsim.published.macro_of.macro_of`."""
    found = macro_of(point, units, instead)
    shape, macro = found.shape, found.macro
    full = figures(macro, input_bits=shape.input_bits, toggle=found.toggle, density=found.density)
    time_s = _input_s(found)
    energy_j = dict(full.mac_j)
    if found.family != "digital-sram":
        per_weight = full.macs / (macro.site.rows * shape.array_cols / shape.cells_per_weight)
        energy_j = {name: joules * per_weight for name, joules in energy_j.items()}
    if isinstance(macro.memory, AnalogRram):
        for part in {"cells", "clamp"} & set(energy_j):
            energy_j[part] *= _conducting(macro.memory, found, time_s)
        if macro.memory.adc.converter_type == "integrating" and found.input_s is not None:
            energy_j["adc"] *= found.input_s / time_s["conversion"]  # its bias flows for the time that is stated
    return Prediction(found, energy_j, time_s, dict(full.area_m2))


def _input_s(found: PublishedMacro) -> dict[str, float]:
    """Return the time of one input for the outputs of one operation: one pass, one turn of a shared converter."""
    memory, site = found.macro.memory, found.macro.site
    time = memory.forward_time(site, found.shape.input_bits)
    settle_s, convert_s = float(time.settle.value), float(time.convert.value)
    if isinstance(memory, DigitalSram):
        return {"gates": _chain_share(memory, found) * settle_s / (memory.weight_sets * memory.weights_per_tree)}
    assert isinstance(memory, AnalogArray)
    passes = int(memory.passes(site, site.rows))
    return {"settling": settle_s / passes, "conversion": convert_s / (passes * memory.columns_per_adc)}


def _conducting(memory: AnalogRram, found: PublishedMacro, time_s: Mapping[str, float]) -> float:
    """Return how long cells conduct, over the time that the model gives an input.

    Clamped cells conduct for the time that the row states. A floating line is sampled when it has settled, and an
    integrating converter works on the sample.
    """
    if memory.sensing == "voltage":
        return time_s["settling"] / sum(time_s.values())
    return found.slower if found.input_s is None else found.input_s / sum(time_s.values())


def _chain_share(memory: DigitalSram, found: PublishedMacro) -> float:
    """Return the share of a chain's path between two registers: the geometric middle of one row and all of them."""
    return 1.0 if memory.adder_tree.kind == "tree" else found.shape.rows**-0.5
