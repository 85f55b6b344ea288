"""Switches that do as released codes do, against loops written from their descriptions."""

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from imcsim.learn.adapt.sparse_units import SparseUnits
from imcsim.learn.adapt.units import stable_units
from imcsim.learn.api import learn, make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import Learner, train
from imcsim.learn.methods import derpp, er
from imcsim.learn.methods.cpg import Cpg
from imcsim.learn.methods.mest import MestConfig
from imcsim.learn.networks import build_network
from imcsim.learn.placing.correlation import basis
from imcsim.learn.sparcl.importance import above_percentile, gradient_mask
from imcsim.learn.sparcl.masks import SparseMasks
from imcsim.learn.sparcl.schedule import MaskUpdate
from imcsim.learn.sparse.density import er_densities, erk_densities, layer_densities
from imcsim.learn.sparse.schedules import Phases
from imcsim.learn.stream import split
from imcsim.mapping.layer import LayerSpec
from imcsim.testing.methods import TINY
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_stream

# --- SparCL: entries equal to the percentile


def test_the_released_gradient_mask_keeps_116_of_576() -> None:
    importance = torch.randperm(576, generator=torch.Generator().manual_seed(0)).float() + 1
    on = torch.ones(576, dtype=torch.bool)
    assert int(gradient_mask(importance, on, 0.8).sum()) == 115
    assert int(gradient_mask(importance, on, 0.8, keep_equal=True).sum()) == 116


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.integers(0, 15))
def test_keep_equal_is_not_below_the_interpolated_percentile(values: list[int], sixteenths: int) -> None:
    rank = Fraction(sixteenths, 16) * (len(values) - 1)  # exact, so that equal is equal
    low, ordered = math.floor(rank), sorted(values)
    above = ordered[min(low + 1, len(values) - 1)]
    percentile = ordered[low] + (rank - low) * (above - ordered[low])
    found = above_percentile(torch.tensor(values).float(), sixteenths / 16, keep_equal=True)
    assert found.tolist() == [value >= percentile for value in values]


def test_sparcl_hands_both_switches_on() -> None:
    def masks(**settings: Any) -> tuple[list[int], list[int]]:
        seen: list[tuple[int, int]] = []
        config = {"sparsity": 0.9, "gradient_sparsity": 0.92, "base": "er", **settings}
        learner = _learner("sparcl", config)
        train(learner, lambda: seen.append(_sizes(learner)))
        return [active for active, _ in seen], [update for _, update in seen]

    assert masks()[0][0] == 32 + 63  # 0.11 of 288 and of 576, rounded: epoch 0 grows by p_inter
    assert masks(truncate_growth=True)[0][0] == 31 + 63
    # of 576 - 1 = 575 ranks 0.92 is rank 529 exactly; of 287 it is 264.04: one layer keeps one more
    strict, equal = masks()[1][1], masks(keep_equal=True)[1][1]
    assert equal == strict + 1


def _sizes(learner: Learner) -> tuple[int, int]:
    masks: SparseMasks = learner.method.masks  # type: ignore[attr-defined]
    return sum(int(m.sum()) for m in masks.active.values()), sum(int(m.sum()) for m in masks.update.values())


def _learner(method: str, method_config: dict[str, Any], **options: Any) -> Learner:
    config = LearnConfig.model_validate({**TINY, "method": method, "method_config": method_config, **options})
    stream = split("digits", 2, classes_per_task=2, train_limit=config.train_limit)
    return make_learner(config, build_network("convnet", 4, stream.image_shape, config.network_params), stream)


# --- RigL: densities

SHAPES: list[tuple[int, ...]] = [(16, 3, 3, 3), (16, 16, 3, 3), (10, 64), (32, 16, 1, 1), (5, 7), (32, 32, 3, 3)]


def _solved(raw: list[float], sizes: list[int], target: float) -> list[float]:
    """min(1, eps raw) whose weighted sum is ``target``, eps by bisection."""
    low, high = 0.0, max(1 / r for r in raw)
    for _ in range(200):
        eps = (low + high) / 2
        total = sum(min(1.0, eps * r) * n for r, n in zip(raw, sizes, strict=True))
        low, high = (eps, high) if total < target else (low, eps)
    return [min(1.0, low * r) for r in raw]


