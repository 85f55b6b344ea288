"""Owner maps of whole column segments: a task keeps or frees the rows of one PE of one output together.

Source: XST (DATE 2022, abstract) trains a network that is sparse by columns, and frees columns instead of weights. How
it ranks them is not public: here PackNet's magnitude, averaged over a segment (our reading).

Shape letters: G groups, I row tiles, N outputs per group; ``rows`` are the weight rows of a PE.
"""

import torch
from torch import Tensor

from imcsim.learn.adapt.adaptor import expand_segments
from imcsim.learn.adapt.owners import Ties, cut
from imcsim.learn.shapes import weight_matrix
from imcsim.mapping.layer import LayerSpec


def segment_means(values: Tensor, spec: LayerSpec, rows: int) -> Tensor:
    """Return (G, I, N): the mean of ``values``, in the weight's shape, over each column segment.

    The last row tile may be shorter; its mean is that of the rows that it has.
    """
    return torch.stack([part.mean(1) for part in torch.split(weight_matrix(values, spec), rows, 1)], 1)


def prune_segments(
    weight: Tensor, owner: Tensor, task: int, share: float, spec: LayerSpec, rows: int, ties: Ties = "count"
) -> Tensor:
    """Return the map in which the smallest ``share`` of the column segments of ``task`` are free again.

    Segments are ranked by their mean |w|; round(share * segments of the task), half to even, go. Ties: see
    :func:`~imcsim.learn.adapt.owners.cut`, in the order of (G, I, N). A segment belongs to the task if all of it does,
    so that ``owner``, in the weight's shape, should come from :func:`~imcsim.learn.adapt.owners.claim` and from here.
    """
    mine = segment_means((owner == task + 1).double(), spec, rows) == 1
    gone = cut(segment_means(weight.detach().abs(), spec, rows), mine, round(share * int(mine.sum())), ties)
    return torch.where(expand_segments(gone, spec, rows), torch.zeros_like(owner), owner)


def segments(spec: LayerSpec, rows: int) -> int:
    """Return the layer's column segments, G x I x N."""
    groups, fan_in, outputs = spec.matrix_shape
    return groups * -(-fan_in // rows) * outputs
