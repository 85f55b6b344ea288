"""What each lever buys: the rows are those of the outlooks, and per joule and square metre what it says."""

import pytest

from imcsim.core.errors import ConfigError
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.life import chip_for, compare_levers, outlook, parse_policies, standard_policies
from tests.chip.hand import random_trace, small_chip
from tests.life.test_recording import random_masks

ALL, SMALL = (
    "all-rram-28nm",
    {"array.rows": 4, "array.cols": 16, "rram.pe_count": 16, "rram.control_share": 0.0, "rram.clamp_current_a": 0.0},
)


def test_rows_are_the_outlooks() -> None:
    trace = random_trace(0)
    policies = [("coalesce=task",), ("spare-columns=1",), ("swap=5",), ("refresh=1",), ("sram-cache=2",)]
    rows = compare_levers(trace, ALL, policies, SMALL)
    assert [row.policies for row in rows] == [(), *policies]
    none = outlook(trace, small_chip(ALL))
    assert none.first_failure is not None
    for row in rows[1:5]:
        options = parse_policies(row.policies)
        found = outlook(trace, chip_for(ALL, options, SMALL), options)
        life = found.spare_limited if row.policies[0].startswith("spare") else found.first_failure
        assert life is not None
        assert row.life is not None
        assert row.life.median == pytest.approx(life.median / DAYS_PER_YEAR)
        gained = (life.median - none.first_failure.median) / DAYS_PER_YEAR
        assert row.years_gained == pytest.approx(gained)
        assert row.energy_added_j == pytest.approx(found.energy[0].total_j - none.energy[0].total_j)
    coalesced, spared, swapped, refreshed, refused = rows[1:]
    assert coalesced.energy_added_j < 0
    assert coalesced.years_per_j is coalesced.years_per_m2 is None  # nothing is spent
    assert spared.area_added_m2 == pytest.approx(spare_area("spare-columns=1"))
    assert spared.years_per_m2 == pytest.approx((spared.years_gained or 0) / spared.area_added_m2)
    assert swapped.years_per_j == pytest.approx((swapped.years_gained or 0) / swapped.energy_added_j)
    assert refreshed.years_gained is not None
    assert refreshed.years_gained < 0
    assert refused.refused == "sram-cache needs SRAM PEs, and 'all-rram-28nm' has no [sram]: choose a hybrid chip"
    assert rows[0].years_gained == rows[0].energy_added_j == 0


def spare_area(policy: str) -> float:
    found = outlook(random_trace(0), small_chip(ALL), parse_policies([policy]))
    assert found.spares is not None
    return found.spares.area_m2


def test_the_standard_levers_of_a_hybrid_have_caches_for_what_trains() -> None:
    trace, chip = random_masks(0), small_chip("hybrid-28nm").config
    policies = standard_policies(trace, chip)
    caches = [texts[0] for texts in policies if texts and texts[0].startswith("sram-cache")]
    assert caches[-1] == "sram-cache=13:life"  # all 13 PEs train at some time
    assert len(caches) == 6
    rows = compare_levers(trace, "hybrid-28nm", None, {**SMALL, "sram.pe_count": 16})
    assert len(rows) == len(policies)
    assert not any(row.refused for row in rows)
    whole = rows[-1]
    assert whole.life is None
    assert whole.years_gained is whole.years_per_j is None
    assert whole.area_added_m2 < 0  # 13 of 16 SRAM PEs are enough


def test_a_policy_that_is_wrong_in_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown policy 'swop'; did you mean 'swap'"):
        compare_levers(random_trace(0), ALL, [("swop",)], SMALL)
