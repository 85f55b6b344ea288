"""SparCL's steps on fixed tensors, worked out by hand."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from imcsim.learn.sparcl.difficulty import DifficultyCounter, keep_hardest
from imcsim.learn.sparcl.importance import (
    above_percentile,
    gradient_importance,
    gradient_mask,
    grow,
    prune,
    random_mask,
    weight_importance,
)
from imcsim.learn.sparcl.loss import derpp_parts, er_parts, restrict


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_importance_weighs_the_two_gradients() -> None:
    weight, now, old = torch.tensor([-1.0, 2.0]), torch.tensor([4.0, -2.0]), torch.tensor([0.0, -3.0])
    assert gradient_importance(now, old, 0.5, 1.0).tolist() == [2.0, 4.0]
    assert weight_importance(weight, now, old, 0.5, 1.0).tolist() == [3.0, 6.0]
    assert weight_importance(weight, now, None, 0.5, 1.0).tolist() == [3.0, 3.0]  # the code's merged gradient


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 10_000))
def test_above_percentile_is_numpys_percentile(n: int, share: float, seed: int) -> None:
    rank = share * (n - 1)
    assume(abs(rank - round(rank)) > 1e-6)  # on a rank, numpy's rounding of 100 * share decides; ours is exact there
    values = np.random.default_rng(seed).permutation(n).astype(np.float64)
    expected = values > np.percentile(values, 100 * share)
    assert (above_percentile(torch.from_numpy(values), share).numpy() == expected).all()


def test_ties_at_the_cut_all_go() -> None:
    assert above_percentile(torch.tensor([0.0, 0.0, 0.0, 1.0, 2.0]), 0.5).tolist() == [False, False, False, True, True]
    assert not above_percentile(torch.ones(4), 0.5).any()
    assert above_percentile(torch.zeros(4), 0.0).all()


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\)"):
        above_percentile(torch.ones(3), share)


def test_prune_takes_the_least_important_active_positions() -> None:
    mask = torch.tensor([True, True, True, True, False, False, False, False])
    importance = torch.tensor([4.0, 1.0, 3.0, 2.0, 9.0, 9.0, 9.0, 9.0])  # inactive ones do not count
    assert prune(mask, importance, 0.75).tolist() == [True, False, True] + [False] * 5


def test_grow_adds_random_positions_up_to_the_target() -> None:
    mask = torch.tensor([[True, False, False, False], [False, False, False, False]])
    grown = grow(mask, 0.5, _generator())
    assert int(grown.sum()) == 4
    assert bool(grown[0, 0])
    assert (grow(mask, 0.5, _generator()) == grown).all()
    draws = {tuple(grow(mask, 0.5, _generator(seed)).flatten().tolist()) for seed in range(20)}
    assert len(draws) > 5
    assert (grow(grown, 0.9, _generator()) == grown).all()


@given(st.integers(1, 2000), st.floats(0, 0.99), st.integers(0, 100))
def test_random_masks_have_the_exact_count(n: int, sparsity: float, seed: int) -> None:
    assert int(random_mask(torch.zeros(n), sparsity, _generator(seed)).sum()) == round((1 - sparsity) * n)


def test_gradient_mask_of_the_script_keeps_231_of_1152() -> None:
    active = random_mask(torch.zeros(1152), 0.75, _generator())
    importance = torch.rand(1152, generator=_generator(1)) + 0.1
    update = gradient_mask(importance, active, 0.80)
    assert int(update.sum()) == 231
    assert not (update & ~active).any()
    worst_kept = importance[update].min()
    assert (importance[active & ~update] < worst_kept).all()


def test_misclassifications_are_counted_since_the_last_reset() -> None:
    counter = DifficultyCounter(4, "misclassifications")
    counter.update(torch.tensor([0, 1, 3]), torch.tensor([False, True, False]))
    counter.update(torch.tensor([0, 1]), torch.tensor([False, False]))
    assert counter.scores().tolist() == [2, 1, 0, 1]
    counter.reset()
    assert counter.scores().tolist() == [0, 0, 0, 0]


def test_forgetting_events_count_correct_to_wrong_and_rank_never_learned_highest() -> None:
    counter = DifficultyCounter(3, "forgetting-events")
    for correct in ([True, False, True], [False, False, True], [True, False, True], [False, False, True]):
        counter.update(torch.arange(3), torch.tensor(correct))
    assert counter.scores().tolist() == [2, 3, 0]
    copy = DifficultyCounter(0, "forgetting-events")
    copy.load_state_dict(counter.state_dict())
    counter.reset()
    assert copy.scores().tolist() == [2, 3, 0]


def test_the_easiest_samples_leave_and_ties_are_drawn() -> None:
    kept = torch.tensor([1, 3, 5, 7, 8])
    scores = torch.tensor([9, 5, 9, 0, 9, 2, 9, 2, 7])
    assert keep_hardest(kept, scores, 2, _generator()).tolist() == [1, 8]
    assert keep_hardest(kept, scores, 5, _generator()).tolist() == kept.tolist()
    ties = {tuple(keep_hardest(kept, scores, 3, _generator(seed)).tolist()) for seed in range(20)}
    assert ties == {(1, 5, 8), (1, 7, 8)}


class _Bias(nn.Module):
    """Logits that do not depend on the input: parameters (3,)."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), 3)


