"""How far the closed form of latency is from discrete events, from the traces of this study.

Run the study first (``imcsim run contention``), then this file from the checkout with the folder of its results:
``python -m studies.contention.analyse results/contention/digits``. It writes contention.csv, phases.csv, doubling.csv
and portions.csv there, and figures/contention_*.png, and adds its own stamp to stamp.json.

The first seed runs over the whole grid, the others on the chips as they are.

Figures are seconds of one mean step of the last task. Events: steps are run one after the other, the first is left
out. Serial: the same without overlap, so that what differs from the closed form is waiting and transport alone.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imcsim.core.files import write_atomic
from imcsim.events import Schedule, StepOptions, Work, closed_form_s, doubled, run, training_graph, work_of
from imcsim.events.training_step import step_ends
from imcsim.report.style import save_as
from imcsim.study.code import code_version
from imcsim.study.spec import StudySpec, load_study
from imcsim.study.stamp import git_commit
from imcsim.trace.store import load
from imcsim.trace.trace import Trace
from studies.contention.drawings import draw_axes, draw_phases
from studies.contention.grid import Setting, chip_with, grid_hash, settings
from studies.mask_granularity.analyse import write_rows

STEPS = 4  # simulated; the first is left out
SERIAL_STEPS = 2  # without overlap every step is like the one before
VECTORS = 8  # that pass as one task; portions.csv tells what that costs
GROUPS = {
    "rram": "RRAM arrays", "adc": "RRAM arrays", "sram": "SRAM arrays", "link": "links", "write": "write drivers",
    "dram": "DRAM", "buffer": "buffer port", "digital": "digital unit",
}  # fmt: skip
Row = dict[str, Any]
Tables = dict[str, list[Row]]


def step_of(work: Work, layers_per_adc: int = 1, vectors: int = VECTORS, *, overlap: bool = True) -> Schedule:
    """Return a run of a few steps."""
    steps = STEPS if overlap else SERIAL_STEPS
    options = StepOptions(steps=steps, vectors_per_task=vectors, layers_per_adc=layers_per_adc, overlap=overlap)
    return run(training_graph(work, options))


def period_s(schedule: Schedule) -> tuple[float, float]:
    """Return the mean time from step to step without the first (s), and the spread of these times over the mean."""
    periods = np.diff(schedule.end_s[step_ends(schedule)])
    return float(periods.mean()), float(np.ptp(periods) / periods.mean())


def group_of(resource: str) -> str:
    """Return the part of the chip that ``resource`` belongs to."""
    return GROUPS[resource.split()[0]]


def by_group(schedule: Schedule) -> dict[str, float]:
    """Return part of the chip -> its share of the critical path."""
    found = dict.fromkeys(GROUPS.values(), 0.0)
    for resource, seconds in schedule.critical_s().items():
        found[group_of(resource)] += seconds / schedule.makespan_s
    return found


def row_of(work: Work, setting: Setting) -> Row:
    """Return closed form, events and serial events of one step, and what the critical path consists of."""
    found = step_of(work, setting.layers_per_adc)
    events, spread = period_s(found)
    serial, _ = period_s(step_of(work, setting.layers_per_adc, overlap=False))
    closed, shares = closed_form_s(work, 1, once=False), by_group(found)
    return {
        "closed_s": closed, "events_s": events, "serial_s": serial, "off": closed / events - 1,
        "off_serial": closed / serial - 1, "spread": spread, "bottleneck": max(shares, key=shares.__getitem__),
        **{f"critical {name}": share for name, share in shares.items()},
    }  # fmt: skip


def phases_of(work: Work) -> Iterator[Row]:
    """Yield one row per part of the closed form: its time of a step, and that of the same part of serial events."""
    spent = step_of(work, overlap=False).critical_phases_s()
    names = {"forward": "forward", "input_gradient": "input_gradient", "weight_gradient": "weight_gradient",
             "update": "update", "replay": "dram", "masks": "buffer"}  # fmt: skip
    for leaf in dict.fromkeys(names.values()):
        events = sum(spent.get(phase, 0.0) for phase, its in names.items() if its == leaf) / SERIAL_STEPS
        yield {"part": leaf, "closed_s": work.seconds(leaf) / work.steps, "serial_s": events}


def helps_of(work: Work) -> Iterator[Row]:
    """Yield one row per part of the chip: the speed-up if there were twice as much of it."""
    found = step_of(work)
    units: dict[str, list[str]] = {}
    for resource in found.graph.resources:
        units.setdefault(group_of(resource.name), []).append(resource.name)
    for part, speedup in doubled(found, units).items():
        yield {"part": part, "speedup": speedup, "utilisation": max(found.utilisation[name] for name in units[part])}


def portions_of(work: Work) -> Iterator[Row]:
    """Yield what portions of vectors make of a step."""
    for vectors in (1, 2, 4, 8, 16):
        yield {"vectors_per_task": vectors, "events_s": period_s(step_of(work, vectors=vectors))[0]}


def tables_of(job: tuple[Path, str], spec: StudySpec) -> Tables:
    """Return the rows of one trace on one chip, by table."""
    path, name = job
    trace = load(path)
    own, first = chip_with(spec, name, {}), trace.meta.seed == spec.seeds[0]
    base: Row = {"method": _label(trace), "chip": name, "seed": trace.meta.seed}
    found: Tables = {"contention": [], "phases": [], "doubling": [], "portions": []}
    grid = settings(own, corners=True)
    for setting in grid if first else (setting for setting in grid if len(setting.marks) > 1):
        work = work_of(trace, chip_with(spec, name, setting.values), -1)
        figures = row_of(work, setting)
        text = " ".join(f"{key}={value:g}" for key, value in setting.values.items())
        for axis, value in setting.marks:
            found["contention"].append({**base, "axis": axis, "value": value, "setting": text, **figures})
    work = work_of(trace, own, -1)
    found["phases"] = [{**base, **row} for row in phases_of(work)]
    found["doubling"] = [{**base, **row} for row in helps_of(work)]
    found["portions"] = [{**base, **row} for row in portions_of(work)] if first else []
    return found


def analyse(folder: Path, spec: StudySpec, jobs: int = 2) -> Tables:
    """Return all rows of the traces below ``folder``, in the order of files and chips."""
    work = [(p, chip.name) for p in sorted((folder / "traces").glob("*.safetensors")) for chip in spec.chips]
    with ProcessPoolExecutor(jobs) as pool:
        parts = list(pool.map(partial(tables_of, spec=spec), work))
    return {name: [row for part in parts for row in part[name]] for name in parts[0]}


def _label(trace: Trace) -> str:
    return {"hyb-learn": "hyb-learn f50"}.get(trace.meta.method, trace.meta.method)


def _stamped(folder: Path, spec: StudySpec) -> Mapping[str, Any]:
    stamp: dict[str, Any] = json.loads((folder / "stamp.json").read_text())
    here = Path(__file__).resolve()
    mine = {"commit": git_commit(here.parent), "code_version": code_version([here]), "grid_hash": grid_hash(spec)}
    return {**stamp, "analysis": mine}


def main(folder: Path) -> None:
    """Simulate what the traces below ``folder`` hold, and write tables, figures and the stamp."""
    spec = load_study("contention").spec
    tables = analyse(folder, spec)
    for name, rows in tables.items():
        write_rows(rows, folder / f"{name}.csv")
    write_atomic(folder / "stamp.json", json.dumps(_stamped(folder, spec), indent=2, sort_keys=True) + "\n")
    save_as(draw_axes(tables["contention"]), folder / "figures" / "contention_axes.png")
    save_as(draw_phases(tables["phases"], tables["contention"]), folder / "figures" / "contention_phases.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
