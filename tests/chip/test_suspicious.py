"""Each suspicious setting gives its sentence, and an unsuspicious one none."""

from collections.abc import Mapping
from typing import Any

import pytest

from imcsim.chip import Report, price
from tests.chip.hand import one_pe_trace, random_trace, small_chip


def priced(trace: Any = None, changes: Mapping[str, Any] | None = None) -> Report:
    return price(one_pe_trace() if trace is None else trace, small_chip("all-rram-28nm", changes))


def said(report: Report, words: str) -> bool:
    return any(words in warning for warning in report.warnings)


def test_nothing_suspicious_gives_no_warning() -> None:
    assert not priced().warnings


@pytest.mark.parametrize(
    ("low_s", "cell_bits", "warned"),
    [(10e-6, 2, False), (10.1e-6, 2, True), (19e-6, 1, False), (21e-6, 1, True), (5.5e-6, 3, True), (1e-6, 3, False)],
)
def test_on_off_ratio_below_the_number_of_levels_warns(low_s: float, cell_bits: int, warned: bool) -> None:
    # 40 uS when on: ratios 4, 3.96, 2.1, 1.9, 7.3 and 40 against 4, 4, 2, 2, 8 and 8 levels
    changes = {"rram.cell.conductance_min_s": low_s, "rram.cell_bits": cell_bits, "rram.adc_bits": 10}
    trace = random_trace(0) if cell_bits == 2 else _trace_of(cell_bits)
    assert said(priced(trace, changes), "on/off ratio of rram.cell") == warned


def _trace_of(cell_bits: int) -> Any:
    from imcsim.crossbar import Encoding
    from imcsim.testing.traces import linear_layer, make_trace
    from tests.chip.hand import codes

    start, end = codes([0, 5], [7, -7], [100, 3], [2, -1]), codes([1, 5], [7, -7], [100, 3], [2, -1])
    encoding = Encoding(sign="differential", weight_bits=8, cell_bits=cell_bits)
    return make_trace([linear_layer("fc", 4, 2)], {"fc": start}, {"fc": [[[end]]]}, (encoding,))


def test_the_sentence_names_ratio_bits_and_levels() -> None:
    report = priced(None, {"rram.cell.conductance_min_s": 20e-6})
    assert said(report, "the on/off ratio of rram.cell (2) is too low for rram.cell_bits = 2: below 4, an erased cell")


def test_adc_bits_below_the_largest_column_sum_warn() -> None:
    # 4 rows of level 3: 12, so 4 bits and, of the difference of two columns, a sign
    assert said(priced(None, {"rram.adc_bits": 4}), "rram.adc_bits = 4 can clip or round: a column sum needs 5 bits")
    assert not priced(None, {"rram.adc_bits": 5}).warnings
    one_by_one = {"rram.pair": "converted"}
    assert said(priced(None, one_by_one | {"rram.adc_bits": 3}), "a column sum needs 4 bits")
    assert not priced(None, one_by_one | {"rram.adc_bits": 4}).warnings
    # 2 rows at once: 6, 3 bits and a sign
    assert said(priced(None, {"rram.open_rows": 2, "rram.adc_bits": 3}), "a column sum needs 4 bits")
    assert not priced(None, {"rram.open_rows": 2, "rram.adc_bits": 4}).warnings


def test_transposed_adc_bits_below_the_largest_row_sum_warn() -> None:
    # 2 weights in the 16 columns of a PE, of level 3: 6, 3 bits and a sign
    report = priced(None, {"rram.transposed_adc_bits": 3})
    assert said(report, "rram.transposed_adc_bits = 3 can clip or round: a row sum needs 4 bits")
    assert not priced(None, {"rram.transposed_adc_bits": 4}).warnings
    assert said(
        priced(None, {"rram.adc_bits": 3, "rram.transposed_adc_bits": 0}),
        "rram.adc_bits = 3 can clip or round: a row sum needs 4 bits",
    )
    no_columns = {"rram.transposed_adc_bits": 3, "input_gradient": "digital"}
    assert not said(priced(None, no_columns), "a row sum")


def test_a_buffer_that_never_fits_the_master_copy_warns() -> None:
    trace = one_pe_trace(task_counts={"digital_parameters": 10**6})
    small = priced(trace, {"buffer.size_bytes": 4096})
    assert said(small, "the buffer never fits the master copy")
    assert not said(priced(trace, {"master_copy.location": "dram"}), "never fits")


def test_training_that_waits_for_dram_more_than_for_all_else_warns() -> None:
    replay = {"replay_samples_read": 20, "replay_bytes_read": 1000}
    trace = one_pe_trace(task_counts=replay, counts={"forward_vectors": [20]})
    report = priced(trace)
    other_s = report.latency.total - report.latency.part("dram").total
    # at exactly as much time as all else together it is not yet bound
    for factor, warned in ((0.99, False), (1.01, True)):
        rate = 8000 / (other_s * factor)
        bound = priced(trace, {"dram.bandwidth_bits_per_s": rate})
        assert bound.latency.part("dram").total == pytest.approx(other_s * factor)
        assert said(bound, "training is DRAM-bound: 50% of its time") == warned


def test_a_run_that_takes_no_dram_is_not_bound() -> None:
    assert not said(priced(one_pe_trace(counts={"forward_vectors": [5]})), "DRAM-bound")
