"""What the header says must be possible, and must not contradict itself."""

import math
from collections.abc import Iterator

from pydantic import ValidationError

from imcsim.core.config import config_hash
from imcsim.core.errors import ConservationError
from imcsim.core.json_text import DEEPEST, nesting
from imcsim.core.reference import short_name
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.laws.demand import demand, recorded
from imcsim.trace.schema import TraceMeta
from imcsim.trace.trace import Trace

_REPEATED = (
    "seed", "method", "network", "weight_bits", "input_bits", "error_bits", "batch_size", "encodings", "pe_tile",
)  # fmt: skip
_WIDEST = 1 << 20  # of an image, a kernel's step, and what else lies on the image's plane
LARGEST = 1 << 53  # of a count: beyond it a float, as prices are, misses whole numbers


def check(trace: Trace) -> None:
    """Check the fields of the header: types and ranges, names that must name a layer, shapes that must fit."""
    demand(isinstance(trace.meta, TraceMeta), "the header must be a TraceMeta")
    try:
        TraceMeta.model_validate(trace.meta.model_dump(warnings=False))
    except (ValidationError, ValueError, RecursionError) as error:
        raise ConservationError(f"the trace breaks a law: {_first(error)}") from None
    for holds, law in _header(trace.meta):
        demand(holds, law)
    for layer in trace.meta.layers:
        for holds, law in _layer(layer):
            demand(holds, f"layer '{layer.name}': {law}")


def _first(error: ValueError | RecursionError) -> str:
    if not isinstance(error, ValidationError):
        return "the header must hold plain values, not deeply nested"
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"header field '{field}': {message}" if field else message


Laws = Iterator[tuple[bool, str]]


def _header(meta: TraceMeta) -> Laws:
    yield from (*_stream(meta), *_named(meta), *_by_task(meta))
    yield from _numbers(meta)
    yield from _config(meta)  # after its depth was looked at


def _config(meta: TraceMeta) -> Laws:
    """The configuration is the one of its hash, and the header repeats it truly; a trace made by hand has neither."""
    config = meta.config
    yield meta.seed >= 0 and (bool(config) or meta.seed < LARGEST), f"seed cannot be {meta.seed!r:.20}"
    if not recorded(meta):
        return
    yield meta.config_hash == config_hash(config), "config_hash must be that of config"
    said = meta.model_dump(mode="json", include=set(_REPEATED))
    for name in _REPEATED:
        given = config.get(name)
        given = short_name(given) if isinstance(given, str) else given  # a file is called by its entry or its stem
        same = name not in config or (name == "pe_tile" and meta.pe_tile is None) or given == said[name]
        yield same, f"{name} must be that of config"


def _stream(meta: TraceMeta) -> Laws:
    yield meta.tasks >= 1, "a stream has at least one task"
    yield len(meta.task_sizes) == meta.tasks, f"task_sizes must be of {meta.tasks} tasks, got {len(meta.task_sizes)}"
    yield all(1 <= size < LARGEST for size in meta.task_sizes), "task_sizes must be at least 1"
    classes = meta.task_classes
    yield all(labels and len(set(labels)) == len(labels) for labels in classes), "a task must have classes, each once"
    yield all(0 <= label < LARGEST for labels in classes for label in labels), "classes must not be negative"
    shape = meta.image_shape
    yield shape is None or all(1 <= size < _WIDEST for size in shape), f"image_shape cannot be {shape}"
    yield meta.batch_size < LARGEST, f"batch_size cannot be {meta.batch_size}"


def _by_task(meta: TraceMeta) -> Laws:
    """Acts are by task, so are the reasons to set layers; phases are within tasks."""
    for act, times in meta.acts.items():
        yield len(times) == meta.tasks, f"acts of '{act:.40}' must be of {meta.tasks} tasks, got {len(times)}"
    yield all(phase.steps < LARGEST for phase in meta.placement_phases), "a phase cannot have that many steps"


def _named(meta: TraceMeta) -> Laws:
    names = {layer.name for layer in meta.layers}
    for field in ("switched_layers", "resident_layers"):
        given = getattr(meta, field)
        unknown = [name for name in given if name not in names]
        yield not unknown, f"{field} must name layers, got '{unknown[0] if unknown else ''}'"
        yield len(set(given)) == len(given), f"{field} must name a layer once"
    yield all(name and "/" not in name for name in names), "a layer's name must not be empty, nor hold a slash"
    encodings = [encoding.name for encoding in meta.encodings]
    yield len(set(encodings)) == len(encodings), "encodings must differ"


def _numbers(meta: TraceMeta) -> Laws:
    scales = meta.weight_scales
    yield len(scales) in (0, len(meta.layers)), f"weight_scales must be of {len(meta.layers)} layers, got {len(scales)}"
    yield all(scale > 0 for scale in scales), "weight_scales must be positive"
    yield meta.pe_tile is None or all(1 <= size < LARGEST for size in meta.pe_tile), f"pe_tile cannot be {meta.pe_tile}"
    yield all(math.isfinite(flops) and flops >= 0 for flops in meta.flops.values()), "flops must not be negative"
    yield nesting(meta.config) < DEEPEST, f"config is nested deeper than {DEEPEST} levels"


def _layer(layer: LayerSpec) -> Laws:
    pairs = (*layer.kernel, *layer.stride, *layer.dilation)
    yield min(pairs) >= 1 and min(layer.padding) >= 0, "kernel, stride and dilation must be positive"
    yield max(*pairs, *layer.padding) < _WIDEST, f"kernel, stride, padding and dilation must be below {_WIDEST}"
    divided = layer.in_features % layer.groups == 0 and layer.out_features % layer.groups == 0
    yield divided, "groups must divide input and output features"
    yield layer.kind == "conv2d" or (layer.kernel == (1, 1) and layer.groups == 1), "a linear layer has no kernel"
    outputs = layer.out_features * layer.positions
    yield layer.output_elements == outputs, f"output_elements must be outputs x positions = {outputs}"
    yield layer.input_elements % layer.in_features == 0, "input_elements must be a multiple of the input features"
    same = layer.kind == "conv2d" or layer.input_elements == layer.in_features * layer.positions
    yield same, "input_elements of a linear layer must be inputs x positions"
    largest = max(layer.macs, layer.input_elements, layer.output_elements)
    yield largest < LARGEST, "a layer cannot have that many weights or activations"
