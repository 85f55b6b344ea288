"""What every sort of memory knows of its PEs: reading both ways, writing, time, area, leakage, wear.

A sort is one subclass of :class:`Memory` in one file, filed with ``@memory_sort("name")``; another package names its
own behind an entry point ``imcsim.memory``. A chip file holds it as ``[memory.NAME]`` with ``sort = "..."``; the two
sorts of imcsim itself also stand as ``[rram]`` and ``[sram]``. Whether a memory keeps its weights without power decides
its part on a chip: weights rest in one that does, and train in one that does not, if the chip has both. How many copies
of the weights it holds is not its own: :attr:`imcsim.memory.site.Site.copies`.

Shape letters: F placement phases, P PEs, L layers, K cells per weight.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imcsim.core.answers import watch
from imcsim.core.charge import Charge, Price
from imcsim.core.config import FrozenConfig
from imcsim.core.registry import Registry
from imcsim.core.sorted_table import wrong_sort
from imcsim.crossbar.encoding import Encoding, Sign
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.ageing import Ageing, EventPulses
from imcsim.memory.beside import Beside
from imcsim.memory.site import Site

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Activity:
    """How busy the lines of a vector are, (F, L).

    ``drives`` expected line switches per line and vector, summed over read cycles; ``level`` the same weighted by the
    digit, as the current of a line at that voltage is, and ``power`` by its square, as what the cell itself dissipates
    is; ``phases`` read cycles per vector.
    """

    drives: Floats
    level: Floats
    power: Floats
    phases: int


def activity(density: Floats, dac_bits: int) -> Activity:
    """Group bit planes (F, L, b), least significant first, into cycles of ``dac_bits``; bits taken as independent."""
    bits = density.shape[2]
    phases = -(-bits // dac_bits)
    drives, level, power = (np.zeros(density.shape[:2]) for _ in range(3))
    for phase in range(phases):
        part = density[:, :, phase * dac_bits : (phase + 1) * dac_bits]
        weight = 2.0 ** np.arange(part.shape[2])
        mean = part @ weight  # expected digit of this cycle
        variance = (part * (1 - part)) @ weight**2
        drives += 1 - np.prod(1 - part, axis=2)  # a line switches unless all bits of its digit are 0
        level += mean / weight.sum()
        power += (mean**2 + variance) / (weight.sum() ** 2)
    return Activity(drives, level, power, phases)


Ints = NDArray[np.integer]
Numbers = Ints | Floats
WritePolicy = Literal["step", "epoch", "task"]


class Weights(Protocol):
    """The weights in a memory's PEs, as a read meets them: of a trace, or of a map with codes."""

    @property
    def grid(self) -> PeGrid:
        """Shapes of the PEs."""

    @property
    def level_sums(self) -> Numbers:
        """(F + 1, P): sum of the cell levels of each PE at each commit."""


@dataclass(frozen=True)
class Component:
    """What one vector takes of one component of the PEs that it passes.

    Parameters
    ----------
    name
        The component: last name of a leaf.
    amount
        (P,) or (F, P): how much one vector takes of it in each PE.
    of, formula
        What is counted, and how.
    each
        What one costs (J); an array (F, P) where it differs.
    per
        What there is one of these for, if that is what sets their number.
    busy, codes
        Whether the amount or the price follows from how busy the lines are, and from the codes in the cells.
    per_line
        Whether it works for every sensed line, so that a closed one spares it.
    """

    name: str
    amount: Numbers
    of: str
    formula: str
    each: Price
    per: str = ""
    busy: bool = False
    codes: bool = False
    per_line: bool = False

    def also(self, *origins: str) -> "Component":
        """Return the same, of an amount that follows from values of the chip, too: their paths."""
        return replace(self, each=self.each.also(*origins))


@dataclass(frozen=True)
class Lines:
    """The lines that a read senses.

    Parameters
    ----------
    count
        (P,) lines of each PE that are sensed in each read cycle: columns, or rows once for each slice.
    inputs
        (P,) weights that a line adds up.
    said
        What is counted, and how.
    phases
        Read cycles of a vector.
    transposed
        Whether columns are driven and rows sensed.
    after
        Whether the cells hold the codes at the end of each phase, else those at its start.
    origins
        Paths of values of the chip that set their number.
    beside
        Replicas that are sensed with them, whose lines are among ``count``; None: there are none.
    """

    count: Numbers
    inputs: Numbers
    said: str
    phases: int = 1
    transposed: bool = False
    after: bool = False
    origins: tuple[str, ...] = ()
    beside: Beside | None = None

    @property
    def sensed(self) -> Numbers:
        """(P,) how often one vector has a line of each PE sensed."""
        return self.count * self.phases


