import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imcsim.core.errors import ConfigError, ContentError, StorageError, StudyError
from imcsim.study.run import RunOptions, StudyResult, run_study
from imcsim.study.spec import LoadedStudy, load_study
from imcsim.study.store import ResultStore
from imcsim.study.watch import PointsFailed, StudyStopped, Watcher
from tests.study import fakes


class Diary(Watcher):
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: list[str] = []
        self.started: tuple[int, int] | None = None

    def start(self, total: int, stored: int) -> None:
        self.started = (total, stored)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def finished(self, title: str) -> None:
        self.done.append(title)


class Interrupting(Diary):
    """Presses Ctrl-C as soon as one point is done and another runs."""

    def running(self, points: Sequence[tuple[str, tuple[int, int, str] | None]]) -> None:
        if self.done and points:
            raise KeyboardInterrupt


def tiny(tmp_path: Path, text: str = fakes.STUDY, **overrides: Any) -> LoadedStudy:
    path = tmp_path / "tiny" / "study.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_study(str(path), {key.replace("__", "."): value for key, value in overrides.items()})


def options(tmp_path: Path, **changes: Any) -> RunOptions:
    return replace(RunOptions(out=tmp_path / "results", runner=fakes.fake_training, watcher=Diary()), **changes)


def contents(folder: Path) -> dict[str, bytes]:
    names = ("rows.csv", "rows.json", "summary.csv", "summary.json", "stamp.json")
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LoadedStudy, StudyResult]:
    root = tmp_path_factory.mktemp("study")
    loaded = tiny(root)
    return root, loaded, run_study(loaded, options(root))


def test_each_method_and_seed_trains_once_and_is_priced_on_every_chip(
    finished: tuple[Path, LoadedStudy, StudyResult],
) -> None:
    _, _, result = finished
    assert result.trained == 4
    keys = [(row["method"], row["seed"], row["chip"]) for row in result.rows]
    chips = ("all-sram-28nm", "hybrid-28nm")
    assert keys == [(m, s, c) for m in ("plain", "replay") for s in (0, 1) for c in chips]
    assert next((g.method, g.chip, g.seeds) for g in result.groups) == ("plain", "all-sram-28nm", (0, 1))


def test_a_second_run_trains_nothing_and_gives_the_same_bytes(
    finished: tuple[Path, LoadedStudy, StudyResult],
) -> None:
    root, loaded, result = finished
    before = contents(result.folder)
    again = run_study(loaded, options(root, runner=fakes.no_training))
    assert again.trained == 0
    assert contents(result.folder) == before


def test_the_stamp_tells_settings_origins_and_versions(finished: tuple[Path, LoadedStudy, StudyResult]) -> None:
    _, _, result = finished
    stamp = json.loads((result.folder / "stamp.json").read_text())
    assert stamp["study"]["seeds"] == [0, 1]
    assert set(stamp["versions"]) >= {"python", "imcsim", "torch"}
    assert isinstance(stamp["commit"], str)
    (count,) = [record for record in stamp["chips"]["hybrid-28nm"] if record["path"] == "rram.pe_count"]
    assert (count["value"], count["kind"], count["where"]) == (64, "override", "rram.pe_count=64")
    cell = next(r for r in stamp["chips"]["hybrid-28nm"] if r["path"] == "rram.cell.set_energy_j")
    assert cell["kind"] == "file"
    assert cell["source"]


def test_a_corrupt_trace_is_named_and_trained_again(tmp_path: Path) -> None:
    loaded, diary = tiny(tmp_path), Diary()
    first = run_study(loaded, options(tmp_path))
    before = contents(first.folder)
    victim = sorted((first.folder / "traces").glob("plain-s1-*"))[0]
    victim.write_bytes(victim.read_bytes()[:-7] + b"corrupt")
    second = run_study(loaded, options(tmp_path, watcher=diary))
    assert diary.done == ["plain, seed 1"]
    (note,) = diary.notes
    assert victim.name in note
    assert note.endswith("plain, seed 1 is trained again")
    assert second.trained == 1
    assert contents(first.folder) == before


def test_a_dead_worker_is_named_the_others_stay_and_a_rerun_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, loaded = tmp_path / "marker", tiny(tmp_path)
    marker.touch()
    monkeypatch.setenv("IMCSIM_TEST_MARKER", str(marker))
    with pytest.raises(PointsFailed) as caught:
        run_study(loaded, options(tmp_path, runner=fakes.die_while_marked))
    sentence = str(caught.value)
    assert sentence.startswith("2 of 4 points failed (plain, seed 1: its worker process died")
    assert "replay, seed 1" in sentence
    assert "the other 2 are stored in" in sentence
    assert caught.value.exit_status == 1
    marker.unlink()
    diary = Diary()
    result = run_study(loaded, options(tmp_path, runner=fakes.die_while_marked, watcher=diary))
    assert diary.started == (4, 2)
    assert result.trained == 2
    whole = run_study(tiny(tmp_path), options(tmp_path, out=tmp_path / "elsewhere"))
    assert contents(result.folder)["rows.csv"] == contents(whole.folder)["rows.csv"]
    assert contents(result.folder)["summary.json"] == contents(whole.folder)["summary.json"]


