"""LightCL: a frozen front, and in the tail the features of a few important channels held near what they were."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.channels import channel_sums, feature_distance, largest_channels
from imcsim.learn.adapt.front import front, hold_norms, plan_without
from imcsim.learn.method import Context, Method, MethodConfig, TaskPlan, method
from imcsim.learn.placing.scoring import charge_scoring, scoring
from imcsim.learn.quantize import mapped_module
from imcsim.learn.sparcl.loss import restrict
from imcsim.learn.stream import Task
from imcsim.mapping.layer import LayerSpec

_FLOAT_BYTES = 4


class LightclConfig(MethodConfig):
    """LightCL's settings; defaults are those of INV-WZQ/LightCL.

    Parameters
    ----------
    frozen_layers
        Mapped layers of the front. None: 15 of 21, rounded down, as in ResNet-18 before stage 4, but at least one layer
        stands between the front and the classifier.
    channel_ratio
        Share of each tail layer's channels that a task marks as important.
    buffer_size
        Samples of the *new* task on which old features are kept; nothing of old tasks is stored.
    beta
        Weight of the feature distance.
    importance_samples
        First samples of a finished task over which |activation| is summed (a design choice).
    """

    frozen_layers: int | None = Field(None, ge=0)
    channel_ratio: float = Field(0.15, ge=0, le=1)
    buffer_size: int = Field(15, ge=1)
    beta: float = Field(2e-4, ge=0)
    importance_samples: int = Field(125, ge=1)


@method("lightcl")
class Lightcl(Method[LightclConfig]):
    """Cross-entropy over the task's classes + beta * ||F_new - F_old||^2 over the important channels of the tail.

    Our reading: features are the outputs of mapped layers, before norm layers; both F are taken with held norm
    statistics; the distance is a sum over samples and positions. The paper's scores for which layers to freeze
    (learning plasticity, memory stability) are not known to us: the front is given. Its channel pruning is not offered.
    """

    source = "LightCL, arXiv 2407.10545; INV-WZQ/LightCL (layer scores unknown: the front is given)"

    def __init__(self, config: LightclConfig) -> None:
        super().__init__(config)
        self.important: dict[str, Tensor] = {}
        self.old: dict[str, Tensor] = {}

    def acts(self) -> tuple[str, ...]:
        """Return the freezing and the holding of features, as far as they are on."""
        holds = self.config.beta > 0 and self.config.channel_ratio > 0
        return (*["layer freeze"] * (self.config.frozen_layers != 0), *["feature hold"] * holds)

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Freeze the front; keep the old network's features on the first samples of the new task."""
        self.old = {}
        if self.important:
            samples = self._buffer(task)
            features = self._features(context, samples)
            self.old = {n: _chosen(features[n], self.important[n], self._axis(context, n)) for n in self.important}
            context.work.add("replay_samples_written", len(samples))
            context.work.add("replay_bytes_written", len(samples) * samples[0].numel())
            context.work.add("scoring_bytes", _FLOAT_BYTES * sum(values.numel() for values in self.old.values()))
        frozen = front(context, self.front_layers(context))
        context.work.did("layer freeze", len(frozen))
        return plan_without(context, frozen)

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Hold the statistics of the front's norm layers; bring a checkpoint's tensors to the device."""
        self.important = {name: mask.to(context.device) for name, mask in self.important.items()}
        self.old = {name: values.to(context.device) for name, values in self.old.items()}
        hold_norms(context, front(context, self.front_layers(context)))
        return None

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return cross-entropy and feature distance; the latter costs a pass of the buffer at each step."""
        logits = context.network(context.augment(x))
        loss = nn.functional.cross_entropy(restrict(logits, task.classes), y)
        if not self.old or self.config.beta == 0:
            return loss
        samples = self._buffer(task)
        context.work.did("feature hold", sum(int(mask.sum()) for mask in self.important.values()))
        context.work.add("replay_samples_read", len(samples))
        context.work.add("replay_bytes_read", len(samples) * samples[0].numel())
        with _held_norms(context.network), _outputs(context.network, self._tail(context)) as new:
            context.network(samples)
        for name, old in self.old.items():
            distance = feature_distance(new[name], old, self.important[name], self._axis(context, name))
            loss = loss + self.config.beta * distance
        return loss

    def after_task(self, context: Context, task: Task) -> None:
        """Add the finished task's important channels to the older ones."""
        samples = task.x_train[: self.config.importance_samples]
        for name, output in self._features(context, samples).items():
            found = largest_channels(channel_sums(output, self._axis(context, name)), self.config.channel_ratio)
            self.important[name] = self.important.get(name, torch.zeros_like(found)).to(found.device) | found
        self.old = {}

    def front_layers(self, context: Context) -> int:
        """Return how many layers the front has.

        Raises
        ------
        ConfigError
            If the front leaves only the classifier, or not even that.
        """
        layers = len(context.layers)
        if self.config.frozen_layers is None:
            return max(min(15 * layers // 21, layers - 2), 0)
        if self.config.frozen_layers > layers - 2:
            raise ConfigError(
                f"lightcl: frozen_layers must leave a layer before the classifier, so at most {layers - 2} of the "
                f"network's {layers} mapped layers (given: {self.config.frozen_layers})"
            )
        return self.config.frozen_layers

    def state_dict(self) -> dict[str, Any]:
        """Return the important channels and the old features."""
        return {"important": dict(self.important), "old": dict(self.old)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.important, self.old = dict(state["important"]), dict(state["old"])

    @torch.no_grad()
    def _features(self, context: Context, samples: Tensor) -> dict[str, Tensor]:
        """Return the tail's outputs on ``samples`` with held norm statistics; a scoring pass."""
        charge_scoring(context.work, context.layers, len(samples))
        with (
            scoring(context.network, context.layers, training=False),
            _outputs(context.network, self._tail(context)) as features,
        ):
            context.network(samples)
        return features

    def _tail(self, context: Context) -> tuple[LayerSpec, ...]:
        return context.layers[self.front_layers(context) : -1]

    def _axis(self, context: Context, name: str) -> int:
        return next(1 if spec.kind == "conv2d" else -1 for spec in context.layers if spec.name == name)

    def _buffer(self, task: Task) -> Tensor:
        return task.x_train[: self.config.buffer_size]


def _chosen(output: Tensor, important: Tensor, channel: int) -> Tensor:
    return output.index_select(channel, important.nonzero().squeeze(1)).clone()


@contextmanager
def _outputs(network: nn.Module, layers: tuple[LayerSpec, ...]) -> Iterator[dict[str, Tensor]]:
    """Yield layer -> its output in the block's forward pass."""
    caught: dict[str, Tensor] = {}

    def catch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _, __, output: caught.update({name: output})

    handles = [mapped_module(network, spec.name).register_forward_hook(catch(spec.name)) for spec in layers]
    try:
        yield caught
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _held_norms(network: nn.Module) -> Iterator[None]:
    """Inside the block, norm layers use their statistics and do not move them."""
    training = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]
    for module in training:
        module.eval()
    try:
        yield
    finally:
        for module in training:
            module.train()
