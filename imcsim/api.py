"""Verbs of the public interface that join layers; see ``imcsim/__init__.py``."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from torch import nn

    from imcsim.chip.config import ChipConfig
    from imcsim.chip.report import Report
    from imcsim.core.sources import Resolved
    from imcsim.learn.stream import Stream
    from imcsim.trace.trace import Trace


@overload
def load(kind: Literal["chip"], name: str, *, overrides: Mapping[str, Any] = ...) -> "Resolved[ChipConfig]": ...
@overload
def load(kind: Literal["network"], name: str, *, like: "Stream", seed: int = ..., **params: Any) -> "nn.Module": ...
@overload
def load(kind: Literal["trace"], name: str | Path) -> "Trace": ...


def load(kind: str, name: str | Path, **options: Any) -> Any:
    """Load a chip, a network or a trace.

    Parameters
    ----------
    kind
        "chip" (a name or a TOML file, ``overrides`` by dotted path), "network" (a name; ``like`` is the stream that
        gives image shape and classes, ``seed`` the initialisation, other keywords the network's parameters), or
        "trace" (a file).

    Raises
    ------
    ContentError, ConfigError, TraceError
        For unknown kinds, names or settings, or a corrupt file; with the nearest name.
    """
    from imcsim.core.errors import ContentError, nearest

    loaders: dict[str, Callable[..., Any]] = {"chip": _chip, "network": _network, "trace": _trace}
    if kind not in loaders:
        raise ContentError(f"cannot load a '{kind}'{nearest(kind, loaders)}")
    return loaders[kind](name, **options)


def plot(report: "Report | Sequence[Report]", path: str | Path) -> Path:
    """Draw the training energy by part, task by task, of one or more reports; return the file's path.

    Parameters
    ----------
    path
        PNG or PDF, by its suffix.
    """
    from imcsim.chip.report import Report
    from imcsim.core.errors import ConfigError
    from imcsim.report.energy_by_task import energy_by_task
    from imcsim.report.style import save_as

    reports = [report] if isinstance(report, Report) else list(report)
    if not reports or not all(isinstance(entry, Report) for entry in reports):
        raise ConfigError("imcsim.plot draws the reports that imcsim.price returns, one or more")
    figure, _ = energy_by_task(reports, list(dict.fromkeys(entry.method for entry in reports)))
    return save_as(figure, Path(path))


def _chip(name: str, overrides: Mapping[str, Any] | None = None) -> "Resolved[ChipConfig]":
    from imcsim.chip.config import load_chip

    return load_chip(str(name), overrides)


def _network(name: str, like: "Stream | None" = None, seed: int = 0, **params: Any) -> "nn.Module":
    from imcsim.core.errors import ConfigError
    from imcsim.core.seeds import child_seed
    from imcsim.crossbar.layer_tags import remember_name
    from imcsim.learn.networks import build_network
    from imcsim.learn.stream import Stream

    if not isinstance(like, Stream):
        raise ConfigError(f"load('network', '{name}', like=...) takes a stream, as imcsim.split gives, got {like!r}")
    built = build_network(name, like.class_count, like.image_shape, params, child_seed(seed, "network"))
    remember_name(built, name, params)
    return built


def _trace(name: str | Path) -> "Trace":
    from imcsim.trace.store import load as load_trace

    return load_trace(Path(name))
