"""Which files a module runs: found by hand in small packages, and what an edit of each does to their key."""

from pathlib import Path

import pytest

from imcsim.core.code_key import code_key
from imcsim.core.import_graph import SourceTree

FILES = {
    "__init__.py": '__version__ = "1"\n_HOMES = {"late": "pkg.deep.late"}\n',
    "root.py": (
        "import json\nimport pkg\nfrom typing import TYPE_CHECKING\nfrom pkg.plain import value\nfrom pkg import face\n"
        "from . import beside\nfrom .deep import sibling\nfrom pkg import late, __version__\n"
        "if TYPE_CHECKING:\n    from pkg.only_types import Thing\n"
        "def f():\n    from pkg.inside import g\n    return g()\n"
    ),
    "plain.py": "import pkg.dotted as d\nvalue = d.x\n",
    "dotted.py": "x = 1\n",
    "beside.py": 'from pathlib import Path\nSOURCE = Path(__file__).with_name("fast.c")\n',
    "fast.c": "int f(void) { return 1; } /* one */\n",
    "inside.py": 'import importlib\ng = importlib.import_module("pkg.by_name").g\n',
    "by_name.py": "def g():\n    return 1\n",
    "face/__init__.py": "from pkg.face.shown import shown\nfrom pkg.face.unused import other\n",
    "face/shown.py": "shown = 1\n",
    "face/unused.py": "other = 1\n",
    "deep/__init__.py": "from pkg.deep.lower import sibling\nfrom pkg.deep import unused\n",
    "deep/lower.py": "sibling = 1\n",
    "deep/unused.py": "x = 1\n",
    "deep/late.py": "late = 1\n",
    "only_types.py": "class Thing: ...\n",
    "apart.py": "x = 1\n",
    "scans.py": (
        'import importlib, pkgutil\np = importlib.import_module("pkg.parts")\n'
        "for m in pkgutil.iter_modules(p.__path__):\n    importlib.import_module(f'{p.__name__}.{m.name}')\n"
    ),
    "parts/__init__.py": "",
    "parts/one.py": "from pkg import apart\n",
    "parts/two.py": "",
    "tabled.py": 'TABLE = "table.csv"\n',
    "data/table.csv": "1,2\n",
}
ROOT = {
    "root.py", "plain.py", "dotted.py", "beside.py", "fast.c", "inside.py", "by_name.py", "deep/lower.py",
    "deep/late.py",
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    for name, text in FILES.items():
        path = tmp_path / "pkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SourceTree({"pkg": tmp_path / "pkg"})


def names(tree: SourceTree, *roots: str, **chosen: list[str]) -> set[str]:
    folder = tree.packages["pkg"]
    given = {f"pkg.{package}": [folder / name for name in files] for package, files in chosen.items()}
    return {path.relative_to(folder).as_posix() for path in tree.closure(roots, given)}


def key(tree: SourceTree, *roots: str) -> str:
    return code_key(tree, tree.closure(roots))


def test_the_closure_by_hand(tree: SourceTree) -> None:
    assert names(tree, "pkg.root") == ROOT
    assert names(tree, "pkg.apart") == {"apart.py"}
    assert names(tree, "pkg.tabled") == {"tabled.py", "data/table.csv"}


def test_a_name_that_a_package_passes_on_leads_to_its_module_and_no_other(tree: SourceTree) -> None:
    path = tree.packages["pkg"] / "apart.py"
    seen = tree.edited(path, b"from pkg.face import shown\n")
    assert names(seen, "pkg.apart") == {"apart.py", "face/shown.py"}
    seen = tree.edited(path, b"import pkg\npkg.late\n")
    assert names(seen, "pkg.apart") == {"apart.py", "deep/late.py"}
    seen = tree.edited(path, b"import pkg\npkg.deep.lower.sibling\n")
    assert names(seen, "pkg.apart") == {"apart.py", "deep/lower.py"}
    seen = tree.edited(path, b"from pkg.face import own\n").edited(
        tree.packages["pkg"] / "face/__init__.py", b"own = 1\n"
    )
    assert names(seen, "pkg.apart") == {"apart.py", "face/__init__.py"}
    seen = tree.edited(path, b"import pkg.plain\npkg.plain.value\n")
    assert names(seen, "pkg.apart") == {"apart.py", "plain.py", "dotted.py"}


def test_a_scanned_package_counts_whole_unless_its_files_are_chosen(tree: SourceTree) -> None:
    assert names(tree, "pkg.scans") == {"scans.py", "parts/one.py", "parts/two.py", "apart.py"}
    assert names(tree, "pkg.scans", parts=["parts/two.py"]) == {"scans.py", "parts/two.py"}
    assert names(tree, "pkg.scans", parts=[]) == {"scans.py"}


@pytest.mark.parametrize("name", sorted(ROOT))
def test_an_edit_of_each_file_of_the_closure_moves_the_key(tree: SourceTree, name: str) -> None:
    path = tree.packages["pkg"] / name
    edited = tree.edited(path, FILES[name].encode() + (b"int g;\n" if name.endswith(".c") else b"\nnew = 1\n"))
    assert key(edited, "pkg.root") != key(tree, "pkg.root")


@pytest.mark.parametrize("name", sorted(set(FILES) - ROOT - {"data/table.csv"}))
def test_an_edit_of_any_other_file_does_not(tree: SourceTree, name: str) -> None:
    edited = tree.edited(tree.packages["pkg"] / name, FILES[name].encode() + b"new = 1\n")
    assert key(edited, "pkg.root") == key(tree, "pkg.root")


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("plain.py", '"""A docstring."""\n\nimport pkg.dotted as d  # why\n\n\nvalue = (\n    d.x\n)\n', True),
        ("plain.py", "import pkg.dotted as d\nvalue = d.x + 0\n", False),
        ("by_name.py", 'def g():\n    """Say so."""\n    # and why\n    return 1\n', True),
        ("by_name.py", "def g():\n    return '1'\n", False),
        ("fast.c", "// another\nint f(void)   { return 1; }\n\n", True),
        ("fast.c", 'int f(void) { return "/* one */"; }\n', False),
        ("fast.c", "int f(void) { return 2; } /* one */\n", False),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(tree: SourceTree, name: str, text: str, same: bool) -> None:
    edited = tree.edited(tree.packages["pkg"] / name, text.encode())
    assert (key(edited, "pkg.root") == key(tree, "pkg.root")) == same


def test_a_release_is_not_code(tree: SourceTree) -> None:
    path = tree.packages["pkg"] / "apart.py"
    assert names(tree.edited(path, b"import pkg\npkg.__version__\n"), "pkg.apart") == {"apart.py"}


def test_a_table_counts_byte_by_byte_and_a_moved_tree_has_the_same_key(tree: SourceTree, tmp_path: Path) -> None:
    table = tree.packages["pkg"] / "data" / "table.csv"
    assert key(tree.edited(table, b"1,3\n"), "pkg.tabled") != key(tree, "pkg.tabled")
    before, moved = key(tree, "pkg.root"), tmp_path / "elsewhere"
    (tmp_path / "pkg").rename(moved)
    assert key(SourceTree({"pkg": moved}), "pkg.root") == before


def test_a_root_that_is_not_there_is_named(tree: SourceTree) -> None:
    with pytest.raises(LookupError, match=r"pkg\.nothing is no module of pkg"):
        tree.closure(["pkg.nothing"])