@pytest.mark.parametrize("sparsity", [0.5, 0.8, 0.9, 0.95, 0.987])
@pytest.mark.parametrize("kernel", [True, False])
def test_densities_with_zeros_floored_layer_by_layer(sparsity: float, kernel: bool) -> None:
    sizes, raw = [], []
    for shape in SHAPES:
        n, s = 1, 0
        for side in shape:
            n *= side
        for side in shape if kernel else shape[:2]:
            s += side
        sizes.append(n)
        raw.append(s / (n if kernel else shape[0] * shape[1]))
    ones = 0
    for n in sizes:
        ones += n - int(sparsity * n)
    densities = erk_densities if kernel else er_densities
    assert densities(SHAPES, sparsity, True) == pytest.approx(_solved(raw, sizes, ones), rel=1e-9)
    assert densities(SHAPES, sparsity) == pytest.approx(_solved(raw, sizes, (1 - sparsity) * sum(sizes)), rel=1e-9)
    assert max(abs(a - b) for a, b in zip(densities(SHAPES, 0.987, True), densities(SHAPES, 0.987), strict=True)) > 1e-4


def test_er_ignores_kernels_and_erk_does_not() -> None:
    shapes: list[tuple[int, ...]] = [(32, 16, 3, 3), (64, 32, 5, 5)]
    a, b = er_densities(shapes, 0.9)
    assert a / b == pytest.approx((48 / 512) / (96 / 2048))
    assert layer_densities(shapes, 0.9, "er") == [a, b]
    assert er_densities([(9, 7), (20, 30)], 0.8) == erk_densities([(9, 7), (20, 30)], 0.8)


@pytest.mark.parametrize("distribution", ["uniform", "er", "erk"])
def test_masks_with_floored_zeros_have_the_codes_counts(distribution: str) -> None:
    config = {"sparsity": 0.9, "distribution": distribution, "floor_zeros": True, "base": "finetune"}
    trace = learn(LearnConfig.model_validate({**TINY, "method": "static", "method_config": config}))
    densities = layer_densities([(8, 4, 3, 3), (8, 8, 3, 3)], 0.9, distribution, True)  # type: ignore[arg-type]
    expected = [n - math.floor((1 - density) * n) for n, density in zip((288, 576), densities, strict=True)]
    assert trace.counts["active_weights"][0, 1:3].tolist() == expected
    if distribution == "uniform":
        assert expected == [29, 58]


# --- masks that shrink


def _masks(weight: Tensor, active: Tensor) -> SparseMasks:
    network = nn.Sequential(nn.Linear(20, 10))
    with torch.no_grad():
        network.get_parameter("0.weight").copy_(weight)
    masks = SparseMasks()
    spec = LayerSpec(name="0", kind="linear", in_features=20, out_features=10, input_elements=20, output_elements=10)
    masks.bind(network, [spec])
    masks.replace({"0": active})
    return masks


@pytest.mark.parametrize("importance", [True, False])
def test_with_equal_bounds_dropped_zeros_do_not_come_back(importance: bool) -> None:
    weight = torch.arange(1.0, 201).view(10, 20)
    weight.view(-1)[190:197] = 0  # seven zeros among 60 active weights
    active = torch.zeros(200, dtype=torch.bool)
    active[140:] = True
    scores = {"0": torch.arange(200.0).view(10, 20)} if importance else None
    stay = [i for i in range(200) if i >= (150 if importance else 140) and not 190 <= i < 197]
    masks = _masks(weight, active.view(10, 20))
    moved = masks.change(MaskUpdate(0.75, 0.75), scores, torch.Generator().manual_seed(0), drop_zeros=True)
    assert masks.active["0"].flatten().nonzero().flatten().tolist() == stay
    assert moved == 60 - len(stay)
    other = _masks(weight, active.view(10, 20))
    other.change(MaskUpdate(0.80, 0.75), scores, torch.Generator().manual_seed(0), drop_zeros=True)
    assert int(other.active["0"].sum()) == max(50, 53 if not importance else 50)


# --- MEST


def test_em_mutates_at_epoch_0_as_the_code_does() -> None:
    config, phases = MestConfig(sparsity=0.9), Phases()
    for epoch in range(160):
        on, off = (phases.mask_update(epoch, config.sparsity, config.mutated, "em", start) for start in (True, False))
        due = epoch % 5 == 0 and epoch < 120
        assert (on is not None) == due
        assert (off is not None) == (due and epoch > 0)
        if on is not None:
            assert (on.shrink_to, on.expand_to) == pytest.approx((0.92 if epoch < 90 else 0.91, 0.9))


def _changes_by_epoch(**settings: Any) -> list[int]:
    learner, seen = _learner("mest", {"sparsity": 0.75, **settings}, epochs=4), []
    train(learner, lambda: seen.append(learner.context.work.acts.get("mask change", 0)))
    return seen


def test_an_update_before_the_first_step_changes_masks() -> None:
    first = _changes_by_epoch(mutate_at_start=True)
    assert first[0] > 0
    assert first[4] > 0  # and so in the second task
    assert _changes_by_epoch()[0] == 0


