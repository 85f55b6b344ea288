"""XMA2: its two ends to the bit, which PEs are chosen and written, what a switch rewrites, and what is stored."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import imcsim
from imcsim.chip.config import load_chip
from imcsim.learn.adapt.pe_budget import choose_pes
from imcsim.learn.adapt.per_task import PerTaskConfig, PerTaskMethod
from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.loop import Learner, train
from imcsim.learn.method import Context, TaskPlan
from imcsim.learn.methods.xma2 import Xma2, Xma2Config
from imcsim.learn.placing.pe_blocks import pe_counts
from imcsim.learn.record import make_trace
from imcsim.learn.shapes import weight_matrix
from imcsim.learn.stream import Task
from imcsim.trace.conservation import check_trace
from imcsim.trace.trace import Trace
from tests.chip.hand import small_chip
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

PES = {"first": (1, 3, 2), "second": (1, 7, 1)}  # 9 x 3 and 27 x 2 weights in PEs of 4 x 2
ALL = 6 + 7


def _trace(name: str, **changes: Any) -> Trace:
    config = tiny_config(method=name, epochs=3, **changes)
    return learn_on(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=3))


def _xma2(budget: float, **config: Any) -> Trace:
    rates = {"weight_learning_rate": 0.05, "learning_rate": 0.2}
    return _trace("xma2", method_config=rates | {"budget": budget} | config)


def _run(method: PerTaskMethod) -> Trace:
    config, stream = tiny_config(epochs=3), tiny_stream(tasks=3)
    learner = make_learner(config, tiny_net(norm=True, classes=6), stream, method)
    train(learner, lambda: None)
    learner.recorder.passes.remove()
    trace = make_trace(learner, stream)
    check_trace(trace)
    return trace


def _assert_same(a: Trace, b: Trace, digital: set[str]) -> None:
    assert np.array_equal(a.task_il, b.task_il)
    for name, codes in a.codes.items():
        assert np.array_equal(codes, b.codes[name])
        assert np.array_equal(a.placement[name], b.placement[name])
    for key, changes in a.changes.items():
        assert np.array_equal(changes, b.changes[key])
    for name in digital:
        assert np.array_equal(a.digital[name], b.digital[name])
    for name, counts in a.counts.items():
        assert np.array_equal(counts, b.counts[name]), name


def test_a_budget_of_0_is_xma_to_the_bit() -> None:
    none, xma = _xma2(0.0), _trace("xma", method_config={"learning_rate": 0.2})
    assert set(none.digital) == set(xma.digital)
    _assert_same(none, xma, set(xma.digital))
    for name, counts in none.task_counts.items():
        assert np.array_equal(counts, xma.task_counts[name]), name
    assert none.meta.switched_layers == ()


class _FineTuneEachTask(PerTaskMethod):
    """Per-task fine-tuning of all weights from the backbone, without adaptors: what a budget of 1 must equal."""

    def own(self, context: Context) -> set[str]:
        return {f"{spec.name}.weight" for spec in context.layers[:-1]}

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        plan = super().before_task(context, task)
        assert plan.trainable_pes is not None
        pes = {name: torch.ones_like(mask) for name, mask in plan.trainable_pes.items()}
        every = {name for name, _ in context.network.named_parameters()}
        biases = set() if context.task == 0 else {"first.bias", "second.bias"}
        return TaskPlan(pes, frozenset(every - biases))


def test_a_budget_of_1_is_fine_tuning_for_each_task_to_the_bit() -> None:
    tuned = _run(_FineTuneEachTask(PerTaskConfig(learning_rate=0.05)))
    every = _xma2(1.0)
    _assert_same(every, tuned, set(tuned.digital))
    assert every.task_counts["optimizer_state_values"].tolist() == tuned.task_counts["optimizer_state_values"].tolist()
    assert np.any(every.codes["first"][2] != every.codes["first"][1])


def _only(layer: str, *places: tuple[int, int, int]) -> dict[str, Tensor]:
    pes = {name: torch.zeros(shape, dtype=torch.bool) for name, shape in PES.items()}
    for place in places:
        pes[layer][place] = True
    return pes


class _Scripted(Xma2):
    """Two PEs in the second task, one of them again in the third."""

    def choose(self, context: Context, task: Task) -> dict[str, Tensor]:
        return _only("first", (0, 0, 0), (0, 2, 1)) if context.task == 1 else _only("first", (0, 0, 0))


def _scripted() -> Trace:
    return _run(_Scripted(Xma2Config(budget=0.5, weight_learning_rate=0.05, learning_rate=0.2)))


def test_pes_of_no_task_hold_the_backbone_and_chosen_ones_start_from_it() -> None:
    trace = _scripted()
    backbone, second, third = trace.codes["first"][1:4, 0].astype(int)  # (D, N): 9 x 3
    moved = second != backbone
    assert moved[:4, :2].any()
    assert moved[8:, 2:].any()
    moved[:4, :2] = moved[8:, 2:] = False
    assert not moved.any()
    assert np.array_equal(third[8:, 2:], backbone[8:, 2:])  # set back
    assert np.any(third[:4, :2] != backbone[:4, :2])
    assert np.array_equal(trace.codes["second"][3], trace.codes["second"][1])


def test_a_pe_that_is_set_back_is_written_but_does_not_train() -> None:
    trace = _scripted()
    assert trace.placement["first"][1, 0].tolist() == [[True, False], [False, False], [False, True]]
    assert trace.placement["first"][2, 0].tolist() == [[True, False], [False, False], [False, True]]
    assert not trace.placement["second"][1:].any()
    assert trace.counts["trainable_weights"][:, 0].tolist() == [27, 4 * 2 + 1 * 1, 4 * 2]
    step = trace.changes["step", trace.meta.encodings[0].name, "first"]  # (T, K, G, D, N)
    assert step[2, :, 0, 8:, 2].sum() > 0
    assert step[2, :, 0, 8:, 2].max() <= 1  # once: back to the backbone
    assert step[1:, :, 0, 4:8].sum() == 0


def test_columns_of_reprogrammed_pes_are_not_scaled() -> None:
    trace = _scripted()
    latent = trace.digital["first.adaptor.latent"]  # (T + 1, G, I, N)
    assert (latent[2, 0, 0, :2] == 1).all()
    assert latent[2, 0, 2, 2] == 1
    assert latent[2, 0, 0, 2] != 1
    assert (latent[2, 0, 1] != 1).any()


def test_old_tasks_keep_their_accuracy_and_a_switch_rewrites_cells() -> None:
    trace = _scripted()
    for task in range(3):
        assert len(set(trace.task_il[task:, task])) == 1
    assert trace.meta.switched_layers == ("first", "second")


@pytest.mark.parametrize("chip", ["hybrid-28nm", "all-rram-28nm", "all-sram-28nm"])
def test_a_chip_prices_it_and_its_switches(chip: str) -> None:
    loaded = load_chip(chip)
    tile = (loaded.config.geometry.weight_rows, loaded.config.geometry.weight_cols)
    trace = _trace("xma2", pe_tile=tile, method_config={"budget": 0.5, "weight_learning_rate": 0.05})
    report = imcsim.price(trace, loaded)
    cells = 0
    encoding = loaded.config.geometry.encoding
    for name in trace.meta.switched_layers:
        levels = encoding.levels(trace.codes[name][1:].astype(int)).astype(int)
        cells += int((levels[:, :-1] != levels[:, 1:]).sum())
    assert cells > 0
    assert report.horizon["switch_rewritten_cells"] == cells / 2  # two pairs of consecutive tasks


def test_the_worst_cell_is_one_that_every_task_reprograms() -> None:
    trace = _scripted()
    chip = small_chip("all-rram-28nm", {"rram.write_policy": "task", "rram.pe_count": 64})
    encoding = chip.config.geometry.encoding
    often = {}
    for name in PES:
        levels = encoding.levels(trace.codes[name].astype(int)).astype(int)  # (K, T + 1, G, D, N)
        often[name] = (levels[:, 1:] != levels[:, :-1]).sum(axis=1)[:, 0]
    assert often["first"][:, :4, :2].max() == 3  # the backbone's task, and both that chose the PE
    assert often["second"].max() == 1
    head = encoding.levels(trace.codes["head"].astype(int)).astype(int)
    worst = max(3, int((head[:, 1:] != head[:, :-1]).sum(axis=1).max()))
    assert imcsim.price(trace, chip).row()["rram_worst_writes"] == worst


def test_what_is_stored_is_a_bit_a_pe_and_the_shifts_of_the_others() -> None:
    trace = _run(_Scripted(Xma2Config(budget=0.5, norm="frozen")))
    segments = 3 * 3 + 7 * 2
    assert trace.task_counts["mask_bits"][1:].tolist() == [ALL + 2 * (segments - 2 - 1), ALL + 2 * (segments - 2)]
    assert _xma2(1.0, norm="frozen").task_counts["mask_bits"][1:].tolist() == [0, 0]


def test_the_budget_is_a_bound_and_the_earlier_of_equal_pes_is_chosen() -> None:
    scores = {"a": torch.tensor([[[3.0, 1.0], [2.0, 2.0]]]), "b": torch.tensor([[[2.0], [5.0]]])}
    for budget, a, b in [
        (0.0, [0, 0, 0, 0], [0, 0]),
        (0.16, [0, 0, 0, 0], [0, 0]),
        (1 / 6, [0, 0, 0, 0], [0, 1]),
        (0.5, [1, 0, 1, 0], [0, 1]),
        (0.7, [1, 0, 1, 1], [0, 1]),
        (1.0, [1, 1, 1, 1], [1, 1]),
    ]:
        found = choose_pes(scores, budget)
        assert found["a"].flatten().tolist() == a
        assert found["b"].flatten().tolist() == b
    assert int(choose_pes({"a": torch.arange(10.0).view(1, 5, 2)}, 0.3)["a"].sum()) == 3


class _Keeps(Xma2):
    """Keeps what the choice was made from."""

    def choose(self, context: Context, task: Task) -> dict[str, Tensor]:
        self.state = {name: value.clone() for name, value in context.network.state_dict().items()}
        return super().choose(context, task)


def _learner(method: PerTaskMethod) -> Learner:
    return make_learner(tiny_config(epochs=1), tiny_net(norm=True, classes=6), tiny_stream(tasks=3), method)


def test_chosen_are_the_pes_with_the_largest_gradient_at_the_backbone() -> None:
    method = _Keeps(Xma2Config(budget=0.3, score_samples=100))  # all ten samples, so that their order is no matter
    learner = _learner(method)
    train(learner, lambda: None)
    learner.network.load_state_dict(method.state)
    task = learner.tasks[2]
    learner.network.train()
    for spec in learner.context.layers:
        learner.network.get_parameter(f"{spec.name}.weight").requires_grad_(True)
    logits = learner.network(task.x_train)[:, 4:6]
    nn.functional.cross_entropy(logits, task.y_train - 4).backward()  # type: ignore[no-untyped-call]
    norms = []
    for spec in learner.context.layers[:2]:
        grad = learner.network.get_parameter(f"{spec.name}.weight").grad
        assert grad is not None
        matrix = weight_matrix(grad, spec)[0]
        _, rows, columns = pe_counts(spec, (4, 2))
        for i in range(rows):
            for j in range(columns):
                block = matrix[4 * i : 4 * i + 4, 2 * j : 2 * j + 2]
                norms.append((float(block.norm()), spec.name, i, j))
    best = {entry[1:] for entry in sorted(norms, reverse=True)[:3]}  # floor(0.3 x 13)
    found = {(name, i, j) for name, pes in method.chosen.items() for _, i, j in pes.nonzero().tolist()}
    assert found == best
    assert learner.recorder.counts["scoring_forward_vectors"][1:, 0].tolist() == [10 * 16, 10 * 16]
