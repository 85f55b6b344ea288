"""``imcsim.learn(network, stream, ...)``: a network and a stream in, a trace out."""

from pathlib import Path
from typing import Any

from torch import nn

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.core.seeds import child_seed
from imcsim.crossbar.layer_tags import built_as, remember_name
from imcsim.learn.api import Progress, learn_on
from imcsim.learn.checked_stream import checked_stream
from imcsim.learn.config import LearnConfig
from imcsim.learn.networks import build_network
from imcsim.learn.stream import Stream
from imcsim.trace.trace import Trace

_BUILT = ("domains", "image_shape", "backbone")  # decided before a network and a stream are at hand


def learn(
    network: nn.Module | str,
    stream: Stream,
    method: str = "finetune",
    seed: int = 0,
    *,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    **settings: Any,
) -> Trace:
    """Train ``network``, in place, on ``stream`` and return the trace.

    Parameters
    ----------
    network
        Any module of Linear and Conv2d layers that maps the stream's images to logits of all its classes; or the name
        of a network, which is built with ``seed``.
    method
        A registered method; ``method_config={...}`` among the settings holds its own.
    settings
        Further fields of :class:`~imcsim.learn.config.LearnConfig`: ``epochs``, ``batch_size``, ...

    Raises
    ------
    ConfigError, ContentError, MappingError
        For unknown settings or methods, or a network that cannot be mapped.
    """
    for field in _BUILT:
        if field in settings:
            raise ConfigError(
                f"imcsim.learn: '{field}' is settled by the network and the stream that are given; "
                f"imcsim.learn.api.learn takes a whole configuration"
            )
    stream = checked_stream(stream)
    network = _network(network, stream, seed)
    name, params = built_as(network)
    fields: dict[str, Any] = {
        "dataset": stream.dataset,
        "tasks": len(stream.tasks),
        "network": name,
        "network_params": params,
        "method": method,
        "seed": seed,
    }
    config = parse(LearnConfig, fields | settings, "imcsim.learn")
    return learn_on(config, network, stream, progress=progress, checkpoint=checkpoint)


def _network(given: nn.Module | str, stream: Stream, seed: int) -> nn.Module:
    if isinstance(given, nn.Module):
        return given
    if not isinstance(given, str):
        raise ConfigError(f"imcsim.learn takes a torch module or the name of a network, got {given!r}")
    built = build_network(given, stream.class_count, stream.image_shape, {}, child_seed(seed, "network"))
    remember_name(built, given, {})
    return built
