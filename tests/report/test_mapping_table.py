"""The mapping table: figures by hand, width, and the sentence about room on the chip."""

import csv
import io
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from imcsim.chip.config import ArraySize, ChipConfig
from imcsim.core.csv_text import to_csv
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import LayerSpec, NetworkMap, PeGeometry, map_network
from imcsim.report.mapping_table import (
    Fit,
    chip_fit,
    fit_sentence,
    mapping_rows,
    mapping_table,
    mapping_total,
)

PAIRS = PeGeometry(rows=4, cols=7, encoding=Encoding(sign="differential", weight_bits=2, cell_bits=1))  # 4 x 3 weights


def depthwise(name: str, channels: int) -> LayerSpec:
    return LayerSpec(
        name=name,
        kind="conv2d",
        in_features=channels,
        out_features=channels,
        kernel=(3, 3),
        padding=(1, 1),
        groups=channels,
        positions=16,
        input_elements=16 * channels,
        output_elements=16 * channels,
    )


def network_map(name: str = "mix") -> NetworkMap:
    linear = LayerSpec(name="head", kind="linear", in_features=6, out_features=5, input_elements=6, output_elements=5)
    return map_network([depthwise(name, 2), linear], PAIRS)


def chip(
    rram: int | None, sram: int | None, input_gradient: str = "transposable", oversize: str = "refuse"
) -> ChipConfig:
    """Only what the table reads of a chip."""
    macros = tuple(
        SimpleNamespace(name=kind, memory=SimpleNamespace(pe_count=count))
        for kind, count in (("rram", rram), ("sram", sram))
        if count is not None
    )
    array = ArraySize(rows=4, cols=7)
    rest = {"array": array, "input_gradient": input_gradient, "oversize": oversize}
    return cast(ChipConfig, SimpleNamespace(name="toy", macros=macros, **rest))


def test_rows_and_totals_by_hand() -> None:
    rows = mapping_rows(network_map())
    assert rows[0]["groups"] == 2
    assert (rows[0]["fan_in"], rows[0]["outputs"], rows[0]["pes"], rows[0]["row_tiles"]) == (9, 1, 6, 3)
    assert (rows[0]["rows_used_cells"], rows[0]["cols_used_cells"]) == (18, 12)
    assert (rows[1]["pes"], rows[1]["vectors_per_image"], rows[1]["macs_per_image"]) == (4, 1, 30)
    total = mapping_total(network_map())
    for column in ("pes", "weights", "column_segments", "rows_used_cells", "cells_used", "macs_per_image"):
        assert total[column] == sum(row[column] for row in rows)
    assert total["utilisation"] == 2 * (18 + 30) / (10 * 28)


def test_csv_reads_back() -> None:
    rows = mapping_rows(network_map())
    read = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert [{key: str(value) for key, value in row.items()} for row in rows] == read


@pytest.mark.parametrize("name", ["mix", "a.very.long.name.of.a.layer." * 6])
def test_the_table_fits_100_columns_and_keeps_its_numbers(name: str) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(mapping_table(network_map(name), "mix on toy"))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 100
    for figure in ("9 x 1 x2", "6 x 5", "53.6", "34.3", "total", "in use", "4 x 7 cells and holds 4 x 3"):
        assert figure in text


def test_a_map_that_holds_the_second_copy_is_not_doubled() -> None:
    layers = network_map().layers
    doubled = map_network(layers, PAIRS, "second_copy")
    assert chip_fit(doubled, chip(40, None, "second-copy")).needed == doubled.pe_count == 10 + 2 * 2 + 2 * 3


def test_conversions_and_routing_of_each_layer() -> None:
    rows = mapping_rows(network_map(), phases=8)
    # depthwise: 16 vectors x 3 row tiles x 2 groups x 1 output x 2 cells x 8 phases
    assert [row["conversions_per_image"] for row in rows] == [16 * 3 * 2 * 2 * 8, 2 * 5 * 2 * 8]
    assert [row["inputs_delivered"] for row in rows] == [16 * 18, 6 * 2]
    assert [row["partial_sums_added"] for row in rows] == [16 * 2 * 2, 5]
    assert mapping_total(network_map(), 8)["conversions_per_image"] == sum(r["conversions_per_image"] for r in rows)


def test_fit_counts_the_memory_that_holds_the_network() -> None:
    assert chip_fit(network_map(), chip(10, 4)) == Fit(needed=10, held={"rram": 10, "sram": 4})
    assert chip_fit(network_map(), chip(10, 4)).fits
    assert not chip_fit(network_map(), chip(9, 40)).fits
    assert chip_fit(network_map(), chip(None, 10)).fits
    assert chip_fit(network_map(), chip(19, 4, "second-copy")).needed == 20


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            chip(10, 4),
            "toy has 10 RRAM PEs and 4 SRAM PEs (4 x 7 cells each); mix needs 10 RRAM PEs and it fits. "
            "Up to 40% of its PEs can train in SRAM at once.",
        ),
        (
            chip(10, 10),
            "toy has 10 RRAM PEs and 10 SRAM PEs (4 x 7 cells each); mix needs 10 RRAM PEs and it fits. "
            "All of its PEs can train in SRAM at once.",
        ),
        (
            chip(7, None),
            "toy has 7 RRAM PEs (4 x 7 cells each); mix needs 10 RRAM PEs and it does not fit, short by 3.",
        ),
        (
            chip(None, 7, oversize="multiplex"),
            "toy has 7 SRAM PEs (4 x 7 cells each); mix needs 10 SRAM PEs and takes turns: "
            "each pass loads 4 of them anew.",
        ),
        (
            chip(None, 20, "second-copy"),
            "toy has 20 SRAM PEs (4 x 7 cells each); mix needs 20 SRAM PEs, with the second copy for input gradients, "
            "and it fits.",
        ),
    ],
)
def test_the_sentence(made: ChipConfig, sentence: str) -> None:
    assert fit_sentence(chip_fit(network_map(), made), made, "mix") == sentence
