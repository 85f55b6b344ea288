"""A content root of the test's own, so that the real content may change freely."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty content root in use through the environment."""
    for folder in ("devices", "components", "chips", "networks"):
        (tmp_path / "models" / folder).mkdir(parents=True)
    (tmp_path / "models" / "__init__.py").write_text('"""Test."""\n\nCONTENT_OF = "imcsim"\n')
    (tmp_path / "studies").mkdir()
    monkeypatch.setenv("IMCSIM_CONTENT", str(tmp_path))
    return tmp_path


@pytest.fixture
def write(root: Path) -> Write:
    """Return a function that writes a file of the content root: ``write("devices/a.toml", text)``."""

    def write_text(name: str, text: str) -> Path:
        path = root / "models" / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text
