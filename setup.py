"""Puts the content folders into the wheel as data, so that it installs no top-level name but ``imcsim``."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CONTENT_FOLDERS = ("models", "studies")
SUFFIXES = {".py", ".toml", ".md", ".csv", ".json", ".png"}
SKIPPED_FOLDERS = {"__pycache__", "results"}


def content_files() -> list[Path]:
    """Return the content files to ship, relative to the checkout."""
    files = (path for folder in CONTENT_FOLDERS for path in sorted(Path(folder).rglob("*")))
    return [path for path in files if path.suffix in SUFFIXES and not SKIPPED_FOLDERS.intersection(path.parts)]


class BuildWithContent(build_py):
    """``build_py`` that also copies the content to ``imcsim/_content``; an editable install reads the checkout."""

    def run(self) -> None:
        """Build the modules, then copy the content."""
        super().run()
        if self.editable_mode:
            return
        shutil.rmtree(self._target(Path()), ignore_errors=True)  # an earlier build may have left content since removed
        for path in content_files():
            target = self._target(path)
            self.mkpath(str(target.parent))
            self.copy_file(str(path), str(target), preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return the built files, content included."""
        outputs: list[str] = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, *(str(self._target(path)) for path in content_files())]

    def _target(self, path: Path) -> Path:
        return Path(self.build_lib) / "imcsim" / "_content" / path


setup(cmdclass={"build_py": BuildWithContent})