@dataclass(frozen=True)
class ReadTime:
    """How long a PE is busy with one vector (s): the array settles, then converters take their turns (0: none)."""

    settle: Price
    convert: Price

    @property
    def total_s(self) -> float:
        """Both."""
        return float(self.settle.value) + float(self.convert.value)


@dataclass(frozen=True)
class Piece:
    """A component of a PE's area: how many a PE has, of what, and what one covers (m2)."""

    count: int
    of: str
    each: Price

    @property
    def area_m2(self) -> float:
        """Of all of them."""
        return self.count * float(self.each.value)


@dataclass(frozen=True)
class Endurance:
    """Cycles that a cell survives: those promised, and Weibull scale and shape of its failure where it is known."""

    guaranteed_cycles: float
    scale: float | None = None
    shape: float | None = None


class Memory(FrozenConfig):
    """The PEs of one memory: what all sorts have in common.

    ``pe_count`` PEs; ``cell_bits`` and ``sign`` say how a weight lies in its cells; ``write_policy`` how often weights
    that train here are written. ``control_share`` and ``control_area_share``: what control, clock and decoders take
    beside the components that are counted, as a share of those (:func:`with_control`, :func:`with_control_area`).
    """

    sort: ClassVar[str] = ""
    """The name that its class is filed under."""
    volatile: ClassVar[bool]
    """Whether it loses its weights without power."""
    verb: ClassVar[str]
    """What writing it is called in leaves: "program" for cells that are verified, else "write"."""
    senses: ClassVar[str] = "conversion"
    """What senses a line once, so that a shift-add joins it: "conversion" or another; "" if the sort joins its own."""
    sums_gradients: ClassVar[bool] = False
    """Whether its arrays can add up weight gradients (:meth:`gradient_evaluation`)."""
    rows_vary: ClassVar[bool] = False
    """Whether equal rows take different times to write, as pulses do that are verified."""
    references: ClassVar[Mapping[str, str]] = {}
    """Field -> content kind, for fields that a chip file may give by the name of another file."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        from imcsim.memory.answers import CHECKS

        watch(cls, CHECKS, "memory sort")

    pe_count: int = Field(ge=0)
    cell_bits: int = Field(ge=1)
    sign: Sign
    write_policy: WritePolicy
    control_share: float = Field(0.0, ge=0, description="energy of control, clock and decoders over that of the rest")
    control_area_share: float = Field(0.0, ge=0, description="their area over that of the rest")

    def geometry(self, rows: int, cols: int, weight_bits: int) -> PeGeometry:
        """Return a PE of ``rows`` x ``cols`` cells of this memory."""
        return _geometry(rows, cols, self.sign, weight_bits, self.cell_bits)

    def check(self) -> None:
        """Raise ConfigError if parts of it contradict; called once when a chip is loaded."""

    def lines(self, site: Site, grid: PeGrid, *, transposed: bool = False) -> Lines:
        """Return the lines that one read cycle senses: columns; in a transposed read rows, once for each slice.

        The slices of a weight share a row, so that each takes a read of its own.
        """
        if not transposed:
            return Lines(grid.cols, grid.rows, "used columns x phases")
        count = grid.rows * grid.geometry.encoding.slices
        return Lines(count, grid.outputs, "used rows x slices x phases", transposed=True)

    def forward(self, site: Site, weights: Weights, busy: Activity, *, after: bool = False) -> tuple[Component, ...]:
        """Return what one input vector takes of each PE: rows are driven, columns sensed, tiles' sums joined.

        ``after``: of the codes at the end of each phase.
        """
        lines = replace(self.lines(site, weights.grid), phases=busy.phases, after=after)
        sums = _accumulated(site, weights.grid, lines.beside)
        return with_control(self, site, (*self._read(site, weights, busy, lines), sums))

    def transposed(self, site: Site, weights: Weights, busy: Activity) -> tuple[Component, ...]:
        """Return what one error vector takes of each PE that is read the other way."""
        lines = replace(self.lines(site, weights.grid, transposed=True), phases=busy.phases)
        return with_control(self, site, self._read(site, weights, busy, lines))

    def _read(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        drives = _line_drives(site, weights.grid, busy, lines)
        joins = (_shift_adds(site, lines, self.senses),) if self.senses else ()
        return (drives, *self.sensed(site, weights, busy, lines), *joins)

    @abstractmethod
    def sensed(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        """Return what cells, and what senses ``lines``, take of one vector: all but drivers, shift-adds and sums."""

    @abstractmethod
    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Return what reading every weight of each PE once takes, row by row."""

    @abstractmethod
    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Return how long a PE takes for an input vector of ``bits``."""

    @abstractmethod
    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """Return how long a PE takes for an error vector of ``bits`` that is read the other way."""

    @abstractmethod
    def row_read_time(self, site: Site) -> Price:
        """Return how long reading one row of weights takes (s)."""

    @abstractmethod
    def row_write_time(self, site: Site) -> Price:
        """Return how long writing all cells of one row takes (s)."""

    @abstractmethod
    def write_energy(self, site: Site) -> Price:
        """Return what one level change costs (J): a number, or an array (levels, levels) from old to new level."""

    @abstractmethod
    def write_time(self, site: Site, events: Numbers, rows: Numbers) -> Charge:
        """Return the time (s) of ``events`` level changes in ``rows`` row writes of each PE, both (F, P).

        The leaf is empty; the amount is (F,).
        """

    @property
    def parallel_pes(self) -> int | None:
        """How many PEs may be written at once; None: all."""
        return None

    def pe_write_s(self, site: Site, events: Numbers, rows: Numbers) -> Floats:
        """Return how long each PE is busy with ``events`` level changes in ``rows`` row writes, all (F, P), in seconds.

        Rows follow one another, each takes as long as one of :meth:`row_write_time`. :meth:`write_time` is what all
        PEs take together, :attr:`parallel_pes` at once.
        """
        return np.asarray(rows * float(self.row_write_time(site).value), dtype=np.float64)

    def drawn_rows_s(self, site: Site, cells: Numbers, generator: np.random.Generator) -> Floats:
        """Return the seconds of rows in which ``cells`` (W,) levels change, drawn where ``rows_vary``, (W,)."""
        (seconds,) = self.pe_write_s(site, cells.astype(np.float64)[None], np.ones((1, len(cells))))
        return np.asarray(seconds, dtype=np.float64)

    @abstractmethod
    def area(self, site: Site) -> dict[str, Piece]:
        """Return the components of one PE, ``cells`` first."""

    def leakage(self, site: Site) -> Price | None:
        """Return the power of one cell while nothing switches (W); None if it has none."""
        return None

    def gradient_evaluation(self, site: Site, bits: int) -> tuple[Component, ...]:
        """Return what summing a digit of an error over all rows of one column of ``bits`` activations takes.

        Amounts are (1,); nothing where its arrays cannot add up weight gradients.
        """
        return ()

    def fixed_cells(self, site: Site, grid: PeGrid) -> tuple[Numbers, Price] | None:
        """Return the cells (P,) programmed once, beside weights, and what one costs (J); None: there are none."""
        return None

    def failed_write(self, site: Site) -> tuple[Price, Price] | None:
        """Return what a write to a dead cell costs beyond a mean one until it is given up (J, s); None: not known."""
        return None

    def doubts(self, site: Site) -> tuple[str, ...]:
        """Return sentences on settings that a reader should doubt."""
        return ()

    @property
    @abstractmethod
    def endurance(self) -> Endurance:
        """How many cycles a cell survives."""

    @property
    def event_pulses(self) -> EventPulses:
        """The pulses of a level change; unless a sort says otherwise, one, which is a cycle."""
        return EventPulses.single(1 << self.cell_bits)

    @property
    def ageing(self) -> Ageing:
        """What cycles and time do to its cells; unless a sort says otherwise, nothing is known."""
        return Ageing()

    def write_leaf(self, site: Site) -> str:
        """Return the last name of a leaf of writes, such as ``rram_program``."""
        return f"{site.name}_{self.verb}"

    def read_out_leaf(self, site: Site) -> str:
        """Return the last name of a leaf of reading weights out, such as ``sram_read``."""
        return f"{site.name}_read"


@lru_cache(maxsize=256)
def _geometry(rows: int, cols: int, sign: Sign, weight_bits: int, cell_bits: int) -> PeGeometry:
    return PeGeometry(rows=rows, cols=cols, encoding=Encoding(sign=sign, weight_bits=weight_bits, cell_bits=cell_bits))


MemoryT = TypeVar("MemoryT", bound=Memory)


def _import_all() -> None:
    from imcsim.memory import analog_rram, analog_sram, digital_sram  # noqa: F401


MEMORIES: Registry[type[Memory]] = Registry(
    "memory sort", _import_all, "imcsim.memory", wrong_sort(Memory, volatile=bool, verb=str)
)


def memory_sort(name: str) -> Callable[[type[MemoryT]], type[MemoryT]]:
    """Return a decorator that files a sort of memory under ``name``."""

    def add(sort: type[MemoryT]) -> type[MemoryT]:
        sort.sort = name
        MEMORIES.register(name)(sort)
        return sort

    return add


def _line_drives(site: Site, grid: PeGrid, busy: Activity, lines: Lines) -> Component:
    """Return the switched lines of one vector: rows, or columns of a transposed read; they pass replicas, too."""
    driven, across, length = (grid.cols, "rows", site.rows) if lines.transposed else (grid.rows, "cols", site.cols)
    more, origins = (0, ()) if lines.beside is None else (lines.beside.across, lines.beside.origins)
    each = site.driver.energy_price(length + more, site.supply_v, site.dac_bits)
    each = each.also(f"array.{across}", "dac_bits", *origins)
    of = f"used {'columns' if lines.transposed else 'rows'} x expected switches a line"
    return Component("driver", driven * busy.drives[:, grid.layer], "line switches", of, each, busy=True)


def _shift_adds(site: Site, lines: Lines, per: str) -> Component:
    """Return one shift-add for each line and cycle: for each ``per``."""
    each = site.shift_add.energy_price().also("dac_bits", *lines.origins)
    return Component("shift_add", lines.sensed, "shift-adds", lines.said, each, per, per_line=True)


def _accumulated(site: Site, grid: PeGrid, beside: Beside | None) -> Component:
    """Return the additions that join row tiles: a sum of n partial sums takes n - 1, each less its replica one more."""
    tiles = grid.row_tiles[grid.layer]
    amount, said = grid.outputs * (tiles - 1) / tiles, "outputs x (row tiles - 1) / row tiles"
    each = site.shift_add.energy_price().also("array.rows", "array.cols")
    if beside is not None:
        amount, said = amount + beside.subtracted, f"{said} + outputs less their replica"
        each = each.also(*beside.origins)
    return Component("accumulate", np.asarray(amount, dtype=np.float64), "additions", said, each)


def line_drivers(site: Site, across: str) -> Piece:
    """Return the drivers of all ``rows`` or ``cols`` of a PE."""
    return Piece(getattr(site, across), "line drivers", site.driver.area_price().also(f"array.{across}"))


def with_control(memory: Memory, site: Site, parts: tuple[Component, ...]) -> tuple[Component, ...]:
    """Return ``parts`` and what controls them: ``control_share`` of their energy.

    What works for every sensed line is spared with it, so that its control stands apart from that of the rest.
    """
    if not memory.control_share:
        return parts
    return (*parts, *(_control(memory, site, group) for group in _groups(parts)))


def _groups(parts: tuple[Component, ...]) -> tuple[tuple[Component, ...], ...]:
    lines = tuple(part for part in parts if part.per_line)
    rest = tuple(part for part in parts if not part.per_line)
    return tuple(group for group in (lines, rest) if group)


def _control(memory: Memory, site: Site, group: tuple[Component, ...]) -> Component:
    joules = sum((np.asarray(part.amount * part.each.value, dtype=np.float64) for part in group), np.zeros(1))
    origins = tuple(dict.fromkeys(origin for part in group for origin in part.each.origins))
    names = " + ".join(part.name for part in group)
    return Component(
        "control",
        joules,
        "joules of what it controls",
        f"energy of {names}",
        Price(memory.control_share, "control_share", (*site.of("control_share"), *origins)),
        busy=any(part.busy for part in group),
        codes=any(part.codes for part in group),
        per_line=group[0].per_line,
    )


def with_control_area(memory: Memory, site: Site, pieces: dict[str, Piece]) -> dict[str, Piece]:
    """Return ``pieces`` and the area of what controls them, one piece: ``control_area_share`` of theirs."""
    if not memory.control_area_share:
        return pieces
    area_m2 = memory.control_area_share * sum(piece.area_m2 for piece in pieces.values())
    origins = tuple(dict.fromkeys(origin for piece in pieces.values() for origin in piece.each.origins))
    each = Price(area_m2, "control_area_share x area of the rest", (*site.of("control_area_share"), *origins))
    return pieces | {"control": Piece(1, "control blocks", each)}
