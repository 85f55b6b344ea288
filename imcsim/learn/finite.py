"""Numbers that are none: images and weights with nan or infinity are refused before anything trains.

A loss that is not finite would otherwise be the first to tell, and the learning rate would be blamed for it.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError, DataError
from imcsim.learn.stream import Task


def check_finite_images(tasks: Iterable[Task]) -> None:
    """Refuse a stream with an image that is not finite.

    Raises
    ------
    DataError
        With the task, the first such image, its pixel, and how many there are.
    """
    for task in tasks:
        for name in ("x_train", "x_test"):
            images = getattr(task, name)
            if not _all_finite(images):
                where, value = _first(images)
                count = int((~images.isfinite()).flatten(1).any(1).sum())
                raise DataError(
                    f"task {task.index}: image {where[0]} of {name} holds {value:g} at {where[1:]}, and "
                    f"{count} of {len(images)} images hold such; only finite pixels can be learned"
                )


def check_finite_weights(network: nn.Module) -> None:
    """Refuse a network with a parameter or buffer that is not finite.

    Raises
    ------
    ConfigError
        With its name, the first such value and its place.
    """
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, Tensor) and not _all_finite(tensor):
            where, value = _first(tensor)
            raise ConfigError(f"the network's '{name}' holds {value:g} at {where}; only finite weights can be trained")


def _all_finite(tensor: Tensor) -> bool:
    """Tell by the two ends, which are nan where anything is: a single pass without a copy."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return bool(torch.stack(tensor.detach().aminmax()).isfinite().all())


def _first(tensor: Tensor) -> tuple[tuple[int, ...], float]:
    where = tuple((~tensor.detach().isfinite()).nonzero()[0].tolist())
    return where, float(tensor.detach()[where])
