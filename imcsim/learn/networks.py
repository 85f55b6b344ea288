"""Networks by name: builders with checked parameters, initialised from a seed of their own."""

import typing
from collections.abc import Callable, Mapping
from inspect import Parameter, getsourcefile, signature
from typing import Annotated, Any

import torch
from pydantic import Field, create_model
from torch import nn

from imcsim.core.config import FrozenConfig, parse
from imcsim.core.content import import_networks
from imcsim.core.errors import ConfigError, ContentError, ImcsimError
from imcsim.core.registry import Registry
from imcsim.learn.global_draws import lent_globals

Count = Annotated[int, Field(ge=1)]
"""A parameter that counts something: an integer >= 1."""


NetworkBuilder = Callable[..., nn.Module]
"""``(class_count, image_shape, *, ...) -> module`` that maps images (B, C, H, W) to logits (B, class_count).

Parameters beyond the two are keyword-only, annotated and have defaults; they become the network's parameters on the
command line and in studies.
"""


def _wrong(entry: object) -> str | None:
    return None if callable(entry) else "is no function that builds a network"


NETWORKS: Registry[NetworkBuilder] = Registry("network", import_networks, "imcsim.network", _wrong)
network = NETWORKS.register


def build_network(
    name: str,
    class_count: int,
    image_shape: tuple[int, int, int],
    params: Mapping[str, Any] | None = None,
    generator: torch.Generator | int = 0,
) -> nn.Module:
    """Build network ``name`` on the CPU; the same seed gives the same weights, and no other stream is touched.

    Parameters
    ----------
    class_count
        Logits: all classes of the stream.
    image_shape
        (C, H, W).
    params
        Parameters of the builder; those left out keep their defaults.
    generator
        A seed, or a generator from which one is drawn.

    Raises
    ------
    ContentError
        If there is no such network, or its code fails.
    ConfigError
        For an unknown parameter (with the nearest name), a wrong value, or an empty image.
    """
    builder = NETWORKS.get(name)
    if class_count < 1 or min(image_shape) < 1:
        raise ConfigError(f"network '{name}' needs >= 1 classes and pixels, got {class_count} and {image_shape}")
    values = dict(network_params(name, params))
    seed = generator if isinstance(generator, int) else _draw(generator)
    with lent_globals(seed), torch.device("cpu"):  # layers initialise from torch's global generator
        try:
            built = builder(class_count, image_shape, **values)
        except (ImcsimError, MemoryError):
            raise
        except Exception as error:  # whatever the code of a network raises
            if "memory" in str(error):  # torch's own word for what is no mistake of the network
                raise
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ContentError(f"network '{name}' of {getsourcefile(builder)} cannot be built: {reason}") from error
    if not isinstance(built, nn.Module):
        raise ContentError(f"network '{name}': its builder must return a torch.nn.Module, got {type(built).__name__}")
    return built


def network_params(name: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all parameters of network ``name``: those given, checked, and the defaults of the others.

    Raises
    ------
    ConfigError
        For an unknown parameter (with the nearest name) or a wrong value.
    """
    config = parse(_config_type(name), params or {}, f"network '{name}'")
    return {field: getattr(config, field) for field in type(config).model_fields}


def _config_type(name: str) -> type[FrozenConfig]:
    builder = NETWORKS.get(name)
    hints = typing.get_type_hints(builder, include_extras=True)
    keywords = [p for p in signature(builder).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]
    fields: dict[str, Any] = {p.name: (hints[p.name], p.default) for p in keywords}
    return create_model(f"{name}_params", __base__=FrozenConfig, **fields)


def _draw(generator: torch.Generator) -> int:
    return int(torch.randint(2**63 - 1, (), generator=generator, device=generator.device).item())