# --- TRGP


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.sampled_from([0.5, 0.9, 0.97, 1.0]))
def test_trgps_basis_has_one_vector_fewer(energies: list[int], threshold: float) -> None:
    gram = torch.diag(torch.tensor(energies).double())
    held, fewest = 0, 0
    for energy in sorted(energies, reverse=True):
        if held >= threshold * sum(energies):
            break
        held, fewest = held + energy, fewest + 1
    full, short = basis(gram, threshold), basis(gram, threshold, one_vector_fewer=True)
    assert full.shape[1] == fewest
    assert short.shape[1] == max(fewest - 1, 0)
    assert torch.equal(short, full[:, : short.shape[1]])


def test_hyb_learn_remembers_the_shorter_bases() -> None:
    def kept(fewer: bool) -> list[int]:
        config = {**TINY, "method": "hyb-learn", "method_config": {"one_vector_fewer": fewer}}
        return [int(count) for count in learn(LearnConfig.model_validate(config)).task_counts["scoring_bytes"]]

    assert all(short < full for short, full in zip(kept(True), kept(False), strict=True))


# --- NISPA


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.integers(0, 8))
def test_a_loop_that_takes_before_it_asks(activity: list[int], eighths: int) -> None:
    taken, covered = set(), 0
    for value, place in sorted((-v, p) for p, v in enumerate(activity)):
        taken.add(place)
        covered -= value
        if covered >= eighths / 8 * sum(activity):
            break
    chosen = stable_units(torch.tensor(activity).float(), eighths / 8, first_of_silent=True)
    assert set(chosen.nonzero().flatten().tolist()) == taken


def _units() -> SparseUnits:
    units = SparseUnits()
    units.connections = {"a": torch.ones(3, 2, dtype=torch.bool), "out": torch.ones(4, 3, dtype=torch.bool)}
    units.frozen = {"a": torch.zeros(3, dtype=torch.bool)}
    units.candidates = {"a": torch.tensor([True, False, False])}
    return units


def test_what_the_output_layer_loses_grows_at_classes_to_come() -> None:
    for grows in (False, True):
        units = _units()
        units.connections["out"][3] = False  # a class to come, with places
        grown = units.rewire([0, 1], torch.Generator().manual_seed(0), "lost", grows)
        # both classes lose two plastic inputs each; class 3 has three places, class 2 none
        assert units.connections["out"][:2].tolist() == [[True, False, False]] * 2
        assert int(grown["out"].sum()) == (3 if grows else 0)
        assert not grown["out"][:3].any()
    units = _units()
    units.connections["out"][0] = False
    units.finish([0])  # class 0 is another task's now: nothing grows there
    grown = units.rewire([1], torch.Generator().manual_seed(0), "lost", True)
    assert not grown["out"].any()
    copy = SparseUnits()
    copy.load_state_dict(units.state_dict())
    assert copy.served == [0]


# --- replay, CPG


@pytest.mark.parametrize(("method", "module", "name"), [("er", er, "er_parts"), ("derpp", derpp, "derpp_parts")])
def test_replay_methods_call_the_loss_of_the_page(
    method: str, module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = getattr(module, name), []

    def watched(*given: Any) -> Any:
        calls.append(given[3])
        return whole(*given)

    monkeypatch.setattr(module, name, watched)
    trace: Trace = learn(LearnConfig.model_validate({**TINY, "method": method}))
    assert len(calls) == trace.task_counts["optimizer_steps"].sum()
    assert set(calls) == {None}  # all outputs


def test_picks_are_held_from_the_moment_a_task_is_pruned() -> None:
    config = tiny_config(method="cpg", epochs=10, method_config={"widest": 1, "goal": 0.0})
    network = build_network("mlp", 6, (1, 4, 4), {"hidden": [10, 10]}, 0)
    learner = make_learner(config, network, tiny_stream(samples=20, tasks=3))
    picks: list[Tensor] = []
    train(learner, lambda: picks.append(_latents(learner)))
    method = learner.method
    assert isinstance(method, Cpg)
    assert method.phases(10) == (5, 3)
    for task in (1, 2):
        of_task = picks[10 * task : 10 * task + 10]
        assert all(not torch.equal(a, b) for a, b in pairwise(of_task[:5]))
        assert all(torch.equal(of_task[4], later) for later in of_task[5:])
    # nothing is pruned: nothing is held
    config = tiny_config(method="cpg", epochs=4, method_config={"widest": 1, "goal": 0.0, "prune_share": 0})
    learner, picks[:] = make_learner(config, network, tiny_stream(samples=20, tasks=2)), []
    train(learner, lambda: picks.append(_latents(learner)))
    assert not torch.equal(picks[6], picks[7])


def _latents(learner: Learner) -> Tensor:
    named = learner.network.named_parameters()
    return torch.cat([p.detach().flatten().clone() for name, p in named if name.endswith(".adaptor.latent")])
