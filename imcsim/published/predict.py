"""What a published macro takes, part by part, by the functions that charge a chip's memories."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from imcsim.core.errors import ImcsimError
from imcsim.memory.analog_array import AnalogArray
from imcsim.memory.analog_rram import AnalogRram
from imcsim.memory.digital_sram import DigitalSram
from imcsim.memory.figures import figures
from imcsim.published.facts import Assumption, Fact, OutOfScope
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
    """Return what a row's macro takes; OutOfScope as :func:`imcsim.published.macro_of.macro_of`.

    OutOfScope, too, for a row that contradicts what its memory can be: a weight of too many bits, say.
    """
    try:
        return _predicted(point, units, instead)
    except (ValidationError, ImcsimError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise OutOfScope(f"no macro can be made of it: {said}") from None


def _predicted(point: PublishedPoint, units: PublishedUnits, instead: Mapping[str, Fact] | None) -> Prediction:
    found = macro_of(point, units, instead)
    shape, macro = found.shape, found.macro
    full = figures(macro, input_bits=shape.input_bits, toggle=found.toggle, density=found.density)
    energy_j, time_s = with_their_control(full.mac_j), _input_s(found)
    if found.family != "digital-sram":
        per_weight = full.macs / (macro.site.rows * shape.array_cols / shape.cells_per_weight)
        energy_j = {name: joules * per_weight for name, joules in energy_j.items()}
    if isinstance(macro.memory, AnalogRram):
        for part in {"cells", "clamp"} & set(energy_j):
            energy_j[part] *= _conducting(macro.memory, found, time_s)
        energy_j["adc"] *= _integrating(macro.memory, found)
    return Prediction(found, energy_j, _shown(found, time_s), dict(full.area_m2))


def with_their_control(mac_j: Mapping[str, float]) -> dict[str, float]:
    """Return parts of a MAC's energy, each with its share of control: what changes a part changes its control, too."""
    control_j = mac_j.get("control", 0.0)
    rest_j = sum(mac_j.values()) - control_j
    return {name: joules * (1 + control_j / rest_j) for name, joules in mac_j.items() if name != "control"}


def _input_s(found: PublishedMacro) -> dict[str, float]:
    """Return the time of one input for the outputs of one operation: one pass, one turn of a shared converter."""
    memory, site = found.macro.memory, found.macro.site
    time = memory.forward_time(site, found.shape.input_bits)
    settle_s, convert_s = float(time.settle.value), float(time.convert.value)
    if isinstance(memory, AnalogArray):
        passes = int(memory.passes(site, site.rows))
        return {"settling": settle_s / passes, "conversion": convert_s / (passes * memory.columns_per_adc)}
    turns = memory.weight_sets * memory.weights_per_tree if isinstance(memory, DigitalSram) else 1
    return {"gates": settle_s / turns}


def _shown(found: PublishedMacro, time_s: Mapping[str, float]) -> dict[str, float]:
    """Return the time of one input where two of the row's circuits are faster or slower than the sort's.

    A chain of adders is cut by registers: the geometric middle of one row and all of them lies between two. An
    integrating converter counts while the pulses of an input of several bits last.
    """
    memory, site, shown = found.macro.memory, found.macro.site, dict(time_s)
    if isinstance(memory, DigitalSram) and memory.adder_tree.kind == "chain":
        shown["gates"] *= found.shape.rows**-0.5
    if isinstance(memory, AnalogArray) and memory.adc.converter_type == "integrating" and site.dac_bits > 1:
        shown["conversion"] *= memory.adc.time_s(site.dac_bits, 1) / memory.adc.time_s(memory.adc_bits, 1)
    return shown


def _conducting(memory: AnalogRram, found: PublishedMacro, time_s: Mapping[str, float]) -> float:
    """Return how long cells conduct, over the time that the model gives an input.

    Clamped cells conduct for the time that the row states. A floating line is sampled when it has settled, and an
    integrating converter works on the sample.
    """
    if memory.sensing == "voltage":
        return time_s["settling"] / sum(time_s.values())
    return found.slower if found.input_s is None else found.input_s / sum(time_s.values())


def _integrating(memory: AnalogRram, found: PublishedMacro) -> float:
    """Return the energy of a conversion that lasts as long as the row states, over that of the modelled ones.

    An integrating converter's bias flows all the time, and it adds up the read cycles of an input before it counts
    once; others take the same energy however long they wait.
    """
    adc, bits = memory.adc, memory.adc_bits
    if adc.integrating is None or adc.converter_type != "integrating" or found.input_s is None:
        return 1.0
    lasting = adc.integrating.model_copy(update={"stated_bits": (bits,), "stated_times_s": (found.input_s,)})
    supply_v = found.macro.site.supply_v
    once_j, each_j = (model.energy_j(adc.feature_size_m, bits, supply_v, 0.0) for model in (lasting, adc.integrating))
    return once_j / (found.shape.phases * each_j)
