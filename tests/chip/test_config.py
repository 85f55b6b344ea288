from pathlib import Path
from typing import Any

import pytest

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.config import parse
from imcsim.core.content import path_of
from imcsim.core.errors import ConfigError, ContentError
from imcsim.core.toml import parse_overrides


def test_hybrid_chip_holds_the_same_tile_in_both_memories() -> None:
    chip = load_chip("hybrid-28nm").config
    # 8-bit weights: 2 x 4 two-bit RRAM cells (differential magnitude) or 8 SRAM bits, so 64 / 8 = 8 outputs.
    assert [(macro.geometry.weight_rows, macro.geometry.weight_cols) for macro in chip.macros] == [(64, 8), (64, 8)]
    assert chip.geometry == chip.rram_geometry
    assert chip.pe_count == 33000


def test_pure_chips_have_one_memory() -> None:
    rram, sram = load_chip("all-rram-28nm").config, load_chip("all-sram-28nm").config
    assert rram.sram is None and rram.volatile is None
    assert sram.rram is None and sram.nonvolatile is None
    assert rram.geometry.weight_cols == sram.geometry.weight_cols == 8


@pytest.mark.parametrize("name", ["all-rram-28nm", "all-sram-28nm"])
def test_resnet18_fits(name: str) -> None:
    # (fan-in, outputs, how many such layers) of ResNet-18 with a CIFAR stem at width 64.
    layers = [(27, 64, 1), (576, 64, 4), (576, 128, 1), (1152, 128, 3), (64, 128, 1), (1152, 256, 1), (2304, 256, 3)]
    layers += [(128, 256, 1), (2304, 512, 1), (4608, 512, 3), (256, 512, 1), (512, 10, 1)]
    chip = load_chip(name).config
    needed = 0
    for fan_in, outputs, count in layers:
        rows, cols = chip.geometry.tiles(fan_in, outputs)
        needed += count * rows * cols
    assert needed == 21816
    assert needed <= chip.pe_count


@pytest.mark.parametrize("name", ["all-rram-28nm", "hybrid-28nm"])
def test_the_converter_loses_nothing(name: str) -> None:
    chip = load_chip(name).config
    assert chip.rram is not None
    largest_sum = chip.array.rows * ((1 << chip.rram.cell_bits) - 1) * ((1 << chip.dac_bits) - 1)
    assert largest_sum == 192
    assert chip.rram.pair == "subtracted"
    assert 2 * largest_sum + 1 <= 1 << chip.rram.adc_bits  # a difference has a sign


def test_one_cycle_holds_an_sram_row() -> None:
    chip = load_chip("all-sram-28nm").config
    assert chip.sram is not None
    rows = -(-chip.array.rows // chip.sram.weight_sets)
    cycle = chip.sram.adder_tree.cycle_price(rows, chip.weight_bits, chip.dac_bits, chip.input_bits, "sram.adder_tree")
    assert float(cycle.value) <= 1 / chip.clock_hz


def test_adc_model_is_switched_by_an_override() -> None:
    energies = {}
    for model in ("macro-fit", "neurosim", "survey"):
        chip = load_chip("hybrid-28nm", parse_overrides([f"rram.adc.model={model}", "rram.adc_bits=8"]))
        assert chip.config.rram is not None
        energies[model] = chip.config.rram.adc.energy_j(8, 0.9, 64 * 20e-6)
        assert chip.origin("rram.adc.model").kind == "override"
    assert energies["macro-fit"] == pytest.approx(0.753 * 0.70108e-12, rel=1e-4)
    assert energies["survey"] == pytest.approx(1.33e-12)
    assert 0.143e-12 < energies["neurosim"] < 1.33e-12
    assert len(set(energies.values())) == 3


def test_the_cell_can_be_swapped_by_name() -> None:
    chip = load_chip("hybrid-28nm", {"rram.cell": "rram-40nm-pessimistic", "rram.cell.read_voltage_v": 0.3})
    assert chip.config.rram is not None
    assert chip.config.rram.cell.feature_size_m == 40e-9
    assert chip.config.rram.cell.read_voltage_v == 0.3
    assert chip.origin("rram.cell.guaranteed_cycles").where == "rram-40nm-pessimistic.toml"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("rram.cell.read_volage_v=0.3", "unknown key 'rram.cell.read_volage_v'; did you mean 'read_voltage_v'"),
        ("rram.adc_bit=7", "unknown key 'rram.adc_bit'; did you mean 'adc_bits'"),
        ("overflw=refuse", "unknown key 'overflw'; did you mean 'overflow'"),
        ("rram.cel.name=x", "override of 'rram.cel.name': no such table"),
        ("rram.adc.model=murmann", "'rram.adc.model': .*(given: 'murmann')"),
        ("buffer.size_bytes=1024", "'buffer': size_bytes .1024. must lie inside table_bytes"),
        ("sram.cell_bits=2", "'sram.cell_bits'"),
        ("clock_hz=0", "'clock_hz': .*greater than 0"),
    ],
)
def test_bad_overrides_name_the_field(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"hybrid-28nm.toml: {sentence}"):
        load_chip("hybrid-28nm", parse_overrides([override]))


@pytest.mark.parametrize(
    ("chip", "overrides", "sentence"),
    [
        ("hybrid-28nm", {"rram": None, "sram": None}, r"a chip needs \[rram\], \[sram\] or both"),
        ("all-sram-28nm", {"commit": "task"}, "use commit = 'never'"),
        ("all-sram-28nm", {"overflow": "rram"}, "overflow = 'rram' needs .rram. or .*; use overflow = 'refuse'"),
        ("all-rram-28nm", {"weight_gradient": "sram-array"}, "weight_gradient = 'sram-array' needs .sram."),
        ("hybrid-28nm", {"dac_bits": 8, "input_bits": 4}, r"dac_bits \(8\) must be <= input_bits \(4\)"),
        ("hybrid-28nm", {"array.cols": 4}, "a row of 4 cells cannot hold a weight of 8 cells"),
    ],
)
def test_contradictions_are_refused(chip: str, overrides: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_chip(chip, overrides)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ContentError, match="unknown chip 'hybrid-28n'; did you mean 'hybrid-28nm'"):
        load_chip("hybrid-28n")
    with pytest.raises(ContentError, match="unknown device 'rram-28'; did you mean 'rram-28nm'"):
        load_chip("hybrid-28nm", {"rram.cell": "rram-28"})


def test_unknown_key_in_a_chip_file(tmp_path: Path) -> None:
    text = path_of("chip", "hybrid-28nm").read_text(encoding="utf-8")
    broken = tmp_path / "mine.toml"
    broken.write_text(text.replace('write_rule = "flat"', 'write_rule = "flat"\nwrite_rul = "flat"'), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.toml: unknown key 'rram.write_rul'; did you mean 'write_rule'"):
        load_chip(str(broken))


def test_a_resolved_chip_survives_a_round_trip() -> None:
    chip = load_chip("hybrid-28nm").config
    assert parse(ChipConfig, chip.model_dump(mode="json"), "again") == chip
