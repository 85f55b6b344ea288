"""Steps of sparse training against small reimplementations, written from the equations with plain lists."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from imcsim.learn.sparcl.importance import active_target, grow
from imcsim.learn.sparse.density import erk_densities, layer_densities
from imcsim.learn.sparse.drop_grow import (
    drop_by_sign,
    drop_count,
    drop_smallest,
    grow_largest,
    grow_random,
    rigl_step,
    set_step,
)
from imcsim.learn.sparse.importance import connection_saliency, magnitude, mest_importance
from imcsim.learn.sparse.one_shot import keep_most_salient
from imcsim.learn.sparse.sieve import frozen_front, sieve, split_samples

WEIGHT = torch.tensor([[0.5, -0.5, 0.1, 0.0], [0.9, 0.1, -0.2, 0.0]])
MASK = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0]], dtype=torch.bool)
GRADIENT = torch.tensor([[0.0, 1.0, -3.0, 2.0], [0.0, 0.0, 0.5, -2.0]])


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _rigl_by_hand(weight: Tensor, mask: Tensor, gradient: Tensor, fraction: float) -> tuple[list[float], list[bool]]:
    """Evci et al., algorithm 1, for one layer: I_drop, then I_grow outside what stayed, new weights 0."""
    w, m, g = weight.flatten().tolist(), mask.flatten().tolist(), gradient.flatten().tolist()
    active = [i for i, on in enumerate(m) if on]
    count = math.floor(fraction * len(active) + 1e-9)
    stay = sorted(sorted(active, key=lambda i: (-abs(w[i]), i))[: len(active) - count])
    free = [i for i in range(len(w)) if i not in stay]
    new = sorted(free, key=lambda i: (-abs(g[i]), i))[:count]
    return [w[i] if i in stay else 0.0 for i in range(len(w))], [i in stay or i in new for i in range(len(w))]


def test_rigl_on_a_fixed_tensor_with_ties() -> None:
    weight, mask = rigl_step(WEIGHT, MASK, GRADIENT, 0.5)
    # 3 of 6 go: both 0.1 and -0.2; grown: |-3| (just dropped, back at 0), then the two 2.0
    assert mask.tolist() == [[True, True, True, True], [True, False, False, True]]
    assert weight.tolist() == torch.tensor([[0.5, -0.5, 0.0, 0.0], [0.9, 0.0, 0.0, 0.0]]).tolist()
    kept, _ = rigl_step(WEIGHT, MASK, GRADIENT, 0.5, keep_regrown=True)
    assert kept[0, 2].item() == pytest.approx(0.1)
    _, without = rigl_step(WEIGHT, MASK, GRADIENT, 0.5, regrow_dropped=False)
    assert without.tolist() == [[True, True, False, True], [True, False, False, True]]  # only two places were free


@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 10_000))
def test_rigl_is_the_papers_algorithm(n: int, fraction: float, seed: int) -> None:
    generator = _generator(seed)
    mask = torch.rand(n, generator=generator) < 0.5
    weight = torch.randint(-3, 4, (n,), generator=generator).float() * mask  # many ties
    gradient = torch.randint(-3, 4, (n,), generator=generator).float()
    new, grown = rigl_step(weight, mask, gradient, fraction)
    expected = _rigl_by_hand(weight, mask, gradient, fraction)
    assert (new.tolist(), grown.tolist()) == expected
    assert int(grown.sum()) == int(mask.sum())
    assert not new[~grown].any()


@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 10_000))
def test_with_zeros_that_tie_it_ranks_the_whole_layer(n: int, fraction: float, seed: int) -> None:
    generator = _generator(seed)
    mask = torch.rand(n, generator=generator) < 0.5
    weight = torch.randint(-2, 3, (n,), generator=generator).float() * mask
    gradient = torch.randint(-3, 4, (n,), generator=generator).float()
    active = int(mask.sum())
    count = drop_count(active, fraction)
    w, g = weight.abs().tolist(), gradient.abs().tolist()
    first = sorted(range(n), key=lambda i: (-w[i], i))[: active - count]
    lifted = [min(g) - 1 if i in first else g[i] for i in range(n)]  # what stays is ranked last
    second = sorted(range(n), key=lambda i: (-lifted[i], i))[:count]
    _, grown = rigl_step(weight, mask, gradient, fraction, zeros_tie=True)
    assert set(torch.nonzero(grown).flatten().tolist()) == {*first, *second}


def test_a_place_won_by_a_tie_at_zero_starts_at_zero_whatever_stood_there() -> None:
    mask, weight = torch.tensor([False, True, True]), torch.tensor([7.0, 0.0, 2.0])  # 7.0 lies outside the mask
    new, grown = rigl_step(weight, mask, torch.zeros(3), 0.0, zeros_tie=True)
    assert grown.tolist() == [True, False, True]  # the earlier of two zeros
    assert new.tolist() == [0.0, 0.0, 2.0]


@pytest.mark.parametrize(("active", "fraction", "count"), [(10, 0.3, 3), (11, 0.3, 3), (6, 0.5, 3), (7, 0.0, 0)])
def test_drop_counts_are_cut_off(active: int, fraction: float, count: int) -> None:
    assert drop_count(active, fraction) == count


def test_of_equal_scores_the_later_goes_and_the_earlier_comes() -> None:
    on = torch.ones(4, dtype=torch.bool)
    assert drop_smallest(on, torch.ones(4), 2).tolist() == [True, True, False, False]
    assert grow_largest(~on, torch.ones(4), 2).tolist() == [True, True, False, False]
    assert grow_largest(~on, torch.ones(4), 2, torch.tensor([False, False, False, True])).sum() == 1
    assert not drop_smallest(on, torch.ones(4), 9).any()


def test_scores_outside_the_mask_do_not_count() -> None:
    mask = torch.tensor([True, False, True])
    assert drop_smallest(mask, torch.tensor([1.0, 99.0, 2.0]), 1).tolist() == [False, False, True]


def test_set_by_sign_cuts_each_sign_and_all_zeros() -> None:
    weight = torch.tensor([4.0, 3.0, 2.0, 1.0, -1.0, -2.0, 0.0, 0.0])
    mask = torch.tensor([True] * 7 + [False])
    kept = drop_by_sign(mask, weight, 0.5)  # of 4 positive two go, of 2 negative one, and the active zero
    assert kept.tolist() == [True, True, False, False, False, True, False, False]
    assert drop_smallest(mask, weight.abs(), 3).tolist() != kept.tolist()


@given(st.integers(2, 40), st.floats(0, 1), st.booleans(), st.integers(0, 1000))
def test_set_keeps_the_count_and_the_largest(n: int, fraction: float, by_sign: bool, seed: int) -> None:
    generator = _generator(seed)
    mask = torch.rand(n, generator=generator) < 0.6
    weight = torch.randn(n, generator=generator) * mask
    new, grown = set_step(weight, mask, fraction, generator, by_sign)
    assert int(grown.sum()) == int(mask.sum())
    stayed = new != 0
    assert torch.equal(new[stayed], weight[stayed])
    assert not (stayed & ~mask).any()
    if not by_sign:
        assert int(stayed.sum()) == int(mask.sum()) - drop_count(int(mask.sum()), fraction)


def test_random_growth_reaches_every_free_place() -> None:
    mask = torch.tensor([True, False, False, False])
    draws = {tuple(grow_random(mask, 1, _generator(seed)).tolist()) for seed in range(40)}
    assert len(draws) == 3
    assert all(draw[0] for draw in draws)
    assert grow_random(mask, 9, _generator()).all()


def test_mest_looks_at_existing_weights_only() -> None:
    gradient = GRADIENT.where(MASK, torch.tensor(float("nan")))  # a dense gradient does not exist
    expected = [[0.5, 1.0, 1.6, 0.0], [0.9, 0.1, 0.45, 0.0]]
    assert torch.allclose(mest_importance(WEIGHT, gradient, MASK, 0.5), torch.tensor(expected))
    assert torch.equal(mest_importance(WEIGHT, gradient * 0, MASK, 0.0), magnitude(WEIGHT) * MASK)


def test_the_released_growth_cuts_the_fraction_off() -> None:
    assert (active_target(1156, 0.9), active_target(1156, 0.9, truncate=True)) == (116, 115)
    assert active_target(10, 0.7, truncate=True) == 3  # 0.3 * 10 is 3, whatever the float says
    empty = torch.zeros(1156, dtype=torch.bool)
    assert int(grow(empty, 0.9, _generator(), truncate=True).sum()) == 115


def test_snip_cuts_over_all_layers_at_once() -> None:
    saliency = {"a": torch.tensor([[5.0, 1.0], [1.0, 1.0]]), "b": torch.tensor([4.0, 1.0, 3.0, 0.0])}
    masks = keep_most_salient(saliency, 0.5)
    assert masks["a"].tolist() == [[True, True], [False, False]]  # of the ties the earliest stays
    assert masks["b"].tolist() == [True, False, True, False]
    assert sum(int(m.sum()) for m in keep_most_salient(saliency, 0.5, "keep").values()) == 7
    assert all(m.all() for m in keep_most_salient(saliency, 0.0).values())
    assert connection_saliency(WEIGHT, GRADIENT).tolist() == (WEIGHT * GRADIENT).abs().tolist()


def _erk_by_bisection(shapes: list[tuple[int, ...]], sparsity: float) -> list[float]:
    """min(1, eps * sum / prod), eps found by bisection instead of by making layers dense one after another."""
    sizes = [math.prod(shape) for shape in shapes]

    def density(eps: float) -> list[float]:
        return [min(1.0, eps * sum(shape) / size) for shape, size in zip(shapes, sizes, strict=True)]

    low, high = 0.0, max(size / sum(shape) for shape, size in zip(shapes, sizes, strict=True))
    for _ in range(200):
        middle = (low + high) / 2
        total = sum(d * size for d, size in zip(density(middle), sizes, strict=True))
        low, high = (middle, high) if total < (1 - sparsity) * sum(sizes) else (low, middle)
    return density(low)


_CONV = st.tuples(st.integers(1, 64), st.integers(1, 64), st.integers(1, 5), st.integers(1, 5))
_LINEAR = st.tuples(st.integers(1, 99), st.integers(1, 99))


@given(st.lists(st.one_of(_CONV, _LINEAR), min_size=1, max_size=6), st.floats(0.01, 0.99))
def test_erk_solves_for_the_global_target(shapes: list[tuple[int, ...]], sparsity: float) -> None:
    densities = erk_densities(shapes, sparsity)
    assert densities == pytest.approx(_erk_by_bisection(shapes, sparsity), rel=1e-6, abs=1e-9)
    total = sum(d * math.prod(shape) for d, shape in zip(densities, shapes, strict=True))
    assert total == pytest.approx((1 - sparsity) * sum(map(math.prod, shapes)))


def test_erk_gives_small_layers_more() -> None:
    shapes: list[tuple[int, ...]] = [(8, 4, 3, 3), (64, 64, 3, 3)]
    small, large = layer_densities(shapes, 0.9, "erk")
    assert small > 0.9 > 0.1 > large
    assert layer_densities(shapes, 0.9, "uniform") == pytest.approx([0.1, 0.1])
    assert erk_densities(shapes, 0.0) == [1.0, 1.0]


def test_the_least_forgotten_change_places_with_the_longest_removed() -> None:
    used, removed = torch.tensor([0, 1, 2, 3]), torch.tensor([7, 5, 6])
    scores = torch.tensor([4, 0, 2, 1, 9, 9, 9, 9])
    now, queue = sieve(used, removed, scores, 2, _generator())
    assert now.tolist() == [0, 2, 5, 7]
    assert queue.tolist() == [6, 1, 3]
    assert len(sieve(used, removed, scores, 9, _generator())[0]) == 4


def test_sieving_is_circular_every_sample_is_used_again() -> None:
    generator = _generator()
    used, removed = split_samples(10, 0.6, generator)
    assert (len(used), len(removed)) == (6, 4)
    seen = set(used.tolist())
    for _ in range(2):
        used, removed = sieve(used, removed, torch.zeros(10, dtype=torch.int64), 2, generator)
        assert sorted([*used.tolist(), *removed.tolist()]) == list(range(10))
        seen |= set(used.tolist())
    assert seen == set(range(10))


def test_ties_of_the_sieve_are_drawn() -> None:
    leave: Callable[[int], Tensor] = lambda seed: sieve(  # noqa: E731
        torch.arange(4), torch.tensor([4]), torch.zeros(5, dtype=torch.int64), 1, _generator(seed)
    )[1]
    assert {int(leave(seed)) for seed in range(40)} == {0, 1, 2, 3}


def test_layers_freeze_one_after_another_from_the_front() -> None:
    assert [frozen_front(epoch, 8, 4, 2) for epoch in range(8)] == [0, 0, 0, 0, 0, 1, 1, 2]
    assert [frozen_front(epoch, 4, 4, 2) for epoch in range(4)] == [0] * 4
    assert frozen_front(0, 1, 0, 3) == 3
