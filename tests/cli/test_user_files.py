"""Files of users that fail: one sentence with the file and the cause, exit status 2, never "a defect of imcsim"."""

import sys
from pathlib import Path

import pytest

from imcsim.cli.__main__ import guarded
from imcsim.cli.app import app
from imcsim.core import content
from imcsim.learn import method as method_module
from imcsim.learn import methods
from imcsim.learn.method import METHODS
from imcsim.learn.networks import NETWORKS, build_network
from imcsim.mapping import MAPPING_RULES, rules
from imcsim.mapping import rule as rule_module
from tests.registries import forgetting

BROKEN = {
    "import": ("import no_such_module_of_ours\n", "ModuleNotFoundError: No module named 'no_such_module_of_ours'"),
    "name": ("from imcsim.learn.method import Metod\n", "ImportError: cannot import name 'Metod'"),
    "syntax": ("def broken(:\n", "SyntaxError: invalid syntax"),
    "code": ("1 / 0\n", "ZeroDivisionError: division by zero"),
}


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert guarded(lambda: app(list(arguments), standalone_mode=False)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "defect" not in error
    return error


@pytest.mark.parametrize("fault", BROKEN)
def test_a_method_file_that_cannot_be_imported(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, cause = BROKEN[fault]
    file = tmp_path / "broken_of_ours.py"
    file.write_text(text)
    METHODS.names()
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
    monkeypatch.setattr(METHODS, "_load", method_module._import_all)
    for arguments in (("list", "method"), ("learn", "--method", "er", "--out", str(tmp_path / "t.safetensors"))):
        assert f"method file {file} cannot be imported: {cause}" in told(capsys, *arguments)
    assert "imcsim.learn.methods.broken_of_ours" not in sys.modules


def test_a_package_of_methods_is_named_by_its_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "__init__.py").write_text("import no_such_module_of_ours\n")
    monkeypatch.setattr(methods, "__path__", [str(tmp_path)])
    monkeypatch.setattr(METHODS, "_load", method_module._import_all)
    assert str(tmp_path / "ours" / "__init__.py") in told(capsys, "list", "method")


def test_a_rule_file_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "crooked.py").write_text("import no_such_module_of_ours\n")
    monkeypatch.setattr(rules, "__path__", [str(tmp_path)])
    monkeypatch.setattr(MAPPING_RULES, "_load", rule_module._import_all)
    assert f"mapping rule file {tmp_path / 'crooked.py'} cannot be imported: " in told(capsys, "list", "rule")


def test_a_network_file_that_cannot_be_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.py"
    file.write_text("import no_such_module_of_ours\n")
    monkeypatch.setattr(NETWORKS, "_load", lambda: content._load_module("models.networks.net_of_ours", file))
    assert f"{file} cannot be imported: ModuleNotFoundError: No module" in told(
        capsys, "map", "mlp", "--chip", "hybrid-28nm"
    )


def test_a_network_that_fails_while_it_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    NETWORKS.names()

    def crooked(class_count: int, image_shape: tuple[int, int, int]) -> None:
        raise TypeError("two layers do not fit")

    NETWORKS.register("crooked")(crooked)  # type: ignore[arg-type]
    try:
        sentence = f"network 'crooked' of {__file__} cannot be built: TypeError: two layers do not fit"
        assert sentence in told(capsys, "map", "crooked", "--chip", "hybrid-28nm")
    finally:
        NETWORKS._entries.pop("crooked")


def test_memory_that_ends_is_no_fault_of_a_network() -> None:
    def large(class_count: int, image_shape: tuple[int, int, int]) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    NETWORKS.names()
    NETWORKS.register("large")(large)  # type: ignore[arg-type]
    try:
        with pytest.raises(RuntimeError, match="allocate memory"):
            build_network("large", 2, (1, 4, 4))
    finally:
        NETWORKS._entries.pop("large")


def test_code_that_fails_while_it_runs_is_no_defect_of_imcsim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = (
        "from imcsim.mapping import mapping_rule\n@mapping_rule('crooked')\ndef crooked(shape, geometry):\n    1 / 0\n"
    )
    (tmp_path / "crooked.py").write_text(rule)
    monkeypatch.chdir(tmp_path)
    with forgetting():
        sentence = told(capsys, "map", "mlp", "--chip", "hybrid-28nm", "--rule", "./crooked.py")
    assert "mapping rule './crooked.py' failed: ZeroDivisionError: division by zero (crooked.py, line 4)" in sentence
