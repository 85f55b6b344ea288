"""docs/extending.md: a package of another's, and files by path, pass every verb; each mistake is one sentence."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import imcsim
from imcsim.cli.app import app
from imcsim.cli.new import skeleton
from imcsim.core import content
from imcsim.core.errors import ContentError
from imcsim.learn.data import DATASETS
from imcsim.learn.method import METHODS
from imcsim.learn.networks import NETWORKS
from imcsim.mapping import MAPPING_RULES
from imcsim.study.code import training_code
from imcsim.study.points import load_chips, training_points
from imcsim.study.run import RunOptions, run_study
from imcsim.study.spec import load_study
from imcsim.study.worker import train_point
from tests.packaging.inline import Inline
from tests.registries import REGISTRIES, forgetting

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
BROUGHT = {
    "method": "calm", "network": "slim", "dataset": "bars", "rule": "by-row", "device": "rram-toy",
    "component": "link-toy", "chip": "toy-chip",
}  # fmt: skip
ROOM = ("--set", "rram.pe_count=64", "--set", "sram.pe_count=64")
STUDY = """
name = "brought"
title = "Brought"
question = "Does it pass?"
seeds = [0]
reference_chip = "@chip@"
[stream]
dataset = "@dataset@"
tasks = 2
[network]
name = "@network@"
[training]
epochs = 1
[[methods]]
label = "theirs"
method = "@method@"
[[methods]]
label = "over theirs"
method = "hyb-learn"
config = { base = "@method@", base_config = { smoothing = 0.2 } }
[[chips]]
name = "@chip@"
set = { "rram.pe_count" = 64, "sram.pe_count" = 64 }
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Forget, after each test, what it registered and imported."""
    with forgetting("toy_lab"):
        yield


def metadata(site: Path, package: str, points: dict[str, dict[str, str]]) -> None:
    """Write what an installer leaves of a package's entry points."""
    folder = site / f"{package.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in named.items()) for group, named in points.items()]
    (folder / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the page's package into a folder, and put that on the search path."""
    folder, parts = tmp_path / "site", tmp_path / "site" / "toy_lab" / "parts"
    parts.mkdir(parents=True)
    for package in (folder / "toy_lab", parts):
        (package / "__init__.py").write_text("")
    (folder / "toy_lab" / "learning.py").write_text(FILES["toy_lab/learning.py"])
    (parts / "rram-toy.toml").write_text(skeleton("device", "rram-toy"))
    link = content.path_of("component", "link-28nm").read_text()
    (parts / "link-toy.toml").write_text(link.replace("link-28nm", "link-toy"))
    chip = skeleton("chip", "toy-chip").replace('"rram-28nm"', '"rram-toy"').replace('"link-28nm"', '"link-toy"')
    assert 'cell = "rram-toy"' in chip and 'link = "link-toy"' in chip
    (parts / "toy-chip.toml").write_text(chip)
    metadata(folder, "toy-lab", tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"])
    monkeypatch.syspath_prepend(str(folder))
    return folder


def call(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def said(*arguments: str) -> str:
    """Return the sentence of a mistake."""
    with pytest.raises(ContentError) as caught:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("kind", BROUGHT)
def test_list_says_which_package_brings_it_without_importing_it(kind: str) -> None:
    lines = call("list", kind).splitlines()
    assert f"{BROUGHT[kind]}  (package toy-lab)" in lines
    assert len([line for line in lines if "package" in line]) == 1
    assert not [name for name in sys.modules if name.startswith("toy_lab")]


@pytest.mark.usefixtures("site")
def test_every_verb_takes_what_a_package_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = call(
        "learn", "--method", "calm", "--network", "slim", "--dataset", "bars", "--out", "t.safetensors",
        "--set", "tasks=2", "--set", "epochs=1", "--set", "method_config.smoothing=0.3",
    )  # fmt: skip
    assert told.startswith("t.safetensors: calm on Split-bars, final accuracy")
    trace = imcsim.load("trace", "t.safetensors")
    assert (trace.meta.method, trace.meta.network, trace.meta.dataset) == ("calm", "slim", "bars")
    assert trace.meta.config["method_config"] == {"smoothing": 0.3}
    assert set(imcsim.network_after(trace, 0).state_dict()) == {"1.weight", "1.bias", "3.weight", "3.bias"}
    assert "calm on toy-chip: slim, Split-bars, seed 0" in call("price", "t.safetensors", "--chip", "toy-chip", *ROOM)
    table = call(
        "map", "slim", "--chip", "toy-chip", "--input", "1,4,4", "--classes", "4", "--rule", "by-row", "--json"
    )
    assert '"pes": 32' in table  # 16 + 16 rows, one a PE
    assert "needs" not in call("show", "rule", "by-row")
    assert "package: toy-lab" in call("show", "method", "calm")
    assert imcsim.load("chip", "toy-chip").origin("rram.cell.set_energy_j").where == "rram-toy.toml"


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("door", ["package", "path"])
def test_a_study_with_all_of_it(door: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    picks = {kind: BROUGHT[kind] for kind in ("method", "network", "dataset", "chip")}
    if door == "path":
        code = FILES["toy_lab/learning.py"]
        for decorator, home, name in (
            ("method", "method", "class Calm("), ("network", "networks", "def slim("), ("dataset", "data", "def bars("),
        ):  # fmt: skip
            code = code.replace(name, f"@{decorator}('own')\n{name}")
            code = code.replace(
                "\nclass CalmConfig", f"from imcsim.learn.{home} import {decorator}\n\nclass CalmConfig"
            )
        (folder / "own.py").write_text(code)
        (folder / "own.toml").write_text((site / "toy_lab" / "parts" / "toy-chip.toml").read_text())
        picks = {kind: "own.toml" if kind == "chip" else "./own.py" for kind in picks}
    text = STUDY
    for kind, pick in picks.items():
        text = text.replace(f"@{kind}@", pick)
    (folder / "study.toml").write_text(text)
    monkeypatch.chdir(tmp_path)  # not where the study lies
    loaded = load_study("ours/study.toml")
    options = RunOptions(out=tmp_path / "results", executor=Inline(), runner=train_point)
    result = run_study(loaded, options)
    called = {"package": ("bars", "toy-chip"), "path": ("own", "own")}[door]
    assert result.folder == tmp_path / "results" / "brought" / called[0]
    assert result.trained == 2
    assert {(row["method"], row["chip"]) for row in result.rows} == {("theirs", called[1]), ("over theirs", called[1])}
    assert result.stamp["study"]["methods"][0]["method"] == {"package": "calm", "path": "own.py"}[door]
    assert str(tmp_path) not in str(result.stamp["study"])
    assert run_study(loaded, RunOptions(out=tmp_path / "results", executor=Inline())).trained == 0
    monkeypatch.chdir(folder)  # the same study from another folder is the same
    assert run_study(load_study("study.toml"), RunOptions(out=tmp_path / "results", executor=Inline())).trained == 0


def test_paths_in_python_are_those_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("method", "network", "dataset"):
        (tmp_path / f"{kind}_a.py").write_text(skeleton(kind, f"{kind}-x"))
    monkeypatch.chdir(tmp_path)
    stream = imcsim.split("./dataset_a.py", tasks=5)
    assert stream.dataset == "dataset_a" and stream.class_count == 10
    trace = imcsim.learn("./network_a.py", stream, method="method_a.py:method-x", epochs=1)
    call(
        "learn", "--method", "./method_a.py:method-x", "--network", "network_a.py", "--dataset", "./dataset_a.py",
        "--out", "t.safetensors", "--set", "epochs=1",
    )  # fmt: skip
    other = imcsim.load("trace", "t.safetensors")
    assert (trace.meta.method, trace.meta.network, trace.meta.dataset) == ("method-x", "network_a", "dataset_a")
    assert all(np.array_equal(trace.codes[name], other.codes[name]) for name in trace.codes)
    assert other.meta.config["network"] == str(tmp_path / "network_a.py")
    domains = imcsim.multi_domain(["./dataset_a.py", "digits"], (1, 8, 8), test_limit=20, train_limit=20)
    assert domains.dataset == "dataset_a+digits"
    monkeypatch.chdir("/")
    assert imcsim.network_after(other, 0).state_dict().keys() == imcsim.network_after(trace, 0).state_dict().keys()


ENTRY = "from imcsim.learn.method import Method, method\n@method('{0}')\nclass {1}(Method):\n    pass\n"


@pytest.mark.parametrize(
    ("text", "pick", "sentence"),
    [
        ("x = 1\n", "", "registers no method: its decorator, with a name, is missing"),
        ("def f(:\n", "", "cannot be imported: SyntaxError: invalid syntax (mine.py, line 1)"),
        ("import sys\nsys.exit(3)\n", "", "cannot be imported: SystemExit: 3"),
        (ENTRY.format("er", "Er"), "", "method 'er' is registered twice: by imcsim.learn.methods.er.Er and by file "),
        (ENTRY.format("a", "A") + ENTRY.format("b", "B"), "", "registers 2 entries: say which method, as "),
        (ENTRY.format("abc", "A"), ":abd", "registers no method 'abd'; did you mean 'abc'?"),
        ("from imcsim.learn.method import method\n@method('f')\ndef f(): ...\n", "", "mine.py is no subclass of"),
        (None, "", "there is no such file"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_do_is_one_sentence(
    text: str | None, pick: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("mine.py").write_text(text)
    names = METHODS.names()
    for _ in range(2):  # what fails leaves nothing behind
        told = said("learn", "--method", f"./mine.py{pick}", "--out", "t.safetensors")
        assert sentence in told
        assert "mine.py" in told
    if text is None or "ENTRY" not in text:
        assert set(METHODS.names()) - {"a", "b", "abc"} == set(names)


@pytest.mark.parametrize("kind", ["network", "dataset", "rule"])
def test_every_kind_of_code_refuses_an_empty_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.write_text("")
    registry: Any = {"network": NETWORKS, "dataset": DATASETS, "rule": MAPPING_RULES}[kind]
    with pytest.raises(ContentError, match=rf"empty.py registers no {registry.kind}: its decorator"):
        registry.get(str(path))


def test_an_edited_file_is_run_anew_and_its_old_entries_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(ENTRY.format("first-name", "Mine"))
    old = METHODS.get(str(path))
    assert METHODS.get(str(path)) is old  # run once
    path.write_text(ENTRY.format("second-name", "Mine") + "    source = 'new'\n")
    assert METHODS.get(str(path)).source == "new"
    assert "first-name" not in METHODS.names()
    assert "second-name" in METHODS.names()


def test_the_key_of_a_training_holds_the_users_code(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, the package behind a name, what they import of the user's own: an edit moves the key, a comment none."""
    own, shared = tmp_path / "own", tmp_path / "shared" / "helpers.py"
    own.mkdir()
    shared.parent.mkdir()
    shared.write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(shared.parent))
    mine = own / "mine.py"
    mine.write_text("import helpers\n" + ENTRY.format("mine", "Mine"))
    plain = {"network": "mlp", "method": "er", "method_config": {}, "dataset": "digits"}
    learning = site / "toy_lab" / "learning.py"
    for config, files in (
        ({**plain, "method": str(mine)}, [mine, shared]),
        ({**plain, "method": "hyb-learn", "method_config": {"base": str(mine)}}, [mine, shared]),
        ({**plain, "method": "calm"}, [learning]),
        ({**plain, "network": "slim"}, [learning]),
        ({**plain, "dataset": "bars"}, [learning]),
        ({**plain, "domains": ["bars", "digits"]}, [learning]),
        ({**plain, "backbone": {"dataset": "bars"}}, [learning]),
    ):
        for file in files:
            before, text = key(config), file.read_text()
            file.write_text("# a comment\n" + text)
            assert key(config) == before
            file.write_text(text + "y = 1\n")
            assert key(config) != before, (config, file)
            assert key(plain) == PLAIN.setdefault("key", key(plain))  # no other run's key moves
            file.write_text(text)
            assert key(config) == before
    moved = tmp_path / "moved.py"
    moved.write_text(mine.read_text())
    mine.rename(own / "moved.py")
    at_home = training_code({**plain, "method": str(own / "moved.py")})
    assert training_code({**plain, "method": str(moved)}) == at_home


PLAIN: dict[str, str] = {}


def key(config: dict[str, Any]) -> str:
    """Return the key as another process would: nothing of it is remembered."""
    from imcsim.study import code

    code._key.cache_clear()
    return training_code(config)


def test_where_a_file_lies_is_not_in_the_key_of_a_point(tmp_path: Path) -> None:
    keys = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mine.py").write_text(skeleton("method", "mine"))
        text = STUDY.replace("@method@", "./mine.py").replace(", base_config = { smoothing = 0.2 }", "")
        for kind, pick in (("chip", "hybrid-28nm"), ("dataset", "digits"), ("network", "mlp")):
            text = text.replace(f"@{kind}@", pick)
        (folder / "study.toml").write_text(text)
        loaded = load_study(str(folder / "study.toml"), {"methods.over theirs.config.base_config.weight": 2.0})
        points = training_points(loaded.spec, load_chips(loaded.spec), "test")
        assert points[0].config["method"] == str(folder / "mine.py")
        settings = points[1].config["method_config"]
        assert isinstance(settings, dict)
        assert settings["base_config"] == {"weight": 2.0}
        keys.append([point.key for point in points])
    assert keys[0] == keys[1]


def test_a_package_that_fails_and_one_that_holds_no_file_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    (broken / "toy_lab").mkdir(parents=True)
    (broken / "toy_lab" / "__init__.py").write_text("import no_such_module_of_ours\n")
    groups = {f"imcsim.{kind}": {"toy-x": "toy_lab:X"} for kind in ("method", "network", "dataset", "mapping_rule")}
    groups |= {f"imcsim.{kind}": {"toy-x": "toy_lab.parts"} for kind in ("chip", "device", "component", "study")}
    metadata(broken, "toy-broken", groups)
    monkeypatch.syspath_prepend(str(broken))
    cause = "of package toy-broken cannot be imported: ModuleNotFoundError: No module named 'no_such_module_of_ours'"
    for kind, registry in zip(("method", "network", "dataset", "rule"), REGISTRIES[:4], strict=True):
        assert "toy-x" in registry.names()
        assert said("show", kind, "toy-x") == f"{registry.kind} 'toy-x' {cause}"
    for kind in ("chip", "device", "component", "study"):
        told = f"{kind} 'toy-x' of package toy-broken is not there: no folder of a package is toy_lab.parts"
        assert said("show", kind, "toy-x") == told


def test_a_name_that_imcsim_has_already_is_refused_with_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata(tmp_path, "toy-twice", {"imcsim.method": {"er": "toy_lab:X"}, "imcsim.chip": {"hybrid-28nm": "toy_lab"}})
    monkeypatch.syspath_prepend(str(tmp_path))
    twice = "method 'er' is registered twice: by imcsim.learn.methods.er.Er and by package toy-twice"
    assert said("list", "method") == twice
    assert said("show", "chip", "hybrid-28nm").startswith("chip 'hybrid-28nm' is there twice: in ")
    assert said("list", "chip").endswith("hybrid-28nm.toml and in package toy-twice")
