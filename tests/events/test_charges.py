"""Events spend what is charged: any sort of memory, phases, failed writes, parts, a method's own work."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from imcsim.chip import ChipConfig, price
from imcsim.chip.part import ChipPart, Spent
from imcsim.chip.placed import place
from imcsim.core.charge import Charge, Charges, Price
from imcsim.core.errors import EventsError
from imcsim.events import Schedule, StepOptions, Work, closed_form_graph, closed_form_s, run, training_graph, work_of
from imcsim.events.consolidate import SCHEMES, CommitScheme, consolidation, crash
from imcsim.events.row_writes import commits, in_place
from imcsim.memory.analog_rram import AnalogRram
from imcsim.memory.digital_sram import DigitalSram
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, random_trace, small_chip

PHASES = ((2, 4), (6,), (1, 5))  # of 6 steps a task


class Mram(DigitalSram):
    """Keeps its weights without power; every row takes as long, and all PEs are written at once."""

    volatile: ClassVar[bool] = False


class Gain(AnalogRram):
    """Loses its weights without power; few PEs are written at once."""

    volatile: ClassVar[bool] = True


class Regulator(ChipPart):
    """Loses a share of all energy, and takes a while in each phase to settle."""

    loss: float
    settle_s: float

    def charges(self, spent: Spent, at: str) -> Charges:
        """As the base says."""
        if spent.tree == "latency":
            return (Charge("settle", np.ones(3), "phases", "one", (), Price(self.settle_s, "t", (f"{at}.settle_s",))),)
        if spent.tree != "energy":
            return ()
        return (Charge("loss", spent.by_phase, "joules", "all", (), Price(self.loss, "share", (f"{at}.loss",))),)


def mram_of(chip: ChipConfig) -> Mram:
    assert chip.sram is not None
    return Mram(**{name: getattr(chip.sram, name) for name in DigitalSram.model_fields})


def chips() -> dict[str, ChipConfig]:
    hybrid = small_chip("hybrid-28nm", {"sram.pe_count": 64, "rram.pe_count": 64}).config
    assert hybrid.rram is not None
    gain = Gain(**{name: getattr(hybrid.rram, name) for name in AnalogRram.model_fields} | {"parallel_write_pes": 2})
    alone = {"rram": None, "sram": None, "overflow": "refuse"}
    return {
        "MRAM": hybrid.model_copy(update=alone | {"memory": {"mram": mram_of(hybrid)}}),
        "MRAM and SRAM": hybrid.model_copy(update={"rram": None, "memory": {"mram": mram_of(hybrid)}}),
        "RRAM and gain cells": hybrid.model_copy(update={"sram": None, "memory": {"gain": gain}}),
    }


CHIPS = chips()


def simulate(of: Work, generator: np.random.Generator | None = None, **options: Any) -> Schedule:
    return run(training_graph(of, StepOptions(**{"steps": of.steps, "once": True, **options}), generator))


def check(of: Work) -> Schedule:
    """Energy and closed form of one phase, against the charges of its price."""
    found = simulate(of)
    tree = [c for c in of.spent.trees["energy"] if not c.leaf.startswith("leakage.")]
    assert found.energy_j == pytest.approx(sum(float(c.by_phase[of.phase]) for c in tree), rel=1e-9)
    latency = sum(float(c.by_phase[of.phase]) for c in of.spent.trees["latency"])
    assert run(closed_form_graph(of)).makespan_s == pytest.approx(latency, rel=1e-9)
    assert closed_form_s(of, of.steps, once=True) == pytest.approx(latency, rel=1e-12)
    return found


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("gradient", ["transposable", "second-copy", "digital"])
def test_another_sort_of_memory_runs_and_keeps_its_energy(name: str, gradient: str) -> None:
    chip = CHIPS[name].model_copy(update={"input_gradient": gradient})
    placed = place(random_trace(0), chip)
    for task in range(3):
        check(work_of(placed, task=task))


def test_resources_are_named_after_memories() -> None:
    names = {name: set(simulate(work_of(random_trace(0), chip, 1)).busy_s) for name, chip in CHIPS.items()}
    assert {"mram a", "mram b"} <= names["MRAM"]
    assert {"mram a", "sram a"} <= names["MRAM and SRAM"]
    assert not any("write drivers" in name for name in names["MRAM"] | names["MRAM and SRAM"])  # nothing limits them
    assert {"write drivers", "write drivers gain", "adc gain a"} <= names["RRAM and gain cells"]


def test_rows_that_never_vary_are_not_drawn() -> None:
    of = work_of(random_trace(0), CHIPS["MRAM and SRAM"], 1)
    mean, drawn = simulate(of), simulate(of, np.random.default_rng(0))
    assert np.array_equal(mean.end_s, drawn.end_s)
    vary = work_of(random_trace(0), CHIPS["RRAM and gain cells"], 1)
    assert simulate(vary).busy_s != simulate(vary, np.random.default_rng(0)).busy_s


def test_mram_rows_by_hand() -> None:
    """A PE's rows follow one another, PEs in parallel: the layer takes as long as the PE with the most rows."""
    of = work_of(random_trace(0), CHIPS["MRAM"], 1)
    bank = of.placed.home
    assert isinstance(bank.memory, Mram)
    rows = bank.profile.policy(bank.memory.write_policy).row_events[1]
    found = simulate(of, once=False, vectors_per_task=1)
    for name, span in zip(of.names, bank.grid.layer_slices, strict=True):
        took = [t.service_s for t in found.graph.tasks if t.name == f"{name} rows"]
        assert sum(took) == pytest.approx(rows[span].max() * bank.memory.cell.write_time_s, rel=1e-12)


