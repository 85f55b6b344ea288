"""Keys of stored results move with the code that the result depends on, file by file, and with no other."""

import shutil
import sys
from collections.abc import Callable
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import imcsim
from imcsim.chip.config import load_chip
from imcsim.core.code_key import code_key, running_tree
from imcsim.core.config import parse
from imcsim.core.content import content_root
from imcsim.core.import_graph import SourceTree
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.learn.method import METHODS
from imcsim.learn.networks import NETWORKS
from imcsim.learn.run_code import Picks, run_files
from imcsim.study.code import code_version, measuring_code, training_code
from imcsim.study.on_chip import measurements
from imcsim.study.on_chip_choice import OnChipChoice
from imcsim.study.on_chip_worker import measure_on_chip
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import load_study
from imcsim.study.store import ResultStore
from imcsim.study.worker import train_point
from imcsim.testing.methods import TINY
from tests.study import fakes

PACKAGE = Path(imcsim.__file__).parent
TRAINING, MEASURING = "imcsim.study.worker", "imcsim.study.on_chip_worker"
EDIT = {".py": b"\nedited = 1\n", ".c": b"\nint edited;\n"}


def named(root: str, network: str = "convnet", method: str = "er", **config: Any) -> set[str]:
    tree = running_tree()
    return {tree.label(path) for path in run_files(tree, root, Picks(network, method, config))}


def key(tree: SourceTree, root: str, method: str = "er", **config: Any) -> str:
    return code_key(tree, run_files(tree, root, Picks("convnet", method, config)))


@pytest.mark.parametrize("root", [TRAINING, MEASURING])
def test_an_edit_of_each_file_of_the_closure_moves_the_key_and_of_no_other(root: str) -> None:
    tree = running_tree()
    before, counted = key(tree, root), set(run_files(tree, root, Picks("convnet", "er")))
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.c"), *(content_root() / "models").rglob("*.py")]
    assert counted < set(files)
    others = sorted(path for path in set(files) - counted if path.name != "__init__.py")
    told = [PACKAGE / name for name in ("report/tables.py", "cli/run.py", "chip/price.py", "events/engine.py")]
    assert set(told) < set(others)
    for path in [*counted, *told, *others[::6]]:  # one in six of the others: each costs a look at the whole closure
        edited = tree.edited(path, path.read_bytes() + EDIT[path.suffix])
        assert (key(edited, root) != before) == (path in counted), path


def test_what_a_training_depends_on() -> None:
    files = named(TRAINING)
    assert files >= {
        "imcsim/learn/loop.py",
        "imcsim/learn/methods/er.py",
        "imcsim/learn/wear/cells.py",
        "imcsim/devices/worn_out.py",
        "imcsim/trace/schema.py",
        "imcsim/learn/data/digits.py",
        "models/networks/convnet.py",
    }
    layers = ("report", "cli", "chip", "events", "analog", "testing", "api.py", "periphery")
    assert not [name for name in files if name.startswith(tuple(f"imcsim/{layer}" for layer in layers))]
    chosen = {name for name in files if "/methods/" in name or name.startswith("models/")}
    assert chosen == {"imcsim/learn/methods/er.py", "models/networks/convnet.py"}


def test_what_an_accuracy_on_a_chip_depends_on() -> None:
    files = named(MEASURING)
    assert files >= {
        "imcsim/analog/product.py",
        "imcsim/chip/assign.py",
        "imcsim/chip/serving_place.py",
        "imcsim/crossbar/wires/merge.c",
        "imcsim/crossbar/compiled.py",
        "imcsim/devices/relaxation.py",
        "imcsim/learn/rebuild.py",
    }
    prices = {f"imcsim/chip/{name}.py" for name in ("price", "area", "latency", "leakage", "traffic", "writes", "wear")}
    assert not files & prices
    assert not [name for name in files if name.startswith(("imcsim/report", "imcsim/cli", "imcsim/events"))]


@pytest.mark.parametrize(
    ("method", "config", "methods"),
    [
        ("er", {}, {"er"}),
        ("joint", {}, {"joint"}),
        ("sparcl", {}, {"sparcl", "er"}),
        ("sparcl", {"base": "derpp"}, {"sparcl", "derpp"}),
        ("hyb-learn", {"base": "finetune", "score": "random"}, {"hyb_learn", "finetune"}),
        ("lora", {}, {"lora"}),
    ],
)
def test_only_the_methods_of_the_run_count(method: str, config: dict[str, Any], methods: set[str]) -> None:
    found = {Path(name).stem for name in named(TRAINING, method=method, **config) if "/methods/" in name}
    assert found == methods


def test_a_name_that_no_file_registers_in_plain_words_counts_all_of_them() -> None:
    networks = {name for name in named(TRAINING, "of-another-package") if name.startswith("models/networks/")}
    assert len(networks) == len(list((content_root() / "models" / "networks").glob("*.py"))) - 1


def test_a_copied_checkout_has_the_same_keys_and_an_edit_in_it_moves_them(tmp_path: Path) -> None:
    def copied() -> SourceTree:
        return SourceTree({"imcsim": tmp_path / "imcsim", "models": tmp_path / "models"})

    for name, origin in (("imcsim", PACKAGE), ("models", content_root() / "models")):
        shutil.copytree(origin, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "_content"))
    before = training_code({"network": "convnet", "method": "er", "method_config": {}})
    for name, text in (("report/tables.py", "\nx = 1\n"), ("learn/loop.py", "\n# a comment\n")):
        with (tmp_path / "imcsim" / name).open("a") as file:
            file.write(text)
    assert key(copied(), TRAINING) == before
    with (tmp_path / "imcsim" / "devices" / "worn_out.py").open("a") as file:
        file.write("\nx = 1\n")
    assert key(copied(), TRAINING) != before


