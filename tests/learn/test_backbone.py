from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn import backbone as backbones
from imcsim.learn.api import learn
from imcsim.learn.config import BackboneConfig, LearnConfig
from imcsim.learn.networks import build_network
from imcsim.learn.rebuild import network_after
from imcsim.learn.start import make_network, make_stream
from imcsim.testing.methods import check_method

PARAMS = {"channels": [4, 8], "norm": True}
FIELDS: dict[str, Any] = {
    "domains": ["digits", "digits"], "image_shape": [1, 10, 10], "train_limit": 40, "test_limit": 40,
    "network": "convnet", "network_params": PARAMS, "epochs": 1, "pe_tile": [8, 4],
    "backbone": {"dataset": "digits", "epochs": 2, "train_limit": 200, "learning_rate": 0.1},
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "imcsim" / "backbones"


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[BackboneConfig]:
    """One entry for each training of a backbone that really takes place."""
    done: list[BackboneConfig] = []
    original = backbones.pretrain

    def counted(network: nn.Module, task: Any, config: BackboneConfig) -> None:
        done.append(config)
        original(network, task, config)

    monkeypatch.setattr(backbones, "pretrain", counted)
    return done


def config(**changes: Any) -> LearnConfig:
    return parse(LearnConfig, FIELDS | changes, "test")


def network(given: LearnConfig) -> dict[str, torch.Tensor]:
    return make_network(given, make_stream(given)).state_dict()


def test_it_is_trained_once_for_all_seeds_and_methods(cache: Path, trained: list[BackboneConfig]) -> None:
    first, second = network(config()), network(config(seed=1, method="er"))
    assert len(trained) == 1 and len(list(cache.iterdir())) == 1
    for key, values in first.items():
        if key == "classifier.weight":  # the head is the run's own
            assert not torch.equal(values, second[key])
        else:
            assert torch.equal(values, second[key]), key


def test_body_and_norm_statistics_come_from_the_backbone_and_the_head_is_new() -> None:
    given = config()
    found = network(given)
    state = backbones.backbone_state(BackboneConfig(**FIELDS["backbone"]), "convnet", PARAMS, (1, 10, 10))
    fresh = network(config(backbone=None))
    assert torch.equal(found["features.0.conv.weight"], state["features.0.conv.weight"])
    assert torch.equal(found["features.0.norm.running_mean"], state["features.0.norm.running_mean"])
    assert float(found["features.0.norm.running_mean"].abs().sum()) > 0
    assert not torch.equal(found["features.0.conv.weight"], fresh["features.0.conv.weight"])
    assert torch.equal(found["classifier.weight"], fresh["classifier.weight"])


def test_it_has_learned_its_data_set() -> None:
    settings = BackboneConfig(dataset="digits", epochs=8, learning_rate=0.1)
    params = {"channels": [16, 32], "norm": True}
    state = backbones.backbone_state(settings, "convnet", params, (1, 8, 8))
    built = build_network("convnet", 10, (1, 8, 8), params)
    built.load_state_dict(state)
    task = make_stream(LearnConfig(tasks=1)).tasks[0]
    with torch.no_grad():
        guess = built.eval()(task.x_test).argmax(1)
    assert float((guess == task.y_test).float().mean()) > 0.85


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone": FIELDS["backbone"] | {"epochs": 1}},
        {"backbone": FIELDS["backbone"] | {"seed": 1}},
        {"image_shape": [1, 9, 9]},
        {"network_params": PARAMS | {"channels": [4, 4]}},
    ],
)
def test_whatever_decides_it_makes_another(changes: dict[str, Any], trained: list[BackboneConfig]) -> None:
    network(config())
    network(config(**changes))
    assert len(trained) == 2


@pytest.mark.parametrize("content", [b"", b"no safetensors", "flip"])
def test_a_corrupt_file_is_made_anew(cache: Path, content: Any, trained: list[BackboneConfig]) -> None:
    before = network(config())
    path = next(cache.iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if content == "flip" else content)
    after = network(config())
    assert len(trained) == 2 and all(torch.equal(before[key], after[key]) for key in before)
    network(config())
    assert len(trained) == 2 and path.stat().st_size == len(whole)


def test_it_draws_from_no_global_generator() -> None:
    torch.manual_seed(5)
    network(config())
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))


def test_a_run_says_so_and_starts_from_it() -> None:
    trace = learn(config())
    assert trace.meta.dataset == "digits+digits" and trace.meta.task_classes == (tuple(range(10)),) * 2
    assert any("pre-trained on digits (2 epochs, at most 200 images) in float" in note for note in trace.meta.notes)
    other = learn(config(backbone=None))
    name = trace.meta.layers[0].name
    assert (trace.codes[name][0] != other.codes[name][0]).any()
    assert not any("backbone" in note for note in other.meta.notes)
    deployed = network_after(trace, -1)
    assert deployed.get_parameter("classifier.weight").shape == (10, 8)  # a domain that returns brings no new classes
    running = deployed.get_buffer("features.0.norm.running_mean")
    assert torch.equal(running, network(config())["features.0.norm.running_mean"])
    assert trace.task_counts["samples"].tolist() == [40, 40]  # the backbone's own samples are not among them


def test_methods_keep_their_laws_where_a_domain_returns_on_a_backbone() -> None:
    given = {key: FIELDS[key] for key in ("domains", "image_shape", "backbone", "network_params", "epochs")}
    assert check_method("hyb-learn", **given).meta.dataset == "digits+digits"


def test_a_backbone_that_diverges_is_one_sentence(cache: Path) -> None:
    with pytest.raises(ConfigError, match=r"the backbone diverged in epoch \d.*lower backbone.learning_rate"):
        network(
            config(
                backbone={"dataset": "digits", "learning_rate": 1e30}, network_params={"channels": [4], "norm": False}
            )
        )
    assert not cache.exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone": {"dataset": "digits", "epoch": 1}}, "unknown key 'backbone.epoch'; did you mean 'epochs'"),
        ({"backbone": {}}, "'backbone.dataset' is missing"),
        ({"domains": ["digits"], "classes_per_task": 2}, "classes_per_task splits one data set"),
        ({"domains": ["digits"], "tasks": 2}, r"1 domains are 1 tasks: leave out tasks \(given: 2\)"),
        ({"domains": ["digits"], "dataset": "mnist"}, r"leave out dataset \(given: 'mnist'\)"),
        ({"domains": ["digits"], "image_shape": [2, 8, 8]}, r"image_shape must be \(1 or 3, height, width\)"),
        ({"image_shape": [1, 8, 8]}, "image_shape belongs to a multi-domain stream"),
        ({"test_limit": 0}, "'test_limit': .*greater than or equal to 1"),
    ],
)
def test_contradictions_are_one_sentence(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(LearnConfig, fields, "test")


def test_a_configuration_with_domains_survives_its_dump() -> None:
    given = LearnConfig.model_validate({"domains": ["digits", "mnist", "digits"]})
    assert (given.dataset, given.tasks, given.image_shape) == ("digits+mnist+digits", 3, (1, 28, 28))
    assert LearnConfig.model_validate(given.model_dump(mode="json")) == given
