"""One operating point of a published macro: what its public description states, in SI; None where it is silent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from imcsim.core.errors import DataError
from imcsim.published.columns import (
    ANALOG,
    BITS_OF_A_CELL,
    NUMBERS,
    OPEN_WORDS,
    TEXTS,
    WORDS,
    number,
    said,
)

_CAPACITOR = "1C"
_LONG = 30.0  # design choice: settling times; published clamped arrays take up to 19
_SAME = 0.02  # share by which energy per MAC and TOPS/W of a row may differ by rounding


@dataclass(frozen=True)
class PublishedPoint:
    """One operating point of a published macro, as the columns of a table have it.

    Everything is of one array unless said.

    Parameters
    ----------
    rows, outputs
        Products summed into one output in one operation, and sums made in one.
    operation_s, operation_bits, operations
        Time of an operation (s), bits of an input that it covers, operations of the whole input.
    cell_bits, multi_level
        Bits of a cell; whether it is said to be analog.
    activity
        Toggle rate of inputs times density of weights.
    reported_j
        Energy of one MAC at the stated bits (J); one MAC counts as two operations where only TOPS/W is given.
    contradicts
        Whether energy and TOPS/W disagree.
    foreign
        Columns with a word that no model knows, and that word.
    """

    chip_id: str
    silicon_id: str
    title: str
    family: str
    memory: str
    style: str
    cell: str
    includes: str
    basis: str
    source: str
    node_m: float | None = None
    supply_v: float | None = None
    input_bits: float | None = None
    weight_bits: float | None = None
    array_rows: int | None = None
    array_cols: int | None = None
    capacity_cells: int | None = None
    rows: int | None = None
    outputs: int | None = None
    operation_s: float | None = None
    operation_covers: str = ""
    operation_bits: float | None = None
    operations: float | None = None
    dac_bits: float | None = None
    input_coding: str = ""
    cells_per_weight: int | None = None
    cell_bits: float | None = None
    multi_level: bool = False
    sign: str = ""
    sensing: str = ""
    adc_type: str = ""
    adc_bits: float | None = None
    adcs: int | None = None
    columns_per_adc: float | None = None
    weight_sets: int | None = None
    adder_kind: str = ""
    input_toggle: float | None = None
    weight_density: float | None = None
    activity: float | None = None
    arrays: int | None = None
    area_m2: float | None = None
    area_uncertainty: float | None = None
    cell_area_m2: float | None = None
    cell_current_a: float | None = None
    on_ohm: float | None = None
    off_ohm: float | None = None
    read_v: float | None = None
    reported_j: float | None = None
    contradicts: bool = False
    foreign: tuple[tuple[str, str], ...] = ()

    @property
    def cells(self) -> int | None:
        """Cells of one array: its rows times its columns, else its capacity."""
        if self.array_rows is not None and self.array_cols is not None:
            return self.array_rows * self.array_cols
        return self.capacity_cells

    @property
    def states_current(self) -> bool:
        """Whether the current of a cell is stated, or its resistance."""
        return self.cell_current_a is not None or self.on_ohm is not None

    @property
    def has_capacitors(self) -> bool:
        """Whether each cell has a capacitor of its own, as one of ``10T1C``."""
        return self.cell.upper().endswith(_CAPACITOR)

    @property
    def states_activity(self) -> bool:
        """Whether toggle rate of inputs and density of weights are stated, or their product."""
        return self.activity is not None

    def waits(self, phases: int, settling_s: float) -> bool:
        """Tell whether an input takes so long that no clamp holds its lines all the time."""
        return self.input_s is not None and self.input_s > _LONG * phases * settling_s

    @property
    def input_s(self) -> float | None:
        """Time of a whole input (s)."""
        if self.operation_s is None or self.operations is None:
            return None
        return self.operation_s * self.operations


def point_of(row: Mapping[str, str], where: str) -> PublishedPoint:
    """Return the operating point of one row, cells by column; ``where`` names the row in errors.

    Raises
    ------
    DataError
        For a row without a chip_id, and a cell that its column cannot hold.
    """
    value = {name: number(row.get(name), name, where) for name in NUMBERS}
    text = {name: said(row.get(name)) for name in (*TEXTS, *OPEN_WORDS)}
    words = {name: said(row.get(name)).lower() for name in WORDS}
    known = {name: word if word in WORDS[name] else "" for name, word in words.items()}
    if not text["chip_id"]:
        raise DataError(f"{where}: chip_id is empty")
    cell_bits, multi_level = _cell_bits(row, where)
    operation_ns = value["t_op_ns"] if value["t_op_ns"] is not None else value["t_cycle_ns"]
    reported_fj, contradicts = _energy_fj(value)
    return PublishedPoint(
        chip_id=text["chip_id"],
        silicon_id=text["silicon_id"] or text["chip_id"],
        title=text["name"] or text["chip_id"],
        family=words["family"] or _family(text),
        memory=text["memory"],
        style=text["compute_style"],
        cell=text["cell"],
        includes=words["what_energy_includes"] or _includes(text["level"]),
        basis=text["energy_basis"],
        source=text["source"],
        node_m=_over(value["node_nm"], 1e9),
        supply_v=value["vdd_V"],
        input_bits=value["bits_in"],
        weight_bits=value["bits_w"],
        array_rows=_count(value["array_rows"]),
        array_cols=_count(value["array_cols"]),
        capacity_cells=_kilo(value["capacity_kb_exact"] or value["capacity_kb"]),
        rows=_count(value["rows_per_op"]),
        outputs=_mean(value["outputs_per_op"]),
        operation_s=_over(operation_ns, 1e9),
        operation_covers=known["t_op_covers"],
        operation_bits=value["input_bits_per_op"],
        operations=_operations(value, known["t_op_covers"]),
        dac_bits=value["dac_bits"],
        input_coding=text["input_coding"],
        cells_per_weight=_mean(value["cells_per_weight"]),
        cell_bits=cell_bits,
        multi_level=multi_level,
        sign=known["sign_scheme"],
        sensing=known["sensing"],
        adc_type=known["adc_type"],
        adc_bits=value["adc_bits"] or value["adc_or_out_bits"] or None,
        adcs=_mean(value["adcs_per_array"] or None),
        columns_per_adc=value["columns_per_adc"] or None,
        weight_sets=_mean(value["weight_sets_per_adder"]),
        adder_kind=known["adder_kind"],
        input_toggle=value["activity_input_toggle"],
        weight_density=value["activity_weight_density"],
        activity=_product(value),
        arrays=_mean(value["n_arrays"]),
        area_m2=_over(value["area_mm2_macro"], 1e6),
        area_uncertainty=_over(value["area_uncertainty_pct"], 100),
        cell_area_m2=_over(value["cell_area_um2"], 1e12),
        cell_current_a=_over(value["i_cell_uA"], 1e6),
        on_ohm=value["r_on_ohm"],
        off_ohm=value["r_off_ohm"],
        read_v=value["v_read_V"],
        reported_j=_over(reported_fj, 1e15),
        contradicts=contradicts,
        foreign=tuple((name, word) for name, word in words.items() if word and not known[name]),
    )


def _product(value: Mapping[str, float | None]) -> float | None:
    """Return toggle rate times density: of both, else the product that is stated alone."""
    toggle, density = value["activity_input_toggle"], value["activity_weight_density"]
    return value["activity_product"] if toggle is None or density is None else toggle * density


def _cell_bits(row: Mapping[str, str], where: str) -> tuple[float | None, bool]:
    given = said(row.get(BITS_OF_A_CELL))
    if given.lower() == ANALOG:
        return None, True
    return number(given, BITS_OF_A_CELL, where), False


def _energy_fj(value: Mapping[str, float | None]) -> tuple[float | None, bool]:
    """Return the energy of a MAC (fJ), and whether the columns that state it disagree."""
    tops_per_w = value["tops_per_w_native"]
    from_tops_fj = None if tops_per_w is None else 2000 / tops_per_w
    stated_fj = next((v for n in ("e_per_mac_fJ_reported", "e_per_mac_fJ_native") if (v := value[n]) is not None), None)
    if stated_fj is None or from_tops_fj is None:
        return (stated_fj if stated_fj is not None else from_tops_fj), False
    return stated_fj, abs(stated_fj - from_tops_fj) > _SAME * from_tops_fj


def _family(text: Mapping[str, str]) -> str:
    """Return the family by the memory's name and the first word of the style, where no column states it."""
    memory, style = text["memory"].lower(), text["compute_style"].lower()
    if memory == "sram":
        first = style.partition(" ")[0].rstrip(",")
        return f"{first}-sram" if first in ("analog", "digital") else ""
    return memory if memory in WORDS["family"] else ""


