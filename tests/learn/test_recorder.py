import numpy as np
import pytest
import torch
from torch import Tensor

from imcsim.crossbar.encoding import Encoding
from imcsim.learn.api import learn_on
from imcsim.learn.method import Context, Method, MethodConfig, TaskPlan
from imcsim.learn.placing.pe_blocks import pe_counts
from imcsim.learn.stream import Task
from imcsim.trace.conservation import check_trace
from imcsim.trace.trace import Trace
from tests.learn.helpers import TinyNet, tiny_config, tiny_net, tiny_stream

SAMPLES, EPOCHS, BATCH = 10, 2, 4
STEPS = EPOCHS * 3  # batches of 4, 4 and 2


class FirstFrozen(Method):
    """Freezes all of ``first`` and, of ``second``, all PEs but those of the first row tile."""

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        pes = {spec.name: torch.ones(pe_counts(spec, context.pe_tile), dtype=torch.bool) for spec in context.layers}
        pes["first"][:] = False
        pes["second"][:, 1:] = False
        context.work.add("scoring_bytes", 7)
        context.work.add("scoring_forward_vectors", 5, "head")
        return TaskPlan(pes)


class Masked(Method):
    """Keeps every second weight of ``head`` at zero and flips the mask after each epoch."""

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.mask = torch.zeros(4, 32, dtype=torch.bool)
        self.mask.view(-1)[::2] = True

    def active_masks(self) -> dict[str, Tensor]:
        return {"head": self.mask}

    def after_epoch(self, context: Context, task: Task) -> None:
        self.mask = ~self.mask


def count(trace: Trace, name: str) -> list[int]:
    return [int(value) for value in trace.counts[name][0]]


def task_count(trace: Trace, name: str) -> int:
    return int(trace.task_counts[name][0])


@pytest.fixture(scope="module")
def plain() -> Trace:
    return learn_on(tiny_config(), tiny_net(), tiny_stream(SAMPLES))


def test_counts_of_plain_training(plain: Trace) -> None:
    passes = SAMPLES * EPOCHS
    assert count(plain, "forward_vectors") == [passes * 16, passes * 16, passes]
    assert count(plain, "input_gradient_vectors") == [0, passes * 16, passes]
    assert count(plain, "weight_gradient_vectors") == [passes * 16, passes * 16, passes]
    assert count(plain, "weight_gradient_macs") == [passes * 16 * 27, passes * 16 * 54, passes * 128]
    assert count(plain, "kept_elements") == [passes * 16, passes * 48, passes * 32]
    assert count(plain, "trainable_weights") == [27, 54, 128]
    assert count(plain, "active_weights") == [27, 54, 128]
    assert count(plain, "updated_weights") == [STEPS * 27, STEPS * 54, STEPS * 128]
    assert sum(count(plain, "dense_gradient_macs")) == 0


def test_producers_of_plain_training(plain: Trace) -> None:
    assert plain.meta.producers == ((), ("first",), ("second",))


def test_task_counts_of_plain_training(plain: Trace) -> None:
    passes = SAMPLES * EPOCHS
    assert task_count(plain, "optimizer_steps") == STEPS
    assert task_count(plain, "epochs") == EPOCHS
    assert task_count(plain, "samples") == passes
    assert task_count(plain, "relu_elements") == 0  # the layers behind keep what both ReLUs give
    assert task_count(plain, "other_kept_elements") == 0
    assert task_count(plain, "peak_kept_elements") == BATCH * (16 + 48 + 32)
    assert task_count(plain, "peak_kept_bits") == 0
    assert task_count(plain, "digital_parameters") == 3 + 2 + 4
    assert task_count(plain, "optimizer_state_values") == 0


def test_batch_norm_keeps_its_input_and_momentum_is_state() -> None:
    trace = learn_on(tiny_config(momentum=0.5), tiny_net(norm=True), tiny_stream(SAMPLES))
    assert task_count(trace, "other_kept_elements") == SAMPLES * EPOCHS * 48
    assert task_count(trace, "digital_parameters") == 3 + 2 + 4 + 6
    assert task_count(trace, "optimizer_state_values") == 209 + 15  # biases and norms keep momentum, too


