"""The study of chips that learned on their arrays, each recount by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from imcsim.chip.wear.first_failure import Endurance
from imcsim.published.training import shipped_training_chips, validate_training
from imcsim.published.training_macro import base_chip
from studies.silicon_that_trains import analyse, regions, wear
from studies.silicon_that_trains.drawings import draw
from studies.silicon_that_trains.wear import Worn

CHIPS = {chip.chip_id: chip for chip in shipped_training_chips()}
CHIMERA, ENDURER, M2RU = CHIPS["chimera_vlsi21_40nm"], CHIPS["illusion_endurer_ne21"], CHIPS["m2ru_arxiv2512_17299"]
WORN = wear.measured()
HOUR = 3600.0


# --- CHIMERA


def test_ten_years_of_updates() -> None:
    samples, steps = regions.steps_of(CHIMERA)
    assert samples == pytest.approx(20 * 60 * 24 * 3652.5)
    assert steps == pytest.approx(samples / 283)
    moves = 3652.5 * 6
    needed = {
        (low_rank, moved): regions.least_endurance(CHIMERA, 0.025, 4 * HOUR, low_rank=low_rank, moved=moved)
        for low_rank in (True, False)
        for moved in (True, False)
    }
    assert needed[True, True] == pytest.approx(0.025 * steps + moves) == pytest.approx(3.12e4, rel=1e-3)
    assert needed[True, False] == pytest.approx(steps)  # a cell that trains is written at each update
    assert needed[False, True] == pytest.approx(0.025 * samples + moves)
    assert needed[False, False] == pytest.approx(samples)


def test_what_may_train_at_an_endurance() -> None:
    assert regions.largest_share(CHIMERA, 1e4, 4 * HOUR) is None
    assert regions.largest_share(CHIMERA, 1e5, 4 * HOUR) == pytest.approx((1e5 - 21_915) / 371_703, rel=1e-4)
    assert regions.largest_share(CHIMERA, 1e6, 4 * HOUR) == 1.0
    share = regions.largest_share(CHIMERA, 1e5, 4 * HOUR)
    assert share is not None
    assert regions.least_endurance(CHIMERA, share, 4 * HOUR, low_rank=True, moved=True) == pytest.approx(1e5)


def test_the_grid_of_lives_agrees_with_the_least_endurance() -> None:
    rows = list(regions.life_rows(CHIMERA))
    assert len(rows) == len(regions.ENDURANCES) * len(regions.SHARES) * len(regions.PERIODS_H)
    for row in rows:
        least = regions.least_endurance(
            CHIMERA, row["trained_share"], row["remap_h"] * HOUR, low_rank=True, moved=True
        )  # fmt: skip
        assert row["years both"] == pytest.approx(10 * row["endurance"] / least)
        assert row["years neither"] == pytest.approx(10 * row["endurance"] / regions.steps_of(CHIMERA)[0])
        assert (row["holds"] == "yes") is (row["endurance"] >= least)


def test_the_energy_delay_product_needs_writing_to_dominate() -> None:
    written = regions.needed_writing(340, 283)
    root = math.sqrt(340)
    assert (1 + written) / (1 + written / 283) == pytest.approx(root)
    assert written == pytest.approx(18.7, rel=0.01)
    # 10.9 pJ a bit x 8 bits over 18.7 x 0.909 pJ a MAC
    macs = regions.macs_per_weight_at(written, 10.9e-12, 8, regions.mac_j(CHIMERA))
    assert macs == pytest.approx(10.9 * 8 / (written * 2 / 2.2)) == pytest.approx(5.1, rel=0.02)
    assert regions.edp_grid(CHIMERA, np.array([macs]), np.array([10.9e-12]), 8)[0, 0] == pytest.approx(340)
    assert regions.needed_writing(1.0, 283) == 0
    with pytest.raises(ValueError, match="needs more than 283"):
        regions.needed_writing(283**2, 283)


# --- ENDURER


def test_what_was_measured() -> None:
    hot = [one for one in WORN if not one.remapped]
    assert [(one.writes, one.stuck) for one in hot] == [(18e3, 0), (126e3, 0), (54e4, 1), (657e4, 6), (657e5, 149)]
    last = [one for one in WORN if one.remapped and one.time == "ten years"]
    assert (sum(one.stuck for one in last), sum(one.stuck_at_0 for one in last)) == (111, 108)
    assert hot[-1].share == pytest.approx(149 / 3456)


def test_a_law_through_two_points_meets_both() -> None:
    law = wear.through_hot_words(WORN)
    assert law.shape == pytest.approx(1.40, abs=0.01)
    assert law.scale == pytest.approx(6.1e8, rel=0.01)
    for one in [one for one in WORN if not one.remapped][-2:]:
        assert -math.expm1(-((one.writes / law.scale) ** law.shape)) == pytest.approx(one.share)
    exact = Endurance(1e6, 2.0)
    points = [Worn(False, "", "", n, 10**12, round(-math.expm1(-((n / 1e6) ** 2)) * 10**12), 0) for n in (1e5, 5e5)]
    found = wear.weibull_through(*points)
    assert (found.scale, found.shape) == pytest.approx((exact.scale, exact.shape), rel=1e-6)


def test_the_first_of_many_bits_by_hand() -> None:
    early, median, late = wear.first_failure_writes(Endurance(1e7, 2.0), 100, 0.5)
    # 100 bits, half a cycle a write: scale 1e7 / 0.5 / 10
    assert median == pytest.approx(2e6 * math.sqrt(math.log(2)))
    assert early < median < late
    with pytest.raises(ValueError, match="never change"):
        wear.first_failure_writes(Endurance(1e7, 2.0), 100, 0.0)


def test_words_that_are_moved_are_written_as_imcsims_rotation_says() -> None:
    days = 2048 * 4 / 24  # a whole turn
    least, mean, most = wear.levelled_words(ENDURER, days)
    assert least == pytest.approx(most)
    assert mean == pytest.approx(3000 * 216 + 2048)
    least, mean, most = wear.levelled_words(ENDURER, 3650)
    assert least < mean < most
    assert mean == pytest.approx(21_900 * (3000 * 216 / 2048 + 1))


def test_rows_of_wear_hold_the_measured_share_beside_each_cell() -> None:
    rows = list(wear.wear_rows(ENDURER, WORN))
    assert len(rows) == len(WORN) == 45
    lives = wear.shipped(ENDURER)
    for row in rows:
        for name, life in lives.items():
            assert row[name] == pytest.approx(-math.expm1(-((row["writes_per_word"] / 2 / life.scale) ** life.shape)))
            assert row[f"{name} low"] <= row[name] <= row[f"{name} high"]
    for row in wear.first_rows(ENDURER, WORN):
        assert (row["measured_after"], row["measured_by"]) == (126e3, 54e4)


# --- the others


def test_one_pulse_and_the_voltage_at_which_its_claim_holds() -> None:
    rows = list(regions.pulse_rows(CHIPS["fwdonly_arxiv2601_09903"]))
    for row in rows:
        assert row["high"] == pytest.approx(4 * row["low"])  # 0.5 V against 1 V
        assert (row["holds"] == "yes") is (0.5 <= row["voltage_for_claim"] <= 1.0)


def test_an_interval_is_life_over_endurance() -> None:
    assert regions.needed_interval_s(M2RU, 1e6) == pytest.approx(12.2 * 365.25 * 86_400 / 1e6)


def test_the_overhead_of_training_at_its_largest_share() -> None:
    chip = CHIPS["gonugondla_isscc18_65nm"]
    share = regions.largest_violating_share(chip, 0.126e-12, 128)
    assert 0 < share < 1
    grid = regions.overhead_grid(chip, np.array([share, 1.0]), np.array([0.126e-12]), 128)
    assert grid[0, 0] == pytest.approx(1.26)
    assert grid[0, 1] > 1.26
    assert regions.largest_violating_share(chip, 1e-18, 1e9) == 1.0
    assert regions.largest_violating_share(chip, 0.84e-12, 0.1) == 0.0  # writing alone takes more


def test_what_a_35th_of_an_asic_leaves() -> None:
    tpim = CHIPS["tpim_cicc22_28nm_training"]
    low, high = regions.asic_budget_j(CHIPS["stellar_science23"], tpim)
    mac = base_chip(tpim).config.mac
    middle = (79_400 * mac.vector_energy_j + 1000 * (mac.gradient_energy_j + mac.update_energy_j)) / 35
    assert low < middle < high


def test_small_recounts() -> None:
    assert regions.minibatch_j(CHIPS["qlrcl_vega_22nm"], 10) == pytest.approx(10 * 3600 / (535 * 60))
    assert regions.precision_ratio(8, {"input_bits": 1, "weight_bits": 2}) == 32


# --- the whole


def test_every_finding_has_a_region_and_shows_a_claim_as_one() -> None:
    found = validate_training(tuple(CHIPS.values()))
    rows = analyse.tables(found)
    claims = rows["claims"]
    assert len({row["key"] for row in claims}) == len(claims) >= 20
    for row in claims:
        assert row["holds_where"] and row["shown_as"] in ("published", "claimed in the abstract")
        assert row["ours_low"] is None or row["ours_low"] <= row["ours_high"]
        assert "[memory]" not in row["source"]
    by_key = {row["key"]: row for row in claims}
    assert by_key["stellar-pulses"]["ours_high"] == pytest.approx(27_231_120 / 920_444)
    assert by_key["tpim-range"]["ours_low"] == 32
    assert by_key["m2ru-life"]["ours_low"] == pytest.approx(0.385, rel=1e-3)
    assert by_key["forward-training"]["ours_high"] == pytest.approx(212.6)
    assert by_key["ravaglia-backward"]["ours_low"] == pytest.approx(2.21 / 1.7)
    assert len(rows["predictions"]) > 30


def test_files_and_figure(tmp_path: Path) -> None:

    analyse.main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "claims.csv", "predictions.csv", "life.csv", "wear.csv", "first_failure.csv", "pulses.csv", "stamp.json",
        "regions.png",
    }  # fmt: skip
    axes = draw(CHIPS, WORN).axes
    assert len(axes) == 6 + 2  # two with a bar of colours
    assert any(65.7e6 in np.asarray(line.get_xdata()) for line in axes[2].lines)
