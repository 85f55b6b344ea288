"""Work that only the method knows of, by its declared terms: a gradient buffer, importance copies, a feature bank.

An operation is one element of the digital unit's vector arithmetic. Bytes go to and from the memory that the term
names; registers of the logic itself cost no access. How a method declares and records a term:
:mod:`imcsim.trace.work_term`. Shape letters: F placement phases.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Placed
from imcsim.core.charge import Charge, Charges
from imcsim.trace.work_term import WorkTerm

Floats = NDArray[np.float64]

_BITS = 8.0


@dataclass(frozen=True)
class DeclaredWork:
    """The charges of work that a method declares, and the bits of it that cross the buffer's port.

    Parameters
    ----------
    energy
        (J), below ``work`` and the term's name.
    latency
        (s) of ``work``: operations, and bits to and from DRAM; those of the buffer use its port.
    buffer_bits
        (F,).
    """

    energy: Charges
    latency: Charges
    buffer_bits: Floats


def declared_work(placed: Placed) -> DeclaredWork:
    """Return what the work of the trace's terms is charged."""
    return DeclaredWork(_energy(placed), _time(placed), _buffer_bits(placed))


def _energy(placed: Placed) -> Charges:
    found = list[Charge]()
    for term in placed.trace.meta.work_terms:
        amounts, said, leaf = placed.trace.work[term.name], f"declared by the method: {term.why}", f"work.{term.name}"
        operations = np.asarray(amounts["operations"], dtype=np.float64)
        each = placed.chip.mac.vector_price()
        found.append(Charge(f"{leaf}.arithmetic", operations, "operations", said, (term.name,), each))
        if term.memory == "digital":
            continue
        buffer, dram = placed.chip.buffer, placed.chip.dram.energy_price()
        read, write = (buffer.read_price(), buffer.write_price()) if term.memory == "buffer" else (dram, dram)
        for way, price in (("read", read), ("write", write)):
            bits = _bits(placed, term, way)
            found.append(Charge(f"{leaf}.{way}", bits, "bits", f"8 x bytes {said}", (term.name,), price))
    return tuple(found)


def _time(placed: Placed) -> Charges:
    found = list[Charge]()
    for term in placed.trace.meta.work_terms:
        operations = np.asarray(placed.trace.work[term.name]["operations"], dtype=np.float64)
        said, fields = f"declared by the method: {term.why}", (term.name,)
        found.append(Charge("work", operations, "operations", said, fields, placed.chip.mac.time_price()))
        if term.memory == "dram":
            bits = _bits(placed, term, "read") + _bits(placed, term, "write")
            found.append(Charge("work", bits, "bits", f"8 x bytes {said}", fields, placed.chip.dram.time_price()))
    return tuple(found)


def _buffer_bits(placed: Placed) -> Floats:
    total = np.zeros(placed.phases)
    for term in placed.trace.meta.work_terms:
        if term.memory == "buffer":
            total += _bits(placed, term, "read") + _bits(placed, term, "write")
    return total


def _bits(placed: Placed, term: WorkTerm, way: str) -> Floats:
    name = "bytes_read" if way == "read" else "bytes_written"
    return np.asarray(placed.trace.work[term.name][name] * _BITS, dtype=np.float64)
