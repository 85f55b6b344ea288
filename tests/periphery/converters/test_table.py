import pytest

from imcsim.chip.config import load_chip
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.core.toml import load_resolved
from imcsim.periphery import Adc
from imcsim.periphery.converters.table import ConverterTable

VALUES: dict[str, object] = {
    "bits": (4, 6),
    "energy_j": (1e-12, 3e-12),
    "time_s": (1e-9, 2e-9),
    "area_m2": (1e-10, 4e-10),
}


def test_a_row_is_an_entry() -> None:
    table = parse(ConverterTable, VALUES, "t")
    assert table.energy_j(28e-9, 6, 0.9, 0.0) == 3e-12
    assert (table.time_s(6, 64), table.area_m2(28e-9, 6, None)) == (2e-9, 4e-10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits": (6, 4)}, "bits must increase"),
        ({"time_s": (1e-9,)}, "time_s needs one entry for each of bits"),
        ({"area_m2": (1e-10, 0.0)}, "area_m2 must hold values > 0, got 0.0"),
    ],
)
def test_tables_that_disagree_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(ConverterTable, {**VALUES, **changes}, "t")


def test_mnsims_converter_is_charged_as_mnsim_charges_it() -> None:
    adc = load_resolved(Adc, "component", "adc-mnsim").config
    # 1.26 mW x (6 + 2) / 1 GS/s
    assert adc.energy_j(6, 0.9, 1e-3) == pytest.approx(1.26e-3 * 8e-9)
    assert (adc.time_s(6, 256), adc.area_m2(6)) == (8e-9, 580e-12)
    with pytest.raises(ConfigError, match="model 'table' holds for 4, 6, 8, 10 bits, got 5; change adc_bits"):
        adc.energy_j(5, 0.9, 1e-3)


def test_a_model_without_its_table_is_refused() -> None:
    macro = load_resolved(Adc, "component", "adc-mnsim").config.model_dump()
    with pytest.raises(ConfigError, match=r"model = 'neurosim-mlsa' needs the table \[neurosim_mlsa\]"):
        parse(Adc, {**macro, "model": "neurosim-mlsa"}, "adc.toml")


def test_overrides_open_a_table_that_the_named_file_leaves_out() -> None:
    given = {f"rram.adc.table.{key}": list(column) for key, column in VALUES.items() if isinstance(column, tuple)}
    model = {"rram.adc.model": "table", "rram.adc_bits": 6}
    chip = load_chip("hybrid-28nm", model | given)
    assert chip.config.rram is not None and chip.config.rram.adc.energy_j(6, 0.9, 0.0) == 3e-12
    assert chip.origin("rram.adc.table.energy_j").kind == "override"
    with pytest.raises(ConfigError, match=r"^hybrid-28nm\.toml: 'rram\.adc\.table\.energy_j' is missing$"):
        load_chip("hybrid-28nm", model | {"rram.adc.table.bits": [4, 6]})