def test_counts_of_a_frozen_front() -> None:
    trace = learn_on(tiny_config(), tiny_net(), tiny_stream(SAMPLES), method=FirstFrozen(MethodConfig()))
    passes = SAMPLES * EPOCHS
    assert count(trace, "forward_vectors") == [passes * 16, passes * 16, passes]
    assert count(trace, "input_gradient_vectors") == [0, 0, passes]
    assert count(trace, "weight_gradient_vectors") == [0, passes * 16, passes]
    # 4 of 27 rows, 2 columns; their input rows are the share of the input that is kept, rounded per step
    assert count(trace, "weight_gradient_macs") == [0, passes * 16 * 8, passes * 128]
    kept = EPOCHS * sum(round(batch * 48 * 4 / 27) for batch in (4, 4, 2))
    assert count(trace, "kept_elements") == [0, kept, passes * 32]
    assert count(trace, "trainable_weights") == [0, 8, 128]
    assert (
        task_count(trace, "relu_elements") == 0
    )  # the first ReLU needs no gradient, the head keeps the second's output
    assert task_count(trace, "digital_parameters") == 2 + 4
    assert trace.placement["second"].shape == (2, 1, 7, 1)
    assert trace.meta.pe_tile == (4, 2)


def test_what_a_method_reports_is_added() -> None:
    trace = learn_on(tiny_config(), tiny_net(), tiny_stream(SAMPLES), method=FirstFrozen(MethodConfig()))
    assert trace.task_counts["scoring_bytes"].tolist() == [7, 7]
    assert trace.counts["scoring_forward_vectors"].tolist() == [[0, 0, 5], [0, 0, 5]]


@pytest.mark.parametrize("policy", ["step", "epoch"])
@pytest.mark.parametrize("number", [0, 1])
def test_transitions_lead_from_one_commit_to_the_next(plain: Trace, policy: str, number: int) -> None:
    encoding = plain.meta.encodings[number]
    for layer in ("first", "second", "head"):
        levels = encoding.levels(plain.codes[layer])
        for t in range(2):
            flow = plain.transitions[policy, encoding.name, layer][t]  # type: ignore[index]
            old, new = (np.bincount(levels[:, t + i].ravel(), minlength=encoding.level_count) for i in (0, 1))
            assert np.array_equal(new - old, flow.sum(axis=0) - flow.sum(axis=1))
            changes = plain.changes[policy, encoding.name, layer][t]  # type: ignore[index]
            assert changes.sum() == flow.sum() > 0
            assert np.trace(flow) == 0


def test_one_step_changes_exactly_the_cells_whose_levels_differ() -> None:
    """With one step a task, step, epoch and task policies all see the same two commits."""
    trace = learn_on(tiny_config(epochs=1, batch_size=64, learning_rate=1.0), tiny_net(), tiny_stream(SAMPLES))
    for encoding in trace.meta.encodings:
        for layer in ("first", "second", "head"):
            expected = trace.task_changes(encoding, layer)
            assert expected.any()
            assert np.array_equal(trace.changes["step", encoding.name, layer], expected)
            assert np.array_equal(trace.changes["epoch", encoding.name, layer], expected)


def test_masks_are_recorded_and_hold() -> None:
    trace = learn_on(tiny_config(epochs=3), tiny_net(), tiny_stream(SAMPLES), method=Masked(MethodConfig()))
    active = trace.active["head"]
    assert active.shape == (2, 1, 32, 4) and count(trace, "active_weights")[2] == 64
    for t in range(2):
        assert not trace.codes["head"][t + 1][~active[t]].any()
    assert trace.counts["weight_gradient_macs"][0, 2] == 3 * SAMPLES * 64
    assert not trace.active.keys() & {"first", "second"}
    check_trace(trace)  # mask changes between epochs are counted once, in the commit that follows


