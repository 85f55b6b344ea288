"""What the verbs print and write, run inside this process where no process of its own is needed."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imcsim.cli.app import app
from imcsim.cli.learn import nested
from imcsim.cli.new import picked, place, skeleton
from imcsim.cli.skeletons import KINDS
from imcsim.core.content import content_root, use_content
from imcsim.core.errors import ConfigError
from imcsim.study.points import load_chips, training_points
from imcsim.study.run import RunOptions, run_study
from imcsim.study.spec import load_study
from tests.registries import forgetting
from tests.study import fakes

Call = Callable[..., Result]
ON = ("--chip", "hybrid-28nm")


@pytest.fixture
def call() -> Call:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), catch_exceptions=False)

    return invoke


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds a study and its results, made without training."""
    root = tmp_path_factory.mktemp("study")
    path = root / "tiny" / "study.toml"
    path.parent.mkdir()
    path.write_text(fakes.STUDY)
    run_study(load_study(str(path)), RunOptions(out=root / "results", runner=fakes.fake_training))
    return root


def test_price_prints_a_table_that_fits(call: Call, trace_file: Path) -> None:
    text = call("price", str(trace_file), *ON).stdout
    numbers = [line for line in text.splitlines() if not line.startswith("warning")]
    assert max(map(len, numbers)) <= 105
    for part in ("Class-IL", "Training energy", "Training time", "Area", "RRAM programming events", "Horizon"):
        assert part in text


def test_price_as_json_adds_up_and_tells_origins(call: Call, trace_file: Path) -> None:
    report = json.loads(call("price", str(trace_file), *ON, "--set", "rram.cell.set_energy_j=9e-12", "--json").stdout)
    assert sum(report["energy_j"]["leaves"].values()) == pytest.approx(report["energy_j"]["total"])
    assert report["row"]["energy_j"] == report["energy_j"]["total"]
    assert report["origins"]["rram.cell.set_energy_j"]["kind"] == "override"
    assert report["origins"]["clock_hz"]["kind"] == "file"


def test_price_refuses_a_corrupt_trace(trace_file: Path, tmp_path: Path) -> None:
    from imcsim.core.errors import TraceError

    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(trace_file.read_bytes()[:-3] + b"xyz")
    with pytest.raises(TraceError, match=r"broken.safetensors is corrupt"):
        CliRunner().invoke(app, ["price", str(broken), *ON], catch_exceptions=False)


def test_results_prints_the_stored_table(call: Call, study: Path) -> None:
    given = (str(study / "tiny" / "study.toml"), "--out", str(study / "results"))
    text = call("results", *given).stdout
    assert "Tiny: mlp on Split-digits, 2 tasks, 2 seeds" in text
    assert max(map(len, text.splitlines())) <= 100
    assert text.index("plain") < text.index("replay")
    groups = json.loads(call("results", *given, "--json").stdout)
    assert [(g["method"], g["chip"], g["seeds"]) for g in groups][:2] == [
        ("plain", "all-sram-28nm", 2), ("plain", "hybrid-28nm", 2),
    ]  # fmt: skip
    assert call("results", *given, "--markdown").stdout.startswith("**Tiny: mlp on Split-digits")


