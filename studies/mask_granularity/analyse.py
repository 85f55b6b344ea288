"""How much of a frozen share each mapping rule turns into RRAM PEs, from the traces of this study.

Run the study first (``imcsim run mask_granularity``), then this file from the checkout with the folder of its results:
``python -m studies.mask_granularity.analyse results/mask_granularity/digits``. It writes granularity.csv (means
and standard deviations over seeds), granularity/rows.csv and figures/granularity_*.png there.
"""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.layouts import cut_layout
from imcsim.chip.per_image import per_image
from imcsim.chip.rule_layout import RuleLayout
from imcsim.chip.trace_masks import TaskMasks, task_masks
from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.mapping.granularity import GRANULARITIES, Granularity, lowest, pieces
from imcsim.mapping.network_map import NetworkMap, map_network
from imcsim.mapping.pe_table import pe_table, trainable_pes
from imcsim.memory.mid_window import MidWindow
from imcsim.report.style import save_as
from imcsim.trace.store import load
from imcsim.trace.trace import Trace
from studies.mask_granularity.drawings import by_seed, draw_captured, draw_trade

RULES = (
    "im2col", "kernel_split", "dense_pack", "sparse_skip", "freeze_align", "replicate", "transposable", "second_copy",
)  # fmt: skip
SHARES = (0.25, 0.5, 0.75, 0.9)
BUDGET = 236  # PEs for replicate: twice the network's 118
Masks = dict[str, NDArray[np.bool_]]


def least_moved(trace: Trace, task: int, granularity: Granularity, share: float, chip: ChipConfig) -> Masks:
    """Return layer -> (G, D, N), True where a weight trains, if the pieces that moved least in ``task`` are frozen.

    How far a weight moved is the change of its code over the task: known only afterwards, so that these masks are the
    best that any score of the same granularity could choose, by this measure.
    """
    layers = trace.meta.layers
    scores = [movement(trace, task)[spec.name] for spec in layers]
    labels = [pieces(granularity, spec.matrix_shape, chip.geometry, spec.kernel) for spec in layers]
    return {spec.name: ~frozen for spec, frozen in zip(layers, lowest(scores, labels, share), strict=True)}


def movement(trace: Trace, task: int) -> dict[str, NDArray[np.int64]]:
    """Return layer -> (G, D, N): by how many codes each weight changed over ``task``."""
    codes = {name: trace.at_task(array).astype(np.int64) for name, array in trace.codes.items()}
    return {name: np.abs(array[task + 1] - array[task]) for name, array in codes.items()}


def figures_of(network: NetworkMap, chip: ChipConfig, masks: TaskMasks, trains: Masks) -> dict[str, float]:
    """Return what one rule makes of one mask: PEs by memory, what is captured, and what it costs."""
    keeps, trains_in = chip.nonvolatile, chip.volatile
    if keeps is None or trains_in is None or chip.sram is None:
        raise ValueError("this study asks about a chip with both memories")
    table, held = pe_table(network, trains), trainable_pes(network, trains)
    cost = per_image(network, chip, density=masks.density, codes=masks.codes, in_sram=held)
    trained = np.concatenate(held)
    layout = RuleLayout(network, "map")
    there, here = layout.grid, cut_layout(layout, trains_in, "map").grid
    parts = keeps.memory.read_out(keeps.site, MidWindow(there))  # codes are not asked for here
    loads = here.cells * chip.sram.cell.write_energy_j
    for part in parts:
        loads = loads + np.reshape(part.amount * np.asarray(part.each.value), (-1, there.count))[0]
    first = [span.start + np.arange(len(mask)) for span, mask in zip(there.layer_slices, held, strict=True)]
    sram_pes = int(table.trains.sum())
    return {
        "pes": len(table.pe),
        "rram_pes": len(table.pe) - sram_pes,
        "sram_pes": sram_pes,
        "captured": table.captured,
        "sram_area_m2": sram_pes * trains_in.pe_area_m2,
        "sram_leakage_w": sram_pes * chip.array.rows * chip.array.cols * chip.sram.cell.leakage_w,
        "load_energy_j": float(loads[np.concatenate(first)][trained].sum()),
        "image_energy_j": cost.energy.total,
        "table_bits": sum(route.table_bits for route in cost.routes),
    }


def rows_of(trace: Trace, label: str, chip: ChipConfig) -> Iterator[dict[str, Any]]:
    """Yield one row per task from the second, mask and rule of a trace."""
    for task in range(1, trace.meta.tasks):
        masks, moved = task_masks(trace, task), movement(trace, task)
        for name, share, trains in _chosen(trace, task, label, chip, masks):
            frozen = sum(int((~mask).sum()) for mask in trains.values())
            lost = sum(int(moved[layer][~mask].sum()) for layer, mask in trains.items())
            for rule in RULES:
                network = _mapped(trace, chip, masks, trains, rule)
                yield {
                    "method": label,
                    "seed": trace.meta.seed,
                    "task": task,
                    "mask": name,
                    "share": share,
                    "rule": rule,
                    "frozen_share": frozen / sum(spec.weight_count for spec in trace.meta.layers),
                    "movement_lost": lost / max(sum(int(m.sum()) for m in moved.values()), 1),
                    **figures_of(network, chip, masks, trains),
                }


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per mask and rule: means over tasks, then mean and standard deviation over seeds."""
    keys = ("method", "mask", "share", "rule")
    groups = dict.fromkeys(tuple(row[key] for key in keys) for row in rows)
    figures = [name for name in rows[0] if name not in (*keys, "seed", "task")]
    found = []
    for group in groups:
        wanted = dict(zip(keys, group, strict=True))
        stats = {name: by_seed(rows, name, **wanted) for name in figures}
        means = {f"{name}_mean": mean for name, (mean, _) in stats.items()}
        found.append({**wanted, **means, **{f"{name}_sd": sd for name, (_, sd) in stats.items()}})
    return found


def write_rows(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the rows as CSV, six digits of each number."""
    shown = [{k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    write_atomic(path, to_csv(shown))


def _chosen(
    trace: Trace, task: int, label: str, chip: ChipConfig, masks: TaskMasks
) -> Iterator[tuple[str, float, Masks]]:
    if label != "er":
        yield "as trained", 0.0, masks.trainable
        return
    for granularity in GRANULARITIES:
        for share in SHARES:
            yield granularity, share, least_moved(trace, task, granularity, share, chip)


def _mapped(trace: Trace, chip: ChipConfig, masks: TaskMasks, trains: Masks, rule: str) -> NetworkMap:
    layers = trace.meta.layers
    return map_network(layers, chip.geometry, rule, zeros=masks.zeros, trainable=trains, pe_budget=BUDGET)


@cache
def _chip() -> ChipConfig:
    return load_chip("hybrid-28nm", {"rram.pe_count": 128, "sram.pe_count": 128}).config


def main(folder: Path) -> None:
    """Read the traces below ``folder`` and write what they say."""
    rows: list[dict[str, Any]] = []
    for path in sorted((folder / "traces").glob("*.safetensors")):
        trace = load(path)
        label = {"sparcl": "sparcl s75", "hyb-learn": "hyb-learn f50"}.get(trace.meta.method, trace.meta.method)
        rows += rows_of(trace, label, _chip())
    write_rows(rows, folder / "granularity" / "rows.csv")
    write_rows(summary(rows), folder / "granularity.csv")
    save_as(draw_captured(rows), folder / "figures" / "granularity_captured.png")
    save_as(draw_trade(rows), folder / "figures" / "granularity_trade.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
