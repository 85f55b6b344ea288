"""``imcsim timeline``: training steps of a stored trace as events, with contention."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imcsim.cli.options import ChipOption, JsonOption, PhaseOption, RuleOption, SetOption, echo_json, overrides

if TYPE_CHECKING:
    from imcsim.events import Schedule, StepOptions, Work

_WHO = "Who goes first at buffer and DRAM: reads-first, writes-first or arrival."


def timeline_command(  # noqa: PLR0913 - each option of the command line is a parameter
    trace: Annotated[Path, typer.Argument(help="A trace file.")],
    chip: ChipOption,
    set_: SetOption = None,
    rule: RuleOption = "im2col",
    task: Annotated[int, typer.Option(help="Task of the trace, from 0; -1 is the last.")] = -1,
    phase: PhaseOption = None,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps, from the first of the task on.")] = 1,
    once: Annotated[bool, typer.Option(help="Also scoring, loading and the commit of the task.")] = False,
    steady: Annotated[bool, typer.Option("--steady", help="Many steps: simulate until they repeat.")] = False,
    seed: Annotated[int | None, typer.Option(help="Draw the pulses of row writes; else their mean.")] = None,
    vectors: Annotated[int | None, typer.Option(min=1, help="Vectors that pass as one; else chosen.")] = None,
    layers_per_adc: Annotated[int, typer.Option(min=1, help="Neighbouring layers that share converters.")] = 1,
    queue: Annotated[int | None, typer.Option(min=1, help="Vectors between two layers at most.")] = None,
    priority: Annotated[str, typer.Option(help=_WHO)] = "reads-first",
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw a Gantt picture as PNG or PDF.")] = None,
    perfetto: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a trace for Perfetto.")] = None,
    json_: JsonOption = False,
) -> None:
    """Run training steps of TRACE on a chip whose parts wait for one another: latency and what limits it.

    Example: imcsim timeline trace.safetensors --chip hybrid-28nm --png steps.png --perfetto steps.json
    """
    from imcsim.chip.config import load_chip
    from imcsim.core.config import parse
    from imcsim.core.errors import ConfigError
    from imcsim.core.seeds import numpy_generator
    from imcsim.events import StepOptions, doubled, long_run, run, training_graph, work_of
    from imcsim.events.training_step import portion_of
    from imcsim.report.timeline import timeline_record, timeline_text
    from imcsim.trace.store import load

    chosen = {"steps": steps, "once": once, "vectors_per_task": vectors, "layers_per_adc": layers_per_adc}
    options = parse(StepOptions, {**chosen, "queue_vectors": queue, "priority": priority}, "the options")
    work = work_of(load(trace), load_chip(chip, overrides(set_)).config, task, phase=phase, rule=rule)
    generator = None if seed is None else numpy_generator(seed, "row-writes", work.task)
    if steady and generator is not None:
        raise ConfigError("--steady needs steps that repeat, and --seed draws each anew: give one of them")
    told = long_run(work, options) if steady else None
    schedule = run(training_graph(work, options, generator)) if told is None else told.simulated
    _files(schedule, work, options, png, perfetto)
    record = timeline_record(schedule, work, options, portion_of(work, options), doubled(schedule), told)
    if json_:
        echo_json(record)
    else:
        typer.echo(timeline_text(record), nl=False)


def _files(schedule: Schedule, work: Work, options: StepOptions, png: Path | None, perfetto: Path | None) -> None:
    if perfetto is not None:
        from imcsim.core.files import write_atomic
        from imcsim.events import perfetto_json

        write_atomic(perfetto, perfetto_json(schedule))
    if png is not None:
        from imcsim.report.gantt import draw_gantt
        from imcsim.report.style import save_as

        steps = "one step" if options.steps == 1 else f"{options.steps} steps"
        what = f"{work.trace.meta.network} on {work.chip.name}, task {work.task}: {steps}"
        save_as(draw_gantt(schedule, what), png)
