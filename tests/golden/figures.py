"""Every number of a pair of a trace and a chip: its price, and what its life, its steps, its image and a cut cost."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from imcsim.chip import ChipConfig, Report, price
from imcsim.chip.config import load_chip
from imcsim.chip.trace_masks import task_masks
from imcsim.core.sources import Resolved
from imcsim.events import StepOptions, closed_form_s, run, training_graph, work_of
from imcsim.events.consolidate import SCHEMES, CommitScheme, crash
from imcsim.life import outlook
from imcsim.life.chips import chip_for
from imcsim.life.options import parse_policies
from imcsim.mapping.network_map import map_network
from imcsim.mapping.rule import MAPPING_RULES
from imcsim.report.crash import crash_record
from imcsim.report.life import life_record
from imcsim.report.mapping_compare import rule_figures
from imcsim.trace import Trace
from tests.chip.leaves.reach import TREES
from tests.golden import runs
from tests.golden.pairs import Pair

Number = int | float | bool | None
Figures = dict[str, Number]
BY_TASK = ("energy", "latency")
_CUTS, _CUTS_PER_YEAR, _SHOWN = 7, 12.0, 0.5
_RULES = tuple(name for name in MAPPING_RULES.names() if name != "replicate")  # which spreads over all PEs of a chip


def figures(pair: Pair) -> Figures:
    """Return the numbers of ``pair``: dotted name -> number; a name that is missing is no number of it."""
    return _VIEWS[pair.view](pair)


@cache
def trace_of(name: str) -> Trace:
    """Return a stored trace, read once."""
    return runs.stored(name)


@cache
def _loaded(name: str, overrides: tuple[tuple[str, Any], ...]) -> Resolved[ChipConfig]:
    return load_chip(name, dict(overrides))


def chip_of(pair: Pair) -> Resolved[ChipConfig]:
    """Return the chip of ``pair``, read once."""
    return _loaded(pair.chip, pair.overrides)


def report_figures(report: Report) -> Figures:
    """Return every number of ``report``; its accuracies are the trace's own."""
    found: Figures = {}
    for tree in TREES:
        found |= {f"{tree}.{leaf}": value for leaf, value in getattr(report, tree).flat().items()}
        found[f"{tree}:total"] = getattr(report, tree).total
    for tree in BY_TASK:
        for task, one in list(enumerate(getattr(report, f"{tree}_by_task")))[1:]:  # the first is what is left
            found |= {f"{tree}_by_task.{task}.{leaf}": value for leaf, value in one.flat().items()}
    for name in ("horizon", "writes", "lifetime", "placement"):
        found |= flat(getattr(report, name), name)
    return found


def flat(value: Any, name: str) -> Figures:
    """Return the numbers within ``value`` by dotted name, texts left out; what never ends is None."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return _joined(flat(one, f"{name}.{key}") for key, one in value.items())
    if isinstance(value, list | tuple):
        return _joined(flat(one, f"{name}.{i}") for i, one in enumerate(value))
    if isinstance(value, str):
        return {}
    if isinstance(value, np.generic):
        value = value.item()
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value}


def _joined(parts: Iterable[Figures]) -> Figures:
    return {name: value for part in parts for name, value in part.items()}


@cache
def report_of(pair: Pair) -> Report:
    """Return the price of ``pair``, worked out once."""
    return price(trace_of(pair.trace), chip_of(pair))


def _price(pair: Pair) -> Figures:
    return report_figures(report_of(pair))


def _life(pair: Pair) -> Figures:
    policies, wear, exponent = pair.ask
    options = parse_policies(policies, wear, exponent)
    found = outlook(trace_of(pair.trace), chip_for(pair.chip, options, dict(pair.overrides)), options)
    record: dict[str, object] = {**life_record(found), "area_m2": found.area_m2}
    return _joined(flat(record[name], name) for name in record if name not in ("options", "notes"))


def _step(pair: Pair) -> Figures:
    task, options = pair.ask
    work = work_of(trace_of(pair.trace), chip_of(pair).config, task)
    chosen = StepOptions.model_validate(dict(options))
    done = run(training_graph(work, chosen))
    return {
        "makespan_s": done.makespan_s,
        "energy_j": done.energy_j,
        "tasks": len(done.graph.tasks),
        "closed_form_s": closed_form_s(work, chosen.steps, once=chosen.once),
        **flat(done.busy_s, "busy_s"),
        **flat(done.waited_s, "waited_s"),
        **flat({phase: done.end_of(phase) for phase in {task.phase for task in done.graph.tasks}}, "end_of"),
    }


def _image(pair: Pair) -> Figures:
    trace, config = trace_of(pair.trace), chip_of(pair).config
    masks, found = task_masks(trace, pair.ask), {}
    for rule in _RULES:
        mapped = map_network(
            trace.meta.layers, config.geometry, rule, zeros=masks.zeros, trainable=masks.trainable, pe_budget=400
        )
        found[rule] = {"told": rule_figures(mapped, config, masks), "untold": rule_figures(mapped, config)}
    return _joined(flat(each, rule) for rule, each in found.items())


def _crash(pair: Pair) -> Figures:
    trace, chip = trace_of(pair.trace), chip_of(pair)
    work = work_of(trace, chip.config, pair.ask)
    schemes = [CommitScheme(name=name) for name in SCHEMES]
    cuts = [crash(work, one, cuts=_CUTS, at_share=_SHOWN, cuts_per_year=_CUTS_PER_YEAR) for one in schemes]
    return flat(crash_record(cuts, price(trace, chip)), "crash")


_VIEWS: dict[str, Callable[[Pair], Figures]] = {
    "price": _price, "life": _life, "step": _step, "image": _image, "crash": _crash,
}  # fmt: skip
