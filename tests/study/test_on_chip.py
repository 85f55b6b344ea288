"""Accuracy on the chips of a study: what is measured once, what is stored, what the rows say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imcsim.core import sealed
from imcsim.core.errors import ConfigError
from imcsim.study.engine import Payload
from imcsim.study.on_chip import age_name, columns
from imcsim.study.on_chip_worker import MEASURED, measure_on_chip
from imcsim.study.run import RunOptions, run_study
from imcsim.study.spec import LoadedStudy, load_study
from imcsim.study.watch import PointsFailed
from imcsim.study.worker import train_point
from tests.study import fakes

ON_CHIP = """
[on_chip]
ages_s = [1.0, 86400.0]
test_limit = 20
calibration = 16
"""
ALL_RRAM = '\n[[chips]]\nname = "all-rram-28nm"\nset = { "rram.pe_count" = 64 }\n'


def study(tmp_path: Path, /, more: str = "", **overrides: Any) -> LoadedStudy:
    path = tmp_path / "tiny" / "study.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(fakes.STUDY + more + ON_CHIP)
    return load_study(str(path), {key.replace("__", "."): value for key, value in overrides.items()})


def fake_measurement(payload: Payload) -> str:
    """Accuracies that tell which seed and how many RRAM conversion bits they belong to."""
    bits = payload["chip"]["rram"]["adc_bits"] if payload["chip"]["rram"] else 0
    value = 0.5 + 0.01 * bits + 0.1 * payload["seed"]
    rows = [[value, None], [value, value + 0.1]]
    found = {"ages_s": payload["choice"]["ages_s"], "class_il": [rows, rows], "task_il": [rows, rows]}
    sealed.save(Path(payload["result"]), MEASURED, found, {})
    return str(payload["result"])


def no_measurement(payload: Payload) -> str:
    raise AssertionError("nothing was to be measured")


def options(tmp_path: Path, **changes: Any) -> RunOptions:
    given = RunOptions(out=tmp_path / "results", runner=fakes.fake_training, measurer=fake_measurement)
    return replace(given, **changes)


def test_every_row_has_the_accuracies_of_its_chip_and_seed(tmp_path: Path) -> None:
    result = run_study(study(tmp_path), options(tmp_path))
    assert len(result.rows) == 8
    for row in result.rows:
        value = 0.5 + (0.09 if row["chip"] == "hybrid-28nm" else 0.0) + 0.1 * row["seed"]
        for name in ("class_il_1s", "class_il_1d", "task_il_1s", "task_il_1d"):
            assert row[f"on_chip_{name}_final"] == pytest.approx(value + 0.05)
    assert result.reports[0].accuracy["on_chip_class_il_1d_matrix"][0][1] == 0.0  # not seen yet


def test_chips_that_compute_alike_share_a_measurement_and_a_second_run_makes_none(tmp_path: Path) -> None:
    loaded = study(tmp_path, ALL_RRAM)
    result = run_study(loaded, options(tmp_path))
    stored = sorted((result.folder / "on_chip").glob("*.safetensors"))
    assert len(stored) == 4 * 2  # four trainings; all-RRAM and hybrid serve from the same arrays
    again = run_study(loaded, options(tmp_path, runner=fakes.no_training, measurer=no_measurement))
    assert again.rows == result.rows


def test_another_converter_is_another_measurement(tmp_path: Path) -> None:
    run_study(study(tmp_path), options(tmp_path))
    changed = study(tmp_path, "", **{"chips.hybrid-28nm.rram.adc_bits": 6})
    result = run_study(changed, options(tmp_path, runner=fakes.no_training))
    hybrid = [row for row in result.rows if row["chip"] == "hybrid-28nm" and row["seed"] == 0]
    assert hybrid[0]["on_chip_class_il_1s_final"] == pytest.approx(0.5 + 0.06 + 0.05)


@pytest.mark.parametrize(("sign", "cell_bits", "trained"), [("differential", 2, 4), ("offset", 1, 8)])
def test_columns_of_a_converter_are_seen_where_offset_codes_have_replicas(
    tmp_path: Path, sign: str, cell_bits: int, trained: int
) -> None:
    own = {"chips.hybrid-28nm.rram.sign": sign, "chips.hybrid-28nm.rram.cell_bits": cell_bits}
    first = run_study(study(tmp_path, "", **own), options(tmp_path))
    run_study(study(tmp_path, "", **own, **{"chips.hybrid-28nm.rram.columns_per_adc": 16}), options(tmp_path))
    hybrid = [row for row in first.rows if row["chip"] == "hybrid-28nm"]
    of_sram = len(hybrid)
    assert len(list((first.folder / "on_chip").glob("*.safetensors"))) == of_sram + trained


def test_a_broken_measurement_is_made_again(tmp_path: Path) -> None:
    result = run_study(study(tmp_path), options(tmp_path))
    victim = sorted((result.folder / "on_chip").glob("*.safetensors"))[0]
    whole = victim.read_bytes()
    altered = whole.replace(b"0.5", b"0.9")
    assert altered != whole
    for damage in (whole[:-3], altered):  # as good JSON as it was, with other accuracies
        victim.write_bytes(damage)
        again = run_study(study(tmp_path), options(tmp_path))
        assert again.rows == result.rows
        assert victim.read_bytes() == whole


def fails_on_hybrid(payload: Payload) -> str:
    if payload["chip"]["name"] == "hybrid-28nm":
        raise ValueError("no good")
    return fake_measurement(payload)


def test_a_failed_measurement_is_named_and_the_others_stay(tmp_path: Path) -> None:
    with pytest.raises(
        PointsFailed, match=r"4 of 8 measurements failed \(.*plain, seed 0 on hybrid-28nm: ValueError: no good"
    ):
        run_study(study(tmp_path), options(tmp_path, measurer=fails_on_hybrid))
    result = run_study(study(tmp_path), options(tmp_path, runner=fakes.no_training))
    assert len(result.rows) == 8


def test_without_the_table_nothing_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "tiny" / "study.toml"
    path.parent.mkdir()
    path.write_text(fakes.STUDY)
    result = run_study(load_study(str(path)), options(tmp_path, measurer=no_measurement))
    assert not any(name.startswith("on_chip") for row in result.rows for name in row)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("on_chip.ages_s", [10.0, 1.0], "ages_s must ascend from 0 or more"),
        ("on_chip.age_s", [1.0], "unknown key 'on_chip.age_s'; did you mean 'ages_s'?"),
        ("on_chip.calibration", 0, "'on_chip.calibration': .*greater than or equal to 1"),
    ],
)
def test_wrong_settings_get_one_sentence(tmp_path: Path, path: str, value: object, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        study(tmp_path, "", **{path: value})


@pytest.mark.parametrize(
    ("age_s", "name"), [(0.0, "0s"), (1.0, "1s"), (90.0, "90s"), (3600.0, "1h"), (86400.0, "1d"), (604800.0, "7d")]
)
def test_ages_have_short_names(age_s: float, name: str) -> None:
    assert age_name(age_s) == name


def test_columns_are_final_means_and_whole_matrices() -> None:
    rows = [[0.9, None], [0.5, 0.7]]
    found = columns({"ages_s": [60.0], "class_il": [rows], "task_il": [rows]})
    assert found["on_chip_class_il_1min_final"] == pytest.approx(0.6)
    assert found["on_chip_task_il_1min_matrix"] == [[0.9, 0.0], [0.5, 0.7]]


def test_for_real_rram_errors_cost_accuracy_and_sram_has_none(tmp_path: Path) -> None:
    """Two learners on two tasks of digits, trained, programmed, aged and read; one test, for it is slow."""
    changes: dict[str, Any] = {
        "seeds": [0],
        "training.epochs": 3,
        "training.learning_rate": 0.1,
        "training.weight_range": 1.5,
        "training.batch_size": 16,
        "stream.train_limit": 120,
        "on_chip.test_limit": None,
        "on_chip.calibration": 64,
    }
    real = run_study(
        study(tmp_path, "", **changes), options(tmp_path, jobs=2, runner=train_point, measurer=measure_on_chip)
    )
    for row in real.rows:
        if row["chip"] == "all-sram-28nm":  # exact codes; inputs of 8 bits move few of 700 images, time none
            assert row["on_chip_class_il_1s_final"] == pytest.approx(row["class_il"], abs=0.02)
            assert row["on_chip_class_il_1s_final"] == row["on_chip_class_il_1d_final"]
    hybrid = [row for row in real.rows if row["chip"] == "hybrid-28nm"]
    columns = ("task_il", "on_chip_task_il_1s_final", "on_chip_task_il_1d_final")
    ideal, fresh, old = (sum(row[name] for row in hybrid) for name in columns)
    assert ideal > fresh > old
    for entry in (
        sealed.load(path, MEASURED).header for path in sorted((real.folder / "on_chip").glob("*.safetensors"))
    ):
        first, second = entry["events"]
        assert len(entry["pulses"]) == len(entry["clipped_share"]) == 2
        assert (first == 0) == (second == 0)  # all-SRAM programs nothing
        if first:
            assert second < first  # later only the cells whose level changed
            assert entry["pulses"][0] / first == pytest.approx(8.52, rel=0.1)