def test_an_interrupt_keeps_what_is_done_and_tells_how_to_go_on(tmp_path: Path) -> None:
    loaded = tiny(tmp_path)
    with pytest.raises(StudyStopped) as caught:
        run_study(loaded, options(tmp_path, runner=fakes.slow_training, watcher=Interrupting(), jobs=2))
    assert caught.value.exit_status == 130
    assert "run the same command again to go on" in str(caught.value)
    folder = tmp_path / "results" / "tiny" / "digits"
    assert not (folder / "work" / "stop").exists()
    stored = list((folder / "traces").iterdir())
    assert 1 <= len(stored) <= 2
    assert not list(folder.rglob("*.part"))
    diary = Diary()
    result = run_study(loaded, options(tmp_path, watcher=diary))
    assert diary.started == (4, len(stored))
    assert len(result.reports) == 8


def test_a_full_disk_in_a_worker_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"^plain, seed \d: cannot write plain-s\d-.*: No space left on device$"):
        run_study(tiny(tmp_path), options(tmp_path, runner=fakes.full_disk))


def test_a_full_disk_while_results_are_written_leaves_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny(tmp_path)
    folder = run_study(loaded, options(tmp_path)).folder
    before = contents(folder)

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=r"cannot write .*: No space left on device"):
        run_study(loaded, options(tmp_path, runner=fakes.no_training))
    monkeypatch.undo()
    assert contents(folder) == before
    assert not list(folder.rglob("*.part"))


def test_fresh_trains_all_again(tmp_path: Path) -> None:
    loaded = tiny(tmp_path, seeds=[0])
    assert run_study(loaded, options(tmp_path)).trained == 2
    assert run_study(loaded, options(tmp_path, fresh=True)).trained == 2


def test_a_changed_setting_is_another_point(tmp_path: Path) -> None:
    first = run_study(tiny(tmp_path, seeds=[0]), options(tmp_path))
    second = run_study(tiny(tmp_path, seeds=[0], training__epochs=2), options(tmp_path))
    assert (first.trained, second.trained) == (2, 2)
    assert len(list((first.folder / "traces").iterdir())) == 4


def test_a_changed_chip_needs_no_training(tmp_path: Path) -> None:
    first = run_study(tiny(tmp_path, seeds=[0]), options(tmp_path))
    path = tmp_path / "tiny" / "study.toml"
    changed = load_study(str(path), {"seeds": [0], "chips.hybrid-28nm.rram.cell.set_energy_j": 9e-11})
    second = run_study(changed, options(tmp_path, runner=fakes.no_training))
    assert second.trained == 0
    hybrid = [index for index, row in enumerate(first.rows) if row["chip"] == "hybrid-28nm"]
    assert all(second.rows[i]["energy_j"] > first.rows[i]["energy_j"] for i in hybrid)


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    loaded = tiny(tmp_path, seeds=[0])
    folder = run_study(loaded, options(tmp_path)).folder
    left = folder / "traces" / ".plain.safetensors.0123abcd.part"
    left.write_text("half")
    run_study(loaded, options(tmp_path, runner=fakes.no_training))
    assert not left.exists()


def test_two_runs_of_one_folder_exclude_each_other(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "results" / "tiny" / "digits")
    with store.locked(), pytest.raises(StudyError, match=r"another run is writing to .*; wait for it, or choose --out"):
        run_study(tiny(tmp_path), options(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "error", "sentence"),
    [
        ("epochs = 1", "epoch = 1", ConfigError, r"\[training\]: unknown key 'epoch'; did you mean 'epochs'"),
        ('"hybrid-28nm"', '"hybrid-28mn"', ContentError, r"unknown chip 'hybrid-28mn'; did you mean 'hybrid-28nm'\?"),
        ('"rram.pe_count" = 64', '"rram.pe_cuont" = 64', ConfigError, r"pe_cuont.*did you mean"),
        (
            '"rram.pe_count" = 64', '"array.rows" = 32', StudyError,
            r"chips of one study must agree in the weights that a PE holds: all-sram-28nm has \(64, 8\), hybrid-28nm",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_training(
    tmp_path: Path, old: str, new: str, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        run_study(tiny(tmp_path, fakes.STUDY.replace(old, new)), options(tmp_path, runner=fakes.no_training))
    assert "\n" not in str(caught.value)
