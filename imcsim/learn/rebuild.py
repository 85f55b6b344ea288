"""The network as it was when a task was committed: from the codes and the digital state of a trace."""

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from imcsim.core.config import parse
from imcsim.core.errors import TraceError
from imcsim.crossbar.baked_in import copied
from imcsim.crossbar.layer_tags import column_scales_of, drop_adaptor, keep_column_scales, keep_step, stands_in
from imcsim.learn.adapt.adaptor import ColumnAdaptor, adaptors, expand_segments
from imcsim.learn.config import LearnConfig
from imcsim.learn.method import METHODS, make_method
from imcsim.learn.networks import NETWORKS, build_network
from imcsim.learn.quantize import mapped_module
from imcsim.learn.shapes import weight_from_matrix
from imcsim.learn.start import prepare_network
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.conservation import check_arrays
from imcsim.trace.given import TraceLike, read_trace
from imcsim.trace.schema import TraceMeta
from imcsim.trace.trace import Trace


def network_after(trace: TraceLike, task: int, network: nn.Module | None = None) -> nn.Module:
    """Return the network as it was after ``task``: code x step as weights, biases and batch-norm as recorded.

    Each mapped layer knows its code step, so that :func:`imcsim.convert` finds the very codes of the trace.

    Parameters
    ----------
    trace
        A trace, or the path of its file.
    task
        0 .. T - 1, or -1 for deployment, before the first task.
    network
        A network of the trace's architecture, copied; None builds the registered one that the trace names.

    Raises
    ------
    TraceError
        If there is no such task, or the network is not the trace's.
    """
    trace = read_trace(trace)
    check_arrays(trace)
    if not isinstance(task, int) or isinstance(task, bool) or not -1 <= task < trace.meta.tasks:
        raise TraceError(f"the trace has tasks 0 to {trace.meta.tasks - 1} (-1: deployment), got {task!r}")
    built = _prepared(trace, _built(trace) if network is None else copied(network))
    state = {name: torch.tensor(trace.at_task(values)[task + 1]) for name, values in trace.digital.items()}
    for spec, step in zip(trace.meta.layers, trace.meta.weight_scales, strict=True):
        codes = torch.tensor(trace.at_task(trace.codes[spec.name])[task + 1], dtype=torch.float32)
        state[f"{spec.name}.weight"] = weight_from_matrix(codes * step, spec)
    try:
        missing = built.load_state_dict(state, strict=False)
        known = {name for name, values in built.state_dict().items() if values.is_floating_point()}
    except RuntimeError as error:
        raise TraceError(f"the network is not the trace's: {str(error).splitlines()[-1].strip()}") from None
    absent = [*missing.unexpected_keys, *sorted(known - set(state))]
    if absent:
        raise TraceError(f"the network is not the trace's: '{absent[0]}' is on one side only")
    for spec, step in zip(trace.meta.layers, trace.meta.weight_scales, strict=True):
        keep_step(mapped_module(built, spec.name), step)
    settle(built)
    return built.eval()


def _prepared(trace: Trace, network: nn.Module) -> nn.Module:
    """Return the network with what the trace's method adds to it, unless it is there already."""
    meta = trace.meta
    wanted = {f"{spec.name}.weight" for spec in meta.layers} | set(trace.digital)
    known = {name for name, values in network.state_dict().items() if values.is_floating_point()}
    if wanted == known or not meta.config or meta.image_shape is None or not METHODS.has(_picked(meta, "method")):
        return network
    config = parse(LearnConfig, meta.config, "the trace's configuration")
    method = make_method(config.method, config.method_config)
    return prepare_network(config, method, network, meta.image_shape)


def _built(trace: Trace) -> nn.Module:
    meta = trace.meta
    name = _picked(meta, "network")
    if not NETWORKS.has(name) or meta.image_shape is None:
        raise TraceError(f"network '{meta.network}' is not a registered one; give the network itself")
    classes = len({label for task in meta.task_classes for label in task})  # a domain may come twice
    return build_network(name, classes, meta.image_shape, meta.config.get("network_params", {}))


def _picked(meta: TraceMeta, what: Literal["method", "network"]) -> str:
    """Return the name of the trace's method or network, or the path of its file: the configuration has it."""
    return str(meta.config.get(what, getattr(meta, what)))


def settle(network: nn.Module) -> None:
    """Take the adaptors off ``network``, whose weights are those that its arrays hold.

    An adaptor of cells is dropped: its effect is in the weights already. An adaptor of columns leaves its scales as the
    column scales (G, I, N) of its layer (:mod:`imcsim.crossbar.layer_tags`), whose forward pass multiplies by them.
    """
    for name, adaptor in adaptors(network).items():
        layer = mapped_module(network, name)
        drop_adaptor(layer)
        if isinstance(adaptor, ColumnAdaptor):
            keep_column_scales(layer, adaptor.scales().detach().clone(), adaptor.rows)
            layer.forward = partial(_scaled, layer, adaptor.spec)  # type: ignore[method-assign]


@stands_in
def _scaled(layer: nn.Linear | nn.Conv2d, spec: LayerSpec, x: Tensor) -> Tensor:
    segments = column_scales_of(layer)
    weight = layer.weight if segments is None else layer.weight * expand_segments(segments.scales, spec, segments.rows)
    if isinstance(layer, nn.Linear):
        return functional.linear(x, weight, layer.bias)
    return functional.conv2d(x, weight, layer.bias, spec.stride, spec.padding, spec.dilation, spec.groups)
