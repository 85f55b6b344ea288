"""The page and the text of a validation: current, complete, within their width."""

import re
from pathlib import Path

import pytest

from imcsim.published import Validation
from imcsim.published.page import fixed_text, page
from imcsim.published.tables import columns, number, summary, worst
from imcsim.published.text import WIDTH, text

_NUMBER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?:e-?\d+)?")
PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


def apart(text: str) -> tuple[str, list[float]]:
    """Return a text with its numbers left out, and those."""
    return _NUMBER.sub("#", " ".join(text.split())), [float(each) for each in _NUMBER.findall(text)]


def test_the_page_is_the_one_that_the_command_writes(shipped: Validation) -> None:
    (words, numbers), (made_words, made) = apart(PAGE.read_text(encoding="utf-8")), apart(page(shipped, fixed_text()))
    assert words == made_words, "run: imcsim validate --markdown > docs/validation.md"
    assert numbers == pytest.approx(made, rel=0.02, abs=1.0)  # another processor may round another way


def test_every_mark_of_the_fixed_part_is_filled_in(shipped: Validation) -> None:
    made = page(shipped, fixed_text())
    assert "{" not in made.replace("{NAME}", "")


def test_both_name_the_worst_rows_with_the_term_to_blame(shipped: Validation) -> None:
    first = worst(shipped)[0]
    assert first.off >= max(line.off for line in worst(shipped))
    for said in (page(shipped, fixed_text()), text(shipped, "chips.csv")):
        assert first.silicon_id in said
        assert first.figure.to_blame in said


def test_text_fits_its_width_and_shows_both_errors(shipped: Validation) -> None:
    said = text(shipped, "chips.csv")
    assert max(map(len, said.splitlines())) <= WIDTH
    assert "leave one silicon out" in " ".join(said.split())
    assert "in-sample" in said
    for cells in summary(shipped):
        assert cells[4] in said


def test_columns_and_numbers() -> None:
    assert list(columns([("a", "1"), ("bb", "22")])) == ["a    1", "bb  22"]
    assert [number(value) for value in (None, 0.01234, 999.4, 12345.6)] == ["-", "0.0123", "999", "12346"]
