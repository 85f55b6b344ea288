"""Weight standardisation of a convolution's output channels."""

from torch import Tensor

EPSILON = 1e-5  # ASU-ESIC-FAN-Lab/RepNet@9173f69


def standardised(weight: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Return (w - mean) / (sd + epsilon) over each output channel; a constant channel becomes 0.

    Parameters
    ----------
    weight
        (N, ...), one output channel a row. The standard deviation is the sample's (n - 1); a channel of a single weight
        is 0.
    epsilon
        Added to the standard deviation.

    Source: Weight Standardization, Qiao et al., arXiv 1903.10520, eq. 3; epsilon as in the released code of Rep-Net.
    """
    flat = weight.flatten(1)
    centred = flat - flat.mean(1, keepdim=True)
    if flat.shape[1] == 1:
        return centred.view_as(weight)
    variance = centred.square().sum(1, keepdim=True) / (flat.shape[1] - 1)
    # the square root has no slope at 0, where a constant channel lies: a floor far below epsilon keeps it finite
    return (centred / (variance.clamp(min=1e-20).sqrt() + epsilon)).view_as(weight)
