import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from imcsim.core import content
from imcsim.core.errors import ContentError
from tests.core.conftest import Write

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide every imported ``models`` module during the test, and forget those that it imports."""
    hidden = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "models"}
    for name in hidden:
        del sys.modules[name]
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "models"]:
        del sys.modules[name]
    sys.modules.update(hidden)


def test_the_checkout_is_the_default_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMCSIM_CONTENT", raising=False)
    assert content.content_root() == CHECKOUT


def test_the_environment_names_a_root(root: Path) -> None:
    assert content.content_root() == root


def test_an_explicit_root_comes_before_the_environment(root: Path) -> None:
    with content.use_content(CHECKOUT):
        assert content.content_root() == CHECKOUT
        with content.use_content(None):
            assert content.content_root() == CHECKOUT
    assert content.content_root() == root


def test_an_explicit_root_ends_with_its_block_also_after_an_error(root: Path) -> None:
    with pytest.raises(RuntimeError, match="inside"), content.use_content(CHECKOUT):
        raise RuntimeError("inside")
    assert content.content_root() == root


@pytest.mark.parametrize("text", [None, "", "CONTENT_OF = 'imcsim'", '# CONTENT_OF = "imcsim"', 'CONTENT_OF = "other"'])
def test_a_folder_without_the_marker_is_refused(root: Path, text: str | None) -> None:
    marker = root / "models" / "__init__.py"
    marker.unlink()
    if text is not None:
        marker.write_text(text)
    sentence = f'{root} is not imcsim content: {marker} lacks CONTENT_OF = "imcsim"'
    with pytest.raises(ContentError, match=f"^{re.escape(sentence)}$"):
        content.content_root()
    with pytest.raises(ContentError, match=re.escape(sentence)), content.use_content(root):
        content.names("chip")


def test_an_engine_without_content_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMCSIM_CONTENT", raising=False)
    package = tmp_path / "imcsim"
    monkeypatch.setattr(content, "__file__", str(package / "core" / "content.py"))
    sentence = f"no content found beside {package} or inside it; name a folder with IMCSIM_CONTENT"
    with pytest.raises(ContentError, match=f"^{re.escape(sentence)}$"):
        content.content_root()


def test_names_are_those_of_the_files(root: Path, write: Write) -> None:
    write("chips/b.toml", "")
    write("chips/a.toml", "")
    write("chips/notes.md", "")
    write("networks/net.py", "")
    write("networks/_shared.py", "")
    (root / "studies" / "question").mkdir()
    (root / "studies" / "question" / "study.toml").write_text("")
    (root / "studies" / "draft").mkdir()
    assert content.names("chip") == ["a", "b"]
    assert content.names("network") == ["net"]
    assert content.names("study") == ["question"]
    assert content.names("device") == []
    assert content.path_of("chip", "a") == root / "models" / "chips" / "a.toml"
    assert content.path_of("network", "net") == root / "models" / "networks" / "net.py"
    assert content.path_of("study", "question") == root / "studies" / "question" / "study.toml"


def test_a_toml_files_path_is_taken_as_it_is(write: Write) -> None:
    path = write("mine.toml", "")
    assert content.path_of("chip", str(path)) == path


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("chip", "hybird", "unknown chip 'hybird'; did you mean 'hybrid'?"),
        ("chip", "zzz", "unknown chip 'zzz'; allowed: hybrid"),
        ("device", "zzz", "unknown device 'zzz'"),
        ("chip", "gone.toml", "no such chip file: gone.toml"),
        ("chips", "hybrid", "unknown kind of content 'chips'; did you mean 'chip'?"),
    ],
)
def test_an_unknown_name_is_refused(write: Write, kind: str, name: str, sentence: str) -> None:
    write("chips/hybrid.toml", "")
    with pytest.raises(ContentError, match=f"^{re.escape(sentence)}$"):
        content.path_of(kind, name)


@pytest.mark.usefixtures("no_models")
def test_networks_are_imported_under_one_name_and_once(write: Write) -> None:
    write("networks/__init__.py", "")
    path = write("networks/net.py", "LOADED = []\n")
    content.import_networks()
    first = sys.modules["models.networks.net"]
    assert first.__file__ == str(path)
    content.import_networks()
    assert sys.modules["models.networks.net"] is first


@pytest.mark.usefixtures("no_models")
def test_a_network_that_cannot_be_imported_is_named(write: Write) -> None:
    write("networks/__init__.py", "")
    path = write("networks/net.py", "import no_such_module_of_ours\n")
    with pytest.raises(ContentError, match=f"^{re.escape(str(path))} cannot be imported: ModuleNotFoundError: "):
        content.import_networks()
    assert "models.networks.net" not in sys.modules


@pytest.mark.usefixtures("no_models")
@pytest.mark.parametrize(("attribute", "value"), [("__file__", "/elsewhere/x.py"), ("__path__", ["/elsewhere/x.py"])])
def test_a_foreign_package_is_refused_naming_both_places(root: Path, attribute: str, value: object) -> None:
    foreign = types.ModuleType("models")
    setattr(foreign, attribute, value)
    sys.modules["models"] = foreign
    sentence = (
        f"a foreign package 'models' from /elsewhere/x.py is already imported; "
        f"imcsim's content is {root / 'models' / '__init__.py'}: "
    )
    with pytest.raises(ContentError, match=f"^{re.escape(sentence)}"):
        content.import_networks()
    assert sys.modules["models"] is foreign
