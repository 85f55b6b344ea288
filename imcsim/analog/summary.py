"""A converted network as a table: layer, PEs, memory, converter bits, clipped share."""

from collections.abc import Mapping
from dataclasses import dataclass

from imcsim.analog.clock import Clock
from imcsim.analog.layer import AnalogLayer

_COLUMNS = ("layer", "weights", "PEs", "kind", "RRAM", "SRAM", "ADC bits", "step", "clipped", "input range", "beyond")


@dataclass(frozen=True)
class SummaryRow:
    """One layer; ``clipped_share`` is None before its converters are calibrated, or where it has none.

    ``lossless_adc_bits`` are the fewest bits with which its converters would lose nothing of exact cells.
    ``beyond_share`` is the share of the inputs since then that lay beyond the input range, None before there is one.
    """

    layer: str
    weights: int
    pes: int
    rram_pes: int
    sram_pes: int
    adc_bits: int | None
    lossless_adc_bits: int | None
    adc_steps: tuple[int, ...]
    clipped_share: float | None
    input_range: float | None
    beyond_share: float | None
    stale_share: float

    @property
    def kind(self) -> str:
        """Memory of the layer's PEs: ``rram``, ``sram`` or ``mixed``."""
        return "mixed" if self.rram_pes and self.sram_pes else "sram" if self.sram_pes else "rram"


@dataclass(frozen=True, repr=False)
class Summary:
    """Rows by layer, and the state of the chip; as text, a table of at most 100 columns."""

    rows: tuple[SummaryRow, ...]
    programmed: bool
    age_s: float

    def __repr__(self) -> str:
        return f"<Summary of {len(self.rows)} layers>"

    def __str__(self) -> str:
        cells = [_COLUMNS, *(_texts(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(_COLUMNS))]
        widths[0] = min(widths[0], 99 - sum(widths[1:]) - 2 * len(widths[1:]))
        lines = [
            "  ".join(_fit(text, width, i) for i, (text, width) in enumerate(zip(line, widths, strict=True)))
            for line in cells
        ]
        lines.insert(1, "-" * len(lines[0]))
        return "\n".join([*(line.rstrip() for line in lines), *self._notes()])

    def _notes(self) -> list[str]:
        notes = [
            f"programmed {self.age_s:g} s ago"
            if self.programmed
            else "not programmed: RRAM cells stand exactly at their levels"
        ]
        bits = {(row.adc_bits, row.lossless_adc_bits) for row in self.rows if row.adc_bits and row.lossless_adc_bits}
        notes += [
            f"converters of {given} bits; the fewest that lose nothing are {need}" for given, need in sorted(bits)
        ]
        stale = [row.layer for row in self.rows if row.stale_share > 0]
        if stale:
            notes.append(f"weights changed since they were programmed: {', '.join(stale)}; call program(generator)")
        return notes


def summarise(layers: Mapping[str, AnalogLayer], clock: Clock) -> Summary:
    """Return the table of ``layers`` at the chip's time."""
    programmed = clock.programmed_s is not None
    age_s = clock.now_s - (clock.programmed_s or 0.0)
    return Summary(tuple(_row(name, layer) for name, layer in layers.items()), programmed, age_s)


def _row(name: str, layer: AnalogLayer) -> SummaryRow:
    arrays = layer.arrays
    in_sram = int(arrays.in_sram.sum())
    analog = arrays.pes.analog if arrays.config.converter and in_sram < arrays.pe_count else None
    return SummaryRow(
        layer=name,
        weights=layer.weight.numel(),
        pes=arrays.pe_count,
        rram_pes=arrays.pe_count - in_sram,
        sram_pes=in_sram,
        adc_bits=None if analog is None else analog.adc_bits,
        lossless_adc_bits=None if analog is None else arrays.pes.lossless_adc_bits,
        adc_steps=() if analog is None or layer.adc is None else layer.adc.steps,
        clipped_share=None if analog is None or layer.adc is None else max(layer.adc.clipped_shares),
        input_range=None if layer.inputs is None else layer.inputs.largest,
        beyond_share=None if layer.inputs is None else layer.clipped_inputs.share,
        stale_share=layer.stale_share(),
    )


def _texts(row: SummaryRow) -> tuple[str, ...]:
    steps = sorted(set(row.adc_steps))
    return (
        row.layer,
        str(row.weights),
        str(row.pes),
        row.kind,
        str(row.rram_pes),
        str(row.sram_pes),
        "-" if row.adc_bits is None else str(row.adc_bits),
        "-" if not steps else str(steps[0]) if len(steps) == 1 else f"{steps[0]}-{steps[-1]}",
        "-" if row.clipped_share is None else f"{row.clipped_share:.2%}",
        "-" if row.input_range is None else f"{row.input_range:.3g}",
        "-" if row.beyond_share is None else f"{row.beyond_share:.2%}",
    )


def _fit(text: str, width: int, column: int) -> str:
    if len(text) > width:
        text = "…" + text[len(text) - width + 1 :]
    return text.ljust(width) if column == 0 else text.rjust(width)
