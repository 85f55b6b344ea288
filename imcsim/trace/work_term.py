"""Work that only a method knows of, under its own names: a gradient buffer, a copy of importances, a feature bank.

A method declares terms in ``Method.work_terms`` and adds to one by ``context.work.add`` (:mod:`imcsim.learn.method`).
The recorder keeps them by placement phase as ``Trace.work``; :mod:`imcsim.chip.work` charges them.
"""

from typing import Literal

from pydantic import Field

from imcsim.core.config import FrozenConfig

WorkMemory = Literal["buffer", "dram", "digital"]

WORK_AMOUNTS: dict[str, str] = {
    "operations": "operations of digital logic",
    "bytes_read": "bytes read from the term's memory",
    "bytes_written": "bytes written to the term's memory",
}


class WorkTerm(FrozenConfig):
    """What a method declares before it adds to it.

    ``memory`` is where its bytes lie: the on-chip "buffer", "dram", or "digital" for registers of the logic itself,
    whose bytes cost no access of a memory. ``why`` says in the method's words what the work is for.
    """

    name: str = Field(min_length=1, max_length=80, pattern=r"^[^/]+$")
    memory: WorkMemory
    why: str = Field(min_length=1)