def _includes(level: str) -> str:
    """Return what a figure covers by its level, where no column states it; nothing for a silent level."""
    if not level:
        return ""
    return "macro" if level.lower() in ("macro", "array", "core") else "processor"


def _over(value: float | None, parts: float) -> float | None:
    # a division is rounded once: 130 / 1e9 is the float 130e-9, while a product with 1e-9 may miss it
    return None if value is None else value / parts


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)


def _mean(value: float | None) -> int | None:
    return None if value is None else max(1, round(value))


def _operations(value: Mapping[str, float | None], covers: str) -> float | None:
    """Return the operations of a whole input: stated, else by what one covers.

    ``t_cycle_ns``, of tables without ``t_op_ns``, is the time of a whole operation of an array.
    """
    if value["ops_per_input"] is not None:
        return value["ops_per_input"]
    whole_bits, bits = value["bits_in"], 1.0 if covers == "one-input-bit" else value["input_bits_per_op"]
    if covers != "whole-input" and whole_bits is not None and bits is not None:
        return float(math.ceil(whole_bits / bits))
    old = value["t_op_ns"] is None and value["t_cycle_ns"] is not None
    return 1.0 if covers == "whole-input" or old else None


def _kilo(value: float | None) -> int | None:
    return None if value is None else round(value * 1024)
