"""Closed column segments by hand: serving may skip their conversions, training may not."""

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.chip.placed import place
from imcsim.chip.reads import conversions
from imcsim.learn.api import learn_on
from imcsim.learn.rebuild import network_after
from imcsim.mapping.layer import LayerSpec
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace.trace import Trace
from tests.chip.hand import ENCODINGS, one_pe_trace, small_chip
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

GATED = {"gate_columns": True}
EVALUATED = {
    "all-rram-28nm": ("rram", "adc", "shift_add"),
    "all-sram-28nm": ("sram", "product", "adder_tree", "accumulator"),
}


@pytest.mark.parametrize("name", ["all-rram-28nm", "all-sram-28nm"])
def test_one_of_two_columns_closed_halves_what_works_for_each_column(name: str) -> None:
    trace = one_pe_trace(counts={"closed_segments": 1, "forward_vectors": 10})
    every, gated = price(trace, small_chip(name)), price(trace, small_chip(name, GATED))
    memory, *evaluates = EVALUATED[name]
    for component in evaluates:
        whole, half = (report.inference.part(memory, component).total for report in (every, gated))
        assert whole > 0
        assert half == pytest.approx(whole / 2, rel=1e-12)
    saved = every.inference.total - gated.inference.total
    parts = sum(every.inference.part(memory, component).total for component in evaluates)
    assert saved == pytest.approx(parts / 2, rel=1e-12)
    assert gated.energy.total == every.energy.total


def test_nothing_closed_costs_the_same_to_the_last_bit() -> None:
    trace = one_pe_trace()
    chips = small_chip("all-rram-28nm"), small_chip("all-rram-28nm", GATED)
    assert len({price(trace, chip).inference.total for chip in chips}) == 1


def _conversions(trace: Trace, *, gated: bool | None, chip_gates: bool = False) -> list[float]:
    chip = small_chip("all-rram-28nm", {"gate_columns": chip_gates}).config
    return [float(count) for count in conversions(place(trace, chip).serving, gated)]


def test_conversions_by_hand() -> None:
    layers: list[LayerSpec] = [linear_layer("a", 6, 3, positions=5)]
    codes = np.zeros((1, 6, 3), dtype=np.int64)
    trace = make_trace(
        layers, {"a": codes}, {"a": [[[codes]], [[codes]]]}, ENCODINGS, counts={"closed_segments": np.array([[0], [2]])}
    )
    # 2 row tiles x 3 outputs, 4 pairs of columns each (slices), 8 phases of one bit, 5 positions
    each = 4 * 8 * 5
    assert _conversions(trace, gated=False) == [6 * each, 6 * each]
    assert _conversions(trace, gated=True) == pytest.approx([6 * each, 4 * each])
    assert _conversions(trace, gated=None) == [6 * each, 6 * each]
    assert _conversions(trace, gated=None, chip_gates=True) == pytest.approx([6 * each, 4 * each])


@pytest.mark.parametrize("name", ["xbm", "xma"])
def test_a_trace_counts_the_segments_that_its_masks_close(name: str) -> None:
    config = tiny_config(method=name, epochs=6, method_config={"learning_rate": 0.3})
    trace = learn_on(config, tiny_net(norm=True), tiny_stream())
    network = network_after(trace, 1, tiny_net(norm=True))
    closed = [int((network.get_buffer(f"{layer}.column_scale") == 0).sum()) for layer in ("first", "second")]
    assert trace.counts["closed_segments"].tolist() == [[0, 0, 0], [*closed, 0]]
    assert sum(closed) > 0
