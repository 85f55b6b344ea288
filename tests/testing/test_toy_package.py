"""docs/mapping-rules.md: its package is installed elsewhere, found through its entry point, and its own tests pass."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "mapping-rules.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def python(*arguments: str, cwd: Path, site: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "CI": "1"}  # Hypothesis then sets no deadline
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which the page's package is installed."""
    source, target = tmp_path_factory.mktemp("toy"), tmp_path_factory.mktemp("site")
    for name in ("pyproject.toml", "toy_rules.py"):
        (source / name).write_text(FILES[name])
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", str(target), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return target


def test_the_page_needs_less_than_40_lines() -> None:
    assert set(FILES) == {"pyproject.toml", "toy_rules.py", "test_toy_rules.py"}
    assert sum(len([line for line in text.splitlines() if line.strip()]) for text in FILES.values()) < 40


def test_its_tests_pass_with_the_plugin(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_toy_rules.py").write_text(FILES["test_toy_rules.py"])
    done = python("pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path, site=site)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_bug_in_it_is_shown(tmp_path: Path) -> None:
    wrong = FILES["toy_rules.py"].replace("range(j, outputs, hands)", "range(j, outputs)")
    (tmp_path / "toy_rules.py").write_text(wrong)
    test = "from toy_rules import interleave\ndef test_it(check_rule): check_rule(interleave)\n"
    (tmp_path / "test_toy_rules.py").write_text(test)
    done = python("pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path, site=tmp_path)
    assert re.search(r"interleave: weight \(.*\) should be in(side an array| one place)", done.stdout)
    assert "smallest example: (1, 1, 2) weights" in done.stdout


def test_the_command_line_finds_it(site: Path, tmp_path: Path) -> None:
    done = python("imcsim", "list", "rule", cwd=tmp_path, site=site)
    assert "interleave" in done.stdout.split(), done.stderr
    mapped = python(
        "imcsim", "map", "mlp", "--chip", "hybrid-28nm", "--input", "1,8,8", "--rule", "interleave", "--json",
        cwd=tmp_path, site=site,
    )  # fmt: skip
    assert '"rule": "interleave"' in mapped.stdout, mapped.stderr


def test_a_package_that_cannot_be_imported_is_named_when_its_rule_is_asked_for(site: Path, tmp_path: Path) -> None:
    """Only then: the names of all rules are listed without importing it."""
    broken = tmp_path / "site"
    (broken / "toy_rules-1.0.dist-info").mkdir(parents=True)
    for name in ("METADATA", "entry_points.txt"):
        (source,) = site.glob(f"*.dist-info/{name}")
        (broken / "toy_rules-1.0.dist-info" / name).write_text(source.read_text())
    (broken / "toy_rules.py").write_text("import no_such_module_anywhere\n")
    listed = python("imcsim", "list", "rule", cwd=tmp_path, site=broken)
    assert "interleave" in listed.stdout.split(), listed.stderr
    asked = python("imcsim", "show", "rule", "interleave", cwd=tmp_path, site=broken)
    assert asked.returncode == 2
    assert (
        "mapping rule 'interleave' of package toy-rules cannot be imported: ModuleNotFoundError: "
        "No module named 'no_such_module_anywhere'"
    ) in " ".join(asked.stderr.split())
