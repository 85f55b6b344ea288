"""Every number of a price is what the oracle counts: of the golden pairs, and of scrambled traces and chips."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from imcsim.chip import ChipConfig, Report, price
from imcsim.core.sources import Resolved
from imcsim.trace import Trace
from tests.chip.hand import small_chip
from tests.chip.test_training_costs import resting_trace
from tests.golden.figures import BY_TASK, chip_of, report_figures, report_of, trace_of
from tests.golden.pairs import Pair, pairs
from tests.oracle.report import Numbers, expected
from tests.oracle.traces import scrambled_chip, scrambled_trace

TOLERANCE = 1e-9
HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"


def numbers_of(report: Report) -> Numbers:
    """Return every number of a report by dotted name, those of all tasks among them."""
    found: Numbers = dict(report_figures(report))
    for tree in BY_TASK:
        for task, one in enumerate(getattr(report, f"{tree}_by_task")):
            found |= {f"{tree}_by_task.{task}.{leaf}": value for leaf, value in one.flat().items()}
    return found


def differences(have: Mapping[str, Any], want: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a price says otherwise than the oracle: nothing where it must be nothing, whole numbers exactly."""
    for name in sorted(have.keys() | want.keys()):
        is_, must = have.get(name, "absent"), want.get(name, "absent")
        if isinstance(is_, float) and isinstance(must, float):
            if not math.isclose(is_, must, rel_tol=TOLERANCE, abs_tol=0.0):
                yield f"{name} is {is_!r}, must be {must!r} ({is_ / must - 1 if must else math.inf:+.3g})"
        elif is_ != must:
            yield f"{name} is {is_!r}, must be {must!r}"


def check(trace: Trace, chip: Resolved[ChipConfig], report: Report) -> list[str]:
    return list(differences(numbers_of(report), expected(trace, chip.config.model_dump())))


def _by_chip() -> dict[str, list[Pair]]:
    found = defaultdict(list)
    for pair in pairs():
        if pair.view == "price":
            found[pair.chip].append(pair)
    return found


@pytest.mark.parametrize("chip", _by_chip())
def test_every_number_of_the_golden_prices(chip: str) -> None:
    for pair in _by_chip()[chip]:
        found = check(trace_of(pair.trace), chip_of(pair), report_of(pair))
        assert not found, f"{pair}: {len(found)} numbers, such as\n" + "\n".join(found[:8])


