"""What an outlook on a chip's life may be asked: how wear is counted, and which levers are pulled."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import Field

from imcsim.core.config import FrozenConfig, parse
from imcsim.core.errors import ConfigError, nearest
from imcsim.trace.schema import Policy

WearRule = Literal["events", "pulses", "window"]
Eviction = Literal["lru", "life"]
WEAR_RULES: tuple[WearRule, ...] = get_args(WearRule)
ZERO_CELSIUS_K = 273.15
_POLICIES = {
    "rotate": ("rotate_every_tasks", "1"),
    "swap": ("swap_every_tasks", "1"),
    "spare-columns": ("spare_columns", None),
    "spare-rows": ("spare_rows", None),
    "coalesce": ("coalesce", None),
    "selective-verify": ("verified_share", "0.1"),
    "refresh": ("refresh_days", None),
    "sram-cache": ("sram_cache_pes", None),
}
_AFTER_COLON = {"refresh": "celsius", "sram-cache": "eviction"}
_EXAMPLE = {"coalesce": "task", "refresh": "auto", "sram-cache": "8:lru"}
_EXCLUSIVE = {
    ("spare_rows", "spare_columns"): "spare rows and spare columns together are not modelled: choose one",
    ("rotate_every_tasks", "swap_every_tasks"): "rotate and swap both move rows: choose one",
}


class LifeOptions(FrozenConfig):
    """How wear is counted, and the levers.

    Parameters
    ----------
    wear
        What one programming event costs a cell in full-window cycles; see :func:`imcsim.life.cycles.event_cycles`.
    weak_exponent
        m of (dG / window)^m under the rule ``window``. An assumption, between 2 and 3.
    rotate_every_tasks
        Rows of each written PE move on by one every so many tasks; None: never.
    swap_every_tasks
        The most worn row of each written PE changes places with the least worn every so many tasks; None: never.
    spare_columns, spare_rows
        Spare lines of each PE, of one kind only: a line with a dead cell is replaced by a fresh one.
    coalesce
        Write policy of writes in place, instead of the chip's.
    verified_share
        Share of the events that are verified; the others take one pulse.
    refresh_days, refresh_auto
        All cells that hold a weight are programmed again every so many days, or as often as retention needs at
        ``celsius``; neither: never.
    celsius
        Temperature of the chip (degrees Celsius), which retention alone follows.
    sram_cache_pes
        SRAM PEs of a hybrid chip that keep trained PEs until another needs the place; None: commits as the chip has it.
    eviction
        Which PE leaves the cache: ``lru``, trained longest ago; ``life``, the one with the fewest events so far.
    """

    wear: WearRule = "events"
    weak_exponent: float = Field(2.5, gt=0)
    rotate_every_tasks: int | None = Field(None, ge=1)
    swap_every_tasks: int | None = Field(None, ge=1)
    spare_columns: int = Field(0, ge=0, le=16)
    spare_rows: int = Field(0, ge=0, le=16)
    coalesce: Policy | None = None
    verified_share: float = Field(1.0, ge=0, le=1)
    refresh_days: float | None = Field(None, gt=0)
    refresh_auto: bool = False
    celsius: float = Field(85.0, gt=-ZERO_CELSIUS_K)
    sram_cache_pes: int | None = Field(None, ge=0)
    eviction: Eviction = "lru"


def parse_policies(policies: Sequence[str], wear: str = "events", weak_exponent: float = 2.5) -> LifeOptions:
    """Return the options of texts such as ``rotate=5``, ``spare-columns=2``, ``coalesce=task`` or ``sram-cache=8:lru``.

    Raises
    ------
    ConfigError
        For an unknown policy, one without its value, one given twice, two that exclude one another, or a value out of
        range.
    """
    chosen: dict[str, Any] = {}
    for text in policies:
        name, _, value = text.partition("=")
        if name not in _POLICIES:
            raise ConfigError(f"unknown policy '{name}'{nearest(name, _POLICIES)}")
        if _POLICIES[name][0] in chosen or (name == "refresh" and "refresh_auto" in chosen):
            raise ConfigError(f"policy '{name}' is given twice")
        chosen |= _values(name, value)
    for (one, other), sentence in _EXCLUSIVE.items():
        if one in chosen and other in chosen:
            raise ConfigError(sentence)
    return parse(LifeOptions, {**chosen, "wear": wear, "weak_exponent": weak_exponent}, "the policies")


def _values(name: str, value: str) -> dict[str, Any]:
    field, default = _POLICIES[name]
    if not value and default is None:
        raise ConfigError(f"policy '{name}' needs a value, such as {name}={_EXAMPLE.get(name, 1)}")
    found: dict[str, Any] = {}
    if name in _AFTER_COLON:
        value, colon, more = value.partition(":")
        if colon:
            found[_AFTER_COLON[name]] = more
    if name == "refresh" and value == "auto":
        return {**found, "refresh_auto": True}
    return {**found, field: value or default}
