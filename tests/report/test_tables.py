import io

from rich.console import Console

from imcsim.report.tables import WIDTH, headline, to_markdown, to_rich
from imcsim.study.summary import summarise
from tests.study.fakes import CHIPS, make_report

LONG = ("hyb-learn 0.25", "random 0.75")
GROUPS = summarise([make_report(m, c, s).row() for m in LONG for c in CHIPS for s in range(3)])


def printed() -> str:
    buffer = io.StringIO()
    Console(width=WIDTH, file=buffer).print(to_rich(headline(GROUPS, "Title")))
    return buffer.getvalue()


def test_the_table_fits_and_cuts_nothing() -> None:
    text = printed()
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" not in text
    assert all(chip in text for chip in CHIPS)


def test_headers_name_their_units_and_scenarios() -> None:
    table = headline(GROUPS, "Title")
    assert table.columns == (
        ("Method", ""), ("Chip", ""), ("Class-IL", "%"), ("Task-IL", "%"), ("Forgetting", "%"), ("Energy", "mJ"),
        ("Time", "s"), ("Writes", "per cell"), ("Life", "tasks"),
    )  # fmt: skip
    assert any("best accuracy over all checkpoints minus the last" in note for note in table.notes)


def test_cells_by_hand() -> None:
    first = headline(GROUPS, "Title").rows[0]
    assert first[2:] == (
        "60.0 ± 10.0", "80.0 ± 10.0", "10.0 ± 0.0", "13.2 ± 1.2", "2.00", "80", "2.5 k",
    )  # fmt: skip
    sram = headline(GROUPS, "Title").rows[1]
    assert sram[-2:] == ("-", "-")


def test_markdown_has_one_line_per_row_and_escapes_pipes() -> None:
    text = to_markdown(headline(summarise([make_report("a|b", CHIPS[0]).row()]), "Title"))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 3
    assert "a\\|b" in lines[2]
    assert "Energy (mJ)" in lines[0]