def test_passes_without_gradients_are_counted_apart() -> None:
    class Distilled(Method):
        """Each step first asks the network, without gradients, what it thinks of the batch."""

        def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
            with torch.no_grad():
                told = context.network(x)
            asked: Tensor = (told * 0).sum()
            return super().loss(context, task, x, y, index) + asked

    trace = learn_on(tiny_config(epochs=3), tiny_net(), tiny_stream(SAMPLES), method=Distilled(MethodConfig()))
    for name in ("samples", "forward_only_samples"):
        assert trace.task_counts[name].tolist() == [3 * SAMPLES] * 2
    assert count(trace, "forward_vectors") == [2 * 3 * SAMPLES * spec.positions for spec in trace.meta.layers]


def test_tasks_without_masks_of_a_method_with_masks_are_open() -> None:
    class Late(FirstFrozen):
        """Places PEs and masks weights in the second task only."""

        def before_task(self, context: Context, task: Task) -> TaskPlan:
            self.late = context.task == 1
            return super().before_task(context, task) if self.late else TaskPlan()

        def active_masks(self) -> dict[str, Tensor] | None:
            return {"head": torch.zeros(6, 32, dtype=torch.bool)} if self.late else None

        def set_layers(self, context: Context) -> dict[str, str]:
            return {"head": "the mask closes every weight"} if self.late else {}

    trace = learn_on(tiny_config(), TinyNet(classes=6), tiny_stream(SAMPLES, tasks=3), method=Late(MethodConfig()))
    assert [bool(pes.all()) for pes in trace.placement["first"]] == [True, False, True]
    assert [int(mask.sum()) for mask in trace.active["head"]] == [192, 0, 192]
    assert trace.meta.set_layers == ({}, {"head": "the mask closes every weight"}, {})


def test_flops_are_those_of_the_counts(plain: Trace) -> None:
    assert plain.meta.flops["forward"] == 2 * 2 * SAMPLES * EPOCHS * (16 * 27 + 16 * 54 + 128)
    assert plain.meta.flops["weight_gradient"] == plain.meta.flops["forward"]


def test_deployment_is_the_masked_network() -> None:
    trace = learn_on(tiny_config(epochs=1), tiny_net(), tiny_stream(SAMPLES), method=Masked(MethodConfig()))
    assert (trace.codes["head"][0] == 0).sum() >= 64


def test_activity_is_measured_on_the_first_step_of_each_epoch(plain: Trace) -> None:
    assert plain.input_density.shape == (2, 3, 8) and plain.error_density.shape == (2, 3, 8)
    assert (plain.input_density[:, 0] > 0.05).all()  # noise pixels
    assert (plain.error_density[:, 2] > 0).any()
    assert (plain.input_zero_share[:, 0] == 0).all()
    assert (plain.error_zero_share < 1).all()


def test_counters_are_as_narrow_as_they_can_be(plain: Trace) -> None:
    assert {values.dtype for values in plain.changes.values()} == {np.dtype(np.uint8)}
    assert plain.codes["first"].dtype == np.int8


def test_sixteen_bit_weights_are_recorded_too() -> None:
    config = tiny_config(weight_bits=16, encodings=[{"sign": "offset", "weight_bits": 16, "cell_bits": 8}])
    trace = learn_on(config, tiny_net(), tiny_stream(4, tasks=2))
    assert trace.codes["first"].dtype == np.int16
    name = Encoding(sign="offset", weight_bits=16, cell_bits=8).name
    assert trace.changes["step", name, "head"].any()


def test_a_deployed_range_that_is_too_small_shows_in_the_clipped_share() -> None:
    trace = learn_on(tiny_config(weight_range=1.0, learning_rate=1.0), tiny_net(), tiny_stream(SAMPLES))
    assert 0 < trace.meta.clipped_weight_share < 1
