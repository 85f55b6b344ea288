"""Picks: old weights pass through their mask, the others as they are; gradients and bits go where they belong."""

import torch

from imcsim.learn.adapt.pick import Pick
from imcsim.mapping.layer import LayerSpec

SPEC = LayerSpec(
    name="l", kind="linear", in_features=4, out_features=1, positions=1, input_elements=4, output_elements=1
)


def test_only_old_weights_are_masked() -> None:
    weight = torch.tensor([[1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    pick = Pick(SPEC, weight.detach(), 0.01, 0.005)
    assert torch.equal(pick(weight), weight)
    assert pick.bits() == 0
    pick.old.copy_(torch.tensor([[True, True, False, False]]))
    with torch.no_grad():
        pick.latent.copy_(torch.tensor([[0.005, 0.006, 0.0, 1.0]]))
    held = pick(weight)
    assert held.tolist() == [[0, 2, 3, 4]]
    held.sum().backward()
    assert pick.latent.grad is not None
    assert weight.grad is not None
    assert pick.latent.grad.tolist() == [[1, 2, 0, 0]]
    assert weight.grad.tolist() == [[0, 1, 1, 1]]
    assert pick.bits() == 2
    assert pick.gradient_macs(7) == 14