def test_pes_make_up_the_time_of_the_price() -> None:
    """Each PE's seconds, as many PEs at once as may be: what the price charges for all of them."""
    for name in ("hybrid-28nm", "all-rram-28nm", "all-sram-28nm"):
        for more in ({}, {"rram.parallel_write_pes": 1} if "sram" not in name else {}):
            of = work_of(random_trace(0), small_chip(name, more).config, 1)
            for one in (*in_place(of), *commits(of)):
                seconds, most = one.mean_s(), one.bank.memory.parallel_pes
                whole = one.bank.memory.write_time(one.bank.site, one.events[None], one.rows[None]).total
                shared = 0.0 if most is None else float(seconds.sum()) / most
                assert max(float(seconds.max()), shared) == pytest.approx(whole, rel=1e-12)
                assert whole > 0


def test_lazy_commits_take_the_rows_that_are_written() -> None:
    placement = {"a": np.ones((3, 1, 3, 3), bool), "b": np.ones((3, 1, 2, 2), bool)}
    placement["a"][1] = False  # layer a rests in task 1, and is programmed home then
    trace = random_trace(0, placement=placement, pe_tile=(4, 2))
    of = work_of(trace, small_chip("hybrid-28nm", {"commit": "lazy"}).config, 1)
    (late,) = commits(of)
    levels = ENCODINGS[0].levels(trace.codes["a"][[0, 1]])
    changed = (levels[:, 0] != levels[:, 1]).any(axis=0)[0]  # (D, N)
    rows = [int(changed[top : top + 4, left : left + 2].any(axis=1).sum()) for top in (0, 4, 8) for left in (0, 2, 4)]
    assert late.rows[:9].tolist() == rows
    assert not late.rows[9:].any()


@pytest.mark.parametrize("name", ["all-rram-28nm", "hybrid-28nm"])
def test_failed_writes_are_spent_and_take_time(name: str) -> None:
    policy = "step" if name == "all-rram-28nm" else "commit"
    trace = random_trace(2)
    counts = {"dead_cells": np.array([[1, 0], [4, 1], [4, 1]]), "failed_writes": np.array([[3, 0], [5, 2], [0, 0]])}
    config = {"wear": {"policy": policy, "encoding": ENCODINGS[0].name}}
    worn = replace(trace, meta=trace.meta.model_copy(update={"config": config}), wear_counts=counts)
    chip = small_chip(name)
    of = work_of(worn, chip.config, 1)
    found, plain = check(of), simulate(work_of(trace, chip.config, 1))
    part = "update" if name == "all-rram-28nm" else "migration"
    spent = price(worn, chip).energy_by_task[1].part(part, "failed_writes").total
    assert found.energy_j - plain.energy_j == pytest.approx(spent, rel=1e-6)
    assert found.busy_s["failed_writes"] == pytest.approx(of.seconds("failed_writes"), rel=1e-12)
    assert of.seconds("failed_writes") > 0


def test_a_part_of_the_chip_is_spent_at_the_ends_of_steps() -> None:
    base = small_chip("hybrid-28nm").config
    chip = base.model_copy(update={"part": {"vreg": Regulator(loss=0.25, settle_s=6e-6)}})
    of, plain = work_of(random_trace(0), chip, 1), work_of(random_trace(0), base, 1)
    found, without = check(of), simulate(plain)
    leaked = plain.joules("leakage")  # over the time of the closed form, which settling is no part of: it comes first
    assert found.energy_j == pytest.approx(1.25 * without.energy_j + 0.25 * of.joules("leakage"), rel=1e-9)
    assert leaked > 0
    ends = [task for task in found.graph.tasks if task.name.startswith("end of step")]
    assert [task.energy_j for task in ends] == pytest.approx([of.joules("part.vreg") / of.steps] * of.steps)
    assert found.busy_s["part.vreg.settle"] == pytest.approx(6e-6, rel=1e-12)
    one = simulate(of, steps=1, once=False).makespan_s - simulate(plain, steps=1, once=False).makespan_s
    assert 0 <= one <= 1e-6 * (1 + 1e-9)


