"""``imcsim explain energy... --trace``, ``latency...``, ``area...``, ``inference...``: how a priced number arose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from imcsim.cli.content import records_of, sentence, values_of
from imcsim.cli.options import echo_json, overrides

if TYPE_CHECKING:
    from imcsim.chip.explain import Explanation, Term
    from imcsim.cli.content import ValueRecord
    from imcsim.trace.trace import Trace

TREES = (  # what a path of a priced number begins with; those of imcsim.chip.charged.SI_UNITS, without its imports
    "energy", "latency", "area", "deployment", "task_switch", "power_up", "inference", "inference_latency",
)  # fmt: skip


def explain_command_of(
    path: str, trace: Path | None, chip: str, set_: list[str] | None, *, rule: str, json_: bool
) -> None:
    """Print the explanations of what was priced at ``path``; ConfigError if path and trace do not go together."""
    from imcsim.chip.config import load_chip
    from imcsim.chip.explain import explain_priced
    from imcsim.core.errors import ConfigError
    from imcsim.trace.store import load

    if trace is None:
        raise ConfigError(f"{path} is a priced number: name the trace with --trace FILE")
    if path.partition(".")[0] not in TREES:
        raise ConfigError(
            f"--trace explains paths that begin with {', '.join(TREES[:-1])} or {TREES[-1]}, got '{path}'"
        )
    given, stored = overrides(set_), load(trace)
    found = explain_priced(stored, load_chip(chip, given), path, rule=rule)
    values = {record["path"]: record for record in records_of(*values_of("chip", chip, given))}
    if json_:
        echo_json([_record(explanation, values) for explanation in found])
        return
    typer.echo("\n\n".join("\n".join(_lines(explanation, stored, values)) for explanation in found))


def _lines(explanation: Explanation, trace: Trace, values: Mapping[str, ValueRecord]) -> Iterator[str]:
    """Say the leaf, then its terms; of several, those that are not 0."""
    yield f"{explanation.path} = {_said(explanation.value, explanation.tree)}"
    terms = [term for term in explanation.terms if term.amount != 0] or explanation.terms[:1]
    for number, term in enumerate(terms):
        yield from _term_lines(term, "+" if number else "=", explanation.tree, trace, values)


def _term_lines(term: Term, sign: str, tree: str, trace: Trace, values: Mapping[str, ValueRecord]) -> Iterator[str]:
    yield f"    {sign} {term.amount:.6g} {term.amount_of} x {_said(term.each, tree, 6)}"
    yield f"    {term.amount_of}: {term.amount_formula}"
    for field, said in _counts(term.fields, trace).items():
        yield f"        trace: {field}{said}"
    yield f"    each: {term.each_formula}"
    for parameter in term.origins:
        yield from (f"        {line}" for line in sentence(values[parameter]).splitlines())


def _said(value: float, tree: str, digits: int = 4) -> str:
    from imcsim.chip.charged import SI_UNITS
    from imcsim.core.units import with_prefix

    if tree == "area":  # a prefix of m2 is squared, so that none is used
        return f"{value:.{digits}g} m2"
    return with_prefix(value, SI_UNITS[tree], digits)


def _record(explanation: Explanation, values: Mapping[str, ValueRecord]) -> dict[str, object]:
    from imcsim.chip.charged import SI_UNITS

    unit = SI_UNITS[explanation.tree].lower()
    return {
        "path": explanation.path,
        f"{explanation.tree}_{unit}": explanation.value,
        "terms": [
            {
                "amount": term.amount,
                "amount_of": term.amount_of,
                "amount_formula": term.amount_formula,
                "trace_fields": list(term.fields),
                f"unit_{unit}": term.each,
                "unit_formula": term.each_formula,
                "parameters": [values[parameter] for parameter in term.origins],
            }
            for term in explanation.terms
        ],
    }


def _counts(fields: tuple[str, ...], trace: Trace) -> dict[str, str]:
    """Say what each field of the trace holds: the total of a count, the mean of a density."""
    said = {}
    for field in fields:
        by_layer = trace.counts.get(field, trace.wear_counts.get(field))
        if by_layer is not None:
            said[field] = f" = {int(by_layer.sum())} over all tasks and layers"
        elif field in trace.task_counts:
            said[field] = f" = {int(trace.task_counts[field].sum())} over all tasks"
        elif field.endswith("_density"):
            said[field] = f" = {float(getattr(trace, field).mean()):.4g} on average over tasks, layers and bits"
        else:
            said[field] = ", cell by cell" if field in ("changes", "transitions", "codes") else ""
    return said
