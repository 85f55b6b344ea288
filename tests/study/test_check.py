"""Fresh results beside committed ones: equal, within seed noise, drifted; judged by hand and against scipy's t test."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from imcsim.core.csv_text import to_csv
from imcsim.core.errors import StudyError
from imcsim.study.check import Compared, as_json, compare, not_committed, not_run
from imcsim.study.committed import Figure, Figures, figures_of, load_committed
from imcsim.study.spec import StudySpec, load_study
from imcsim.study.summary import Stat, flat, summarise
from tests.study import fakes

Values = list[float | None]


def rows(values: Values, column: str = "class_il", method: str = "er", first: int = 0) -> list[dict[str, Any]]:
    return [{"method": method, "chip": "c", "seed": first + i, column: value} for i, value in enumerate(values)]


def judged(committed: Values, fresh: Values, first: int = 0) -> Compared:
    (found,) = compare(figures_of(rows(committed)), figures_of(rows(fresh, first=first)))
    return found


@pytest.mark.parametrize(
    ("committed", "fresh", "verdict"),
    [
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7], "equal"),
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7 * (1 + 1e-12)], "equal"),  # another order of float sums
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7 * (1 + 1e-7)], "noise"),
        ([0.5, 0.6, 0.7], [0.7, 0.5, 0.6], "noise"),  # the mean is the same, the seeds are not
        ([0.5, 0.6, 0.7], [1.5, 1.6, 1.7], "drifted"),
        ([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], "equal"),
        ([2.0, 2.0, 2.0], [2.0, 2.0, 2.1], "drifted"),  # no spread, no noise
        ([2.0], [2.0], "equal"),
        ([2.0], [2.1], "drifted"),  # one seed: no spread is known
        ([None, None], [None, None], "equal"),
        ([None, None], [1.0, 1.0], "drifted"),
        ([1.0, 2.0], [None, None], "drifted"),
        ([0.0, 0.0], [0.0, 0.0], "equal"),
    ],
)
def test_verdicts_by_hand(committed: Values, fresh: Values, verdict: str) -> None:
    assert judged(committed, fresh).verdict == verdict


def test_the_limit_by_hand() -> None:
    """s = 0.1 over 3 seeds; t of 2 degrees of freedom at 99.5 % is 9.925; sqrt(1/3 + 1/3) = 0.8165."""
    found = judged([0.5, 0.6, 0.7], [1.5, 1.6, 1.7])
    assert found.limit == pytest.approx(9.925 * 0.1 * 0.8165, rel=1e-3)
    assert [found.committed, found.fresh, found.sd] == pytest.approx([0.6, 1.6, 0.1])
    assert found.change == pytest.approx(1.0 / 0.6)
    assert judged([0.5, 0.6, 0.7], [1.4, 1.4, 1.4]).verdict == "noise"  # 0.8 < 0.81
    assert judged([0.5, 0.6, 0.7], [1.42, 1.42, 1.42]).verdict == "drifted"


def test_new_seeds_of_the_same_law_drift_once_in_a_hundred() -> None:
    generator = np.random.default_rng(0)
    runs, seeds = 3000, 4
    old, new = generator.normal(5.0, 2.0, (2, runs, seeds))
    committed = {("er", "c"): {str(i): Figure(Stat(o.mean(), o.std(ddof=1), seeds)) for i, o in enumerate(old)}}
    fresh = {("er", "c"): {str(i): Figure(Stat(n.mean(), n.std(ddof=1), seeds)) for i, n in enumerate(new)}}
    drifted = sum(entry.verdict == "drifted" for entry in compare(committed, fresh))
    assert 0.005 < drifted / runs < 0.017
    limit = compare(committed, fresh)[0].limit
    assert limit == pytest.approx(stats.t.ppf(0.995, seeds - 1) * old[0].std(ddof=1) * np.sqrt(2 / seeds))


def test_seeds_that_both_have_are_compared() -> None:
    found = judged([0.5, 0.6, 0.7], [0.6, 0.7], first=1)
    assert found.verdict == "equal"
    assert found.committed == pytest.approx(0.65)
    assert judged([0.5, 0.6, 0.7], [0.55, 0.65], first=7).verdict == "noise"  # other seeds: their means


def test_what_one_side_lacks() -> None:
    old = figures_of([*rows([1.0]), *rows([1.0], method="gone")])
    new = figures_of([*rows([1.0]), *rows([1.0], method="added"), *rows([2.0], "energy_j")])
    found = {entry.method: entry for entry in compare(old, new)}
    assert (found["gone"].verdict, found["gone"].missing, found["er"].verdict) == ("drifted", True, "equal")
    assert not_committed(old, new) == ["added on c", "energy_j"]
    assert json.dumps(as_json(list(found.values())), allow_nan=False)


@pytest.fixture
def spec(tmp_path: Path) -> StudySpec:
    path = tmp_path / "tiny" / "study.toml"
    path.parent.mkdir()
    path.write_text(fakes.STUDY)
    return load_study(str(path)).spec


def kept(tmp_path: Path, name: str, text: str, folder: str = "digits") -> str:
    path = tmp_path / "tiny" / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(tmp_path / "tiny" / "study.toml")


def same(found: Figures, expected: Figures) -> bool:
    return all(entry.verdict == "equal" for entry in compare(found, expected)) and found.keys() == expected.keys()


def test_rows_are_read_back_to_the_last_digit(tmp_path: Path, spec: StudySpec) -> None:
    given = [row | {"lifetime_tasks": None, "note": "a word"} for row in rows([0.1 + 0.2, 1 / 3, 2.0])]
    found = load_committed(kept(tmp_path, "rows.csv", to_csv(given)), spec)
    assert found.path.name == "rows.csv"
    assert dict(found.figures["er", "c"]["class_il"].by_seed) == {0: 0.1 + 0.2, 1: 1 / 3, 2: 2.0}
    assert found.figures["er", "c"]["lifetime_tasks"].stat.mean is None
    assert set(found.figures["er", "c"]) == {"class_il", "lifetime_tasks"}


def test_a_summary_will_do(tmp_path: Path, spec: StudySpec) -> None:
    given = rows([0.1, 0.2, 0.4])
    study = kept(tmp_path, "summary.csv", to_csv([flat(group) for group in summarise(given)]))
    found = load_committed(study, spec)
    assert same(found.figures, figures_of(given))
    (drifted,) = compare(found.figures, figures_of(rows([2.1, 2.2, 2.4])))
    assert drifted.verdict == "drifted"


def test_a_folder_of_another_name_is_found_by_its_stamp(tmp_path: Path, spec: StudySpec) -> None:
    made = {"study": spec.model_dump(mode="json")}
    study = kept(tmp_path, "rows.csv", to_csv(rows([1.0])), "scaled")
    with pytest.raises(StudyError, match=r"no results of tiny on digits are committed in .*tiny: there is nothing to"):
        load_committed(study, spec)
    kept(tmp_path, "stamp.json", json.dumps(made), "scaled")
    assert load_committed(study, spec).path.parent.name == "scaled"
    other = load_study(study, {"stream.dataset": "mnist"}).spec
    with pytest.raises(StudyError, match="no results of tiny on mnist are committed"):
        load_committed(study, other)


def test_other_settings_are_told_and_words_are_none(tmp_path: Path, spec: StudySpec) -> None:
    made = spec.model_copy(update={"title": "Other words"}).model_dump(mode="json")
    study = kept(tmp_path, "rows.csv", to_csv(rows([1.0])))
    kept(tmp_path, "stamp.json", json.dumps({"study": made}))
    assert load_committed(study, spec).other_settings(spec) == []
    changed = load_study(study, {"training.epochs": 2}).spec
    assert load_committed(study, spec).other_settings(changed) == ["training.epochs"]


HEAD = "method,chip,seed,x,y,note\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no rows, so there is nothing to check against"),
        (HEAD, "it has no rows, so there is nothing to check against"),
        ("method,chip,seed,note\ner,c,0,word\n", "no column of numbers, so there is nothing to check against"),
        ("chip,seed,x\nc,1,1\n", "no column 'method'"),
        ("method,chip,seed,x,x\ner,c,0,1,1\n", "line 1: column 'x' comes twice"),
        (HEAD + "er,c,one,1,2,a\n", "line 2, column 'seed': 'one' is no whole number"),
        (HEAD + "er,c,1.5,1,2,a\n", "line 2, column 'seed': '1.5' is no whole number"),
        (HEAD + "er,c,0,1,2,a\ner,c,1,1,abc,a\n", "line 3, column 'y': 'abc' is no finite number"),
        (HEAD + "er,c,0,1,2,a\n\ner,c,1,nan,2,a\n", "line 4, column 'x': 'nan' is no finite number"),
        (HEAD + "er,c,0,inf,2,a\n", "line 2, column 'x': 'inf' is no finite number"),
        (HEAD + "er,c,0,1e999,2,a\n", "line 2, column 'x': '1e999' is no finite number"),
        (HEAD + "er,c,0,1,2,a\ner,d,0,1,2,a\ner,c,0,3,4,a\n", "line 4 repeats line 2: method 'er', chip 'c', seed '0'"),
        (HEAD + "er,c,0,1,2,a\ner,c,1,1\n", "line 3 has 4 cells, line 1 has 6 columns"),
    ],
)
def test_a_damaged_table_gives_one_sentence_with_line_and_column(
    tmp_path: Path, spec: StudySpec, text: str, why: str
) -> None:
    with pytest.raises(StudyError) as caught:
        load_committed(kept(tmp_path, "rows.csv", text), spec)
    assert str(caught.value).endswith(f"rows.csv is no table of results ({why})")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "it has no rows, so there is nothing to check against"),
        ("er,c,3,abc,1,3\n", "line 2, column 'x_mean': 'abc' is no finite number"),
        ("er,c,3,1,nan,3\n", "line 2, column 'x_sd': 'nan' is no finite number"),
        ("er,c,3,1,1,few\n", "line 2, column 'x_n': 'few' is no whole number"),
        ("er,c,3,1,1,3\n" * 2, "line 3 repeats line 2: method 'er', chip 'c'"),
    ],
)
def test_a_damaged_summary_gives_one_sentence(tmp_path: Path, spec: StudySpec, line: str, why: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_committed(kept(tmp_path, "summary.csv", f"method,chip,seeds,x_mean,x_sd,x_n\n{line}"), spec)
    assert str(caught.value).endswith(f"summary.csv is no table of results ({why})")


def test_a_table_lacks_what_its_stamp_or_its_other_rows_have(tmp_path: Path, spec: StudySpec) -> None:
    def on(chip: str, method: str, seeds: list[int]) -> list[dict[str, Any]]:
        return [{"method": method, "chip": chip, "seed": seed, "x": 1.0 + seed} for seed in seeds]

    fresh = figures_of([*on("hybrid-28nm", "plain", [0, 1, 2]), *on("hybrid-28nm", "replay", [0, 1, 2])])
    study = kept(tmp_path, "rows.csv", to_csv(on("hybrid-28nm", "plain", [0])))
    alone = load_committed(study, spec)
    assert alone.incomplete(fresh) == []  # without a stamp: one seed of one method may be all there ever was
    kept(tmp_path, "stamp.json", json.dumps({"study": spec.model_dump(mode="json")}))  # seeds 0 and 1
    stamped = load_committed(study, spec)
    assert stamped.incomplete(fresh) == ["replay on hybrid-28nm", "plain on hybrid-28nm seed 1"]
    assert stamped.incomplete(figures_of(on("hybrid-28nm", "plain", [0, 7]))) == []  # a seed that is new is none
    kept(tmp_path, "rows.csv", to_csv([*on("c", "plain", [0]), *on("c", "added", [0, 5])]))
    (tmp_path / "tiny" / "digits" / "stamp.json").unlink()
    both = figures_of([*on("c", "plain", [0, 5]), *on("c", "added", [0, 5])])
    assert load_committed(study, spec).incomplete(both) == ["plain on c seed 5"]


def test_what_was_not_run_is_named() -> None:
    old = figures_of([*rows([1.0, 2.0, 3.0]), *rows([1.0], method="gone")])
    assert not_run(old, figures_of(rows([2.0], first=1))) == ["gone on c", "seed 0", "seed 2"]
    assert not_run(old, old) == []