OFFSET = {"rram.sign": "offset", "rram.cell_bits": 1}
EIGHT = {"rram.adc_bits": 8, "rram.transposed_adc_bits": 0}
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    HYBRID: (
        {"sram.pe_count": 4, "dac_bits": 3, "rram.write_rule": "harmonic"},
        {"commit": "lazy", "rram.write_rule": "arithmetic", "input_gradient": "digital", "rram.adc.model": "neurosim"},
        {"sram.pe_count": 12, "commit": "lazy", "input_gradient": "second-copy", "rram.write_policy": "epoch"},
        {"weight_gradient": "sram-array", "gate_columns": True, "rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5},
        {"sram.weight_sets": 2, "rram.open_rows": 3, "rram.control_share": 0.3, "sram.control_share": 0.2},
        {"sram.weight_sets": 3, "sram.weights_per_tree": 2, "dac_bits": 2, "rram.pair": "converted"},
        {"input_gradient": "digital", "rram.control_share": 0.1, "sram.control_share": 0.4, "gate_columns": True},
        {"rram.control_area_share": 0.5, "sram.control_area_share": 0.25, "rram.transposed_adc_bits": 5},
        {"sram.adder_tree.kind": "chain", "sram.adder_tree.pipelined": True, "weight_gradient": "sram-array"},
        {**OFFSET, "rram.open_rows": 2, "rram.control_area_share": 0.5, "rram.adc.model": "neurosim"},
    ),
    RRAM: (
        {"rram.parallel_write_pes": 1, "gate_columns": True, "rram.adc.model": "survey", **EIGHT},
        {"master_copy.location": "dram", "buffer.size_bytes": 4096, "rram.columns_per_adc": 4},
        {"rram.adc": "adc-mnsim", **EIGHT, "rram.write_policy": "epoch", "dac_bits": 2},
        {"input_gradient": "second-copy", "floor_plan": {"topology": "mesh", "pes_per_router": 2}},
        {"input_gradient": "digital", "rram.write_policy": "task", "rram.write_rule": "harmonic"},
        {"rram.sensing": "voltage", "dac_bits": 2, "rram.open_rows": 2, "rram.joined_columns": 2},
        {"rram.sensing": "dc-free", "rram.joined_columns": 4, "rram.pair": "converted", "rram.open_rows": 3},
        {"rram.adc.model": "flash", "rram.adc_bits": 5, "gate_columns": True, "rram.clamp_current_a": 5e-6},
        {"rram.adc.model": "sense-amp", "rram.adc.sense_amp.at_once": True, "rram.adc_bits": 4, "dac_bits": 2},
        {"rram.clamp_current_a": 2e-6, "rram.open_rows": 3, "rram.control_share": 0.1},
        {"rram.adc.model": "integrating", "rram.columns_per_adc": 2},
        OFFSET,
        {**OFFSET, "rram.reference": "ideal"},
        {**OFFSET, "rram.columns_per_adc": 24, "input_gradient": "second-copy"},
        {**OFFSET, "rram.columns_per_adc": 2, "input_gradient": "digital"},
        {**OFFSET, "rram.open_rows": 3, "rram.clamp_current_a": 2e-6, "rram.control_share": 0.2, "gate_columns": True},
        {**OFFSET, "rram.joined_columns": 4, "rram.sensing": "dc-free", "rram.open_rows": 2},
        {**OFFSET, "rram.joined_columns": 2, "rram.columns_per_adc": 6, "rram.sensing": "voltage", "dac_bits": 2},
    ),
    SRAM: (
        {"oversize": "multiplex", "sram.pe_count": 5, "power_gate_unused": False},
        {"oversize": "multiplex", "sram.pe_count": 7, "input_gradient": "second-copy"},
        {"weight_gradient": "sram-array", "skip_masked_gradients": False, "sram.write_policy": "epoch"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("own", ["", "switched", "resident"])
@pytest.mark.parametrize(("name", "number"), [(name, n) for name in OPTIONS for n in range(len(OPTIONS[name]))])
def test_every_number_at_other_values(name: str, number: int, own: str) -> None:
    room = {f"{part}.pe_count": 40 for part in ("rram", "sram") if part in name or name == HYBRID}
    chip = small_chip(name, room | OPTIONS[name][number])
    for seed in (1, 2):
        trace, other = scrambled_trace(seed, placed=seed == 1 or name == HYBRID, own=own), scrambled_chip(chip, seed)
        assert not check(trace, other, price(trace, other))


@pytest.mark.parametrize("policy", ["task", "lazy"])
@pytest.mark.parametrize("rule", ["flat", "harmonic"])
def test_pes_that_rest_and_come_back(policy: str, rule: str) -> None:
    trace, chip = resting_trace(3), small_chip(HYBRID, {"commit": policy, "rram.write_rule": rule})
    assert not check(trace, chip, price(trace, chip))


# --- the test itself can fail


def test_a_number_that_is_wrong_is_named() -> None:
    want = {"energy.a": 1.0, "cells": 3, "never": None, "zero": 0.0}
    assert list(differences(want, want)) == []
    assert list(differences({**want, "energy.a": 1 + 1e-10}, want)) == []
    assert list(differences({**want, "energy.a": 1 + 1e-8}, want)) == ["energy.a is 1.00000001, must be 1.0 (+1e-08)"]
    assert list(differences({**want, "zero": 1e-300}, want)) == ["zero is 1e-300, must be 0.0 (+inf)"]
    assert list(differences({**want, "cells": 4}, want)) == ["cells is 4, must be 3"]
    assert list(differences({**want, "never": 1.0}, want)) == ["never is 1.0, must be None"]
    assert list(differences({**want, "more": 1.0}, want)) == ["more is 1.0, must be 'absent'"]
    assert list(differences({}, {"less": 1.0})) == ["less is 'absent', must be 1.0"]


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        (("rram", "adc", "macro_fit", "linear_f"), {"energy.forward.rram.adc", "inference.rram.adc"}),
        (("sram", "cell", "leakage_w"), {"energy.leakage.sram"}),
        (("dram", "bandwidth_bits_per_s"), {"latency.dram", "energy.leakage.buffer"}),
        (("rram", "cell", "guaranteed_cycles"), {"lifetime.rram.tasks_guaranteed"}),
        (("mac", "area_m2"), {"area.digital"}),
    ],
)
def test_a_value_that_is_wrong_is_noticed(path: tuple[str, ...], moved: set[str]) -> None:
    chip, trace = small_chip(HYBRID), scrambled_trace(4)
    values: Any = chip.config.model_dump()
    within = values
    for name in path[:-1]:
        within = within[name]
    last = within[path[-1]]
    within[path[-1]] = tuple(1.01 * value for value in last) if isinstance(last, tuple) else 1.01 * last
    found = {line.split(" ")[0] for line in differences(numbers_of(price(trace, chip)), expected(trace, values))}
    assert moved <= found
