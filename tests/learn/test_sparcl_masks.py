"""The masks of sparse methods as they change: what grows is 0, what is counted as existing at once."""

import torch
from torch import nn

from imcsim.learn.method import WorkDone
from imcsim.learn.sparcl.masks import SparseMasks
from imcsim.learn.sparcl.schedule import MaskUpdate
from imcsim.mapping.layer import LayerSpec


def _bound() -> tuple[nn.Sequential, SparseMasks]:
    network = nn.Sequential(nn.Linear(20, 10))
    spec = LayerSpec(name="0", kind="linear", in_features=20, out_features=10, input_elements=20, output_elements=10)
    masks = SparseMasks()
    masks.bind(network, [spec])
    masks.start(0.75, torch.Generator().manual_seed(0))
    return network, masks


def test_grown_weights_start_at_exactly_0_and_kept_ones_stay() -> None:
    network, masks = _bound()
    weight, before = network.get_parameter("0.weight").detach(), masks.active["0"].clone()
    held = weight.clone()
    masks.change(MaskUpdate(0.80, 0.70), {"0": held.abs()}, torch.Generator().manual_seed(1))
    after = masks.active["0"]
    stayed = after & before & (weight != 0)
    assert int(after.sum()) == 60
    assert int((weight != 0).sum()) == 40  # 200 - 1 - floor(0.8 * 199) = 40 stay; the others came back, or came, at 0
    assert torch.equal(weight[stayed], held[stayed])
    assert held.abs()[stayed].min() > held.abs()[before & ~stayed].max()


def test_the_peak_is_of_one_task_and_survives_a_checkpoint() -> None:
    _, masks = _bound()
    random = torch.Generator().manual_seed(1)
    masks.begin_task()
    masks.change(MaskUpdate(0.75, 0.60), None, random)
    copy = SparseMasks()
    copy.load_state_dict(masks.state_dict())
    importance = {"0": torch.rand(10, 20, generator=random) + 0.1}
    masks.change(MaskUpdate(0.75, 0.75), importance, random)
    work = WorkDone()
    masks.report(work)
    assert work.layers["0"]["peak_active_weights"] == 80 == copy.peak["0"]
    assert work.task["mask_bits"] == 200
    masks.begin_task()
    assert masks.peak["0"] == 50


def test_a_zero_that_leaves_is_ranked_with_the_others_first() -> None:
    """As in a code that prunes, and then rebuilds the mask as w != 0."""
    for drop, left in ((False, [0, 1, 2]), (True, [1, 2])):
        network, masks = _bound()
        weight = network.get_parameter("0.weight").detach()
        masks.replace({"0": torch.ones(10, 20, dtype=torch.bool)})
        weight.fill_(1.0).view(-1)[0] = 0.0  # exactly 0, and of the largest importance
        importance = torch.arange(200, 0, -1.0).view(10, 20)
        # 200 - 1 - floor(0.985 x 199) = 3 stay; the bound that follows asks for no more than 2
        masks.change(MaskUpdate(0.985, 0.99), {"0": importance}, torch.Generator(), drop)
        assert masks.active["0"].flatten().nonzero().flatten().tolist() == left


def test_zeros_leave_also_where_nothing_is_to_be_shrunk() -> None:
    """As the code does at the start of a task, where it prunes to the sparsity that is there."""
    for drop, left in ((False, 50), (True, 49)):
        network, masks = _bound()
        weight, active = network.get_parameter("0.weight").detach(), masks.active["0"]
        weight[active] = 1.0
        weight.view(-1)[int(active.flatten().nonzero()[0])] = 0.0
        masks.change(MaskUpdate(0.75, 0.99), None, torch.Generator(), drop)
        assert int(masks.active["0"].sum()) == left
