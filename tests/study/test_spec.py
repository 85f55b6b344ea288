from pathlib import Path

import pytest

from imcsim.core.errors import ConfigError, ContentError
from imcsim.learn.config import LearnConfig
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import LoadedStudy, load_study
from tests.study import fakes

TEXT = """
name = "tiny"
title = "Tiny"
question = "Does it run?"
seeds = [0, 1]
reference_chip = "hybrid-28nm"
[stream]
dataset = "digits"
tasks = 2
[network]
name = "mlp"
[training]
epochs = 1
[per_dataset."fashion-mnist"]
training.epochs = 7
stream.train_limit = 100
[[methods]]
label = "er"
method = "er"
config = { buffer_size = 10 }
[[methods]]
label = "plain"
method = "finetune"
[[chips]]
name = "hybrid-28nm"
set = { "rram.pe_count" = 9 }
"""


def load(tmp_path: Path, text: str = TEXT, **overrides: object) -> LoadedStudy:
    path = tmp_path / "study.toml"
    path.write_text(text)
    return load_study(str(path), {key.replace("__", "."): value for key, value in overrides.items()})


def test_a_study_file_becomes_a_frozen_spec(tmp_path: Path) -> None:
    spec = load(tmp_path).spec
    assert (spec.name, spec.seeds, spec.stream.tasks, spec.training) == ("tiny", (0, 1), 2, {"epochs": 1})
    assert spec.chips[0].set == {"rram.pe_count": 9}
    assert spec.shown == ("er", "plain")


def test_a_data_set_brings_its_own_settings_and_an_override_beats_them(tmp_path: Path) -> None:
    spec = load(tmp_path, stream__dataset="fashion-mnist").spec
    assert (spec.training["epochs"], spec.stream.train_limit) == (7, 100)
    spec = load(tmp_path, stream__dataset="fashion-mnist", training__epochs=2).spec
    assert (spec.training["epochs"], spec.stream.train_limit) == (2, 100)
    assert load(tmp_path).spec.stream.train_limit is None


def test_overrides_reach_methods_and_chips_by_name(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(TEXT)
    given = {"methods.er.config.buffer_size": 50, "methods.plain.config.x": 1, "chips.hybrid-28nm.rram.pe_count": 3}
    spec = load_study(str(path), given).spec
    assert spec.methods[0].config == {"buffer_size": 50}
    assert spec.methods[1].config == {"x": 1}
    assert spec.chips[0].set == {"rram.pe_count": 3}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('title = "Tiny"', 'titel = "Tiny"', r"unknown key 'titel'; did you mean 'title'\?"),
        ("tasks = 2", "tasks = 0", r"'stream.tasks': .*greater than or equal to 1 \(given: 0\)"),
        ("seeds = [0, 1]", "seeds = [0, 0]", r"seeds must differ, got 0, 0"),
        ('label = "plain"', 'label = "er"', r"method labels must differ, got er, er"),
        ('reference_chip = "hybrid-28nm"', 'reference_chip = "x"', r"reference_chip must be one of .*, got 'x'"),
        ('title = "Tiny"', "title =", r"study.toml is not valid TOML: .*line 3"),
        ('name = "tiny"', 'name = "a/b"', r"'name': String should match pattern"),
        (
            "seeds = [0, 1]",
            'seeds = [0]\nfeatured = ["re"]',
            r"featured names no method label: 're'; did you mean 'er'",
        ),
    ],
)
def test_mistakes_give_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(tmp_path, TEXT.replace(old, new, 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("methods.re.config.x", r"'methods.re.config.x': no entry 're'; did you mean 'er'\?"),
        ("streem.tasks", r"'streem.tasks': no table 'streem'; did you mean 'stream'\?"),
        ("chips.hybrid.rram.pe_count", r"no entry 'hybrid'; did you mean 'hybrid-28nm'\?"),
        ("seeds.first", r"'seeds' is not a table"),
        ("name.first.second", r"'first' is inside a value, not a table"),
    ],
)
def test_an_override_of_nothing_is_refused(tmp_path: Path, path: str, sentence: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(TEXT)
    with pytest.raises(ConfigError, match=sentence):
        load_study(str(file), {path: 1})


def test_an_unknown_study_names_the_nearest() -> None:
    with pytest.raises(ContentError, match=r"unknown study 'hybrid_vs_al'; did you mean 'hybrid_vs_all'\?"):
        load_study("hybrid_vs_al")


def test_the_main_study_reads() -> None:
    spec = load_study("hybrid_vs_all").spec
    assert len(spec.methods) == 11
    assert spec.on_chip is not None
    assert [chip.name for chip in spec.chips] == ["all-rram-28nm", "all-sram-28nm", "hybrid-28nm"]
    assert len(spec.seeds) == 3


DOMAINS = TEXT.replace('dataset = "digits"\ntasks = 2', 'domains = ["digits", "mnist", "digits"]\ntest_limit = 50')


def test_domains_and_a_backbone_reach_the_learner(tmp_path: Path) -> None:
    text = DOMAINS + '[backbone]\ndataset = "mnist"\nepochs = 2\n'
    spec = load(tmp_path, text).spec
    assert (spec.stream.dataset, spec.stream.tasks) == ("digits+mnist+digits", 3)
    point = training_points(spec, load_chips(spec), "here")[0]
    config = LearnConfig.model_validate(point.config)
    assert config.domains == ("digits", "mnist", "digits") and config.image_shape == (1, 28, 28)
    assert config.test_limit == 50 and config.backbone is not None and config.backbone.epochs == 2
    other = load(tmp_path, text, backbone__epochs=3).spec
    assert training_points(other, load_chips(other), "here")[0].key != point.key


def test_a_multi_domain_study_has_its_own_settings_too(tmp_path: Path) -> None:
    text = DOMAINS.replace('per_dataset."fashion-mnist"', 'per_dataset."digits+mnist+digits"')
    assert load(tmp_path, text).spec.training["epochs"] == 7


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"stream__dataset": "mnist"}, r"'stream': domains name the data sets: leave out dataset \(given: 'mnist'\)"),
        ({"stream__tasks": 2}, r"'stream': 3 domains are 3 tasks: leave out tasks \(given: 2\)"),
        ({"stream__domains": [], "stream__image_shape": [1, 8, 8]}, "'stream.dataset' is missing"),
    ],
)
def test_streams_that_contradict_themselves(tmp_path: Path, overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, DOMAINS, **overrides)


def test_a_misspelt_backbone_is_named(tmp_path: Path) -> None:
    spec = load(tmp_path, DOMAINS + '[backbone]\ndataset = "mnist"\nepoch = 2\n').spec
    with pytest.raises(ConfigError, match=r"unknown key 'backbone.epoch'; did you mean 'epochs'"):
        training_points(spec, load_chips(spec), "here")


def test_where_a_study_was_read_from_does_not_depend_on_how_its_path_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "study.toml").write_text(fakes.STUDY)
    monkeypatch.chdir(folder)
    typed = (
        "study.toml",
        "./study.toml",
        "../tiny/study.toml",
        "../tiny/../tiny/study.toml",
        str(folder / "study.toml"),
    )
    assert {load_study(path).source for path in typed} == {"tiny/study.toml"}