def worked(trace: Trace) -> Trace:
    """The trace of a method with a buffer, a bank and sums of its own."""
    terms = [{"name": name, "memory": name, "why": "asked"} for name in ("dram", "buffer", "digital")]
    meta = type(trace.meta).model_validate(trace.meta.model_dump() | {"work_terms": terms})
    ways = {"operations": 4000, "bytes_read": 300_000, "bytes_written": 200_000}
    return replace(trace, meta=meta, work={t["name"]: {way: np.full(3, n) for way, n in ways.items()} for t in terms})


@pytest.mark.parametrize("name", ["all-sram-28nm", "hybrid-28nm"])
def test_work_of_a_method_s_own_is_spent_and_crosses_the_port(name: str) -> None:
    chip = small_chip(name).config
    of, plain = work_of(worked(random_trace(0)), chip, 0), work_of(random_trace(0), chip, 0)
    found, without = check(of), simulate(plain)
    assert found.energy_j - without.energy_j == pytest.approx(of.joules("work"), rel=1e-9)
    more = found.busy_s["buffer port"] - without.busy_s["buffer port"]
    assert more == pytest.approx(8 * 500_000 / chip.buffer.bandwidth_bits_per_s, rel=1e-9)
    assert found.busy_s["work"] == pytest.approx(of.seconds("work"), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("all-rram-28nm", {}), ("all-rram-28nm", {"rram.write_policy": "task", "rram.write_rule": "harmonic"}),
        ("all-sram-28nm", {}), ("hybrid-28nm", {}), ("hybrid-28nm", {"commit": "lazy"}),
    ],
)  # fmt: skip
def test_every_phase_spends_what_it_is_charged(name: str, more: dict[str, Any]) -> None:
    placed = place(random_trace(3, phases=PHASES), small_chip(name, more).config)
    total = 0.0
    for task, steps in enumerate(PHASES):
        for phase in range(len(steps)):
            of = work_of(placed, task=task, phase=phase)
            assert (of.task, of.steps) == (task, steps[phase])
            total += check(of).energy_j
    report = price(random_trace(3, phases=PHASES), small_chip(name, more))
    assert total == pytest.approx(report.energy.total - report.energy.part("leakage").total, rel=1e-9)


def test_which_phase_is_meant() -> None:
    placed = place(random_trace(3, phases=PHASES), small_chip("hybrid-28nm").config)
    assert [work_of(placed, task=t).phase for t in (0, 1, 2, -1)] == [1, 2, 4, 4]
    assert work_of(placed, task=2, phase=0).phase == 3
    with pytest.raises(EventsError, match="task 1 has phases 0 to 0, got 1"):
        work_of(placed, task=1, phase=1)
    with pytest.raises(EventsError, match="a trace needs a chip to run on"):
        work_of(placed.trace)


def test_a_cut_in_a_task_of_phases_is_that_of_the_whole_task() -> None:
    """All PEs train in all phases: they are committed once, at the end of the task."""
    chip = small_chip("hybrid-28nm").config
    whole, cut = (work_of(trace, chip, 2) for trace in (random_trace(3), random_trace(3, phases=PHASES)))
    for name in SCHEMES:
        scheme = CommitScheme(name=name)
        one, two = (crash(work, scheme, cuts=9, at_share=0.5, cuts_per_year=12.0) for work in (whole, cut))
        assert two.schedule.makespan_s == one.schedule.makespan_s
        assert two.outcomes == one.outcomes
        assert two.cost.programming_j == pytest.approx(one.cost.programming_j)
        assert (two.cost.commits, two.cost.worst, two.cost.cells) == (one.cost.commits, one.cost.worst, one.cost.cells)
    early = replace(cut, phase=3)
    with pytest.raises(EventsError, match="task 2 commits no PE"):
        consolidation(early, CommitScheme())


def test_a_commit_to_another_sort_can_be_cut() -> None:
    of = work_of(random_trace(0), CHIPS["MRAM and SRAM"], 1)
    bank = of.placed.home
    assert isinstance(bank.memory, Mram)
    found = consolidation(of, CommitScheme(name="in-place"))
    writes = [found.graph.tasks[i] for i in found.row_tasks]
    assert {t.service_s for t in writes} == {bank.memory.cell.write_time_s}
    assert sum(t.energy_j for t in writes) == pytest.approx(of.joules("migration.mram_write"), rel=1e-9)
    read = [t for t in found.graph.tasks if t.phase == "read codes"]
    assert all(t.resource is not None and t.resource.startswith("sram PE ") for t in read)
    outcomes = [crash(of, CommitScheme(name=name), cuts=9).outcomes for name in SCHEMES]
    assert [one.neither > 0 for one in outcomes] == [True, False]