def _recall() -> tuple[Tensor, Tensor, Tensor]:
    return torch.zeros(1, 1), torch.tensor([2]), torch.tensor([[1.0, 2.0, 6.0]])


def test_restrict_closes_other_classes() -> None:
    assert restrict(torch.tensor([[1.0, 2.0, 3.0]]), (0, 2)).tolist() == [[1.0, -float("inf"), 3.0]]
    assert restrict(torch.tensor([[1.0]]), None).tolist() == [[1.0]]


def test_er_parts_by_hand() -> None:
    parts = er_parts(_Bias(), torch.zeros(2, 1), torch.tensor([0, 1]), (0, 1), _recall)
    task = -torch.log_softmax(torch.tensor([1.0, 2.0]), 0)
    full = -torch.log_softmax(torch.tensor([1.0, 2.0, 3.0]), 0)
    assert parts.current.item() == pytest.approx(task.mean().item())
    assert parts.buffer is not None
    assert parts.buffer.item() == pytest.approx(full[2].item())
    assert parts.total.item() == pytest.approx((task.sum() + full[2]).item() / 3)
    assert parts.samples == 3
    assert parts.logits.shape == (2, 3)


def test_the_current_term_leaves_other_classes_alone() -> None:
    network = _Bias()
    parts = er_parts(network, torch.zeros(2, 1), torch.tensor([0, 1]), (0, 1), None)
    parts.total.backward()  # type: ignore[no-untyped-call]
    assert network.logits.grad is not None
    assert network.logits.grad[2].item() == 0
    assert torch.isfinite(network.logits.grad).all()


def test_derpp_parts_by_hand() -> None:
    parts = derpp_parts(_Bias(), torch.zeros(1, 1), torch.tensor([0]), (0, 1), _recall, (0.1, 0.5))
    current = -torch.log_softmax(torch.tensor([1.0, 2.0]), 0)[0]
    old = -torch.log_softmax(torch.tensor([1.0, 2.0, 3.0]), 0)[2]
    assert parts.total.item() == pytest.approx((current + 0.1 * 9 / 3 + 0.5 * old).item())
    assert parts.samples == 3
    alone = derpp_parts(_Bias(), torch.zeros(1, 1), torch.tensor([0]), None, None, (0.1, 0.5))
    assert alone.buffer is None
    assert alone.total is alone.current


@settings(max_examples=25, deadline=None)
@given(st.floats(0.3, 0.9), st.integers(0, 1000))
def test_shrink_then_expand_keeps_the_most_important(sparsity: float, seed: int) -> None:
    generator = _generator(seed)
    mask = random_mask(torch.zeros(500), sparsity, generator)
    importance = torch.rand(500, generator=generator) + 0.1
    shrunk = prune(mask, importance, sparsity + 0.05)
    assert (shrunk & ~mask).sum() == 0
    assert importance[mask & ~shrunk].max() < importance[shrunk].min()
    assert int(grow(shrunk, sparsity, generator).sum()) == int(mask.sum())


def test_on_a_rank_the_cut_is_exact() -> None:
    values = torch.arange(34.0)
    assert int(above_percentile(values, 1 / 3).sum()) == 34 - 1 - 11  # rank 11 of 33 goes, whatever 100 / 3 rounds to
    assert int(above_percentile(torch.arange(11.0), 0.9).sum()) == 1


def test_what_does_not_exist_needs_no_gradient() -> None:
    mask = torch.tensor([True, False, True, False])
    importance = torch.tensor([2.0, float("nan"), 1.0, float("inf")])
    assert prune(mask, importance, 0.7).tolist() == [True, False, False, False]
    assert gradient_mask(importance, mask, 0.7).tolist() == [True, False, False, False]
