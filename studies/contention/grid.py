"""What this study varies: values of the chips and of the simulation, one axis at a time, and the corners of three."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.config import config_hash
from imcsim.study.spec import StudySpec

Values = dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """One varied quantity: ``path`` in the chip's file, or "" for an option of the simulation."""

    name: str
    path: str
    values: tuple[float, ...]
    label: str


AXES = (
    Axis("columns_per_adc", "rram.columns_per_adc", (1, 2, 4, 8, 16, 32, 64), "columns per converter"),
    Axis("layers_per_adc", "", (1, 2, 4), "layers per set of converters"),
    Axis("weights_per_tree", "sram.weights_per_tree", (1, 2, 4, 8), "weights per adder tree"),
    Axis("write_drivers", "rram.parallel_write_pes", (1, 2, 4, 16, 64, 256), "PEs written at once"),
    Axis("dram_bits_per_s", "dram.bandwidth_bits_per_s", (3.2e9, 1.28e10, 2.56e10, 5.12e10, 2.048e11), "DRAM (bit/s)"),
    Axis("buffer_bytes", "buffer.size_bytes", (65536, 131072, 262144, 524288, 1048576), "buffer size (bytes)"),
    Axis("buffer_bits_per_s", "buffer.bandwidth_bits_per_s", (2.56e10, 5.12e10, 2.048e11, 4.096e11), "buffer (bit/s)"),
    Axis("link_bits_per_s", "link.bandwidth_bits_per_s", (6.4e9, 1.28e10, 5.12e10, 2.048e11), "link (bit/s)"),
)
CORNERS = {
    "rram.columns_per_adc": (1, 64),
    "rram.parallel_write_pes": (1, 256),
    "dram.bandwidth_bits_per_s": (3.2e9, 2.048e11),
}


@dataclass(frozen=True)
class Setting:
    """One point of the grid: chip values ``values``, layers that share converters; ``marks`` are (axis, value)."""

    values: Values
    layers_per_adc: int = 1
    marks: list[tuple[str, float]] = field(default_factory=list)


def settings(chip: ChipConfig, *, corners: bool) -> Iterator[Setting]:
    """Yield each different setting once; the chip's own belongs to every axis."""
    own = Setting({})
    for axis in AXES:
        memory = axis.path.partition(".")[0] or "rram"
        if memory in ("rram", "sram") and getattr(chip, memory) is None:
            continue
        now = value_of(chip, axis.path)
        for value in axis.values:
            if value == now:
                own.marks.append((axis.name, value))
            elif axis.path:
                yield Setting({axis.path: value}, marks=[(axis.name, value)])
            else:
                yield Setting({}, int(value), [(axis.name, value)])
    yield own
    if corners:
        paths = [path for path in CORNERS if chip.rram is not None or not path.startswith("rram")]
        for chosen in product(*(CORNERS[path] for path in paths)):
            yield Setting(dict(zip(paths, chosen, strict=True)), marks=[("corner", 0)])


def value_of(chip: ChipConfig, path: str) -> float:
    """Return the chip's own value of ``path``; 1 for the option of the simulation."""
    found: Any = chip
    for part in path.split(".") if path else ():
        found = getattr(found, part)
    return found if path else 1


def chip_with(spec: StudySpec, name: str, values: Values) -> ChipConfig:
    """Return chip ``name`` as the study has it, with ``values`` on top."""
    (choice,) = (chip for chip in spec.chips if chip.name == name)
    return load_chip(name, {**choice.set, **values}).config


def grid_hash(spec: StudySpec) -> str:
    """Return a hash over everything that is simulated: the chips with every setting."""
    chips = {choice.name: chip_with(spec, choice.name, {}) for choice in spec.chips}
    return config_hash({
        name: [(config_hash(chip_with(spec, name, s.values)), s.layers_per_adc) for s in settings(chip, corners=True)]
        for name, chip in chips.items()
    })  # fmt: skip
