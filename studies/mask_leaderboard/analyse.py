"""The leaderboard of one stream: what each learner reaches and what it costs, from the study's traces and rows.

After both studies, from the checkout: ``python -m studies.mask_leaderboard.analyse results/mask_leaderboard OUT``. For
each stream it writes OUT/STREAM/leaderboard.csv (means and sample standard deviations over seeds) and leaderboard.md,
and once OUT/leaderboard.png. OUT left out: the results' folder itself.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imcsim.chip.config import ChipConfig
from imcsim.chip.price import price
from imcsim.chip.report import Report
from imcsim.core.csv_text import to_csv
from imcsim.core.errors import StudyError
from imcsim.core.files import write_atomic
from imcsim.core.sources import Resolved
from imcsim.report.style import save_as
from imcsim.study.pareto import front
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import load_study
from imcsim.study.store import ResultStore
from imcsim.study.summary import Group, flat, summarise
from imcsim.trace.accuracy import forgetting_first, forgetting_max
from imcsim.trace.stream_name import stream_title
from imcsim.trace.trace import Trace
from studies.mask_leaderboard.drawings import Board, draw
from studies.mask_leaderboard.tables import markdown

FOLDER = Path(__file__).parent
STUDIES = ("study.toml", "split.toml")
KEPT = (
    "class_il", "task_il", "on_chip_class_il_1s_final", "on_chip_task_il_1s_final", "forgetting_class_il_max",
    "energy_j", "latency_s", "inference_j", "task_switch_j", "switch_rewritten_cells", "switch_rram_cells",
    "rram_writes", "rram_worst_writes", "sram_writes",
)  # fmt: skip


def extras(trace: Trace, report: Report) -> dict[str, float | None]:
    """Return what the study's rows do not hold.

    ``flops``: what ran, forward and backward, with gradients beyond the update mask and scoring. ``mask_bytes``: what a
    task must load when it is served, mean over tasks. ``forgetting_*_first``: right after learning minus the last
    (Avalanche); ``forgetting_*_max``: best over all checkpoints minus the last (Mammoth). ``sram_area_m2``: SRAM PEs in
    use. ``task_il_on_N``: accuracy on task N, from 1, after the last one.
    """
    class_il = "class-il" in trace.meta.scenarios
    flops = trace.meta.flops
    return {
        "forgetting_class_il_first": forgetting_first(trace.class_il) if class_il else None,
        "forgetting_task_il_max": forgetting_max(trace.task_il),
        "forgetting_task_il_first": forgetting_first(trace.task_il),
        "flops": flops["backpropagated"] + flops["beyond_update_mask"] + flops["scoring"],
        "mask_bytes": float(trace.task_counts["mask_bits"][list(trace.meta.last_phases)].mean()) / 8,
        "sram_area_m2": report.area.part("sram").total,
        "sram_worst_writes": report.writes["sram"].worst if "sram" in report.writes else 0,
        **{f"task_il_on_{task + 1}": float(value) for task, value in enumerate(trace.task_il[-1])},
    }


def rows_of(trace: Trace, chip: Resolved[ChipConfig], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of the leaderboard: the study's own figures and the extras."""
    kept = {name: row[name] for name in KEPT if name in row}
    names = {"method": row["method"], "chip": row["chip"], "seed": row["seed"]}
    return {**names, **kept, **extras(trace, price(trace, chip))}


def leaders(groups: Sequence[Group], scenario: str) -> set[str]:
    """Return the learners that no other beats in both accuracy and training energy, by their means."""
    served = [group for group in groups if group.mean(scenario) is not None]
    points = [(group.mean(scenario) or 0.0, group.mean("energy_j") or 0.0) for group in served]
    return {served[index].method for index in front(points, (True, False))}


def table_rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return the rows of leaderboard.csv, best Task-IL first, with whether each learner is on a front."""
    class_il, task_il = leaders(groups, "class_il"), leaders(groups, "task_il")
    return [
        {**flat(g), "on_class_il_front": g.method in class_il, "on_task_il_front": g.method in task_il}
        for g in by_accuracy(groups)
    ]


def by_accuracy(groups: Iterable[Group]) -> list[Group]:
    """Return the groups by falling Task-IL accuracy, the only one that all learners serve."""
    return sorted(groups, key=lambda group: (-(group.mean("task_il") or 0.0), group.method))


def board_of(study: Path, results: Path) -> Board:
    """Read one stream's traces and rows.

    Raises
    ------
    StudyError
        If the study has not been run, or a trace is missing.
    """
    loaded = load_study(str(study))
    spec = loaded.spec
    chips = load_chips(spec)
    store = ResultStore(results / spec.stream.dataset)
    rows = {(row["method"], row["chip"], row["seed"]): row for row in store.read_rows()}
    found = []
    for point in training_points(spec, chips, loaded.source):
        trace = store.load_trace(point)
        if trace is None:
            raise StudyError(f"no trace of {point.title} in {store.folder}; run the study first, with the same code")
        found += [rows_of(trace, chip, rows[point.label, name, point.seed]) for name, chip in chips.items()]
    return Board(spec.stream.dataset, stream_title(spec.stream.dataset), tuple(by_accuracy(summarise(found))))


def main(results: Path, out: Path) -> None:
    """Write the tables of both streams, and the picture."""
    boards = [board_of(FOLDER / name, results) for name in STUDIES]
    for board in boards:
        folder = out / board.name
        write_atomic(folder / "leaderboard.csv", to_csv(table_rows(board.groups)))
        write_atomic(folder / "leaderboard.md", markdown(board.title, board.groups))
    save_as(draw(boards), out / "leaderboard.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else sys.argv[1]))
