"""FLOPs oracles: the counting rule behind SparCL's table, on the real ResNet-18."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.learn.flops import (
    Convention,
    compute_share,
    dense_share,
    forward_flops,
    frozen_prefix_units,
    recorded_flops,
    rigl_units,
    run_flops,
    training_flops,
    training_units,
)
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.learn.sparcl.masks import masked_layers
from imcsim.learn.sparcl.schedule import Schedule
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.schema import COUNTS, TASK_COUNTS

NETWORK = build_network("resnet18", 10, (3, 32, 32))
LAYERS = trace_layers(NETWORK, (3, 32, 32))
MASKED = masked_layers(LAYERS, None)
DENSE = dense_share(LAYERS, [layer.name for layer in MASKED])


def _chain(*macs: int) -> list[LayerSpec]:
    return [
        LayerSpec(name=f"l{i}", kind="linear", in_features=m, out_features=1, input_elements=m, output_elements=1)
        for i, m in enumerate(macs)
    ]


def test_resnet18_numbers() -> None:
    assert sum(p.numel() for p in NETWORK.parameters()) == 11_173_962
    assert len(MASKED) == 16
    assert sum(layer.weight_count for layer in MASKED) == 10_985_472
    assert forward_flops(LAYERS) / 2 == pytest.approx(555.42e6, rel=1e-5)
    assert pytest.approx(0.01452, abs=5e-6) == DENSE


@pytest.mark.parametrize(("draws", "expected"), [(0, 8.33), (1, 11.11), (2, 13.89)])
def test_dense_runs_on_split_cifar10(draws: int, expected: float) -> None:
    assert run_flops(LAYERS, 50_000, 50, training_units(draws)) / 1e15 == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("tdm", "ddr", "dgm", "expected"),
    [(True, False, False, 3.62), (True, True, False, 2.81), (True, False, True, 3.35), (True, True, True, 2.60)],
)
def test_sparcl_runs_on_split_cifar10(tdm: bool, ddr: bool, dgm: bool, expected: float) -> None:
    forward = compute_share(DENSE, 0.75 if tdm else 0.0)
    gradient = compute_share(DENSE, 0.80) if dgm else None
    kept = Schedule().kept_share(0.3) if ddr else 1.0
    flops = run_flops(LAYERS, 50_000, 50, training_units(2, forward, gradient), kept)
    assert flops / 1e15 == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(("sparsity", "expected"), [(0.90, 1.57), (0.95, 0.89)])
def test_static_sparse_runs(sparsity: float, expected: float) -> None:
    units = training_units(2, compute_share(DENSE, sparsity))
    assert run_flops(LAYERS, 50_000, 50, units) / 1e15 == pytest.approx(expected, abs=0.006)


def _resnet50_macs() -> list[int]:
    """Multiply-accumulates by layer of ResNet-50 on 224 x 224 images, stride in the 3x3 convolutions; stem first."""
    macs, before = [7 * 7 * 3 * 64 * 112 * 112], 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width, side = 64 << stage, 56 >> stage
        for block in range(blocks):
            first = side * 2 if block == 0 and stage else side
            macs += [before * width * first**2, 9 * width**2 * side**2, 4 * width**2 * side**2]
            macs += [before * 4 * width * side**2] if block == 0 else []
            before = 4 * width
    return [*macs, 2048 * 1000]


@pytest.mark.parametrize(("sparsity", "expected"), [(0.8, 0.23), (0.9, 0.13)])
def test_rigl_on_uniform_resnet50_with_a_dense_first_layer(sparsity: float, expected: float) -> None:
    macs = _resnet50_macs()
    assert 2 * sum(macs) == pytest.approx(8.2e9, rel=0.01)
    share = compute_share(macs[0] / sum(macs), sparsity)
    assert round(rigl_units(share, 100) / training_units(0), 2) == expected
    assert rigl_units(share, 100) > training_units(0, share)  # the dense gradient costs something
    assert rigl_units(share, 10**9) == pytest.approx(training_units(0, share))
    assert rigl_units(1.0, 100) == pytest.approx(3.0)


def test_a_frozen_prefix_by_the_graph_and_by_the_rule() -> None:
    layers = _chain(*[6] * 100)
    frozen = training_flops(layers, {layer.name: i >= 40 for i, layer in enumerate(layers)})
    rule = frozen_prefix_units(1.0, 0.4) * forward_flops(layers)
    assert rule - frozen.total == 12  # the first layer behind the prefix needs no input gradient
    assert frozen_prefix_units(0.5, 0.0) == training_units(0, 0.5)


@pytest.mark.parametrize(("draws", "expected"), [(0, 13.33), (1, 17.77), (2, 22.22)])
def test_dense_runs_on_tiny_imagenet(draws: int, expected: float) -> None:
    layers = trace_layers(build_network("resnet18", 200, (3, 64, 64)), (3, 64, 64))
    assert forward_flops(layers) == pytest.approx(4.4435e9, rel=1e-4)
    assert run_flops(layers, 100_000, 100, training_units(draws)) / 1e16 == pytest.approx(expected, abs=0.006)


def test_the_two_conventions_differ_by_the_replays_backward_pass() -> None:
    assert [training_units(k) for k in range(3)] == [3, 4, 5]
    assert [training_units(k, convention="backpropagated") for k in range(3)] == [3, 6, 9]
    assert training_units(0, 0.25, 0.2) == training_units(0, 0.25, 0.25) - 2 * 0.05


def test_gradient_mask_saves_only_weight_gradients_when_everything_is_counted() -> None:
    assert training_units(1, 0.25, 0.2, "backpropagated") == pytest.approx(2 * (0.25 + 0.25 + 0.2))


@pytest.mark.parametrize("convention", ["paper", "backpropagated"])
def test_units_without_masks_equal_dense_units(convention: Convention) -> None:
    assert training_units(2, 1.0, 1.0, convention) == training_units(2, convention=convention)


def test_frozen_layers_by_hand() -> None:
    layers = _chain(3, 5, 7)
    everything = training_flops(layers, {"l0": True, "l1": True, "l2": True})
    assert (everything.forward, everything.input_gradient, everything.weight_gradient) == (30, 24, 30)
    assert everything.total == 84
    head = training_flops(layers, {"l0": False, "l1": False, "l2": True})
    assert (head.input_gradient, head.weight_gradient) == (0, 14)
    stem = training_flops(layers, {"l0": True, "l1": False, "l2": False})
    assert (stem.input_gradient, stem.weight_gradient) == (24, 6)
    nothing = training_flops(layers, dict.fromkeys(["l0", "l1", "l2"], False))
    assert nothing.backward == 0
    biased = training_flops(layers, {"l0": False, "l1": False, "l2": True}, {"l0": False, "l1": True, "l2": True})
    assert biased.input_gradient == 24  # a trainable bias before l1 keeps the errors flowing


@given(st.lists(st.tuples(st.integers(1, 10**6), st.booleans()), min_size=1, max_size=20))
def test_freezing_behind_a_trainable_first_layer_saves_at_most_half_of_backward(
    sizes: list[tuple[int, bool]],
) -> None:
    layers = _chain(*(size for size, _ in sizes))
    trains = {layer.name: i == 0 or flag for i, (layer, (_, flag)) in enumerate(zip(layers, sizes, strict=True))}
    dense = training_flops(layers, dict.fromkeys(trains, True))
    frozen = training_flops(layers, trains)
    assert 2 * frozen.backward >= dense.backward
    assert frozen.input_gradient == dense.input_gradient


def test_recorded_flops_by_hand() -> None:
    counts = {name: np.zeros((1, 2), dtype=np.int64) for name in COUNTS}
    tasks = {name: np.zeros(1, dtype=np.int64) for name in TASK_COUNTS}
    counts["active_weights"][:] = [[10, 20]]
    counts["forward_vectors"][:] = [[4, 4]]
    counts["input_gradient_vectors"][:] = [[0, 4]]
    counts["weight_gradient_macs"][:] = [[0, 60]]
    counts["dense_gradient_macs"][:] = [[0, 5]]
    counts["scoring_forward_vectors"][:] = [[1, 1]]
    counts["scoring_input_gradient_vectors"][:] = [[0, 1]]
    counts["scoring_weight_gradient_macs"][:] = [[3, 4]]
    tasks["scoring_macs"][:] = 100
    tasks["samples"][:] = 4
    tasks["replay_samples_read"][:] = 1
    flops = recorded_flops(counts, tasks)
    assert flops["forward"] == 2 * 4 * 30
    assert flops["input_gradient"] == 2 * 4 * 20
    assert flops["weight_gradient"] == 120
    assert flops["beyond_update_mask"] == 10
    assert flops["scoring"] == 2 * (30 + 20 + 7 + 100)
    assert flops["backpropagated"] == 240 + 160 + 120
    assert flops["paper"] == 240 + 280 * 0.75
