"""Which source files a module runs, found without running it: imports anywhere in it, and files that it names.

Imports inside functions count, those for the type checker alone do not. A package's ``__init__`` counts only where a
name that it defines is imported. A name that it passes on, at once or when first used, leads to the module behind.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from imcsim.core.source_file import Source

_RELEASE = "__version__"  # names a release; the code itself is what counts


@dataclass(frozen=True)
class SourceTree:
    """Top-level packages whose files count (name -> folder), and what was read of them.

    Each file is read once: a process runs the code that it has loaded, whatever is edited meanwhile.
    """

    packages: Mapping[str, Path]
    _read: dict[Path, Source] = field(default_factory=dict, repr=False, compare=False)
    _edges: dict[Path, tuple[Path, ...]] = field(default_factory=dict, repr=False, compare=False)

    def closure(self, roots: Iterable[str | Path], chosen: Mapping[str, Iterable[Path]] | None = None) -> list[Path]:
        """Return every file that the modules (names) and files ``roots`` run, sorted.

        Parameters
        ----------
        roots
            Dotted names of modules, or files.
        chosen
            Package whose modules are imported by scanning its folder -> those of its files that run here; a scanned
            package that is left out counts with all its files.
        """
        found: set[Path] = set()
        left = [root if isinstance(root, Path) else self._known(root) for root in roots]
        while left:
            path = left.pop()
            if path not in found:
                found.add(path)
                left += self._behind(path, chosen or {})
        return sorted(found)

    def edited(self, path: Path, content: bytes) -> "SourceTree":
        """Return the tree as it would be with other content in one file; nothing is written."""
        leads = path.name == "__init__.py"  # others' imports may lead elsewhere now
        others = {known: edges for known, edges in self._edges.items() if known != path and not leads}
        return SourceTree(self.packages, {**self._read, path: Source(path, content)}, others)

    def joined(self, packages: Mapping[str, Path]) -> "SourceTree":
        """Return the tree with more packages; what is read of them leaves this tree as it is."""
        return SourceTree({**self.packages, **packages}, dict(self._read), dict(self._edges))

    def holds(self, path: Path) -> bool:
        """Whether the file is of a package here."""
        return any(path.is_relative_to(folder) for folder in self.packages.values())

    def source(self, path: Path) -> Source:
        """Return the file at ``path``, read."""
        if path not in self._read:
            self._read[path] = Source(path, path.read_bytes())
        return self._read[path]

    def file_of(self, module: str) -> Path | None:
        """Return the file of ``module``, None if it is of no package here."""
        top, *rest = module.split(".")
        if top not in self.packages:
            return None
        stem = self.packages[top].joinpath(*rest)
        return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if _is_file(path)), None)

    def members(self, package: str) -> list[Path]:
        """Return the modules in a package's folder, sorted, without its ``__init__``."""
        path = self.file_of(package)
        return [] if path is None else sorted(p for p in path.parent.glob("*.py") if p.name != "__init__.py")

    def _known(self, module: str) -> Path:
        path = self.file_of(module)
        if path is None:
            raise LookupError(f"{module} is no module of {', '.join(self.packages)}")
        return path

    def label(self, path: Path) -> str:
        """Return the name of a file that is the same wherever the packages lie: ``imcsim/learn/loop.py``."""
        for top, folder in self.packages.items():
            if path.is_relative_to(folder):
                return f"{top}/{path.relative_to(folder).as_posix()}"
        return path.name

    def _behind(self, path: Path, chosen: Mapping[str, Iterable[Path]]) -> Iterator[Path]:
        if path.suffix != ".py":
            return
        if path not in self._edges:
            self._edges[path] = tuple(dict.fromkeys(self._fixed(path)))
        yield from self._edges[path]
        for package in self.source(path).scanned:
            yield from chosen[package] if package in chosen else self.members(package)

    def _fixed(self, path: Path) -> Iterator[Path]:
        source = self.source(path)
        yield from source.named_files
        name = self.label(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for module, imported in source.imports(f"{name}.__init__" if path.name == "__init__.py" else name):
            yield from self._target(module, imported)

    def _target(self, module: str, name: str | None) -> Iterator[Path]:
        """Yield what ``from module import name`` runs; name None is ``import module``."""
        path = self.file_of(module)
        if path is None or name == _RELEASE:
            return
        if path.name != "__init__.py":
            yield path
        elif name is not None and self.file_of(f"{module}.{name}") is not None:
            yield from self._target(f"{module}.{name}", None)
        elif name is not None:
            passed_on = self.source(path).passed_on(module).get(name)
            yield from [path] if passed_on is None else self._target(*passed_on)


@cache
def _is_file(path: Path) -> bool:
    return path.is_file()