@pytest.fixture(scope="module")
def imported() -> None:
    """Import what a run imports: a module that is imported calls functions whose results may not matter."""
    METHODS.names()
    NETWORKS.names()
    learn(parse(LearnConfig, {**TINY, "epochs": 1}, "test"))


def executed(work: Callable[[], object]) -> set[str]:
    """Run ``work`` and return the files of the package and the content of which it called a function."""
    codes = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            codes.add(frame.f_code)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    tree = running_tree()
    called = {Path(c.co_filename) for c in codes if c.co_flags & CO_OPTIMIZED and c.co_name != "__getattr__"}
    return {tree.label(path) for path in called if any(path.is_relative_to(f) for f in tree.packages.values())}


def payload(tmp_path: Path, **fields: Any) -> dict[str, Any]:
    config = parse(LearnConfig, {**TINY, "epochs": 1, **fields}, "test").model_dump(mode="json")
    places = {name: str(tmp_path / name) for name in ("trace", "checkpoint", "progress", "stop")}
    return {"config": config, "where": "test", "content": str(content_root()), **places}


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "sparcl"},
        {"method": "hyb-learn", "method_config": {"base": "derpp"}, "writing": {"row_share": 0.5, "keep_rest": True}},
        {"method": "nispa", "network": "mlp", "network_params": {}},
        {"method": "cpg"},
        {"method": "repnet"},
        {"method": "rigl", "method_config": {"base": "finetune"}, "weight_noise": 0.1},
        {"method": "er", "wear": {"endurance_scale_cycles": 50.0, "endurance_shape": 2.0}},
        {"method": "xma2", "network": "vit", "network_params": {"depth": 1, "width": 8, "heads": 2}},
    ],
    ids=lambda fields: fields["method"],
)
@pytest.mark.usefixtures("imported")
def test_no_training_runs_code_that_its_key_leaves_out(tmp_path: Path, fields: dict[str, Any]) -> None:
    given = payload(tmp_path, **fields)
    ran, config = executed(lambda: train_point(given)), given["config"]
    assert ran <= named(TRAINING, config["network"], config["method"], **config["method_config"])
    assert "imcsim/learn/loop.py" in ran


@pytest.mark.usefixtures("imported")
def test_no_measurement_runs_code_that_its_key_leaves_out(tmp_path: Path) -> None:
    loaded = load_chip("hybrid-28nm")
    tile = [loaded.config.geometry.weight_rows, loaded.config.geometry.weight_cols]
    trained = payload(tmp_path, method="hyb-learn", pe_tile=tile)
    train_point(trained)
    choice = OnChipChoice(test_limit=4, calibration=4).model_dump(mode="json")
    given = {"trace": trained["trace"], "chip": loaded.config.model_dump(mode="json"), "choice": choice, "seed": 0}
    ran = executed(lambda: measure_on_chip({**given, "result": str(tmp_path / "r"), "content": str(content_root())}))
    assert ran <= named(MEASURING, method="hyb-learn")
    assert "imcsim/analog/product.py" in ran


def test_a_point_and_its_measurement_are_named_by_their_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.toml"
    path.write_text(fakes.STUDY + "[on_chip]\n")
    loaded = load_study(str(path))
    chips, choice = load_chips(loaded.spec), loaded.spec.on_chip
    assert choice is not None

    def stored() -> tuple[list[str], list[str]]:
        points = training_points(loaded.spec, chips, "test")
        found = measurements(points, chips, choice, ResultStore(tmp_path))
        return [point.name for point in points], [entry.path.name for entry in found]

    def moved(before: list[str], after: list[str]) -> list[bool]:
        return [old != new for old, new in zip(before, after, strict=True)]

    points, measured = stored()
    assert points == stored()[0]
    monkeypatch.setattr("imcsim.study.on_chip.measuring_code", lambda config: config["method"])
    assert moved(points, stored()[0]) == [False] * 4
    assert all(moved(measured, stored()[1]))
    monkeypatch.undo()
    monkeypatch.setattr(
        "imcsim.study.points.training_code",
        lambda config: training_code(config) if config["method"] == "er" else "edited",
    )
    assert moved(points, stored()[0]) == [True, True, False, False]
    assert moved(measured, stored()[1]) == [True] * 4 + [False] * 4


def test_the_key_of_an_analysis_is_of_what_its_script_runs(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("from imcsim.chip.price import price\n")
    two.write_text("from imcsim.events import engine\n")
    assert code_version([one]) != code_version([two])
    tree = running_tree()
    files = {tree.label(path) for path in tree.closure([content_root() / "studies" / "peers" / "analyse.py"])}
    assert files >= {"studies/peers/runs.py", "imcsim/chip/area.py"}


def test_measuring_and_training_have_keys_of_their_own() -> None:
    config = {"network": "convnet", "method": "er", "method_config": {}}
    assert training_code(config) != measuring_code(config)
    assert training_code(config) != training_code({**config, "network": "mlp"})
    assert training_code(config) != training_code({**config, "method": "derpp"})