def test_run_writes_table_figures_and_page(call: Call, study: Path) -> None:
    given = (str(study / "tiny" / "study.toml"), "--out", str(study / "results"))
    done = call("run", *given, "--json")
    printed = json.loads(done.stdout)
    assert printed["trained"] == 0
    assert len(printed["rows"]) == 8
    folder = study / "results" / "tiny" / "digits"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = ("accuracy_energy", "energy_by_task", "writes_per_cell", "accuracy_matrix")
    assert names >= {f"figures/{name}.{kind}" for name in figures for kind in ("png", "pdf")}
    assert names >= {"report.html", "table.md", "rows.csv", "rows.json", "summary.csv", "summary.json", "stamp.json"}
    assert "4 training points, 4 stored, 0 to train" in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_parquet_without_the_extra_names_it(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imcsim.core.errors import StudyError

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    given = (str(study / "tiny" / "study.toml"), "--out", str(study / "results"))
    with pytest.raises(StudyError, match=r"--parquet needs pyarrow: pip install 'imcsim\[parquet\]'"):
        CliRunner().invoke(app, ["run", *given, "--parquet"], catch_exceptions=False)


def test_show_tells_value_source_and_range(call: Call) -> None:
    text = call("show", "device", "rram-28nm").stdout
    assert "set_energy_j = 6.1e-11  [2.9e-11 to 6.7e-11]\n    file rram-28nm.toml: derived, not measured" in text
    records = json.loads(call("show", "chip", "hybrid-28nm", "--set", "clock_hz=1e8", "--json").stdout)
    (clock,) = [record for record in records if record["path"] == "clock_hz"]
    assert (clock["value"], clock["kind"]) == (1e8, "override")


def test_show_describes_code_and_studies(call: Call) -> None:
    assert "frozen_fraction = " in call("show", "method", "hyb-learn").stdout
    assert "Outputs of each block" in call("show", "network", "convnet").stdout
    assert "seeds = " in call("show", "study", "hybrid_vs_all").stdout
    assert json.loads(call("show", "rule", "im2col", "--json").stdout)["name"] == "im2col"
    shown = call("show", "rule", "replicate").stdout
    assert "sees: all layers\nneeds positions: input vectors of one sample\nneeds pe_budget: the number" in shown


def test_explain_tells_one_value_or_a_table(call: Call) -> None:
    text = call("explain", "rram.cell.set_energy_j", *ON).stdout
    assert text.startswith("rram.cell.set_energy_j = 6.1e-11")
    assert len(text.splitlines()) == 2
    records = json.loads(call("explain", "horizon", *ON, "--json").stdout)
    assert {record["path"].split(".")[0] for record in records} == {"horizon"}
    changed = call("explain", "clock_hz", *ON, "--set", "clock_hz=1e8").stdout
    assert "override clock_hz=100000000.0" in changed


def test_list_as_json(call: Call) -> None:
    assert json.loads(call("list", "dataset", "--json").stdout) == [
        "cifar10", "digits", "fashion-mnist", "mnist", "spoken-digits",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["device", "chip"])
def test_a_new_file_is_complete_and_shown(call: Call, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert f"{path} written" in call("new", kind, "mine", "--out", str(path)).stdout
    assert path.read_text().startswith("# mine: a copy of ")
    records = json.loads(call("show", kind, str(path), "--json").stdout)
    assert ("name", "mine") in [(record["path"], record["value"]) for record in records]


def test_a_new_study_can_be_run(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "mine" / "study.toml"
    call("new", "study", "mine", "--out", str(path))
    loaded = load_study(str(path))
    points = training_points(loaded.spec, load_chips(loaded.spec), loaded.source)
    assert len(points) == 6


@pytest.mark.parametrize("kind", ["method", "rule", "network", "dataset"])
def test_new_code_registers_its_name(kind: str) -> None:
    from imcsim.learn.data import DATASETS
    from imcsim.learn.method import METHODS
    from imcsim.learn.networks import NETWORKS
    from imcsim.mapping.rule import MAPPING_RULES

    name, module = f"skeleton-{kind}-x", ModuleType(f"skeleton_{kind}")
    sys.modules[module.__name__] = module
    exec(compile(skeleton(kind, name), f"{kind}.py", "exec"), module.__dict__)
    registry: Any = {"method": METHODS, "rule": MAPPING_RULES, "network": NETWORKS, "dataset": DATASETS}[kind]
    try:
        assert name in registry.names()
    finally:
        del registry._entries[name], sys.modules[module.__name__]


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    from imcsim.core.errors import ContentError

    path = tmp_path / "mine.toml"
    path.write_text("precious")
    with pytest.raises(ContentError, match=r"mine.toml exists already; choose another name, or --out FILE"):
        CliRunner().invoke(app, ["new", "device", "mine", "--out", str(path)], catch_exceptions=False)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("kind", KINDS)
def test_a_skeleton_goes_where_the_user_stands_and_is_picked_as_it_says(
    call: Call, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of the user's, in content of the user's, and in content that is named."""
    monkeypatch.delenv("IMCSIM_CONTENT", raising=False)
    monkeypatch.chdir(tmp_path)
    file = {"study": "a-b/study.toml"}.get(kind, "a-b.toml" if kind in ("device", "component", "chip") else "a_b.py")
    told = call("new", kind, "a-b").stdout
    assert told.startswith(f"{tmp_path / file} written; try it: imcsim ")
    assert f"./{file}" in told and f"./{file}" in (tmp_path / file).read_text()
    if kind != "study":
        with forgetting():
            assert call("show", kind, f"./{file}").stdout
    root = tmp_path / "content"
    shutil.copytree(content_root() / "models", root / "models")
    (root / "studies").mkdir()
    folders = {"device": "devices", "component": "components", "chip": "chips", "network": "networks"}
    place_there = {"study": root / "studies"} | {k: root / "models" / name for k, name in folders.items()}
    (root / "below").mkdir()
    monkeypatch.chdir(root / "below")
    assert place(kind, "a-b") == place_there.get(kind, root / "below") / file
    monkeypatch.chdir("/")
    with use_content(root):
        assert place(kind, "a-b") == place_there.get(kind, Path("/")) / file
        assert picked(kind, "a-b", place(kind, "a-b")) == ("a-b" if kind in place_there else f"./{file}")


@pytest.mark.parametrize("kind", ["method", "rule", "network", "dataset", "study"])
def test_a_name_that_python_cannot_have_is_refused(kind: str) -> None:
    from imcsim.core.errors import ContentError

    with pytest.raises(ContentError, match=f"the name of a new {kind} must begin with a letter, got '2nd'"):
        skeleton(kind, "2nd")


def test_new_entries_go_where_imcsim_looks() -> None:
    assert place("network", "my-net").name == "my_net.py"
    assert place("study", "my-study").parts[-3:] == ("studies", "my-study", "study.toml")
    assert place("rule", "r").parent.name == "rules"


def test_nested_settings_of_learn() -> None:
    fields: dict[str, Any] = {"seed": 0}
    assert nested(fields, {"method_config.x": 1, "epochs": 2}) == {"seed": 0, "method_config": {"x": 1}, "epochs": 2}
    with pytest.raises(ConfigError, match=r"--set seed.x: 'seed' is a value, not a table"):
        nested({"seed": 0}, {"seed.x": 1})


def test_networks_are_listed_by_the_names_that_map_takes(call: Call) -> None:
    assert {"convnet", "mlp", "resnet18", "resnet50"} <= set(call("list", "network").stdout.split())


def test_learn_takes_domains_in_turn(call: Call, tmp_path: Path) -> None:
    settings = {
        "image_shape": "[1, 8, 8]", "train_limit": "20", "test_limit": "20", "epochs": "1",
        "network_params.hidden": "[8]",
    }  # fmt: skip
    given = [part for path, value in settings.items() for part in ("--set", f"{path}={value}")]
    out = tmp_path / "t.safetensors"
    text = call("learn", "--domains", "digits,digits", "--network", "mlp", "--out", str(out), *given).stdout
    assert "finetune on digits, digits in turn, final accuracy" in text
    with pytest.raises(ConfigError, match="leave out dataset"):
        call("learn", "--domains", "digits,digits", "--dataset", "digits", "--out", str(out))
    assert "finetune on hybrid-28nm: mlp, digits, digits in turn, seed 0" in call("price", str(out), *ON).stdout
