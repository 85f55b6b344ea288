import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from imcsim.core import content
from imcsim.learn.networks import NETWORKS
from tests.registries import forgetting

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("*.md", "docs/**/*.md", "studies/*/*.md", "examples/*.md")
PAGES = sorted(page for folder in FOLDERS for page in CHECKOUT.glob(folder))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
IMAGE_SOURCE = re.compile(r"<img[^>]+src=\"([^\"]+)\"")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
OURS = re.compile(r"^(?:imcsim|models|studies|tests|docs|benchmarks|examples)/[\w./-]+$")
DOTTED = re.compile(r"^imcsim(?:\.\w+)+$")
ABSOLUTE = re.compile(r"(?<![\w.:/<>)\]}~$])/[a-z]\w+/[\w.]")
VERB = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?imcsim +([a-z][\w-]*)", re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
each_page_of_docs = pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name == "docs"], ids=lambda page: page.name
)


def anchors(text: str) -> set[str]:
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(FENCE.sub("", text)))
    return {heading.strip().replace(" ", "-") for heading in kept}


def inline_code(text: str) -> list[str]:
    return [code.strip() for code in CODE.findall(FENCE.sub("", text))]


def test_the_pages_that_people_look_for_are_there() -> None:
    names = {page.relative_to(CHECKOUT).as_posix() for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "NOMENCLATURE.md", "docs/index.md"} <= names


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for target in [*LINK.findall(FENCE.sub("", text)), *IMAGE_SOURCE.findall(text)]:
        path, _, anchor = target.partition("#")
        if re.match(r"^(https?|mailto):", target):
            continue
        linked = (page.parent / path).resolve() if path else page
        found = linked.exists() and linked.is_relative_to(CHECKOUT)
        if not found or (anchor and anchor not in anchors(linked.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


@each_page
def test_files_that_are_named_exist(page: Path) -> None:
    named = [code for code in inline_code(page.read_text(encoding="utf-8")) if OURS.match(code)]
    missing = [code for code in named if "NAME" not in code and not (CHECKOUT / code).exists()]
    assert missing == []


@each_page
def test_python_names_that_are_named_exist(page: Path) -> None:
    missing = []
    for code in inline_code(page.read_text(encoding="utf-8")):
        if DOTTED.match(code) and not _defined(code):
            missing.append(code)
    assert missing == []


def _defined(dotted: str) -> bool:
    """Look a dotted name up in the source, so that no heavy module is imported for it."""
    parts = dotted.split(".")
    for depth in range(len(parts), 0, -1):
        module = CHECKOUT.joinpath(*parts[:depth])
        source = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
        if source.exists():
            rest = parts[depth : depth + 1]
            return not rest or re.search(rf"\b{rest[0]}\b", source.read_text(encoding="utf-8")) is not None
    return False


@each_page
def test_no_page_names_a_place_on_somebodys_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert ABSOLUTE.findall(text) == []
    assert "file:" + "//" not in text


@each_page_of_docs
def test_pages_in_docs_are_in_the_index(page: Path) -> None:
    assert page.name == "index.md" or f"({page.name})" in (page.parent / "index.md").read_text(encoding="utf-8")


@cache
def answers(verb: str) -> bool:
    """Tell whether the command line has ``verb``: its help comes with exit status 0."""
    command = [sys.executable, "-m", "imcsim", verb, "--help"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_verb_that_does_not_exist_is_noticed() -> None:
    assert not answers("frobnicate")


@each_page
def test_verbs_of_the_command_line_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    fenced = "\n".join(FENCE.findall(text))
    named = {*VERB.findall(fenced), *(verb for code in inline_code(text) for verb in VERB.findall(code))}
    assert [verb for verb in sorted(named) if not answers(verb)] == []


@each_page_of_docs
def test_python_examples_run_and_print_what_they_say(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for example in re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        with forgetting():  # an example files a method of its own
            exec(compile(example, page.name, "exec"), {})
        printed = capsys.readouterr().out.splitlines()
        said = [line.partition("  # ")[2].strip() for line in example.splitlines() if line.startswith("print(")]
        assert len(printed) == len(said)
        assert [shown for shown, text in zip(printed, said, strict=True) if text and shown != text] == []


@pytest.mark.parametrize("kind", ["chip", "study", "network"])
def test_names_of_content_on_the_command_line_exist(kind: str) -> None:
    option = {"chip": r"--chip[ =]([\w./-]+)", "study": r"imcsim run ([\w./-]+)", "network": r"imcsim map ([\w./-]+)"}[
        kind
    ]
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = {name for name in re.findall(option, text) if not name.isupper() and not name.endswith((".toml", ".py"))}
    known = NETWORKS.names() if kind == "network" else content.names(kind)  # a file may register several networks
    assert named - set(known) == set()


def test_the_change_log_knows_the_version() -> None:
    from imcsim import __version__

    text = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert __version__ in text
    assert "### Results changed" in text
    assert f'version = "{__version__}"' in (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_word_of_the_nomenclature_is_explained() -> None:
    rows = [row.split("|")[1:-1] for row in (CHECKOUT / "NOMENCLATURE.md").read_text().splitlines() if row[:2] == "| "]
    assert len(rows) > 20
    assert [row for row in rows if any(not cell.strip() for cell in row)] == []


def test_the_readme_example_runs_and_prints_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(example.splitlines()) <= 10
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    for said in (
        "er on hybrid-28nm: convnet, Split-digits, seed 0",
        "Training energy, whole stream",
        "weight_gradient",
    ):
        assert said in printed
    assert "(1.75 V)^2 x 20 uS x 1 us" in printed.splitlines()[-1]


def test_readme_calls_nothing_missing_that_a_page_describes() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (missing,) = re.findall(r"^Not modelled yet: (.*?)\. See", readme, re.MULTILINE | re.DOTALL)
    for name, page in (
        ("die", "lifetime"),
        ("contention", "events"),
        ("power cut", "crash-safety"),
        ("wire", "crossbar"),
    ):
        assert (CHECKOUT / "docs" / f"{page}.md").exists()
        assert name not in missing
    assert [item.strip() for item in missing.split(",")] == ["training on noisy arrays", "control logic"]


def test_what_an_example_files_is_gone_after_it() -> None:
    with forgetting():
        exec("from imcsim.learn.networks import NETWORKS\nNETWORKS.register('of-an-example')(print)", {})
        assert "of-an-example" in NETWORKS.names()
    assert "of-an-example" not in NETWORKS.names()
    assert "convnet" in NETWORKS.names()
