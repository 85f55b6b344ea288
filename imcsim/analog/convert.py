"""``imcsim.convert``: a network in, a copy on PEs out."""

from collections.abc import Mapping, Sequence, Set
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from imcsim.analog.arrays import LayerArrays, matrix_shape
from imcsim.analog.clock import Clock
from imcsim.analog.config import AnalogConfig
from imcsim.analog.layer import AnalogLayer, analog_of
from imcsim.analog.network import AnalogNetwork, Generator, seed_of
from imcsim.analog.pes import AnalogCells, LayerPes
from imcsim.analog.placement import PlacementLike, placement_masks
from imcsim.chip.config import ChipConfig, RramPart, SramPart
from imcsim.chip.given import ChipLike, given_chip
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError, MappingError, nearest
from imcsim.core.seeds import child_seed
from imcsim.crossbar.baked_in import copied
from imcsim.crossbar.layer_tags import adaptor_on
from imcsim.crossbar.loose_products import loose_products_refused
from imcsim.crossbar.mapped_layers import NOT_MAPPED, MappedLayer, mapped_layers

Mapped = MappedLayer
_WHERE = "imcsim.convert config"


def convert(
    model: nn.Module,
    chip: ChipLike | ChipConfig,
    placement: PlacementLike = None,
    *,
    exclude: Sequence[str] = (),
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    config: AnalogConfig | Mapping[str, object] | None = None,
    calibration: Tensor | None = None,
    generator: Generator = 0,
) -> Any:
    """Return a copy of ``model`` whose Linear and Conv2d layers run on the PEs of ``chip``.

    The copy is of the model's class and an :class:`~imcsim.analog.network.AnalogNetwork` at once (hence ``Any``), with
    ``program``, ``drift``, ``calibrate``, ``place``, ``summary``; its ``state_dict`` is the plain model's. A model
    trained by :func:`imcsim.learn` keeps its code steps; else a layer's largest weight takes the largest code.

    Parameters
    ----------
    model
        Any module; it is not touched.
    chip
        As :func:`imcsim.load` gives it, or its name or file.
    placement
        Which PEs are in SRAM: see :data:`~imcsim.analog.placement.PlacementLike`; ``trace.placement(task=4)``.
    exclude
        Patterns (``fnmatch``) of layer names that stay digital.
    overrides
        Pattern of layer names -> {path in the chip (``rram.adc_bits``) or field of AnalogConfig: value}; the last wins.
    config
        Switches of the non-idealities, and calibration.
    calibration
        Inputs (B, ...) that set the ranges of inputs and converters; None leaves it to the first batch.
    generator
        Source of the noise of ``train()``: a seed or a generator. ``program`` takes its own.

    Raises
    ------
    ConfigError, MappingError
        For a chip with a memory of another sort than [rram] and [sram], an unknown pattern or layer, a wrong setting
        or mask, too large a network, or a layer that
        :func:`~imcsim.crossbar.mapped_layers.mapped_layers` refuses.
    """
    if not isinstance(model, nn.Module):
        raise MappingError(f"imcsim.convert takes a torch module, such as imcsim.load gives, got {model!r}")
    base = chip if isinstance(chip, ChipConfig) else given_chip(chip).config
    _check_known(base)
    switches = config if isinstance(config, AnalogConfig) else _switches({} if config is None else config)
    names = list(_chosen(model, exclude))  # ahead of the copy, which PyTorch refuses where a weight is computed
    made = copied(model)
    layers = {name: _layer(made, name) for name in names}
    settings = _settings(layers, base, switches, {} if overrides is None else overrides)
    arrays = _arrays(layers, settings, placement)
    result = _on_arrays(made, layers, arrays, Clock(train_seed=child_seed(seed_of(generator), "train")))
    result.analog_chips = {name: chip for name, (chip, _) in settings.items()}
    if calibration is not None:
        with loose_products_refused(result):
            result.calibrate(calibration)
    return result


