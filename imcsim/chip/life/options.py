"""What an outlook on a chip's life may be asked: how wear is counted, and which levers are pulled."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import Field

from imcsim.core.config import FrozenConfig, parse
from imcsim.core.errors import ConfigError, nearest
from imcsim.trace.schema import Policy

WearRule = Literal["events", "pulses", "window"]
WEAR_RULES: tuple[WearRule, ...] = get_args(WearRule)
_POLICIES = {
    "rotate": ("rotate_every_tasks", "1"),
    "spare-columns": ("spare_columns", None),
    "spare-rows": ("spare_rows", None),
    "coalesce": ("coalesce", None),
    "selective-verify": ("verified_share", "0.1"),
}


class LifeOptions(FrozenConfig):
    """How wear is counted, and the levers.

    Parameters
    ----------
    wear
        What one programming event costs a cell in full-window cycles; see :func:`imcsim.chip.life.cycles.event_cycles`.
    weak_exponent
        m of (dG / window)^m under the rule ``window``. An assumption, between 2 and 3.
    rotate_every_tasks
        Rows of each written PE move on by one every so many tasks; None: never.
    spare_columns, spare_rows
        Spare lines of each PE, of one kind only: a line with a dead cell is replaced by a fresh one.
    coalesce
        Write policy of RRAM in place, instead of the chip's.
    verified_share
        Share of the events that are verified; the others take one pulse.
    """

    wear: WearRule = "events"
    weak_exponent: float = Field(2.5, gt=0)
    rotate_every_tasks: int | None = Field(None, ge=1)
    spare_columns: int = Field(0, ge=0, le=16)
    spare_rows: int = Field(0, ge=0, le=16)
    coalesce: Policy | None = None
    verified_share: float = Field(1.0, ge=0, le=1)

    @property
    def overrides(self) -> dict[str, Any]:
        """Values of the chip that the levers change."""
        return {} if self.coalesce is None else {"rram.write_policy": self.coalesce}


def parse_policies(policies: Sequence[str], wear: str = "events", weak_exponent: float = 2.5) -> LifeOptions:
    """Return the options of texts such as ``rotate=5``, ``spare-columns=2`` or ``coalesce=task``.

    Raises
    ------
    ConfigError
        For an unknown policy, one without its value, one given twice, both kinds of spares, or a value out of range.
    """
    chosen: dict[str, Any] = {}
    for text in policies:
        name, _, value = text.partition("=")
        if name not in _POLICIES:
            raise ConfigError(f"unknown policy '{name}'{nearest(name, _POLICIES)}")
        field, default = _POLICIES[name]
        if not value and default is None:
            raise ConfigError(f"policy '{name}' needs a value, such as {name}={'task' if name == 'coalesce' else 1}")
        if field in chosen:
            raise ConfigError(f"policy '{name}' is given twice")
        chosen[field] = value or default
    if "spare_rows" in chosen and "spare_columns" in chosen:
        raise ConfigError("spare rows and spare columns together are not modelled: choose one")
    return parse(LifeOptions, {**chosen, "wear": wear, "weak_exponent": weak_exponent}, "the policies")
