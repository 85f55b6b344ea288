"""One source file, read: what it imports, which files it names, and a digest of its code."""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

_C_COMMENT = re.compile(rb'("(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')|//[^\n]*|/\*.*?\*/', re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One file: what it imports, what it names, and a digest of the code in it."""

    path: Path
    content: bytes = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree, without docstrings."""
        tree = ast.parse(self.content)
        for node in ast.walk(tree):
            for _, statements in ast.iter_fields(node):
                if isinstance(statements, list):
                    statements[:] = [entry for entry in statements if not _is_docstring(entry)]
        return tree

    @cached_property
    def digest(self) -> str:
        """Digest of the code: comments, docstrings and layout do not count; other files count byte by byte."""
        if self.path.suffix == ".py":
            return hashlib.sha256(ast.dump(self.tree).encode()).hexdigest()
        return hashlib.sha256(_without_comments(self.content) if self.path.suffix == ".c" else self.content).hexdigest()

    @cached_property
    def named_files(self) -> list[Path]:
        """Files beside this one, or below, that a string in it names and that are not Python: C sources, tables."""
        near = _other_files(self.path.parent)
        return sorted({path for node in self._nodes for path in near.get(_text(node), ())})

    @cached_property
    def scanned(self) -> list[str]:
        """Packages that are imported by name and whose folder is scanned: all their modules are imported."""
        calls = [node for node in self._nodes if isinstance(node, ast.Call)]
        if not any(_last_name(call.func) == "iter_modules" for call in calls):
            return []
        named = (_text(call.args[0]) for call in calls if _last_name(call.func) == "import_module" and call.args)
        return [name for name in named if name]

    def imports(self, name: str) -> Iterator[tuple[str, str | None]]:
        """Yield (module, name or None) of each import; ``name``: this module's own."""
        yield from self._froms(name, self._nodes)
        whole = [alias for node in self._nodes if isinstance(node, ast.Import) for alias in node.names]
        yield from ((alias.name, None) for alias in whole)
        bound = {a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0] for a in whole}
        for node in self._nodes:
            if isinstance(node, ast.Attribute):
                first, dot, rest = _dotted(node.value).partition(".")
                if first in bound:
                    yield f"{bound[first]}{dot}{rest}", node.attr
            elif isinstance(node, ast.Call) and _last_name(node.func) == "import_module" and node.args:
                yield _text(node.args[0]), None

    def passed_on(self, name: str) -> dict[str, tuple[str, str | None]]:
        """Return name -> (module, name there) of what a package's ``__init__`` imports, at once or when first used."""
        found: dict[str, tuple[str, str | None]] = {}
        for node in self._nodes:
            if isinstance(node, ast.ImportFrom):
                module = _module(node, f"{name}.__init__")
                found |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}
            elif isinstance(node, ast.Dict):  # the table of a module-level __getattr__: name -> module
                pairs = [(_text(key), _text(value)) for key, value in zip(node.keys, node.values, strict=True)]
                found |= {key: (value, key) for key, value in pairs if key and "." in value}
        return found

    @cached_property
    def registered(self) -> set[tuple[str, str]]:
        """The names under which the file registers something, with their decorators: ``@decorator("name")``."""
        owners = (n for n in self._nodes if isinstance(n, ast.FunctionDef | ast.ClassDef))
        calls = (d for node in owners for d in node.decorator_list if isinstance(d, ast.Call) and d.args)
        return {(_last_name(call.func), _text(call.args[0])) for call in calls}

    @cached_property
    def default_texts(self) -> dict[str, str]:
        """Field -> text of every annotated field whose default is a text."""
        fields = [(node.target, node.value) for node in self._nodes if isinstance(node, ast.AnnAssign)]
        return {_dotted(target): text for target, value in fields if (text := _default(value))}

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return list(_running(self.tree))

    def _froms(self, name: str, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                module = _module(node, name)
                yield from ((module, alias.name) for alias in node.names)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those under ``if TYPE_CHECKING``."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
            left += node.orelse
            continue
        yield node
        left += ast.iter_child_nodes(node)


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _module(node: ast.ImportFrom, name: str) -> str:
    if not node.level:
        return node.module or ""
    base = name.split(".")[: -node.level]
    return ".".join([*base, *([node.module] if node.module else [])])


def _last_name(node: ast.AST) -> str:
    return _dotted(node).rpartition(".")[2]


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _default(value: ast.AST | None) -> str:
    """Return the text that a field starts with, given as it is or as ``Field("text")``."""
    if isinstance(value, ast.Call) and _last_name(value.func) == "Field":
        named = [keyword.value for keyword in value.keywords if keyword.arg == "default"]
        return _text(next(iter([*value.args, *named]), None))
    return _text(value)


@cache
def _other_files(folder: Path) -> Mapping[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in folder.rglob("*"):
        if path.suffix not in (".py", ".pyi", ".pyc", "") and path.is_file():
            found.setdefault(path.name, []).append(path)
    return found


def _without_comments(source: bytes) -> bytes:
    code = _C_COMMENT.sub(lambda match: match[1] or b" ", source)
    return b"\n".join(b" ".join(line.split()) for line in code.splitlines() if line.strip())