def _check_known(chip: ChipConfig) -> None:
    """Raise ConfigError for a memory of which no one has said how it computes: exact is a guess, too."""
    for name, memory in chip.memory.items():
        raise ConfigError(
            f"how [memory.{name}] of '{chip.name}', of sort '{memory.sort}', computes is not known: accuracy on arrays "
            f"is that of [rram] and [sram] alone; price, timeline and life take any memory"
        )


def _switches(config: Mapping[str, object]) -> AnalogConfig:
    if not isinstance(config, Mapping):
        raise ConfigError(f"{_WHERE} must be an AnalogConfig or a table, got {type(config).__name__}")
    return parse(AnalogConfig, config, _WHERE)


def _arrays(
    layers: Mapping[str, Mapped], settings: Mapping[str, tuple[ChipConfig, AnalogConfig]], placement: PlacementLike
) -> dict[str, LayerArrays]:
    pes = {id(chip): pes_of(chip) for chip, _ in settings.values()}  # layers with one chip share its description
    arrays = {}
    for name, layer in layers.items():
        chip, config = settings[name]
        arrays[name] = LayerArrays(name, matrix_shape(layer), pes[id(chip)], config)
    for name, mask in placement_masks(placement, arrays, {name: chip for name, (chip, _) in settings.items()}).items():
        arrays[name].place(mask)
    return arrays


