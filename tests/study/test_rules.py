"""A study's chips are priced by the mapping rules that it names; a chip may stand twice, under two labels."""

import re
from pathlib import Path

import pytest

from imcsim.chip import load_chip
from imcsim.chip.price import price
from imcsim.core.errors import ConfigError, ContentError
from imcsim.study.run import run_study
from imcsim.study.spec import load_study
from imcsim.trace.store import load
from tests.registries import forgetting
from tests.study import fakes
from tests.study.test_run import options

ROOM = '{ "rram.pe_count" = 64, "sram.pe_count" = 64 }'
CHIPS = f"""[[chips]]
name = "hybrid-28nm"
set = {ROOM}
[[chips]]
name = "hybrid-28nm"
label = "packed"
rule = "dense_pack"
set = {ROOM}
"""
MINE = """
from imcsim.mapping import Tile, mapping_rule

@mapping_rule("one-row")
def one_row(shape, geometry):
    groups, fan_in, outputs = shape
    step = geometry.weight_cols
    cols = [range(j, min(j + step, outputs)) for j in range(0, outputs, step)]
    places = [(g, range(i, i + 1), c) for g in range(groups) for i in range(fan_in) for c in cols]
    return tuple(Tile(pe, *place) for pe, place in enumerate(places))
"""


def study(folder: Path, chips: str = CHIPS, more: str = "") -> str:
    text = fakes.STUDY[: fakes.STUDY.index("[[chips]]")].replace("seeds = [0, 1]", "seeds = [0]")
    path = folder / "tiny" / "study.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + chips + more)
    return str(path)


def test_each_chip_is_priced_by_its_rule(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "mine.py").write_text(MINE)
    own = CHIPS.replace("dense_pack", "./mine.py").replace("64", "999").replace("packed", "mine")
    chips = CHIPS + own[own.index("[[chips]]", 5) :]
    with forgetting():
        loaded = load_study(study(tmp_path, chips))
        result = run_study(loaded, options(tmp_path))
        (path,) = sorted((result.folder / "traces").glob("plain-*.safetensors"))
        trace = load(path)
        rows = {row["chip"]: row["energy_j"] for row in result.rows if row["method"] == "plain"}
        assert list(rows) == ["hybrid-28nm", "packed", "mine"]
        for label, rule, pes in (
            ("hybrid-28nm", "im2col", 64), ("packed", "dense_pack", 64), ("mine", str(tmp_path / "tiny/mine.py"), 999),
        ):  # fmt: skip
            chip = load_chip("hybrid-28nm", {"rram.pe_count": pes, "sram.pe_count": pes})
            assert rows[label] == price(trace, chip, rule=rule).energy.total
        assert rows["mine"] != rows["packed"]
        told = loaded.settings()["chips"]
        assert [chip.get("rule") for chip in told] == [None, "dense_pack", "mine.py"]  # as seen from its folder


def test_a_rule_of_the_study_can_be_set(tmp_path: Path) -> None:
    loaded = load_study(study(tmp_path), {"chips.packed.rule": "kernel_split", "chips.packed.rram.pe_count": 70})
    assert (loaded.spec.chips[1].rule, loaded.spec.chips[1].set["rram.pe_count"]) == ("kernel_split", 70)


def test_rules_that_there_are_not(tmp_path: Path) -> None:
    said = re.escape("unknown mapping rule 'dens_pack'; did you mean 'dense_pack'?")
    loaded = load_study(study(tmp_path, CHIPS.replace("dense_pack", "dens_pack")))
    with pytest.raises(ContentError, match=said):
        run_study(loaded, options(tmp_path, runner=fakes.no_training))
    with pytest.raises(ConfigError, match="chip names must differ, got hybrid-28nm, hybrid-28nm; give one"):
        load_study(study(tmp_path, CHIPS.replace('label = "packed"\n', "")))
    said = "measures accuracies of weights that rule 'im2col' lays, and chip 'packed' has rule = 'dense_pack'"
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_study(study(tmp_path, more="[on_chip]\nages_s = [1.0]\n"))
