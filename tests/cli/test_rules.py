"""``--rule`` on the verbs that price."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imcsim.chip.price import price
from imcsim.cli.app import app
from imcsim.core.errors import ImcsimError

CHIP = ("--chip", "hybrid-28nm")


def call(*arguments: str) -> Any:
    return json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)


def test_price_and_explain_take_a_rule(trace_file: Path) -> None:
    report = price(trace_file, "hybrid-28nm", rule="dense_pack")
    found = call("price", str(trace_file), *CHIP, "--rule", "dense_pack")
    assert found["energy_j"]["total"] == pytest.approx(report.energy.total, rel=1e-12)
    explained = call("explain", "area.rram", *CHIP, "--trace", str(trace_file), "--rule", "dense_pack")
    assert sum(one["area_m2"] for one in explained) == pytest.approx(report.area.part("rram").total, rel=1e-12)


def test_life_takes_a_rule(trace_file: Path) -> None:
    plain, packed = (call("life", str(trace_file), *CHIP, "--rule", rule) for rule in ("im2col", "dense_pack"))
    assert packed["cells"] == plain["cells"]


@pytest.mark.parametrize("verb", ["price", "timeline", "life", "crash"])
def test_an_unknown_rule_is_named(trace_file: Path, verb: str) -> None:
    with pytest.raises(ImcsimError, match="unknown mapping rule 'im2cool'; did you mean 'im2col'"):
        CliRunner().invoke(app, [verb, str(trace_file), *CHIP, "--rule", "im2cool"], catch_exceptions=False)
