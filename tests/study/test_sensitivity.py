from pathlib import Path

import pytest

from imcsim.core.errors import ConfigError
from imcsim.study.points import load_chips
from imcsim.study.run import RunOptions, run_study
from imcsim.study.sensitivity import BASE, Spread, load_variants, spreads
from imcsim.study.spec import load_study
from tests.study.fakes import STUDY, fake_training

VARIANTS = """
[[variants]]
label = "weak pulses"
set = { "rram.cell.set_energy_j" = 1e-12 }
[[variants]]
label = "dear DRAM"
set = { "dram.energy_j" = 20e-12 }
"""


def write_study(folder: Path, text: str) -> str:
    path = folder / "study.toml"
    path.write_text(text)
    return str(path)


def test_a_variant_sets_what_a_chip_has_and_leaves_out_the_rest(tmp_path: Path) -> None:
    spec = load_study(write_study(tmp_path, STUDY + VARIANTS)).spec
    chips = load_chips(spec)
    variants = load_variants(spec, chips)
    assert variants["weak pulses"]["all-sram-28nm"].config == chips["all-sram-28nm"].config  # it has no RRAM
    hybrid = variants["weak pulses"]["hybrid-28nm"].config.rram
    assert hybrid is not None and hybrid.cell.set_energy_j == 1e-12
    for name, chip in variants["dear DRAM"].items():
        assert chip.config.dram.energy_j == 20e-12
        assert chip.config.pe_count == chips[name].config.pe_count  # the study's own values stay


def test_a_variant_with_an_unknown_value_is_refused(tmp_path: Path) -> None:
    spec = load_study(write_study(tmp_path, STUDY + VARIANTS.replace("dram.energy_j", "dram.enrgy_j"))).spec
    with pytest.raises(ConfigError, match=r"unknown key 'dram\.enrgy_j'; did you mean 'energy_j'"):
        load_variants(spec, load_chips(spec))


def test_two_variants_of_one_label_are_refused(tmp_path: Path) -> None:
    path = write_study(tmp_path, STUDY + VARIANTS.replace("dear DRAM", "weak pulses"))
    with pytest.raises(ConfigError, match="variant labels must differ"):
        load_study(path)


def test_ratios_and_their_extremes_by_hand() -> None:
    energies = {
        (BASE, "sram"): (1.0, 3.0), (BASE, "hybrid"): (4.0, 4.0),
        ("a", "sram"): (1.0, 1.0), ("a", "hybrid"): (4.0, 4.0),
        ("b", "sram"): (6.0, 6.0), ("b", "hybrid"): (4.0, 4.0),
    }  # fmt: skip
    rows = [
        {"variant": variant, "method": "er", "chip": chip, "seed": seed, "energy_j": energy}
        for (variant, chip), values in energies.items()
        for seed, energy in enumerate(values)
    ]
    assert spreads(rows, "hybrid") == [Spread("er", "sram", 0.5, 0.25, "a", 1.5, "b")]


def test_a_study_writes_one_row_for_each_variant_chip_method_and_seed(tmp_path: Path) -> None:
    loaded = load_study(write_study(tmp_path, STUDY + VARIANTS))
    result = run_study(loaded, RunOptions(tmp_path / "results", runner=fake_training))
    assert len(result.sensitivity) == 3 * 2 * 2 * 2
    stated = [row for row in result.sensitivity if row["variant"] == BASE]
    assert [row["energy_j"] for row in stated] == [row["energy_j"] for row in result.rows]
    weak = [row for row in result.sensitivity if row["variant"] == "weak pulses" and row["chip"] == "hybrid-28nm"]
    same = [row for row in stated if row["chip"] == "hybrid-28nm"]
    assert all(a["energy_j"] < b["energy_j"] for a, b in zip(weak, same, strict=True))
    first = (result.folder / "sensitivity.csv").read_bytes()
    run_study(loaded, RunOptions(tmp_path / "results", runner=fake_training))
    assert (result.folder / "sensitivity.csv").read_bytes() == first


def test_a_study_without_variants_writes_no_sensitivity(tmp_path: Path) -> None:
    result = run_study(load_study(write_study(tmp_path, STUDY)), RunOptions(tmp_path / "results", runner=fake_training))
    assert result.sensitivity == ()
    assert not (result.folder / "sensitivity.csv").exists()
