"""Prices of the periphery: their values, the values of the chip that they name, and their words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imcsim.chip.config import load_chip
from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig
from imcsim.core.content import names
from imcsim.core.toml import load_resolved
from imcsim.periphery import Adc, AdderTree, Buffer, DigitalMac, Dram, Link, RowDriver, ShiftAdd
from imcsim.periphery.converters import CONVERTERS
from imcsim.periphery.converters.converter import table_name
from tests.entering import values_that_enter

CHIPS = names("chip")

# component, its class, its price, and the number without words
PRICES: dict[str, tuple[str, type[FrozenConfig], Callable[[Any], Price], Callable[[Any], float]]] = {
    "driver": ("driver-28nm", RowDriver, lambda d: d.energy_price(64, 0.9), lambda d: d.energy_j(64, 0.9)),
    "driver, dac": ("driver-28nm", RowDriver, lambda d: d.energy_price(64, 0.9, 2), lambda d: d.energy_j(64, 0.9, 2)),
    "driver, area": ("driver-28nm", RowDriver, lambda d: d.area_price(), lambda d: d.area_m2(64) / 64),
    "shift_add": ("shift-add-28nm", ShiftAdd, lambda s: s.energy_price(), lambda s: s.energy_j),
    "shift_add, area": ("shift-add-28nm", ShiftAdd, lambda s: s.area_price(), lambda s: s.area_m2),
    "sram.adder_tree": (
        "adder-tree-28nm", AdderTree, lambda t: t.energy_price(), lambda t: t.full_adder_energy_j * t.activity,
    ),
    "sram.adder_tree, product": (
        "adder-tree-28nm", AdderTree, lambda t: t.product_price(), lambda t: t.product_energy_j * t.activity,
    ),
    "sram.adder_tree, sum": (
        "adder-tree-28nm", AdderTree, lambda t: t.accumulator_price(),
        lambda t: t.full_adder_energy_j * t.activity + t.flip_flop_energy_j,
    ),
    "sram.adder_tree, area": (
        "adder-tree-28nm", AdderTree, lambda t: t.area_price(), lambda t: t.full_adder_area_m2,
    ),
    "sram.adder_tree, product area": (
        "adder-tree-28nm", AdderTree, lambda t: t.product_area_price(), lambda t: t.product_area_m2,
    ),
    "sram.adder_tree, sum area": (
        "adder-tree-28nm", AdderTree, lambda t: t.accumulator_area_price(),
        lambda t: t.full_adder_area_m2 + t.flip_flop_area_m2,
    ),
    "sram.adder_tree, time": (
        "adder-tree-28nm", AdderTree, lambda t: t.cycle_price(8, 8, 1, 8, "sram.adder_tree"),
        lambda t: t.product_delay_s + t.time_s(8, 8) + t.accumulate_s(8 + 8 + 3),
    ),
    "buffer, read": ("buffer-28nm", Buffer, lambda b: b.read_price(), lambda b: b.read_energy_j),
    "buffer, write": ("buffer-28nm", Buffer, lambda b: b.write_price(), lambda b: b.write_energy_j),
    "buffer, leakage": ("buffer-28nm", Buffer, lambda b: b.leakage_price(), lambda b: b.leakage_w / b.size_bits),
    "buffer, area": ("buffer-28nm", Buffer, lambda b: b.area_price(), lambda b: b.area_m2 / b.size_bits),
    "buffer, time": ("buffer-28nm", Buffer, lambda b: b.time_price(), lambda b: 1 / b.bandwidth_bits_per_s),
    "link": ("link-28nm", Link, lambda c: c.energy_price(), lambda c: c.energy_j),
    "link, time": ("link-28nm", Link, lambda c: c.time_price(), lambda c: 1 / c.bandwidth_bits_per_s),
    "dram": ("lpddr4", Dram, lambda d: d.energy_price(), lambda d: d.energy_j),
    "dram, time": ("lpddr4", Dram, lambda d: d.time_price(), lambda d: 1 / d.bandwidth_bits_per_s),
    "mac, gradient": ("mac-28nm", DigitalMac, lambda m: m.gradient_price(), lambda m: m.gradient_energy_j),
    "mac, vector": ("mac-28nm", DigitalMac, lambda m: m.vector_price(), lambda m: m.vector_energy_j),
    "mac, update": ("mac-28nm", DigitalMac, lambda m: m.update_price(), lambda m: m.update_energy_j),
    "mac, time": ("mac-28nm", DigitalMac, lambda m: m.time_price(), lambda m: 1 / m.macs_per_s),
    "mac, area": ("mac-28nm", DigitalMac, lambda m: m.area_price(), lambda m: m.area_m2),
}  # fmt: skip


def component(case: str) -> FrozenConfig:
    name, kind, _, _ = PRICES[case]
    size = {"size_bytes": 100_000} if kind is Buffer else {}  # between two entries of the table
    return load_resolved(kind, "component", name, size).config


@pytest.mark.parametrize("case", PRICES)
def test_a_price_is_the_plain_number_and_names_what_it_follows_from(case: str) -> None:
    config, (_, _, priced, plain) = component(case), PRICES[case]
    price, at = priced(config), case.partition(",")[0]
    assert price.value == pytest.approx(plain(config), rel=1e-15)
    assert price.value > 0 and price.formula
    named = {origin.removeprefix(f"{at}.") for origin in price.origins} - {"supply_v"}
    assert named == values_that_enter(config, priced)


def test_words_of_a_driver_say_what_the_line_crosses() -> None:
    config = load_resolved(RowDriver, "component", "driver-28nm").config
    assert config.energy_price(64, 0.9).formula == "cols (C_wire + C_gate) Vdd^2"
    assert config.energy_price(64, 0.9, across="rows").formula == "rows (C_wire + C_gate) Vdd^2"
    assert config.energy_price(64, 0.9, 2).formula == "(cols (C_wire + C_gate) + C_dac dac_bits) Vdd^2"
    assert "supply_v" in config.energy_price(64, 0.9).origins


def test_a_path_of_ones_own_leads_every_origin() -> None:
    tree = load_resolved(AdderTree, "component", "adder-tree-28nm").config
    for price in (tree.energy_price("fefet.tree"), tree.area_price("fefet.tree"), tree.product_price("fefet.tree"),
                  tree.cycle_price(8, 8, 1, 8, "fefet.tree")):  # fmt: skip
        assert {origin.rpartition(".")[0] for origin in price.origins} == {"fefet.tree"}


@pytest.mark.parametrize("name", CHIPS)
def test_every_origin_is_a_value_of_the_chip(name: str) -> None:
    chip = load_chip(name)
    config = chip.config
    parts = {"driver": config.driver, "shift_add": config.shift_add, "buffer": config.buffer, "link": config.link,
             "dram": config.dram, "mac": config.mac}  # fmt: skip
    if config.sram is not None:
        parts["sram.adder_tree"] = config.sram.adder_tree
    for case, (_, _, priced, _) in PRICES.items():
        if (part := case.partition(",")[0]) in parts:
            assert set(priced(parts[part]).origins) <= chip.origins.keys()


def models_given(adc: Adc) -> list[str]:
    return [name for name in CONVERTERS.names() if getattr(adc, table_name(name), None) is not None]


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_has_every_value_that_a_conversion_names(name: str) -> None:
    part = load_chip(name).config.rram
    for model in models_given(part.adc) if part is not None else ():
        chip = load_chip(name, {"rram.adc.model": model, "rram.adc_bits": 6})
        assert chip.config.rram is not None
        adc, column_s = chip.config.rram.adc, np.array([[0.0, 1e-5], [1e-4, 1e-3]])
        energy = adc.energy_price(6, chip.config.supply_v, column_s, "rram.adc")
        time, area = adc.time_price(6, chip.config.array.rows, "rram.adc"), adc.area_price(6, "rram.adc")
        np.testing.assert_array_equal(energy.value, adc.energy_j(6, chip.config.supply_v, column_s))
        assert (time.value, area.value) == (adc.time_s(6, chip.config.array.rows), adc.area_m2(6))
        for price in (energy, time, area):
            assert price.origins[0] == "rram.adc.model"
            assert len(set(price.origins)) == len(price.origins)
            assert set(price.origins) <= chip.origins.keys()
            assert price.formula


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("adc-28nm", "macro-fit"),
        ("adc-28nm", "neurosim"),
        ("adc-28nm", "survey"),
        ("adc-neurosim-22nm", "neurosim-mlsa"),
        ("adc-mnsim", "table"),
        ("adc-28nm", "flash"),
        ("adc-28nm", "integrating"),
        ("adc-28nm", "sense-amp"),
        ("adc-neurram-130nm", "integrating"),
    ],
)
def test_a_conversion_names_just_the_values_that_it_follows_from(source: str, model: str) -> None:
    config = load_resolved(Adc, "component", source, {"model": model, "feature_size_m": 25e-9}).config
    prices: dict[str, Callable[..., Price]] = {
        "energy": lambda adc, supply_v=0.9, rows=64: adc.energy_price(6, supply_v, 1e-4, "adc"),
        "time": lambda adc, supply_v=0.9, rows=64: adc.time_price(6, rows, "adc"),
        "area": lambda adc, supply_v=0.9, rows=64: adc.area_price(6, "adc"),
    }
    for priced in prices.values():
        price = priced(config)
        own = {origin.removeprefix("adc.") for origin in price.origins if origin.startswith("adc.")} - {"model"}
        assert own == values_that_enter(config, priced)
        of_chip = {"supply_v": priced(config, supply_v=1.0), "array.rows": priced(config, rows=128)}
        moved = {path for path, other in of_chip.items() if other.value != price.value}
        assert moved == {origin for origin in price.origins if not origin.startswith("adc.")}


def test_a_borrowed_area_names_the_fit_that_it_is_from() -> None:
    config = load_resolved(Adc, "component", "adc-28nm", {"model": "neurosim"}).config
    fit = load_resolved(Adc, "component", "adc-28nm", {"model": "macro-fit"}).config
    assert config.area_price(8, "x.adc") == fit.area_price(8, "x.adc")
    assert config.area_price(8, "x.adc").origins == (
        "x.adc.model", "x.adc.macro_fit.area_log10_slope", "x.adc.macro_fit.area_log10_offset_um2",
    )  # fmt: skip
    assert config.area_price(8).value == pytest.approx(10 ** (-0.0369 * 8 + 0.418) * 256e-12)
