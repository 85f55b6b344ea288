import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from imcsim.learn.freeze import Freezer
from imcsim.learn.method import Method, MethodConfig, TaskPlan
from imcsim.learn.placing.pe_blocks import pe_counts
from imcsim.learn.quantize import Quantiser
from imcsim.learn.shapes import trace_layers
from imcsim.learn.writing.config import WritingConfig
from imcsim.learn.writing.row_updates import RowUpdates
from imcsim.learn.writing.rows import expand_rows, largest_rows, row_norms
from tests.learn.helpers import TinyNet, tiny_net

WIDTH = 2


def test_a_row_is_a_word_line_of_one_pe() -> None:
    matrix = torch.tensor([[[3.0, 4.0, -2.0], [0.0, 0.0, 0.0]]])  # two column tiles, the second one output wide
    assert row_norms(matrix, WIDTH).tolist() == [[[5.0, 2.0], [0.0, 0.0]]]
    rows = torch.tensor([[[True, False], [False, True]]])
    assert expand_rows(rows, WIDTH, 3).tolist() == [[[True, True, False], [False, False, True]]]


def test_of_equal_rows_the_earlier_is_updated_and_one_at_least() -> None:
    norms = torch.tensor([[[1.0, 2.0], [2.0, 2.0]]])
    assert largest_rows(norms, 0.5).tolist() == [[[False, True], [True, False]]]
    assert int(largest_rows(norms, 0.001).sum()) == 1
    assert not largest_rows(torch.zeros(1, 3, 2), 0.5).any()


def test_rows_without_a_gradient_do_not_count() -> None:
    norms = torch.tensor([[[0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [1.0], [2.0]]])
    assert largest_rows(norms, 0.5).flatten().tolist() == [False] * 7 + [True]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.9]))
def test_the_chosen_rows_are_the_largest_and_as_many_as_asked(values: list[int], share: float) -> None:
    chosen = largest_rows(torch.tensor(values).float().view(1, -1, 1), share).flatten().tolist()
    count = -(-round(share * 100) * sum(v > 0 for v in values) // 100)  # in whole numbers, rounded up
    order = sorted(range(len(values)), key=lambda place: (-values[place], place))
    assert [place for place, row in enumerate(chosen) if row] == sorted(order[:count])


def learning(**config: object) -> tuple[TinyNet, Freezer, RowUpdates]:
    network = tiny_net()
    layers = trace_layers(network, (1, 4, 4))
    Quantiser(network, layers, 8)
    freezer = Freezer(network, layers, (4, WIDTH))
    freezer.apply(TaskPlan())
    return network, freezer, RowUpdates(WritingConfig.model_validate(config), layers, WIDTH)


def step(freezer: Freezer, rows: RowUpdates, gradient: Tensor) -> Tensor:
    """Return what the optimiser would see of ``gradient`` of the head."""
    freezer.weights["head"].grad = gradient.clone()
    freezer.mask_gradients(Method(MethodConfig()))
    rows.choose(freezer)
    seen = freezer.weights["head"].grad
    assert seen is not None
    return seen.clone()


def test_what_is_left_out_waits_and_nothing_is_lost() -> None:
    generator = torch.Generator().manual_seed(0)
    _, freezer, rows = learning(row_share=0.25, keep_rest=True)
    given, seen = torch.zeros(4, 32), torch.zeros(4, 32)
    for _ in range(6):
        gradient = torch.randn(4, 32, generator=generator)
        given += gradient
        applied = step(freezer, rows, gradient)
        assert int((row_norms(applied.T[None], WIDTH) > 0).sum()) == 16  # of 32 x 2 rows
        seen += applied
    torch.testing.assert_close(seen + rows.rest["head"], given)
    rows.begin_task()
    assert rows.kept_values == 0


def test_without_feedback_the_rest_is_dropped() -> None:
    _, freezer, rows = learning(row_share=0.25)
    gradient = torch.zeros(4, 32)
    gradient[0, 5], gradient[0, 6] = 2.0, 1.0
    first = step(freezer, rows, gradient)
    assert first.nonzero().tolist() == [[0, 5]]
    assert torch.equal(step(freezer, rows, gradient), first) and not rows.rest


def test_a_row_that_waits_long_enough_is_updated_with_all_that_waited() -> None:
    _, freezer, rows = learning(row_share=0.5, keep_rest=True)
    gradient = torch.zeros(4, 32)
    gradient[0, 5], gradient[0, 6] = 1.5, 1.0
    assert [float(step(freezer, rows, gradient)[0, 6]) for _ in range(2)] == [0.0, 2.0]


def test_gradients_that_wait_do_not_reach_a_frozen_pe() -> None:
    network, freezer, rows = learning(row_share=0.01, keep_rest=True)
    step(freezer, rows, torch.ones(4, 32))
    layers = trace_layers(network, (1, 4, 4))
    pes = {spec.name: torch.ones(pe_counts(spec, (4, WIDTH)), dtype=torch.bool) for spec in layers}
    pes["head"][0, :, 0] = False  # outputs 0 and 1
    freezer.apply(TaskPlan(pes))
    for _ in range(40):
        assert not step(freezer, rows, torch.ones(4, 32))[:2].any()


def test_weights_of_other_rows_keep_every_bit_under_momentum_and_weight_decay() -> None:
    network, freezer, rows = learning(row_share=0.25)
    weight = freezer.weights["head"]
    optimizer = torch.optim.SGD([weight], 0.1, momentum=0.9, weight_decay=0.01)
    generator, changed = torch.Generator().manual_seed(0), []
    for _ in range(5):
        before = weight.detach().clone()
        step(freezer, rows, torch.randn(4, 32, generator=generator))
        optimizer.step()
        freezer.restore(Method(MethodConfig()))
        changed.append((row_norms((weight.detach() - before).T[None], WIDTH) > 0).flatten())
    assert [int(rows_of.sum()) for rows_of in changed] == [math.ceil(0.25 * 64)] * 5
    assert len({tuple(rows_of.tolist()) for rows_of in changed}) > 1
    assert isinstance(network.head, nn.Linear)


def test_all_rows_leave_gradients_and_masks_alone() -> None:
    _, freezer, rows = learning()
    gradient = torch.arange(128.0).view(4, 32)
    assert torch.equal(step(freezer, rows, gradient), gradient)
    assert freezer.step_mask("head") is None
