"""``imcsim list``, ``show`` and ``explain``: what there is, what it holds, and where a value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from imcsim.cli.options import ChipOption, JsonOption, RuleOption, SetOption, echo_json, overrides

if TYPE_CHECKING:
    from imcsim.core.config import FrozenConfig
    from imcsim.core.registry import Registry
    from imcsim.core.sources import Origin

# kind -> module and registry of what is code
CODE = {
    "method": ("imcsim.learn.method", "METHODS"),
    "network": ("imcsim.learn.networks", "NETWORKS"),
    "dataset": ("imcsim.learn.data", "DATASETS"),
    "rule": ("imcsim.mapping.rule", "MAPPING_RULES"),
    "memory": ("imcsim.memory.memory", "MEMORIES"),
    "converter": ("imcsim.periphery.converters", "CONVERTERS"),
    "part": ("imcsim.chip.part", "PARTS"),
}

KINDS_SAID = "device, component, chip, network, study, method, rule, dataset, memory, converter or part."


def list_command(
    kind: Annotated[str, typer.Argument(help=KINDS_SAID)],
    json_: JsonOption = False,
) -> None:
    """List the names of one kind; beside each that another package brings, the package.

    Example: imcsim list chip
    """
    found = names_of(kind)
    if json_:
        echo_json(found)
        return
    packages = {name: package for name in found if (package := package_of(kind, name)) is not None}
    width = max(map(len, packages), default=0)
    for name in found:
        typer.echo(f"{name:{width}}  (package {packages[name]})" if name in packages else name)


def show_command(
    kind: Annotated[str, typer.Argument(help=KINDS_SAID)],
    name: Annotated[str, typer.Argument(help="A name of that kind, or its file.")],
    set_: SetOption = None,
    json_: JsonOption = False,
) -> None:
    """Show what NAME holds: every value with its origin, source and range; for code, its description.

    Example: imcsim show device rram-28nm
    """
    if kind in CODE or kind == "study":
        described = _description(kind, name)
        if json_:
            echo_json({"kind": kind, "name": name, "text": described})
        else:
            typer.echo(described)
        return
    records = records_of(*values_of(kind, name, overrides(set_)))
    if json_:
        echo_json(records)
        return
    for record in records:
        typer.echo(sentence(record))


def explain_command(
    path: Annotated[
        str,
        typer.Argument(
            help="Dotted path of a chip's value or of a priced number (energy.forward); a branch explains all of it."
        ),
    ],
    chip: ChipOption,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With a priced number (energy, latency, area, inference...): the trace."),
    ] = None,
    set_: SetOption = None,
    rule: RuleOption = "im2col",
    json_: JsonOption = False,
) -> None:
    """Tell where a value of a chip comes from, or with --trace how a priced number arose: formula, counts, values.

    Example: imcsim explain rram.cell.set_energy_j --chip hybrid-28nm

    Example: imcsim explain energy.forward.adc --trace run.safetensors --chip hybrid-28nm
    """
    from imcsim.cli.explain_priced import TREES, explain_command_of
    from imcsim.core.errors import ConfigError, nearest

    if trace is not None or path.partition(".")[0] in TREES:
        explain_command_of(path, trace, chip, set_, rule=rule, json_=json_)
        return
    records = records_of(*values_of("chip", chip, overrides(set_)))
    found = [record for record in records if record["path"] == path or record["path"].startswith(f"{path}.")]
    if not found:
        raise ConfigError(f"chip {chip} has no value '{path}'{nearest(path, [r['path'] for r in records])}")
    if json_:
        echo_json(found)
        return
    for record in found:
        typer.echo(sentence(record))


def names_of(kind: str) -> list[str]:
    """Return all names of ``kind``; ContentError with the nearest kind if there is no such kind."""
    from imcsim.core.content import KINDS, names
    from imcsim.core.errors import ContentError, nearest

    if kind in CODE:  # one file may register several networks
        return registry_of(kind).names()
    if kind not in KINDS:
        raise ContentError(f"unknown kind '{kind}'{nearest(kind, {*KINDS, *CODE})}")
    return names(kind)


def package_of(kind: str, name: str) -> str | None:
    """Return the other package that brings ``name``; None for what imcsim and its content hold."""
    from imcsim.core.content import packaged

    return registry_of(kind).package(name) if kind in CODE else packaged(kind).get(name)


def registry_of(kind: str) -> Registry[Any]:
    """Return the registry of a kind of :data:`CODE`."""
    from importlib import import_module

    module, name = CODE[kind]
    registry: Registry[Any] = getattr(import_module(module), name)
    return registry


def _description(kind: str, name: str) -> str:
    import inspect

    from imcsim.core.content import path_of

    if kind == "study":
        return Path(path_of(kind, name)).read_text(encoding="utf-8").rstrip()
    entry = registry_of(kind).get(name)
    entry = getattr(entry, "func", entry)  # a reader with arguments filled in
    lines = [inspect.cleandoc(entry.__doc__ or name).replace("``", "")]
    if kind == "method":
        settings = entry.config_type.model_fields.items()
        lines += ["", *(f"{field} = {info.get_default(call_default_factory=True)!r}" for field, info in settings)]
        lines += ["", f"source: {entry.source}"]
    if kind == "rule":
        from imcsim.mapping.rule import NEEDS, level_of, needs_of

        lines += ["", f"sees: {'all layers' if level_of(entry) == 'network' else 'one layer'}"]
        lines += [f"needs {need}: {NEEDS[need]}" for need in needs_of(entry)]
    if kind in ("memory", "converter", "part"):
        lines += ["", *_keys_of(entry)]
    if (package := package_of(kind, name)) is not None:
        lines += ["", f"package: {package}"]
    return "\n".join(lines)


def _keys_of(entry: type[FrozenConfig]) -> Iterator[str]:
    """Yield what stands in the table of a sort or a model: keys, what may name a file, formulas."""
    files = getattr(entry, "references", {})
    for name, info in entry.model_fields.items():
        kind = f" (a {files[name]} by name)" if name in files else ""
        default = "" if info.is_required() else f" = {info.get_default(call_default_factory=True)!r}"
        said = f": {info.description}" if info.description else ""
        yield f"{info.alias or name}{default}{kind}{said}"
    for what in ("energy", "time", "area"):
        words = getattr(entry, f"{what}_words", None)
        if words is not None:
            yield f"{what}: {words.formula}"


def values_of(kind: str, name: str, given: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, Origin]]:
    """Return all values of a TOML content, nested, and their origins by dotted path."""
    from pydantic import ConfigDict

    from imcsim.chip.config import load_chip
    from imcsim.core.config import FrozenConfig
    from imcsim.core.toml import load_resolved

    class AnyContent(FrozenConfig):
        model_config = ConfigDict(extra="allow")

    found = load_chip(name, given) if kind == "chip" else load_resolved(AnyContent, kind, name, given)
    return found.config.model_dump(mode="json"), found.origins


class ValueRecord(TypedDict):
    """A value of a content file, and its origin."""

    path: str
    value: object
    kind: str
    where: str
    source: str
    low: float | None
    high: float | None


def records_of(values: Mapping[str, object], origins: Mapping[str, Origin]) -> list[ValueRecord]:
    """Return path, value, origin, source and range of every value."""
    from imcsim.core.sources import leaves

    return [_value_record(path, value, origins[path]) for path, value in leaves(values)]


def _value_record(path: str, value: object, origin: Origin) -> ValueRecord:
    return {
        "path": path, "value": value, "kind": origin.kind, "where": origin.where, "source": origin.source,
        "low": origin.low, "high": origin.high,
    }  # fmt: skip


def sentence(record: ValueRecord) -> str:
    """Return a record of :func:`records_of` as two lines of text."""
    low, high = record["low"], record["high"]
    limits = "" if low is None or high is None else f"  [{low:g} to {high:g}]"
    return f"{record['path']} = {record['value']}{limits}\n    {record['kind']} {record['where']}: {record['source']}"
