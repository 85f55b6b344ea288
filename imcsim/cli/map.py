"""``imcsim map``: how a network lies on a chip's PEs, by one rule or by two side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from imcsim.chip.config import ChipConfig
    from imcsim.chip.trace_masks import TaskMasks
    from imcsim.mapping.layer import LayerSpec
    from imcsim.mapping.network_map import NetworkMap
    from imcsim.report.routers import RouterPlan

_WIDTH = 100  # columns of the table where the output is no terminal, which would say its own width

Texts = list[str]


@dataclass(frozen=True)
class _Mapper:
    """Everything but the rule."""

    network: str
    layers: tuple[LayerSpec, ...]
    chip: ChipConfig
    masks: TaskMasks | None
    pe_budget: int | None

    def by(self, rule: str) -> NetworkMap:
        from imcsim.core.errors import MappingError
        from imcsim.mapping.network_map import map_network
        from imcsim.mapping.rule import MAPPING_RULES, NEEDS, needs_of

        for need in needs_of(MAPPING_RULES.get(rule)):
            if need in ("zeros", "trainable") and self.masks is None:
                raise MappingError(f"mapping rule '{rule}' needs '{need}', {NEEDS[need]}: give --mask TRACE")
        budget = self.pe_budget if self.pe_budget is not None else self.chip.home.memory.pe_count
        zeros = None if self.masks is None else self.masks.zeros
        trainable = None if self.masks is None else self.masks.trainable
        return map_network(self.layers, self.chip.geometry, rule, zeros=zeros, trainable=trainable, pe_budget=budget)

    @property
    def phases(self) -> int:
        """Read cycles of an input vector."""
        return -(-self.chip.input_bits // self.chip.dac_bits)


def map_command(  # noqa: PLR0913 - each option of the command line is a parameter
    network: Annotated[str, typer.Argument(help="Name of a network, or its file.")],
    chip: Annotated[str, typer.Option(help="Name of a chip, or its TOML file.")],
    set_: Annotated[Texts | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a chip value.")] = None,
    input_: Annotated[str, typer.Option("--input", metavar="C,H,W", help="Shape of an image.")] = "3,32,32",
    classes: Annotated[int, typer.Option(min=1, help="Logits of the network.")] = 10,
    param: Annotated[Texts | None, typer.Option(metavar="NAME=VALUE", help="Network parameter.")] = None,
    rule: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Mapping rule; `imcsim list rule` shows them.")
    ] = "im2col",
    compare: Annotated[str | None, typer.Option(metavar="RULE1,RULE2", help="Two rules side by side.")] = None,
    mask: Annotated[Path | None, typer.Option(metavar="TRACE", help="Trace that says what is zero or trains.")] = None,
    task: Annotated[int, typer.Option(help="Task of that trace, from 0; -1 is the last.")] = -1,
    pe_budget: Annotated[int | None, typer.Option(min=1, help="PEs for `replicate`; else all the chip has.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the floor plan as PNG or PDF.")] = None,
    routers: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw routers and hops as PNG or PDF.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write floor plan and table as a page.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    csv_: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write the rows as CSV.")] = None,
) -> None:
    """Show how NETWORK lies on the chip's PEs, layer by layer.

    Example: imcsim map resnet18 --chip hybrid-28nm --param width=16
    """
    from imcsim.chip.config import load_chip
    from imcsim.core.toml import parse_overrides

    config = load_chip(chip, parse_overrides(set_ or [])).config
    params = parse_overrides(param or [])
    layers = layers_of(network, params, classes, image_shape(input_))
    mapper = _Mapper(network, layers, config, _masks(mask, task, layers), pe_budget)
    if compare is not None:
        _compare(mapper, compare, csv_, json_)
        return
    network_map = mapper.by(rule)
    _files(mapper, network_map, rule, (png, html, csv_, routers))
    if json_:
        typer.echo(_json(mapper, network_map, params, rule))
    else:
        _print_table(mapper, network_map, rule)


def layers_of(name: str, params: dict[str, object], classes: int, shape: tuple[int, int, int]) -> tuple[LayerSpec, ...]:
    """Build network ``name`` for images of ``shape`` (C, H, W) and return its layers.

    Raises
    ------
    ConfigError, ContentError, MappingError
        For an unknown network or parameter, or a network that does not take such images.
    """
    from imcsim.learn.networks import build_network
    from imcsim.learn.shapes import trace_layers

    return trace_layers(build_network(name, classes, shape, params), shape)


def image_shape(text: str) -> tuple[int, int, int]:
    """Return (C, H, W) of ``"3,32,32"``.

    Raises
    ------
    ConfigError
        If it is not three integers of at least 1.
    """
    from imcsim.core.errors import ConfigError

    try:
        channels, height, width = (int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--input reads channels,height,width, e.g. 3,32,32; got '{text}'") from None
    if min(channels, height, width) < 1:
        raise ConfigError(f"--input needs channels, height and width of at least 1; got '{text}'")
    return channels, height, width


def two_rules(text: str) -> tuple[str, str]:
    """Return the two names of ``"RULE1,RULE2"``; ConfigError if there are not two different ones."""
    from imcsim.core.errors import ConfigError

    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise ConfigError(f"--compare reads two different rules, e.g. im2col,kernel_split; got '{text}'")
    return names[0], names[1]


def _masks(file: Path | None, task: int, layers: tuple[LayerSpec, ...]) -> TaskMasks | None:
    if file is None:
        return None
    from imcsim.chip.trace_masks import check_same_layers, task_masks
    from imcsim.trace.store import load

    trace = load(file)
    check_same_layers(trace, layers)
    return task_masks(trace, task)


def _compare(mapper: _Mapper, text: str, csv_: Path | None, json_: bool) -> None:
    from imcsim.cli.options import echo_json
    from imcsim.core.csv_text import to_csv
    from imcsim.core.files import write_atomic
    from imcsim.report.mapping_compare import compare_rows, compare_table, read_in, rule_figures

    rules = two_rules(text)
    found = {rule: rule_figures(mapper.by(rule), mapper.chip, mapper.masks) for rule in rules}
    read = read_in(mapper.chip, mapper.masks)
    if csv_ is not None:
        write_atomic(csv_, to_csv(compare_rows(found, read)))
    if json_:
        echo_json(compare_rows(found, read))
    else:
        title = f"{mapper.network} on {mapper.chip.name}: {' against '.join(rules)}"
        _console().print(compare_table(found, title, read))


def _files(mapper: _Mapper, network_map: NetworkMap, rule: str, files: tuple[Path | None, ...]) -> None:
    from imcsim.core.csv_text import to_csv
    from imcsim.core.files import write_atomic
    from imcsim.report.mapping_table import mapping_rows, mapping_text

    png, html, csv_, routers = files
    if csv_ is not None:
        write_atomic(csv_, to_csv(mapping_rows(network_map, mapper.phases)))
    if png is None and html is None and routers is None:
        return
    from imcsim.report.floor_plan import draw_floor_plan, floor_plan
    from imcsim.report.floor_plan_page import floor_plan_page
    from imcsim.report.style import save_as

    title = f"{mapper.network} on {mapper.chip.name} by {rule}: {network_map.pe_count:,} PEs"
    trainable = None if mapper.masks is None else mapper.masks.trainable
    plan = floor_plan(network_map, mapper.chip, title, trainable)
    if png is not None:
        save_as(draw_floor_plan(plan), png)
    if routers is not None:
        from imcsim.report.routers import draw_routers, router_plan

        save_as(draw_routers(router_plan(network_map, mapper.chip, plan), plan), routers)
    if html is not None:
        table = mapping_text(network_map, "Layers", mapper.phases)
        write_atomic(html, floor_plan_page(plan, table, "Which PE holds which weights?"))


def _json(mapper: _Mapper, network_map: NetworkMap, params: dict[str, object], rule: str) -> str:
    import json

    from imcsim.learn.networks import network_params
    from imcsim.report.mapping_table import chip_fit, mapping_rows, mapping_total

    fit = chip_fit(network_map, mapper.chip)
    document: dict[str, object] = {
        "network": mapper.network,
        "params": network_params(mapper.network, params),
        "chip": mapper.chip.name,
        "rule": rule,
        "geometry": network_map.geometry.model_dump(mode="json"),
        "layers": mapping_rows(network_map, mapper.phases),
        "total": mapping_total(network_map, mapper.phases),
        "fit": {
            "needed": fit.needed,
            "rram": None,
            "sram": None,
            **fit.held,
            "available": fit.available,
            "fits": fit.fits,
        },
    }
    if (found := _routers(mapper, network_map)) is not None:
        from imcsim.report.routers import router_record

        document["floor_plan"] = router_record(found, [spec.name for spec in network_map.layers])
    if mapper.masks is not None:
        document["frozen_pes"] = _frozen(mapper, network_map)
    return json.dumps(document, indent=2)


def _print_table(mapper: _Mapper, network_map: NetworkMap, rule: str) -> None:
    from imcsim.report.mapping_table import chip_fit, fit_sentence, mapping_table

    console = _console()
    by = "" if rule == "im2col" else f", by {rule}"
    console.print(mapping_table(network_map, f"{mapper.network} on {mapper.chip.name}{by}", mapper.phases))
    fit = chip_fit(network_map, mapper.chip)
    console.print(fit_sentence(fit, mapper.chip, mapper.network), highlight=False)
    if (found := _routers(mapper, network_map)) is not None:
        from imcsim.report.routers import router_sentence

        console.print(router_sentence(found, [spec.name for spec in network_map.layers]), highlight=False)
    if mapper.masks is not None:
        frozen, whole = len(_frozen(mapper, network_map)), network_map.pe_count
        console.print(f"In {frozen} of {whole} PEs nothing trains (--json lists them).", highlight=False)


def _routers(mapper: _Mapper, network_map: NetworkMap) -> RouterPlan | None:
    from imcsim.report.routers import routers_of

    return routers_of(network_map, mapper.chip)


def _frozen(mapper: _Mapper, network_map: NetworkMap) -> list[int]:
    """Return the PEs of the network in which nothing trains."""
    from imcsim.mapping.pe_table import pe_table

    table = pe_table(network_map, None if mapper.masks is None else mapper.masks.trainable)
    return [int(pe) for pe in table.pe[~table.trains]]


def _console() -> Any:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)