def candidates(model: nn.Module) -> dict[str, nn.Module]:
    """Return the modules with weights that are on arrays or must be excluded, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, (*NOT_MAPPED, nn.Linear))}


def _chosen(model: nn.Module, exclude: Sequence[str]) -> dict[str, Mapped]:
    """Return the layers to convert, by name."""
    names = candidates(model)
    _check_patterns(exclude, names, "exclude")
    inside = tuple(f"{name}." for name, module in names.items() if isinstance(module, nn.MultiheadAttention))
    return mapped_layers(model, lambda name, _: _matches(name, exclude) or name.startswith(inside))


def _layer(model: nn.Module, name: str) -> Mapped:
    layer = model.get_submodule(name)
    if adaptor_on(layer) is not None:
        raise MappingError(
            f"layer '{name}' has the adaptor of a method, which arrays cannot hold: convert "
            f"imcsim.learn.rebuild.network_after(trace, task, network)"
        )
    _check_bias(layer.bias, name)  # type: ignore[arg-type]
    return layer  # type: ignore[return-value]  # one of mapped_layers


def _check_bias(bias: Tensor | None, name: str) -> None:
    """Refuse a bias that is not finite; the layer that it feeds would be blamed."""
    if bias is None or bool(torch.isfinite(bias).all()):
        return
    (place,) = (~bias.detach().isfinite()).nonzero()[0].tolist()
    raise MappingError(
        f"layer '{name}' holds a bias of {float(bias.detach()[place]):g} at ({place},): only finite numbers can be "
        f"added to what arrays give"
    )


def _settings(
    names: Mapping[str, object], chip: ChipConfig, config: AnalogConfig, overrides: Mapping[str, Mapping[str, object]]
) -> dict[str, tuple[ChipConfig, AnalogConfig]]:
    if not isinstance(overrides, Mapping):
        raise ConfigError(f"overrides must be a table of patterns, got {type(overrides).__name__}")
    _check_patterns(list(overrides), names, "overrides")
    settings = dict.fromkeys(names, (chip, config))
    for pattern, values in overrides.items():
        changed: dict[tuple[int, int], tuple[ChipConfig, AnalogConfig]] = {}
        for name in names:
            if _matches(name, [pattern]):
                before = settings[name]
                key = (id(before[0]), id(before[1]))
                settings[name] = changed.setdefault(key, _overridden(before, values, pattern))
    for name, (own, _) in settings.items():
        _check_same_codes(name, own, chip)
    return settings


def _overridden(
    before: tuple[ChipConfig, AnalogConfig], values: Mapping[str, object], pattern: str
) -> tuple[ChipConfig, AnalogConfig]:
    where = f"overrides['{pattern}']"
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a table of settings, got {type(values).__name__}")
    switches = {key: value for key, value in values.items() if key in AnalogConfig.model_fields}
    rest = {key: value for key, value in values.items() if key not in switches}
    chip, config = before
    if switches:
        config = parse(AnalogConfig, config.model_dump() | switches, where)
    if rest:
        data = chip.model_dump()
        for path, value in rest.items():
            _set(data, _full(str(path)), value, where)
        chip = parse(ChipConfig, data, where)
    return chip, config


def _full(path: str) -> str:
    """Return the dotted path: ``adc_bits``, which only RRAM PEs have, stands for ``rram.adc_bits``."""
    alone = path in RramPart.model_fields and path not in ChipConfig.model_fields
    return f"rram.{path}" if alone and path not in SramPart.model_fields else path


def _set(data: dict[str, object], path: str, value: object, where: str) -> None:
    *tables, key = path.split(".")
    node: object = data
    for table in tables:
        node = node.get(table) if isinstance(node, dict) else None
    if not isinstance(node, dict) or key not in node:
        known = [*AnalogConfig.model_fields, *(_paths(data))]
        raise ConfigError(f"{where}: unknown setting '{path}'{nearest(path, known)}")
    node[key] = value


def _paths(data: Mapping[str, object], prefix: str = "") -> list[str]:
    found = []
    for key, value in data.items():
        found += _paths(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
    return found


def _check_same_codes(name: str, own: ChipConfig, chip: ChipConfig) -> None:
    for what in ("weight_bits", "geometry"):
        if getattr(own, what) != getattr(chip, what):
            raise ConfigError(f"overrides of layer '{name}' change {what}, which is one for the whole chip")


def pes_of(chip: ChipConfig) -> LayerPes:
    """Return the PEs of ``chip`` that a layer lies on; those of both memories hold the same weights."""
    part = chip.rram
    analog = None
    if part is not None and part.joined_columns > 1:
        raise ConfigError(
            f"rram.joined_columns = {part.joined_columns}: columns that are joined before the converter are priced, "
            "not computed; accuracy on arrays needs rram.joined_columns = 1"
        )
    if part is not None:
        analog = AnalogCells(
            cell=part.cell,
            adc_bits=part.adc_bits,
            pair=part.pair,
            open_rows=part.open_rows,
            wl_segment_ohm=part.wl_segment_ohm,
            bl_segment_ohm=part.bl_segment_ohm,
            columns_per_adc=part.columns_per_adc,
            reference=part.reference,
        )
    return LayerPes(
        name=chip.name, geometry=chip.geometry, input_bits=chip.input_bits, dac_bits=chip.dac_bits, analog=analog
    )


def _on_arrays(
    model: nn.Module, layers: Mapping[str, Mapped], arrays: Mapping[str, LayerArrays], clock: Clock
) -> AnalogNetwork:
    """Put layers on arrays in place of the old ones, everywhere in ``model``, and give its class the chip's verbs."""
    replaced: dict[Mapped, AnalogLayer] = {old: analog_of(old, arrays[name], clock) for name, old in layers.items()}
    root = replaced.get(model, model)  # type: ignore[call-overload]
    for module in list(root.modules()):
        for name, child in list(module.named_children()):
            if child in replaced:
                setattr(module, name, replaced[child])
    plain = type(root)
    root.__class__ = type(f"Analog{plain.__name__}", (AnalogNetwork, plain), {"__module__": plain.__module__})
    root.analog_clock = clock
    return root  # type: ignore[no-any-return]


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _check_patterns(patterns: Sequence[str], names: Mapping[str, object], what: str) -> None:
    if isinstance(patterns, str):
        raise ConfigError(f"{what} must be a list of patterns, got the text '{patterns}'")
    if not isinstance(patterns, Sequence | Set):
        raise ConfigError(f"{what} must be a list of patterns, got {type(patterns).__name__}")
    wrong = [type(pattern).__name__ for pattern in patterns if not isinstance(pattern, str)]
    if wrong:
        raise ConfigError(f"{what} must be a list of patterns, got a list with {wrong[0]}")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(f"{what}: no layer matches '{pattern}'{nearest(pattern, names)}")
