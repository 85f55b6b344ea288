"""``imcsim explain energy... --trace``: how a priced number arose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imcsim.cli.content import records_of, sentence, values_of
from imcsim.cli.options import echo_json, overrides

if TYPE_CHECKING:
    from imcsim.chip.explain import Explanation
    from imcsim.trace.trace import Trace


def explain_priced(path: str, trace: Path | None, chip: str, set_: list[str] | None, *, json_: bool) -> None:
    """Print the explanations of the energy at ``path``; ConfigError if path and trace do not go together."""
    from imcsim.chip.config import load_chip
    from imcsim.chip.explain import explain_energy
    from imcsim.core.errors import ConfigError
    from imcsim.trace.store import load

    if trace is None:
        raise ConfigError(f"{path} is a priced number: name the trace with --trace FILE")
    if path.partition(".")[0] != "energy":
        raise ConfigError(f"--trace explains paths that begin with energy, such as energy.forward, got '{path}'")
    given, stored = overrides(set_), load(trace)
    found = explain_energy(stored, load_chip(chip, given), path)
    values = {record["path"]: record for record in records_of(*values_of("chip", chip, given))}
    if json_:
        echo_json([_record(explanation, stored, values) for explanation in found])
        return
    typer.echo("\n\n".join("\n".join(_lines(explanation, stored, values)) for explanation in found))


def _lines(explanation: Explanation, trace: Trace, values: Mapping[str, Any]) -> Iterator[str]:
    from imcsim.core.units import with_prefix

    term = explanation.term
    yield f"{explanation.path} = {with_prefix(explanation.energy_j, 'J')}"
    if term is None:
        yield "    not explained yet: it is no single amount times one energy; its formula is in docs/accounting.md"
        return
    yield f"    = {term.amount:.6g} {term.amount_of} x {with_prefix(term.unit_j, 'J', 6)}"
    yield f"    {term.amount_of}: {term.amount_formula}"
    for field, said in _counts(term.fields, trace).items():
        yield f"        trace: {field}{said}"
    yield f"    each: {term.unit_formula}"
    for parameter in term.parameters:
        yield from (f"        {line}" for line in sentence(values[parameter]).splitlines())


def _record(explanation: Explanation, trace: Trace, values: Mapping[str, Any]) -> dict[str, Any]:
    term = explanation.term
    record = {"path": explanation.path, "energy_j": explanation.energy_j, "explained": term is not None}
    if term is None:
        return record
    return record | {
        "amount": term.amount,
        "amount_of": term.amount_of,
        "amount_formula": term.amount_formula,
        "trace_fields": list(term.fields),
        "unit_j": term.unit_j,
        "unit_formula": term.unit_formula,
        "parameters": [values[parameter] for parameter in term.parameters],
    }


def _counts(fields: tuple[str, ...], trace: Trace) -> dict[str, str]:
    """Say what each field of the trace holds: the total of a count, the mean of a density."""
    said = {}
    for field in fields:
        if field in trace.counts:
            said[field] = f" = {int(trace.counts[field].sum())} over all tasks and layers"
        elif field in trace.task_counts:
            said[field] = f" = {int(trace.task_counts[field].sum())} over all tasks"
        elif field.endswith("_density"):
            said[field] = f" = {float(getattr(trace, field).mean()):.4g} on average over tasks, layers and bits"
        else:
            said[field] = ", cell by cell"
    return said
