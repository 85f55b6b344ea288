"""A frozen front: the first layers of a network learn in the first task, if at all, and never again."""

from collections.abc import Collection, Sequence

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from imcsim.learn.method import Context, TaskPlan
from imcsim.learn.placing.pe_blocks import pe_counts


def front(context: Context, layers: int) -> set[str]:
    """Return the names of the first ``layers`` mapped layers; none in a task that trains the backbone."""
    trains_backbone = context.task == 0 and not context.deployed
    return set() if trains_backbone else {spec.name for spec in context.layers[:layers]}


def plan_without(context: Context, frozen: Collection[str]) -> TaskPlan:
    """Return the plan in which every PE trains but those of the ``frozen`` layers."""
    counts = {spec.name: pe_counts(spec, context.pe_tile) for spec in context.layers}
    return TaskPlan({name: torch.full(shape, name not in frozen) for name, shape in counts.items()})


def hold_norms(context: Context, frozen: Collection[str]) -> None:
    """Hold the statistics of the batch-norm layers behind ``frozen`` layers, unless their parameters train."""
    for module in norms_behind(context.network, [spec.name for spec in context.layers], frozen):
        if not any(parameter.requires_grad for parameter in module.parameters()):
            module.eval()


def norms_behind(network: nn.Module, mapped: Sequence[str], chosen: Collection[str]) -> list[nn.Module]:
    """Return the batch-norm layers between a ``chosen`` mapped layer and the next, in the network's order."""
    found: list[nn.Module] = []
    current: str | None = None
    for name, module in network.named_modules():
        current = name if name in mapped else current
        if current in chosen and isinstance(module, _BatchNorm):
            found.append(module)
    return found
