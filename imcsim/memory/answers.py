"""What a sort of memory of another package must answer; shape letters as in :mod:`imcsim.memory.memory`."""

from collections.abc import Iterable, Mapping

import numpy as np

from imcsim.core.answers import Check, first, wrong_number, wrong_price
from imcsim.core.charge import Charge
from imcsim.core.errors import short
from imcsim.core.sorted_table import wrong_name
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.memory import Component, Endurance, Lines, Memory, Numbers, Piece, ReadTime, Weights
from imcsim.memory.site import Site


def _components(memory: Memory, answer: object, site: Site, weights: Weights, *_: object) -> str | None:
    if not isinstance(answer, tuple | list):
        return f"a tuple of Component, got {short(repr(answer), 40)}"
    return first(_component(part, weights.grid.count) for part in answer)


def _lines(memory: Memory, answer: object, site: Site, grid: PeGrid, *_: object) -> str | None:
    if not isinstance(answer, Lines):
        return f"Lines, got {short(repr(answer), 40)}"
    values = [answer.count, answer.inputs]
    if answer.beside is not None:
        values += [answer.beside.lines, answer.beside.siemens, answer.beside.subtracted]
    return first(wrong_number(value, (grid.count,)) for value in values)


def _component(part: object, pes: int) -> str | None:
    if not isinstance(part, Component):
        return f"a tuple of Component, got {short(repr(part), 40)} in it"
    wrong = wrong_name(part.name)
    if wrong is not None:
        return f"a tuple of Component, each with {wrong}"
    faults = (wrong_number(part.amount, *_of_pes(part.amount, pes)),
              wrong_price(part.each, *_of_pes(getattr(part.each, "value", 0.0), pes)))  # fmt: skip
    said = zip(("amount", "each"), faults, strict=True)
    return first(None if w is None else f"a tuple of Component, but '{part.name}' has an {f} that is not {w}"
                 for f, w in said)  # fmt: skip


def _of_pes(array: object, pes: int) -> tuple[tuple[int, ...], ...]:
    """Return the shapes that an array may have: of PEs, or of phases and PEs."""
    shape = np.shape(array) if isinstance(array, np.ndarray) else ()
    return (pes,), (*shape[:1], pes)


def _read_time(memory: Memory, answer: object, *_: object) -> str | None:
    if not isinstance(answer, ReadTime):
        return f"a ReadTime, got {short(repr(answer), 40)}"
    return first((wrong_price(answer.settle), wrong_price(answer.convert)))


def _price(memory: Memory, answer: object, *_: object) -> str | None:
    return wrong_price(answer)


def _write_energy(memory: Memory, answer: object, *_: object) -> str | None:
    levels = 1 << memory.cell_bits
    return wrong_price(answer, (levels, levels))


def _write_time(memory: Memory, answer: object, site: Site, events: Numbers, *_: object) -> str | None:
    if not isinstance(answer, Charge) or answer.leaf:
        return f"a Charge without a leaf, got {short(repr(answer), 40)}"
    return first((wrong_number(answer.amount, (len(events),)), wrong_price(answer.each)))


def _area(memory: Memory, answer: object, *_: object) -> str | None:
    if not isinstance(answer, Mapping) or next(iter(answer), None) != "cells":
        return f"a dict of Piece, 'cells' first, got {short(repr(answer), 40)}"
    return first(_piece(name, piece) for name, piece in answer.items())


def _piece(name: object, piece: object) -> str | None:
    if not isinstance(piece, Piece):
        return f"a dict of Piece, got {short(repr(piece), 40)} in it"
    wrong = first((wrong_name(name), wrong_number(piece.count), wrong_price(piece.each)))
    return None if wrong is None else f"a dict of Piece, but '{name!s:.40}' has not {wrong}"


def _leakage(memory: Memory, answer: object, *_: object) -> str | None:
    return None if answer is None else wrong_price(answer)


def _pair(of: str, answer: object, wrong: Iterable[Check]) -> str | None:
    if answer is None:
        return None
    if not isinstance(answer, tuple) or len(answer) != 2:
        return f"{of}, or None, got {short(repr(answer), 40)}"
    return first(check(value) for check, value in zip(wrong, answer, strict=True))


def _gradients(memory: Memory, answer: object, *_: object) -> str | None:
    if not isinstance(answer, tuple | list):
        return f"a tuple of Component, got {short(repr(answer), 40)}"
    return first(_component(part, 1) for part in answer)


def _fixed(memory: Memory, answer: object, site: Site, grid: PeGrid, *_: object) -> str | None:
    return _pair("cells (P,) and a Price in J", answer, (lambda cells: wrong_number(cells, (grid.count,)), wrong_price))


def _failed(memory: Memory, answer: object, *_: object) -> str | None:
    return _pair("a Price in J and one in s", answer, (wrong_price, wrong_price))


def _endurance(memory: Memory, answer: object) -> str | None:
    if not isinstance(answer, Endurance):
        return f"an Endurance, got {short(repr(answer), 40)}"
    known = (answer.guaranteed_cycles, answer.scale, answer.shape)
    given = [value for value in known if value is not None]
    wrong = first(wrong_number(value) for value in given)
    if wrong is None and 0 in given:
        wrong = "positive, got 0"
    if wrong is None and answer.guaranteed_cycles is None:
        wrong = "a number, got None"
    return None if wrong is None else f"an Endurance whose cycles, scale and shape are each {wrong}"


def _geometry(memory: Memory, answer: object, *_: object) -> str | None:
    return None if isinstance(answer, PeGeometry) else f"a PeGeometry, got {short(repr(answer), 40)}"


def _doubts(memory: Memory, answer: object, *_: object) -> str | None:
    whole = isinstance(answer, tuple) and all(isinstance(each, str) for each in answer)
    return None if whole else f"a tuple of sentences, got {short(repr(answer), 40)}"


def _parallel(memory: Memory, answer: object) -> str | None:
    whole = answer is None or (isinstance(answer, int) and not isinstance(answer, bool) and answer >= 1)
    return None if whole else f"None or a whole number of PEs from 1, got {short(repr(answer), 40)}"


def _seconds(memory: Memory, answer: object, site: Site, events: Numbers, *_: object) -> str | None:
    return wrong_number(answer, events.shape)


def _nothing(memory: Memory, answer: object) -> str | None:
    return None


CHECKS: dict[str, Check] = {
    "check": _nothing,
    "geometry": _geometry,
    "sensed": _components,
    "lines": _lines,
    "forward": _components,
    "transposed": _components,
    "read_out": _components,
    "forward_time": _read_time,
    "transposed_time": _read_time,
    "row_read_time": _price,
    "row_write_time": _price,
    "write_energy": _write_energy,
    "write_time": _write_time,
    "pe_write_s": _seconds,
    "drawn_rows_s": _seconds,
    "parallel_pes": _parallel,
    "area": _area,
    "leakage": _leakage,
    "gradient_evaluation": _gradients,
    "fixed_cells": _fixed,
    "failed_write": _failed,
    "doubts": _doubts,
    "endurance": _endurance,
}
