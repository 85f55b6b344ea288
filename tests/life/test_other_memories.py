"""Lives of cells that are no RRAM: what a sort need not state, what then is told, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.chip.placed import place
from imcsim.chip.wear.worn import worn_memory
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.learn.wear.of_chip import wear_of_chip
from imcsim.life import changed_by, compare_levers, outlook, parse_policies
from imcsim.life.event_energy import mean_event_j, moves_j, one_level_j
from imcsim.life.levers import sram_cache
from imcsim.memory.digital_sram import DigitalSram
from imcsim.memory.memory import Endurance
from imcsim.report.life import life_record, life_text
from imcsim.report.life_picture import draw_life
from tests.chip.hand import one_pe_trace, random_trace, small_chip
from tests.life.levers.test_sram_cache import alternating

GUARANTEED = 1e6


class Mram(DigitalSram):
    """Bits that stay without power, of which nothing more is known than how many writes are guaranteed."""

    volatile = False
    verb = "program"
    scale: float | None = None

    @property
    def endurance(self) -> Endurance:
        return Endurance(GUARANTEED) if self.scale is None else Endurance(GUARANTEED, self.scale, 2.0)


def mram_chip(more: dict[str, Any] | None = None, *, hybrid: bool = False, scale: float | None = None) -> Any:
    """A chip whose weights rest in MRAM, and train there unless it has SRAM, too."""
    found = small_chip("hybrid-28nm", more)
    assert found.config.sram is not None
    mram = Mram.model_validate({**found.config.sram.model_dump(), "pe_count": 16, "scale": scale})
    sram = found.config.sram if hybrid else None
    changed = {"name": "mram-chip", "rram": None, "sram": sram, "memory": {"mram": mram}}
    return Resolved(found.config.model_copy(update=changed), {})


def test_cells_with_guaranteed_cycles_alone_by_hand() -> None:
    # offset codes: 128 -> 129 -> 132 turns the lowest bit twice and the third once, 127 -> 127 -> 129 seven bits once
    trace, chip = one_pe_trace(), mram_chip()
    found, report = outlook(trace, chip), price(trace, chip)
    assert found.worst_cycles_per_task == 2
    assert [(layer.events_per_task, layer.first_failure, layer.dies_first) for layer in found.layers] == [(10, None, 0)]
    assert found.guaranteed_tasks == GUARANTEED / 2
    assert found.endurance is None
    assert (found.first_failure, found.one_percent, found.margin_tasks) == (None, None, None)
    assert np.isinf(found.pe_tasks).all()
    assert (found.pe_dies_first == 0).all()
    cell = worn_memory(chip.config).memory.model_dump()["cell"]
    fresh, last = found.energy[0], found.energy[-1]
    assert fresh.programming_j == pytest.approx(10 * cell["write_energy_j"], rel=1e-12)
    assert fresh.programming_j == pytest.approx(report.energy.part("update", "mram_program").total, rel=1e-12)
    assert fresh.total_j == pytest.approx(report.energy.total, rel=1e-12)  # no retries, pulses do not grow
    assert (last.tasks, last.total_j) == (GUARANTEED / 2, fresh.total_j)
    text = life_text(found)
    assert "64 MRAM cells" in text
    assert "first cell failed                 not known: see the notes" in text
    assert "note: When cells fail is not known: [memory.mram] guarantees 1e+06 cycles and states no" in text
    assert life_record(found)["first_failure"] is None


def test_a_sort_may_state_a_distribution_and_nothing_else() -> None:
    found = outlook(one_pe_trace(), mram_chip(scale=1e7))
    assert found.first_failure is not None
    assert found.first_failure.median == pytest.approx(1e7 * math.sqrt(math.log(2) / (2**2 + 8)), rel=1e-6)
    assert found.published_range is None
    assert found.energy[-1].tasks == found.first_failure.median


@pytest.mark.parametrize("wear", ["events", "pulses", "window"])
def test_a_write_without_pulses_is_a_cycle_by_every_rule(wear: str) -> None:
    assert outlook(one_pe_trace(), mram_chip(), parse_policies([], wear)).worst_cycles_per_task == 2


def test_levers_that_move_or_repeat_writes_need_no_pulses() -> None:
    trace, chip = one_pe_trace(), mram_chip()
    cell = worn_memory(chip.config).memory.model_dump()["cell"]
    kept = outlook(trace, chip, parse_policies(["refresh=5"])).levers.refreshing
    assert kept is not None
    assert kept.energy_per_task_j == pytest.approx(64 / 5 * cell["write_energy_j"])
    assert kept.time_per_task_s == pytest.approx(4 / 5 * cell["write_time_s"])
    assert kept.kept_days is None
    assert "refresh every 5 days:" in life_text(outlook(trace, chip, parse_policies(["refresh=5"])))
    for lever in ("rotate=2", "swap=3"):
        found = outlook(trace, chip, parse_policies([lever]))
        moved = found.levers.rotation or found.levers.swapping
        assert moved is not None
        assert moved.energy_per_task_j == pytest.approx(moved.events_per_task * cell["write_energy_j"])
    swapping = outlook(trace, chip, parse_policies(["swap=1000000"])).levers.swapping
    assert swapping is not None
    assert swapping.simulated_tasks <= GUARANTEED  # not longer than what is guaranteed


def test_sram_before_another_memory_is_a_cache_by_hand() -> None:
    # alternating: 669 loads in 334 streams of a PE with one weight: 8 bits read, 8 cells written
    chip = mram_chip({"sram.pe_count": 1, "overflow": "rram"}, hybrid=True).config
    found, cell = sram_cache(place(alternating(), chip), parse_policies(["sram-cache=1"])), chip.sram.cell
    assert found.loads * 1002 == pytest.approx(669)
    assert found.load_j * 1002 == pytest.approx(669 * 8 * (cell.read_energy_j + cell.write_energy_j))
    # a (0 1 1 5): one bit turns at its first eviction, later 1 -> 5 and 0 -> 1: two; b: -3 turns 128 to 125
    assert found.commit_j * 1002 == pytest.approx((1 + 2 * 333 + 7 * 334) * cell.write_energy_j)


def test_levers_change_the_memory_that_the_chip_has() -> None:
    chip = mram_chip(hybrid=True).config
    assert changed_by(parse_policies(["coalesce=task"]), chip) == {"memory.mram.write_policy": "task"}
    assert changed_by(parse_policies(["sram-cache=3"]), chip) == {"sram.pe_count": 3, "overflow": "rram"}
    assert changed_by(parse_policies(["swap"]), chip) == {}
    with pytest.raises(ConfigError, match=r"'all-sram-28nm' has no RRAM, and SRAM cells do not wear"):
        changed_by(parse_policies(["coalesce=task"]), small_chip("all-sram-28nm").config)


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (
            "spare-columns=1",
            r"spare lines need the distribution of the cycles to failure, and \[memory.mram\] states",
        ),
        ("refresh=auto", r"refresh=auto needs the time that \[memory.mram\] keeps a level, which it does not state"),
        (
            "selective-verify=0.5",
            r"write_rule = 'flat', which charges verify reads: \[memory.mram\] charges none",
        ),
    ],
)
def test_what_a_sort_does_not_state_is_refused(policy: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        outlook(one_pe_trace(), mram_chip(), parse_policies([policy]))


def test_pictures_and_accuracies_need_a_distribution() -> None:
    chip = mram_chip()
    with pytest.raises(ConfigError, match=r"PEs by remaining life needs the distribution .* its MRAM cells"):
        draw_life(outlook(one_pe_trace(), chip))
    with pytest.raises(ConfigError, match=r"cells that wear while learning need the distribution of the cycles"):
        wear_of_chip(chip.config)
    worn = wear_of_chip(mram_chip(scale=1e7).config)
    assert (worn.encoding, worn.policy, worn.stuck_low_share) == ("offset-8w-1c", "step", 0.5)


def test_levers_are_compared_where_lives_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imcsim.life.compare.load_chip", lambda name, overrides: mram_chip())
    with pytest.raises(ConfigError, match=r"the years that levers gain need the distribution of the cycles to failure"):
        compare_levers(random_trace(0), "mram-chip")


def test_energies_of_moves_by_pair_of_levels() -> None:
    macro = worn_memory(small_chip("all-rram-28nm", {"rram.write_rule": "arithmetic"}).config)
    each = np.asarray(macro.sheet.write.value)
    assert each.shape == (4, 4)
    assert mean_event_j(macro) == pytest.approx(each[~np.eye(4, dtype=bool)].mean())
    steps = [each[0, 1], each[1, 2], each[2, 3], each[1, 0], each[2, 1], each[3, 2]]
    assert one_level_j(macro) == pytest.approx(np.mean(steps))
    table = np.arange(16).reshape(4, 4)
    assert moves_j(table, macro) == pytest.approx((table * each).sum())
    flat = worn_memory(small_chip("all-rram-28nm").config)
    one = float(np.asarray(flat.memory.write_energy(flat.site).value))
    assert moves_j(table, flat) == pytest.approx((120 - 30) * one)  # 30 stay at their level
    assert mean_event_j(flat) == one_level_j(flat) == one
