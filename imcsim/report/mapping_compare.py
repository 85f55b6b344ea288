"""Two rules side by side: PEs, counts, energy and latency of an image, and what each makes of frozen weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from imcsim.chip.config import ChipConfig
from imcsim.chip.per_image import per_image
from imcsim.chip.trace_masks import TaskMasks
from imcsim.core.units import with_prefix
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.pe_table import pe_table, trainable_pes

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Figure:
    """One line of the comparison: a name, a unit ("" for counts, "share" for shares) and a value for each rule."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def change(self) -> float | None:
        """Second value over the first, minus 1; None where the first is 0."""
        return self.values[1] / self.values[0] - 1 if self.values[0] else None


def rule_figures(network_map: NetworkMap, chip: ChipConfig, masks: TaskMasks | None = None) -> dict[str, float]:
    """Return the figures of one map, by name with its unit (J, s), all per image but for the PEs.

    With ``masks``, inputs and codes are those of the trace, and on a chip with both memories PEs in which something
    trains are read in SRAM, as while they train; without, inputs are half ones, codes uniform, and all weights where
    they rest. ``price`` reads an image where weights are served: :func:`read_in` says which of them is meant.
    """
    trainable = None if masks is None else masks.trainable
    table = pe_table(network_map, trainable)
    cost = per_image(
        network_map,
        chip,
        density=None if masks is None else masks.density,
        codes=None if masks is None else masks.codes,
        in_sram=None if trainable is None else trainable_pes(network_map, trainable),
    )
    figures: dict[str, float] = {
        "pes": len(table.pe),
        "utilisation": network_map.utilisation,
        "conversions": sum(cost.conversions),
        "row_drives": sum(route.delivered for route in cost.routes),
        "inputs_fetched": sum(route.fetched for route in cost.routes),
        "partial_sums": sum(route.added for route in cost.routes),
        "table_bits": sum(route.table_bits for route in cost.routes),
        "energy_j": cost.energy.total,
        "table_energy_j": cost.table_energy_j,
        "latency_s": cost.latency_s,
        "interval_s": cost.interval_s,
    }
    if trainable is not None:
        figures |= {"frozen_pes": int((~table.trains).sum()), "frozen_in_rram": table.captured}
    return figures


def read_in(chip: ChipConfig, masks: TaskMasks | None = None) -> str:
    """Say in which memory an image is read."""
    home, work = chip.home.name.upper(), chip.volatile
    if masks is None or work is None or chip.nonvolatile is None:
        return f"all weights in {home}"
    return f"PEs that train in {work.name.upper()}, the others in {home}"


def compare(found: Mapping[str, Mapping[str, float]]) -> list[Figure]:
    """Return the lines of the comparison of rules, rule -> figures of :func:`rule_figures`."""
    first = next(iter(found.values()))
    return [Figure(_NAMES[key][0], _NAMES[key][1], tuple(f[key] for f in found.values())) for key in first]


def compare_table(found: Mapping[str, Mapping[str, float]], title: str, read: str = "") -> Table:
    """Return the comparison for people; ``read`` says where an image is read (:func:`read_in`)."""
    caption = f"{_CAPTION} An image is read with {read}{_SERVED if 'train' in read else ''}." if read else _CAPTION
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("per image, but for PEs")
    for rule in found:
        table.add_column(rule, justify="right", no_wrap=True)
    table.add_column("change", justify="right", no_wrap=True)
    for line in compare(found):
        change = "" if line.change is None or line.unit == "share" else f"{line.change:+.1%}"
        table.add_row(line.name, *(_shown(value, line.unit) for value in line.values), change)
    return table


def compare_rows(found: Mapping[str, Mapping[str, float]], read: str = "") -> list[dict[str, object]]:
    """Return one row per rule, for files; ``read`` says where an image is read (:func:`read_in`)."""
    said = {"read_in": read} if read else {}
    return [{"rule": rule, **figures, **said} for rule, figures in found.items()]


_NAMES: dict[str, tuple[str, str]] = {
    "pes": ("PEs", ""),
    "utilisation": ("cells in use", "share"),
    "conversions": ("column conversions", ""),
    "row_drives": ("rows driven (per phase)", ""),
    "inputs_fetched": ("input elements fetched", ""),
    "partial_sums": ("additions of partial sums", ""),
    "table_bits": ("routing tables (bits)", ""),
    "energy_j": ("energy", "J"),
    "table_energy_j": ("more, if tables are read for every vector", "J"),
    "latency_s": ("latency", "s"),
    "interval_s": ("interval of a full pipeline", "s"),
    "frozen_pes": ("PEs in which nothing trains", ""),
    "frozen_in_rram": ("frozen weights in such PEs", "share"),
}
_CAPTION = (
    "Latency: all vectors of the busiest PE, one of every other layer; no contention. A permuted order needs tables; "
    "kept beside the PEs they cost no energy here."
)
_SERVED = ", as while they train; price charges an image where weights are served once committed"


def _shown(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.1%}"
    return with_prefix(value, unit) if unit else f"{value:,.0f}"
