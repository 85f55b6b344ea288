"""The loss of SparCL in parts: the current task's term, the replay term and their total."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

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
    logits
        (B, classes) of the current batch, all outputs, detached.
    samples
        Samples that went through the network.
    make_current, make_buffer
        Make the two properties below when somebody asks: a step that needs the total alone does not pay for them.
    """

    total: Tensor
    logits: Tensor
    samples: int
    make_current: Callable[[], Tensor]
    make_buffer: Callable[[], Tensor] | None = None

    @cached_property
    def current(self) -> Tensor:
        """L~(D_t): cross-entropy of the current batch."""
        return self.make_current()

    @cached_property
    def buffer(self) -> Tensor | None:
        """L(M): cross-entropy of the replayed labels over all outputs; None without replay."""
        return None if self.make_buffer is None else self.make_buffer()


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

    Parameters
    ----------
    network
        Gives logits (B, classes) for images.
    x, y
        The current batch as the network shall see it, (B, C, H, W) and (B,).
    classes
        Outputs that the current half's loss sees; None: all of them, which is ``er``.
    recall
        Called once for (images, labels, logits) of a replayed batch; None: nothing is replayed.

    Source: Chaudhry et al., arXiv 1902.10486, with the current half as in SparCL. (The released code's own ``er``
    option does not run: neu-spiral/SparCL.)
    """
    if recall is None:
        outputs = network(x)
        loss = F.cross_entropy(restrict(outputs, classes), y)
        return LossParts(loss, outputs.detach(), len(y), lambda: loss)
    old_x, old_y, _ = recall()
    outputs = network(torch.cat([x, old_x]))
    now, old = outputs[: len(y)], outputs[len(y) :]
    seen = outputs if classes is None else torch.cat([restrict(now, classes), old])
    total = F.cross_entropy(seen, torch.cat([y, old_y]))
    terms = (partial(F.cross_entropy, restrict(now, classes), y), partial(F.cross_entropy, old, old_y))
    return LossParts(total, now.detach(), len(outputs), *terms)


def derpp_parts(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    classes: tuple[int, ...] | None,
    recall: Recall | None,
    weights: tuple[float, float],
) -> LossParts:
    """Return DER++'s loss: current term + w0 * MSE(stored logits) + w1 * cross-entropy(replayed labels), two draws.

    Arguments as in :func:`er_parts`; ``recall`` is called twice, and ``weights`` are (w0, w1). With ``classes`` None it
    is ``derpp``'s.

    Source: Buzzega et al., NeurIPS 2020, eq. 6; neu-spiral/SparCL for the current term.
    """
    outputs = network(x)
    current = F.cross_entropy(restrict(outputs, classes), y)
    if recall is None:
        return LossParts(current, outputs.detach(), len(y), lambda: current)
    first_x, _, first_logits = recall()
    total = current + weights[0] * F.mse_loss(network(first_x), first_logits)
    second_x, second_y, _ = recall()
    buffer = F.cross_entropy(network(second_x), second_y)
    samples = len(y) + len(first_x) + len(second_x)
    return LossParts(total + weights[1] * buffer, outputs.detach(), samples, lambda: current, lambda: buffer)
