"""How often the package gives up on types: `Any`, by a thousand lines.

``python -m tests.packaging.test_types`` prints the figure of each folder and the files with most.
"""

import ast
from collections import Counter
from pathlib import Path

import pytest

import imcsim

_ROOT = Path(imcsim.__file__).parent
_MOST = 4.0  # `Any` for a thousand lines, of the package as a whole
_SHOWN = 12


def uses_of_any(code: str) -> int:
    """Return how often ``code`` says ``Any``, quoted annotations included; importing it counts as no use."""
    tree = ast.parse(code)
    quoted = [_parsed(node) for top in ast.walk(tree) for node in _annotations(top)]
    return sum(_is_any(node) for root in (tree, *quoted) for node in ast.walk(root))


def _is_any(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any")


def _annotations(node: ast.AST) -> list[ast.Constant]:
    """Return the texts in the annotations of one statement or argument."""
    said = [getattr(node, name, None) for name in ("annotation", "returns")]
    inside = (part for root in said if isinstance(root, ast.AST) for part in ast.walk(root))
    return [part for part in inside if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def _parsed(text: ast.Constant) -> ast.AST:
    try:
        return ast.parse(str(text.value), mode="eval")
    except SyntaxError:  # a word of a Literal
        return ast.Module([], [])


def counted() -> tuple[Counter[str], Counter[str]]:
    """Return the uses and the lines of each file, by its path below the package."""
    uses: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for path in sorted(_ROOT.rglob("*.py")):
        code, name = path.read_text(encoding="utf-8"), str(path.relative_to(_ROOT))
        uses[name], lines[name] = uses_of_any(code), len(code.splitlines())
    return uses, lines


def worst(uses: Counter[str]) -> str:
    """Return the files with most, a line each."""
    return "\n".join(f"{count:4} {name}" for name, count in uses.most_common(_SHOWN) if count)


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("from typing import Any", 0),
        ("x: Any = 1", 1),
        ("def f(x: dict[str, Any]) -> typing.Any: ...", 2),
        ("def f(x: 'list[Any]', y: Literal['Any way']) -> 'Any': ...", 2),
        ("'Any text' # Any comment", 0),
        ("CellCurrent = Callable[[Any, Any], Any]", 3),
    ],
)
def test_uses_are_counted_where_types_are_said(code: str, count: int) -> None:
    assert uses_of_any(code) == count


def test_any_stays_rare() -> None:
    uses, lines = counted()
    assert sum(lines.values()) > 40_000  # the whole package was looked at
    rate = 1000 * sum(uses.values()) / sum(lines.values())
    assert rate <= _MOST, f"{rate:.2f} `Any` in a thousand lines, at most {_MOST}; most of them in\n{worst(uses)}"


def main() -> None:
    """Print uses, lines and the rate of each folder, and the worst files."""
    uses, lines = counted()
    folders: dict[str, list[str]] = {}
    for name in uses:
        folders.setdefault(name.partition("/")[0] if "/" in name else ".", []).append(name)
    for folder, names in [*folders.items(), ("all", list(uses))]:
        count, length = sum(uses[n] for n in names), sum(lines[n] for n in names)
        print(f"{folder:12} {count:4} {length:6} {1000 * count / length:6.1f}")  # noqa: T201 - a script
    print(worst(uses))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
