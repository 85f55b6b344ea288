"""A memory's numbers are worked out once for each chip, and follow its values."""

from dataclasses import replace

import pytest

from imcsim.chip import load_chip, price
from imcsim.memory.analog_rram import AnalogRram
from imcsim.memory.digital_sram import DigitalSram
from tests.chip.leaves.two_tiles import chip_with as small
from tests.chip.leaves.two_tiles import trace

HYBRID = "hybrid-28nm"


def test_an_error_takes_the_time_of_the_way_that_it_goes() -> None:
    """Read the other way; forward, in a copy of its own; not at all."""
    for way in ("transposable", "second-copy", "digital"):
        chip = load_chip(HYBRID, {"input_gradient": way}).config
        for macro in chip.macros:
            forward, backward, bits = macro.sheet.forward, macro.sheet.backward, chip.error_bits
            assert forward.total_s == macro.memory.forward_time(macro.site, chip.input_bits).total_s
            assert "input_bits" in forward.settle.origins
            if way == "digital":
                assert backward is None
                continue
            assert backward is not None
            assert "error_bits" in backward.settle.origins
            time = macro.memory.forward_time if way == "second-copy" else macro.memory.transposed_time
            assert backward.total_s == time(macro.site, bits).total_s


def test_numbers_by_hand() -> None:
    chip = load_chip(HYBRID).config
    rram, sram = chip.rram, chip.sram
    assert rram is not None
    assert sram is not None
    home, away = (macro.sheet for macro in chip.macros)
    assert (home.write_leaf, away.write_leaf) == ("rram_program", "sram_write")
    assert (home.read_out_leaf, away.read_out_leaf) == ("read_out", "sram_read")
    assert away.write.value == sram.cell.write_energy_j
    assert away.row_read.value == sram.cell.read_time_s
    assert away.row_write.value == sram.cell.write_time_s
    assert away.leakage is not None
    assert away.leakage.value == sram.cell.leakage_w
    assert home.leakage is None
    assert away.failed_write is None
    assert home.failed_write is not None
    mean, most = rram.cell.pulse_statistics(rram.cell_bits)
    pulse_s = rram.cell.pulse_time_s + rram.cell.verify_time_s
    assert home.failed_write[1].value == pytest.approx((most - mean) * pulse_s / rram.parallel_write_pes, rel=1e-12)
    for macro in chip.macros:
        assert macro.pe_area_m2 == sum(p.count * float(p.each.value) for p in macro.sheet.area.values())


def test_it_is_worked_out_once_a_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for sort in (AnalogRram, DigitalSram):
        for name in ("write_energy", "area", "forward_time"):
            right = getattr(sort, name)

            def counted(self: object, *args: object, name: str = name, right: object = right) -> object:
                asked.append((type(self).__name__, name))
                return right(self, *args)  # type: ignore[operator]

            monkeypatch.setattr(sort, name, counted)
    chip = small(HYBRID)
    for _ in range(3):
        price(trace(), chip)
    assert sorted(asked) == sorted(
        {(sort, n) for sort in ("AnalogRram", "DigitalSram") for n in ("area", "forward_time", "write_energy")}
    )


def test_a_changed_chip_has_a_sheet_of_its_own() -> None:
    chip = small(HYBRID)
    before = chip.config.macros[1].sheet.forward.total_s
    slower = chip.config.model_copy(update={"clock_hz": chip.config.clock_hz / 100})
    assert slower.macros[1].site.clock_hz == chip.config.clock_hz / 100
    assert slower.macros[1].sheet.forward.total_s > 2 * before
    assert chip.config.macros[1].sheet.forward.total_s == before
    there, here = (price(trace(), replace(chip, config=config)) for config in (slower, chip.config))
    assert there.latency.total > here.latency.total
