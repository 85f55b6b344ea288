"""``imcsim map``: how a network lies on a chip's PEs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from imcsim.chip.config import ChipConfig
    from imcsim.mapping.network_map import NetworkMap

_WIDTH = 100  # columns of the table where the output is no terminal, which would say its own width

Texts = list[str]


def map_command(  # noqa: PLR0913 - each option of the command line is a parameter
    network: Annotated[str, typer.Argument(help="Name of a network; `imcsim list network` shows them.")],
    chip: Annotated[str, typer.Option(help="Name of a chip, or its TOML file.")],
    set_: Annotated[Texts | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a chip value.")] = None,
    input_: Annotated[str, typer.Option("--input", metavar="C,H,W", help="Shape of an image.")] = "3,32,32",
    classes: Annotated[int, typer.Option(min=1, help="Logits of the network.")] = 10,
    param: Annotated[Texts | None, typer.Option(metavar="NAME=VALUE", help="Network parameter.")] = None,
    rule: Annotated[str, typer.Option(help="Mapping rule.")] = "im2col",
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    csv_: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write the rows as CSV.")] = None,
) -> None:
    """Show how NETWORK lies on the chip's PEs, layer by layer.

    Example: imcsim map resnet18 --chip hybrid-28nm --param width=16
    """
    from imcsim.chip.config import load_chip
    from imcsim.core.files import write_atomic
    from imcsim.core.toml import parse_overrides
    from imcsim.report.mapping_table import mapping_csv, mapping_rows

    config = load_chip(chip, parse_overrides(set_ or [])).config
    params = parse_overrides(param or [])
    network_map = map_named(network, params, classes, image_shape(input_), config, rule)
    if csv_ is not None:
        write_atomic(csv_, mapping_csv(mapping_rows(network_map)))
    if json_:
        typer.echo(_json(network_map, config, network, params, rule))
    else:
        _print_table(network_map, config, network)


def map_named(
    name: str, params: dict[str, Any], classes: int, shape: tuple[int, int, int], chip: ChipConfig, rule: str
) -> NetworkMap:
    """Build network ``name`` for images of ``shape`` (C, H, W), find its layers, and put them on the chip's PEs.

    Raises
    ------
    ConfigError, ContentError, MappingError
        For an unknown network, parameter or rule, or a network that does not take such images.
    """
    from imcsim.learn.networks import build_network
    from imcsim.learn.shapes import trace_layers
    from imcsim.mapping.network_map import map_network

    return map_network(trace_layers(build_network(name, classes, shape, params), shape), chip.geometry, rule)


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


def _json(network_map: NetworkMap, chip: ChipConfig, name: str, params: dict[str, Any], rule: str) -> str:
    import json
    from dataclasses import asdict

    from imcsim.learn.networks import network_params
    from imcsim.report.mapping_table import chip_fit, mapping_rows, mapping_total

    fit = chip_fit(network_map, chip)
    document = {
        "network": name,
        "params": network_params(name, params),
        "chip": chip.name,
        "rule": rule,
        "geometry": network_map.geometry.model_dump(mode="json"),
        "layers": mapping_rows(network_map),
        "total": mapping_total(network_map),
        "fit": {**asdict(fit), "available": fit.available, "fits": fit.fits},
    }
    return json.dumps(document, indent=2)


def _print_table(network_map: NetworkMap, chip: ChipConfig, name: str) -> None:
    from rich.console import Console

    from imcsim.report.mapping_table import chip_fit, fit_sentence, mapping_table

    console = Console()
    console = console if console.is_terminal else Console(width=_WIDTH)
    console.print(mapping_table(network_map, f"{name} on {chip.name}"))
    console.print(fit_sentence(chip_fit(network_map, chip), chip, name), highlight=False)
