"""What a run starts from: its stream and its network, as its configuration says."""

from dataclasses import replace

import torch
from torch import nn

from imcsim.core.seeds import child_seed
from imcsim.learn.backbone import backbone_note, start_from_backbone
from imcsim.learn.config import DEFAULT_SHAPE, LearnConfig
from imcsim.learn.domains import multi_domain
from imcsim.learn.global_draws import lent_globals
from imcsim.learn.method import Method
from imcsim.learn.networks import build_network
from imcsim.learn.stream import Stream, split


def make_stream(config: LearnConfig) -> Stream:
    """Return the stream of ``config``: a data set that is split, or its domains in turn.

    Raises
    ------
    ConfigError, DataError
        As :func:`imcsim.learn.stream.split` and :func:`imcsim.learn.domains.multi_domain`.
    """
    seed = child_seed(config.seed, "split")
    limits = {"train_limit": config.train_limit, "test_limit": config.test_limit}
    if config.domains:
        stream = multi_domain(config.domains, config.image_shape or DEFAULT_SHAPE, seed=seed, **limits)
    else:
        share = config.classes_per_task
        stream = split(config.dataset, config.tasks, classes_per_task=share, seed=seed, **limits)
    if config.backbone is None:
        return stream
    return replace(stream, notes=(*stream.notes, backbone_note(config.backbone)))


def make_network(config: LearnConfig, stream: Stream) -> nn.Module:
    """Return the network of ``config`` for ``stream``, on the CPU, as it is deployed: built, then pre-trained if asked.

    Raises
    ------
    ConfigError, ContentError, DataError, StorageError
        As :func:`imcsim.learn.networks.build_network` and :func:`imcsim.learn.backbone.start_from_backbone`.
    """
    seed = child_seed(config.seed, "network")
    name, params, shape = config.network, config.network_params, stream.image_shape
    network = build_network(name, stream.class_count, shape, params, seed)
    if config.backbone is None:
        return network
    return start_from_backbone(network, config.backbone, name, params, shape, _device(config.device))


def prepare_network(
    config: LearnConfig, method: Method, network: nn.Module, image_shape: tuple[int, int, int]
) -> nn.Module:
    """Return ``network`` with what ``method`` adds to it; what that draws globally depends on the seed alone."""
    with lent_globals(child_seed(config.seed, "global", "prepare")):
        return method.prepare(network, image_shape, config.pe_tile)


def _device(name: str) -> torch.device:
    return torch.device(name if torch.cuda.is_available() else "cpu")  # the learner refuses a GPU that is not there
