import zipfile
from pathlib import Path

import pytest

from imcsim.core import content
from tests.packaging.conftest import CHECKOUT, RUBBISH, RunPython

CONTENT = "imcsim/_content/"


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_installs_one_name(wheel: Path) -> None:
    top = {name.split("/")[0] for name in names_in(wheel)}
    assert {name for name in top if not name.endswith(".dist-info")} == {"imcsim"}
    assert len(top) == 2


def test_the_installation_holds_one_name(installed: Path) -> None:
    kept = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert kept - {"bin"} == {"imcsim"}
    assert [path.name for path in (installed / "bin").iterdir()] == ["imcsim"]


def test_the_wheel_ships_the_whole_engine_and_the_licence(wheel: Path) -> None:
    names = set(names_in(wheel))
    files = {path.relative_to(CHECKOUT) for path in (CHECKOUT / "imcsim").rglob("*") if path.is_file()}
    ours = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert "imcsim/py.typed" in ours
    assert ours == {name for name in names if name.startswith("imcsim/") and not name.startswith(CONTENT)}
    assert any(name.endswith("LICENSE") for name in names)


@pytest.mark.parametrize("kind", content.KINDS)
def test_the_wheel_ships_all_content(wheel: Path, kind: str) -> None:
    names = set(names_in(wheel))
    root = content.content_root()
    wanted = {CONTENT + content.path_of(kind, name).relative_to(root).as_posix() for name in content.names(kind)}
    assert wanted
    assert wanted <= names


def test_the_wheel_ships_no_rubbish(wheel: Path) -> None:
    names = names_in(wheel)
    assert [name for name in names if name.removeprefix(CONTENT) in RUBBISH] == []
    assert [name for name in names if "__pycache__" in name or "/results/" in name] == []


def test_no_content_copy_stays_in_the_checkout() -> None:
    assert not (CHECKOUT / "imcsim" / "_content").exists()


def test_the_copy_in_the_wheel_is_used_in_a_foreign_folder(python_there: RunPython, installed: Path) -> None:
    code = "import imcsim; from imcsim.core import content; print(imcsim.__file__); print(content.content_root())"
    done = python_there("-c", code)
    assert done.stdout.splitlines() == [
        str(installed / "imcsim" / "__init__.py"),
        str(installed / "imcsim" / "_content"),
    ], done.stderr


@pytest.mark.parametrize("kind", content.KINDS)
def test_the_wheel_names_the_same_content(python_there: RunPython, kind: str) -> None:
    done = python_there("-c", f"from imcsim.core import content; print(*content.names({kind!r}))")
    assert done.stdout.split() == content.names(kind), done.stderr


def test_networks_come_from_the_wheel_in_a_foreign_folder(python_there: RunPython, installed: Path) -> None:
    code = "from imcsim.core import content; content.import_networks(); import models; print(models.__file__)"
    done = python_there("-c", code)
    assert done.stdout.strip() == str(installed / "imcsim" / "_content" / "models" / "__init__.py"), done.stderr


def test_a_foreign_models_already_imported_is_refused(python_there: RunPython, installed: Path, foreign: Path) -> None:
    code = """
import models
from imcsim.core import content, errors
try:
    content.import_networks()
except errors.ContentError as error:
    print(error)
"""
    done = python_there("-c", code)
    ours = installed / "imcsim" / "_content" / "models" / "__init__.py"
    assert done.stdout.strip() == (
        f"a foreign package 'models' from {foreign / 'models' / '__init__.py'} is already imported; imcsim's content "
        f"is {ours}: import imcsim's networks first, or rename the other package"
    ), done.stderr


@pytest.mark.parametrize("kind", ["chip", "network"])
def test_the_command_works_in_a_foreign_folder(python_there: RunPython, kind: str) -> None:
    done = python_there("-m", "imcsim", "list", kind)
    assert done.returncode == 0, done.stderr
    assert [name for name in content.names(kind) if name not in done.stdout] == []
