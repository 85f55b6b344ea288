"""Prices of cells: their values, the values of the chip that they name, and their words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imcsim.chip.config import load_chip
from imcsim.core.charge import Price
from imcsim.core.content import names
from imcsim.core.toml import load_resolved
from imcsim.devices import WRITE_RULES, RramCell, SramCell, WriteRule, event_energies_j, event_price
from tests.devices.cells import rram
from tests.entering import values_that_enter

RRAM: dict[str, tuple[Callable[[RramCell], Price], Callable[[RramCell], float]]] = {
    "read": (lambda c: c.read_price("m.cell"), lambda c: c.read_voltage_v**2 * c.read_time_s),
    "area": (lambda c: c.area_price("m.cell"), lambda c: c.area_m2),
}
SRAM: dict[str, tuple[Callable[[SramCell], Price], Callable[[SramCell], float]]] = {
    "read": (lambda c: c.read_price("m.cell"), lambda c: c.read_energy_j),
    "write": (lambda c: c.write_price("m.cell"), lambda c: c.write_energy_j),
    "row": (lambda c: c.write_time_price("m.cell"), lambda c: c.write_time_s),
    "leakage": (lambda c: c.leakage_price("m.cell"), lambda c: c.leakage_w),
    "area": (lambda c: c.area_price("m.cell"), lambda c: c.area_m2),
}


def check(config: Any, priced: Callable[[Any], Price], plain: Callable[[Any], float]) -> None:
    price = priced(config)
    assert price.value == plain(config) > 0
    assert price.formula
    assert {origin.removeprefix("m.cell.") for origin in price.origins} == values_that_enter(config, priced)


@pytest.mark.parametrize("what", RRAM)
def test_prices_of_a_resistive_cell(what: str) -> None:
    check(load_resolved(RramCell, "device", "rram-28nm").config, *RRAM[what])


@pytest.mark.parametrize("what", SRAM)
def test_prices_of_an_sram_bit(what: str) -> None:
    check(load_resolved(SramCell, "device", "sram-28nm").config, *SRAM[what])


@pytest.mark.parametrize("rule", WRITE_RULES)
@pytest.mark.parametrize("cell_bits", [1, 2])
def test_an_events_price_is_its_energy_and_names_what_it_follows_from(rule: WriteRule, cell_bits: int) -> None:
    cell = rram()
    price = event_price(cell, cell_bits, rule, "m")
    np.testing.assert_array_equal(price.value, event_energies_j(cell, cell_bits, rule))
    named = {origin.removeprefix("m.cell.") for origin in price.origins if origin.startswith("m.cell.")}
    assert named == values_that_enter(cell, lambda each: event_price(each, cell_bits, rule, "m"))
    assert {"m.write_rule", "m.cell_bits", "m.sign"} == {o for o in price.origins if not o.startswith("m.cell.")}


def test_words_of_an_event_by_rule() -> None:
    said = {rule: event_price(rram(), 2, rule).formula for rule in WRITE_RULES}
    assert said["flat"].startswith("n (s E_set + (1 - s) E_reset) + (n + 1) E_verify")
    assert said["harmonic"].startswith("2 V^2 H(G_old, G_new) t n")
    assert said["arithmetic"].startswith("V^2 mean(G_old, G_new) t n + V^2 C_wire n")


@pytest.mark.parametrize("name", names("chip"))
def test_every_origin_is_a_value_of_the_chip(name: str) -> None:
    chip = load_chip(name)
    rram_part, sram_part = chip.config.rram, chip.config.sram
    prices: list[Price] = []
    if rram_part is not None:
        cell = rram_part.cell
        prices += [cell.read_price(), cell.area_price()]
        prices += [event_price(cell, rram_part.cell_bits, rule) for rule in WRITE_RULES]
    if sram_part is not None:
        bit = sram_part.cell
        prices += [bit.read_price(), bit.write_price(), bit.write_time_price(), bit.leakage_price(), bit.area_price()]
    assert prices
    for price in prices:
        assert set(price.origins) <= chip.origins.keys()
