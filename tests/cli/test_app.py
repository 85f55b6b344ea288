import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run

HEAVY = ("torch", "scipy", "pandas", "matplotlib", "plotly", "numpy", "pydantic", "rich")
VERBS = ("run", "results", "learn", "price", "timeline", "map", "validate", "list", "show", "explain", "new")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    # what is heavy takes seconds of the processor; the rest a tenth of one, several where others share it
    code = f"""
import sys, time
from imcsim.cli.__main__ import main
sys.argv = ["imcsim", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code == 0
print([name for name in {HEAVY!r} if name in sys.modules], time.process_time() < 3)
"""
    assert python(code).stdout.splitlines()[-1] == "[] True"


def test_importing_imcsim_loads_nothing_heavy() -> None:
    assert python(f"import sys, imcsim; print([n for n in {HEAVY!r} if n in sys.modules])").stdout == "[]\n"


def test_version(imcsim: Run) -> None:
    assert imcsim("--version").stdout == "imcsim 0.1.0\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    from typer.testing import CliRunner

    from imcsim.cli.app import app

    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert f"Example: imcsim {verb} " in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("rnu",), "imcsim: error: no such command 'rnu'. Did you mean 'run'?; see imcsim --help"),
        (("price", "t", "--chp", "x"), "imcsim: error: no such option: --chp"),
        (("run", "hybrid_vs_al"), "imcsim: error: unknown study 'hybrid_vs_al'; did you mean 'hybrid_vs_all'?"),
        (("run", "hybrid_vs_all", "--set", "x"), "imcsim: error: an override reads path=value, got 'x'"),
        (("run", "hybrid_vs_all", "--engine", "dask"), "imcsim: error: --engine dask and --address ADDRESS go"),
        (("results", "hybrid_vs_all"), "imcsim: error: no results in results/hybrid_vs_all/digits; run"),
        (("price", "none.safetensors", "--chip", "hybrid-28nm"), "imcsim: error: cannot read trace none.safetensors"),
        (("list", "chps"), "imcsim: error: unknown kind 'chps'; did you mean 'chip'?"),
        (("show", "device", "rram"), "imcsim: error: unknown device 'rram'; did you mean 'rram-28nm'?"),
        (
            ("explain", "rram.cell.set_enrgy_j", "--chip", "hybrid-28nm"),
            "imcsim: error: chip hybrid-28nm has no value 'rram.cell.set_enrgy_j'; did you mean 'rram.cell.set_en",
        ),
        (("new", "devise", "x"), "imcsim: error: no skeleton for kind 'devise'; did you mean 'device'?"),
        (("new", "device", "a/b"), "imcsim: error: a name has letters, digits, - and _ only, got 'a/b'"),
        (("--content", "/", "list", "chip"), "imcsim: error: / is not imcsim content"),
    ],
)  # fmt: skip
def test_a_mistake_gives_one_sentence_and_status_2(imcsim: Run, arguments: tuple[str, ...], sentence: str) -> None:
    done = imcsim(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_mistake_shows_its_traceback_only_when_asked(imcsim: Run) -> None:
    done = imcsim("list", "chps", IMCSIM_TRACEBACK="1")
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_no_verb_shows_the_help(imcsim: Run) -> None:
    done = imcsim()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_list_names_content_and_code(imcsim: Run) -> None:
    assert "hybrid-28nm" in imcsim("list", "chip").stdout.splitlines()
    assert "im2col" in imcsim("list", "rule").stdout.splitlines()


def test_a_foreign_folder_changes_nothing(imcsim: Run, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise RuntimeError('foreign')\n")
    assert "hybrid-28nm" in imcsim("list", "chip").stdout.splitlines()
