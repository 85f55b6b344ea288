"""Chips that train: their facts, each prediction by hand, and what may be shown of a figure."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from imcsim.chip.config import load_chip
from imcsim.core.content import content_root
from imcsim.core.errors import ConfigError, DataError
from imcsim.memory.figures import full_pe
from imcsim.memory.memory import activity
from imcsim.published import load_units
from imcsim.published.training import ChipFound, Prediction, TrainingChip, shipped_training_chips, validate_training
from imcsim.published.training_facts import COLUMNS, read_training_chips
from imcsim.published.training_macro import base_chip, gate_factor, read_energy, rram_cells, write_energy_j
from imcsim.published.training_prediction import assumed, over
from imcsim.published.training_text import text
from imcsim.published.training_wear import (
    edp_gain,
    learned_life_years,
    levelled_cycles,
    life_years,
    remaps,
    stuck_share,
)

SHIPPED = shipped_training_chips()
FOUND = {one.chip.chip_id: one for one in validate_training(SHIPPED)}
HEAD = ",".join(COLUMNS)


def _one(chip: str, quantity: str) -> Prediction:
    return next(each for each in FOUND[chip].predictions if each.quantity == quantity)


def _chip(tmp_path: Path, *rows: str) -> TrainingChip:
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return read_training_chips(path)[0]


def _found(tmp_path: Path, *rows: str) -> ChipFound:
    return validate_training([_chip(tmp_path, *rows)])[0]


# --- facts


def test_no_figure_from_memory_is_shipped_and_each_has_a_source() -> None:
    with (content_root() / "models/published/training_chips.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 250
    assert {row["mark"] for row in rows} == {"[repo]", "[page]", "[abs]", "[range]", "[choice]", ""}
    for row in rows:
        assert row["mark"] or (row["value"] == "unknown" and not row["low"]), row
        assert bool(row["source"]) == bool(row["mark"])
        assert row["mark"] != "[range]" or row["source"].startswith("design choice: ")


def test_an_abstract_only_claims() -> None:
    shown = {fact.mark: fact.shown_as for chip in SHIPPED for fact in chip.facts.values()}
    assert shown["[abs]"] == "claimed in the abstract"
    assert shown["[repo]"] == shown["[page]"] == "published"
    assert _one("chimera_vlsi21_40nm", "life").record()["shown_as"] == "claimed in the abstract"


def test_units_become_si_and_unknown_names_stay(tmp_path: Path) -> None:
    chip = _chip(tmp_path, "a,power,fast,86,,,mW,exact,,s,[abs]", "a,rate,,20,,,samples/min,exact,,s,[repo]",
                 "a,node,,unknown,22,28,nm,range,,design choice: x,[range]", "a,pulse,late,unknown,,,,,,,")  # fmt: skip
    assert (chip.value("power", "fast"), chip.value("rate")) == pytest.approx((0.086, 1 / 3))
    assert chip.span("node") == pytest.approx((22e-9, 28e-9))
    assert chip.unknown == ("node", "pulse (late)")
    assert chip.value("rate", "any point") == chip.value("rate")  # of the whole chip
    assert chip.points("power") == ("fast",)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,power,,fast,,,mW,exact,,s,[abs]", "value must be a number"),
        ("a,power,,nan,,,mW,exact,,s,[abs]", "value must be finite"),
        ("a,power,,1,,,mw,exact,,s,[abs]", "unknown unit 'mw'; did you mean"),
        ("a,power,,1,,,mW,exact,,s,[memory]", "mark must be one of"),
        ("a,power,,1,,,mW,exact,,,[abs]", "needs a source"),
        (",power,,1,,,mW,exact,,s,[abs]", "must not be empty"),
        ("a,power,,unknown,2,1,mW,range,,s,[range]", "low must be <= high"),
        ("a,power,,unknown,1,2,mW,range,,s,[abs]", r"is marked \[range\]"),
        ("a,power,,unknown,,2,mW,range,,s,[range]", "low must be a number"),
        ("a,power,,1", "4 cells, but there are 11 columns"),
    ],
)
def test_a_row_that_is_wrong_is_one_sentence(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        _chip(tmp_path, row)
    assert "\n" not in str(raised.value)
    assert "mine.csv" in str(raised.value)


def test_files_that_are_wrong(tmp_path: Path) -> None:
    row = "a,power,,1,,,mW,exact,,s,[abs]"
    with pytest.raises(DataError, match="a has power twice"):
        _chip(tmp_path, row, row.replace("1", "2"))
    path = tmp_path / "other.csv"
    for content, said in (("chip_id\n", "must name the columns"), (HEAD + "\n", "holds no rows"), ("", "must name")):
        path.write_text(content)
        with pytest.raises(DataError, match=said):
            read_training_chips(path)
    path.write_bytes(b"\xff\xfe,")
    with pytest.raises(DataError, match="UTF-8"):
        read_training_chips(path)
    with pytest.raises(DataError, match="cannot read"):
        read_training_chips(tmp_path / "missing.csv")
    chip = _chip(tmp_path, row, "a,node,,unknown,22,28,nm,range,,design choice: x,[range]")
    with pytest.raises(DataError, match="states no powr; did you mean 'power'"):
        chip.fact("powr")
    with pytest.raises(DataError, match="node is a range"):
        chip.value("node")


# --- bands


def test_a_band_is_over_all_corners_and_names_what_is_assumed(tmp_path: Path) -> None:
    assert over(lambda a, b: a - b, {"a": (1.0, 2.0), "b": (0.0, 5.0)}) == (-4.0, 2.0)
    assert over(lambda a: 2 * a, {"a": (3.0, 3.0)}) == (6.0, 6.0)
    chip = _chip(tmp_path, "a,x,,unknown,1,2,,range,,design choice: x,[range]", "a,y,,1,,,,exact,,s,[abs]")
    assert assumed(chip, "x", "y") == ("x",)


@pytest.mark.parametrize(("reported", "beyond"), [(1.0, 1.0), (3.0, 1.5), (0.5, 0.5), (None, None)])
def test_how_far_a_figure_lies_beyond_its_band(reported: float | None, beyond: float | None) -> None:
    assert Prediction("a", "q", "", 1.0, 2.0, reported, "how").beyond == beyond
    assert Prediction("a", "q", "", None, None, reported, "how").beyond is None


# --- energy


def test_a_digital_mac_is_the_memorys_own_read() -> None:
    chip = load_chip("all-sram-28nm", {"array.rows": 16, "array.cols": 32, "weight_bits": 2})
    macro = chip.config.home
    full = full_pe(macro, 0.5)  # a read of digital cells does not follow the codes
    assert (int(full.grid.rows[0]), int(full.grid.outputs[0])) == (16, 16)
    parts = macro.memory.forward(macro.site, full, activity(np.full((1, 1, 3), 0.5), 1))
    joules = sum(float(np.sum(part.amount * np.asarray(part.each.value))) for part in parts)
    assert read_energy(macro, 3).forward_j == pytest.approx(joules / (16 * 16))


def test_both_directions_of_an_array_that_sums_as_many_lines_cost_the_same() -> None:
    assert _one("su_isscc20_28nm_transpose", "backward over forward energy of a MAC (forward)").low == pytest.approx(1)
    xnor = _one("tcasi23_28nm_16kb", "backward over forward energy of a MAC (forward-xnor)")
    assert xnor.low == pytest.approx(1)
    assert xnor.high == pytest.approx(128 / 8, rel=0.05)  # a conversion for each line that is sensed: 16 times as many
    assert xnor.reported == pytest.approx(166 / 31.8)


def test_logic_scales_with_the_square_of_its_supply_and_its_node() -> None:
    chip = load_chip("all-sram-28nm")
    assert gate_factor(chip, 28e-9, 0.75) == pytest.approx((0.75 / 0.9) ** 2)
    nodes = load_units().config.nodes
    assert gate_factor(chip, 65e-9) == pytest.approx(1.6808 / nodes.digital_factor(28e-9, 0.9))


def test_tpim_by_hand() -> None:
    power = _one("tpim_cicc22_28nm_training", "power, fast over slow")
    assert power.low == power.high == pytest.approx((1.05 / 0.75) ** 2 * 280 / 50)
    assert power.reported == pytest.approx(51.23 / 5.25)
    energy = _one("tpim_cicc22_28nm_training", "energy of a MAC, forward read (1b-2b)")
    assert energy.reported == pytest.approx(12.42e-15, rel=1e-3)
    assert energy.low is not None and energy.high is not None
    assert energy.low < energy.high < 12.42e-15  # circuits beside the arrays are not in it
    assert energy.assumed == ("summed_lines", "activity")
    back = _one("tpim_cicc22_28nm_training", "energy of a MAC, transposed read (1b-2b)")
    assert back.reported is None and back.low is not None and energy.low < 2 * back.low


def test_a_classifier_by_hand() -> None:
    chip = next(c for c in SHIPPED if c.chip_id == "gonugondla_isscc18_65nm")
    one = base_chip(chip)
    factor, macs = gate_factor(one, 65e-9), 42e-12 * 3.12e12
    bits_j = macs * 8 * write_energy_j(one.config.home) * factor
    found = _one(chip.chip_id, "training over inference energy of a sample")
    assert found.low == pytest.approx(1 + (0.01 * macs * 0.0126e-12 * factor + bits_j / 1024) / 42e-12)
    assert found.high == pytest.approx(1 + (macs * 0.84e-12 * factor + bits_j / 128) / 42e-12)
    assert found.reported == 1.26
    assert macs == pytest.approx(131.04)


def test_a_verified_change_over_a_pulse_by_hand() -> None:
    chip = next(c for c in SHIPPED if c.chip_id == "fwdonly_arxiv2601_09903")
    for _, bits, cell, macro in rram_cells(chip):
        pulses, share = cell.pulse_statistics(bits)[0], cell.set_pulse_share
        mean_j = share * cell.set_energy_j + (1 - share) * cell.reset_energy_j
        assert write_energy_j(macro) == pytest.approx(pulses * mean_j + (pulses + 1) * cell.verify_energy_j)
    found = _one(chip.chip_id, "verified change over one RESET pulse, energy")
    ends = [
        write_energy_j(macro) / cell.reset_energy_j * (cell.reset_voltage_v / at_v) ** 2
        for _, _, cell, macro in rram_cells(chip)
        for at_v in (0.5, 1.0)
    ]
    assert (found.low, found.high) == pytest.approx((min(ends), max(ends)))
    assert _one(chip.chip_id, "training over inference energy, if verified").low == pytest.approx(1 + 0.46 * 460)


# --- counts, wear and life


def test_ten_years_by_hand() -> None:
    samples = 20 * 60 * 24 * 365.25 * 10
    steps = _one("chimera_vlsi21_40nm", "update steps in the claimed life")
    assert steps.low == pytest.approx(samples / 283) == pytest.approx(3.717e5, rel=1e-3)
    writes = _one("chimera_vlsi21_40nm", "writes of a cell in the claimed life")
    assert writes.high == pytest.approx(samples / 283 + 10 * 365.25 * 24)  # all trains, moved every hour
    assert writes.low == pytest.approx(0.001 * samples / 283 + 10 * 365.25)
    assert writes.high is not None
    life = _one("chimera_vlsi21_40nm", "life")
    assert life.low == pytest.approx(1e3 / writes.high * 10 * 365.25 * 86400)


def test_a_life_is_endurance_over_writes_and_moving_pays_only_where_little_trains() -> None:
    assert life_years(365.25, 1 / 86_400) == pytest.approx(1.0)
    assert life_years(1e6, 0.0) == math.inf
    day = 86_400.0
    for share, better in ((0.1, True), (1.0, False)):
        moved = learned_life_years(1e5, share, 4 * 3600, 100 / day)
        still = learned_life_years(1e5, share, 4 * 3600, 100 / day, moved=False)
        assert (moved > still) is better
    assert levelled_cycles(1000, 0.1, 7) == pytest.approx(107)
    with pytest.raises(ConfigError, match="remap period must be > 0"):
        remaps(1.0, 0.0)


def test_wear_of_chips_that_were_measured() -> None:
    name = "illusion_endurer_ne21"
    assert _one(name, "remaps in ten years").low == pytest.approx(6 * 365 * 10) == 21_900
    writes = _one(name, "mean writes of a word, remapped (ten-years)")
    assert writes.low == pytest.approx(65.7e6 * 216 / (8 * 2048) + 21_900)
    assert writes.reported == pytest.approx(920_276, rel=1e-4)
    assert writes.beyond == pytest.approx(1.036, abs=0.001)
    assert stuck_share(1e7, 1.0, 1e7, 2.2) == pytest.approx(1 - math.exp(-1))
    assert stuck_share(2e7, 0.5, 1e7, 2.2) == stuck_share(1e7, 1.0, 1e7, 2.2)
    hot = _one(name, "share of bits stuck, not remapped (year)")
    lives = [macro.memory.endurance for _, bits, _, macro in rram_cells(FOUND[name].chip) if bits == 1]
    shares = [stuck_share(6.57e6, t, e.scale, e.shape) for e in lives for t in (1 / 16, 1) if e.scale and e.shape]
    assert (hot.low, hot.high) == pytest.approx((min(shares), max(shares)))


def test_a_life_without_endurance_and_rate_says_nothing() -> None:
    life = _one("m2ru_arxiv2512_17299", "life")
    assert life.low is not None and life.high is not None and life.reported is not None
    assert (life.low, life.high) == pytest.approx((1e4 * 0.1, 1e9 * 86_400))
    assert set(life.assumed) == {"endurance", "write_interval"}


def test_energy_and_delay_fall_with_rarer_updates() -> None:
    assert edp_gain(0.0, 283) == 1.0
    assert edp_gain(1e12, 283) == pytest.approx(283**2)
    assert edp_gain(18.7, 283) == pytest.approx(340, rel=0.01)


@pytest.mark.parametrize(
    ("chip", "quantity", "value"),
    [
        ("stellar_science23", "cells", 2 * (784 * 100 + 100 * 10)),
        ("stellar_science23", "cells that train (network of 100 classes)", 2 * 20 * 512),
        ("m2ru_arxiv2512_17299", "operations a joule", 15e9 / 48.62e-3),
        ("tinycl_arxiv2402_09780", "faster than the reference", 103 / 1.76),
        ("tinycl_arxiv2402_09780", "energy of an epoch", 1.76 * 0.086),
        ("vega_soc_22nm", "operations a joule", 32.2e9 / 49.4e-3),
    ],
)
def test_counts_by_hand(chip: str, quantity: str, value: float) -> None:
    found = _one(chip, quantity)
    assert found.low == found.high == pytest.approx(value)


def test_no_reported_figure_moves_a_prediction(tmp_path: Path) -> None:
    """Nothing is fitted: energies a joule, ratios and shares that are compared may change and the band stays."""
    reported = {"stuck_share", "remapped_stuck_share", "remapped_writes_per_word", "power", "cells", "speedup",
                "update_energy_ratio", "training_overhead_max", "trained_cells", "edp_ratio"}  # fmt: skip
    source = content_root() / "models/published/training_chips.csv"
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if (
            row["quantity"] in reported
            and row["value"] != "unknown"
            and row["chip_id"] not in ("m2ru_arxiv2512_17299",)
        ):
            row["value"] = str(float(row["value"]) * 1.7)
    path = tmp_path / "moved.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    moved = validate_training(read_training_chips(path))
    kept = (
        "if verified",
        "operations a joule",
        "energy of an epoch",
        "energy of a training sample",
    )
    for old, new in zip(FOUND.values(), moved, strict=True):
        for a, b in zip(old.predictions, new.predictions, strict=True):
            if not any(words in a.quantity for words in kept):
                assert (a.low, a.high) == (b.low, b.high), a.quantity


def test_a_chip_with_too_little_is_named_with_what_is_unknown(tmp_path: Path) -> None:
    found = _found(tmp_path, "a,ratio,,3,,,x,exact,,s,[abs]", "a,joules,,unknown,,,,,,,")
    assert found.predictions == ()
    (record,) = found.records()
    assert (record["predicted_low"], record["unknown"]) == (None, ["joules"])
    said = text([found], "mine.csv")
    assert "not predicted" in said and "unknown: joules" in said
