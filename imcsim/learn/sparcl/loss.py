"""The loss of SparCL in parts: the current task's term, the replay term and their total."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imcsim.learn.buffer import Replay

Recall = Callable[[], Replay]


@dataclass(frozen=True)
class LossParts:
    """One step's loss.

    Parameters
    ----------
    total
        What is minimised.
    current
        L~(D_t): cross-entropy of the current batch.
    buffer
        L(M): cross-entropy of the replayed labels over all outputs; None without replay.
    logits
        (B, classes) of the current batch, all outputs, detached.
    samples
        Samples that went through the network.
    """

    total: Tensor
    current: Tensor
    buffer: Tensor | None
    logits: Tensor
    samples: int


def restrict(logits: Tensor, classes: tuple[int, ...] | None) -> Tensor:
    """Return logits with -inf outside ``classes`` (None: unchanged)."""
    if classes is None:
        return logits
    inside = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
    inside[list(classes)] = True
    return logits.masked_fill(~inside, -torch.inf)


def er_parts(
    network: nn.Module, x: Tensor, y: Tensor, classes: tuple[int, ...] | None, recall: Recall | None
) -> LossParts:
    """Return ER's loss: one forward on both halves, mean over both; the current half is restricted to ``classes``.

    Source: Chaudhry et al., arXiv 1902.10486, with the current half as in SparCL. (The released code's own ``er``
    option does not run: neu-spiral/SparCL.)
    """
    if recall is None:
        outputs = network(x)
        loss = F.cross_entropy(restrict(outputs, classes), y)
        return LossParts(loss, loss, None, outputs.detach(), len(y))
    old_x, old_y, _ = recall()
    outputs = network(torch.cat([x, old_x]))
    now, old = outputs[: len(y)], outputs[len(y) :]
    total = F.cross_entropy(torch.cat([restrict(now, classes), old]), torch.cat([y, old_y]))
    current, buffer = F.cross_entropy(restrict(now, classes), y), F.cross_entropy(old, old_y)
    return LossParts(total, current, buffer, now.detach(), len(outputs))


def derpp_parts(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    classes: tuple[int, ...] | None,
    recall: Recall | None,
    weights: tuple[float, float],
) -> LossParts:
    """Return DER++'s loss: current term + w0 * MSE(stored logits) + w1 * cross-entropy(replayed labels), two draws.

    Source: Buzzega et al., NeurIPS 2020, eq. 6; neu-spiral/SparCL for the current term.
    """
    outputs = network(x)
    current = F.cross_entropy(restrict(outputs, classes), y)
    if recall is None:
        return LossParts(current, current, None, outputs.detach(), len(y))
    first_x, _, first_logits = recall()
    total = current + weights[0] * F.mse_loss(network(first_x), first_logits)
    second_x, second_y, _ = recall()
    buffer = F.cross_entropy(network(second_x), second_y)
    samples = len(y) + len(first_x) + len(second_x)
    return LossParts(total + weights[1] * buffer, current, buffer, outputs.detach(), samples)
