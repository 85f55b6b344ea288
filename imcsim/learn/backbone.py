"""A pre-trained backbone: trained once, in float, kept in the cache; what a network knows before it is deployed."""

import inspect
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from imcsim.core import sealed
from imcsim.core.code_key import running_tree
from imcsim.core.config import config_hash
from imcsim.core.errors import ConfigError, ContentError
from imcsim.core.reference import in_texts, short_name
from imcsim.core.seeds import child_seed
from imcsim.learn.config import BackboneConfig
from imcsim.learn.data.arrays import cache_folder
from imcsim.learn.domains import multi_domain
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.global_draws import lent_globals
from imcsim.learn.networks import NETWORKS, build_network, network_params
from imcsim.learn.run_code import Picks, run_key
from imcsim.learn.shapes import trace_layers
from imcsim.learn.stream import Task

State = dict[str, Tensor]

_STORED = sealed.Kind("backbone", 2, ContentError)


def start_from_backbone(
    network: nn.Module,
    config: BackboneConfig,
    name: str,
    params: Mapping[str, object],
    image_shape: tuple[int, int, int],
    device: torch.device | None = None,
) -> nn.Module:
    """Give ``network``, in place, all weights and buffers of the backbone but those of the last mapped layer.

    The last layer (by order of execution) keeps the initialisation that it has. Norm layers keep the backbone's
    running statistics.

    Parameters
    ----------
    network
        Network ``name`` with ``params``, for images (C, H, W) of ``image_shape`` and any number of classes.
    device
        Where the backbone trains, if the cache does not hold it; None: the CPU.

    Raises
    ------
    ConfigError, ContentError, DataError, StorageError
        As :func:`backbone_state`; or if the network's other layers, too, depend on the number of classes.
    """
    head = trace_layers(network, image_shape)[-1].name  # ahead of the training: it may refuse the network
    state = backbone_state(config, name, params, image_shape, device)
    kept = {key: values for key, values in state.items() if not key.startswith(f"{head}.")}
    try:
        network.load_state_dict(kept, strict=False)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ConfigError(f"network '{name}' cannot start from a backbone of other classes: {reason}") from None
    return network


def backbone_state(
    config: BackboneConfig,
    name: str,
    params: Mapping[str, object],
    image_shape: tuple[int, int, int],
    device: torch.device | None = None,
) -> State:
    """Return the state of network ``name`` trained on the backbone's data set, on the CPU; its head included.

    Trained once: the file in the cache is named by a hash of all that decides it (settings, network, image shape, kind
    of device, torch, and the code of data, training and networks). A file that is corrupt is made anew. Two processes
    that need it at once both train it, to the same weights; the file is whole at any time.

    Raises
    ------
    ConfigError
        If training diverges, or a setting does not suit the data set.
    ContentError, DataError, StorageError
        If there is no such network, no such data, or the cache cannot be written.
    """
    device = device or torch.device("cpu")
    path = cache_folder() / "backbones" / f"{_key(config, name, params, image_shape, device)}.safetensors"
    stored = _read(path)
    if stored is not None:
        return stored
    task = multi_domain([config.dataset], image_shape, config.train_limit, config.seed).tasks[0].to(device)
    seed = child_seed(config.seed, "backbone")
    network = build_network(name, len(task.classes), image_shape, params, seed).to(device)
    pretrain(network, task, config)
    state = {key: values.detach().cpu().contiguous() for key, values in network.state_dict().items()}
    accuracy = accuracy_rows(network, [task], task.classes)[0][0]
    sealed.save(path, _STORED, {"test_accuracy": accuracy}, {key: values.numpy() for key, values in state.items()})
    return state


def pretrain(network: nn.Module, task: Task, config: BackboneConfig) -> None:
    """Train ``network`` in place on ``task``: cross-entropy, SGD with momentum at a constant rate, no augmentation.

    Raises
    ------
    ConfigError
        If the loss is no longer finite.
    """
    order = torch.Generator().manual_seed(child_seed(config.seed, "backbone-shuffle"))
    optimizer = torch.optim.SGD(network.parameters(), config.learning_rate, config.momentum)
    device = task.x_train.device
    network.train()
    with lent_globals(child_seed(config.seed, "backbone-global"), device):  # for drop-out
        for epoch in range(config.epochs):
            total = torch.zeros((), device=device)
            samples = torch.randperm(len(task.y_train), generator=order).to(device)
            for index in torch.split(samples, config.batch_size):
                optimizer.zero_grad()
                loss = functional.cross_entropy(network(task.x_train[index]), task.y_train[index])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += loss.detach()
            if not torch.isfinite(total):
                raise ConfigError(
                    f"the backbone diverged in epoch {epoch}: the loss is not finite; lower backbone.learning_rate "
                    f"(given: {config.learning_rate})"
                )


def backbone_note(config: BackboneConfig) -> str:
    """Return what every result that starts from the backbone must say."""
    samples = "" if config.train_limit is None else f", at most {config.train_limit} images"
    return (
        f"backbone: pre-trained on {short_name(config.dataset)} ({config.epochs} epochs{samples}) in float before "
        f"deployment; that training is neither recorded nor charged; the output layer is new"
    )


def _key(
    config: BackboneConfig,
    name: str,
    params: Mapping[str, object],
    image_shape: tuple[int, int, int],
    device: torch.device,
) -> str:
    decides = {
        "backbone": in_texts(config.model_dump(mode="json"), short_name),
        "network": short_name(name),
        "params": network_params(name, params),
        "image_shape": list(image_shape),
        "device": device.type,
        "torch": torch.__version__,
        "code": _code(name, config.dataset),
    }
    return config_hash(decides)


def _code(network: str, dataset: str) -> str:
    """Return the key of what trains a backbone; a builder that was registered in this process counts by its file."""
    picks, builder = Picks(network, datasets=(dataset,)), inspect.getsourcefile(NETWORKS.get(network))
    files = [] if builder is None or not Path(builder).is_file() else [Path(builder)]
    return run_key(running_tree(), "imcsim.learn.backbone", picks, files)


def _read(path: Path) -> State | None:
    """Return the stored state, None if there is none or it is not what was written."""
    try:
        stored = sealed.load(path, _STORED)
    except ContentError:
        return None
    return {key: torch.from_numpy(values) for key, values in stored.arrays.items()}
