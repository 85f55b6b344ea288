"""Every registered rule passes the suite that is shipped in the package."""

import sys
from pathlib import Path

import pytest

from imcsim.core.errors import ContentError
from imcsim.mapping import MAPPING_RULES, rules
from imcsim.mapping.rule import _import_all
from imcsim.testing import check_rule


@pytest.mark.parametrize("name", MAPPING_RULES.names())
def test_every_rule_keeps_the_invariants(name: str) -> None:
    check_rule(name, max_examples=60)


def test_im2col_is_there() -> None:
    assert "im2col" in MAPPING_RULES.names()


def test_a_rule_file_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_rule.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.setattr(rules, "__path__", [str(tmp_path)])
    sentence = r"mapping rule file .*broken_rule\.py cannot be imported: .* No module named 'no_such_module_anywhere'"
    with pytest.raises(ContentError, match=sentence):
        _import_all()
    assert "imcsim.mapping.rules.broken_rule" not in sys.modules
