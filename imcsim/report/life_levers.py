"""What each lever costs, as plain data and as lines of text."""

from typing import Any

from imcsim.chip.life.levers import CacheUse, Pulled
from imcsim.core.units import DAYS_PER_YEAR, area_mm2, with_prefix


def lever_record(levers: Pulled) -> dict[str, Any]:
    """Return the costs for JSON; None for a lever that is not chosen."""
    found = {
        "rotation": levers.rotation,
        "swapping": levers.swapping,
        "refreshing": levers.refreshing,
        "spares": levers.spares,
        "cache": levers.cache,
    }
    return {name: None if lever is None else _plain(lever) for name, lever in found.items()}


def lever_lines(levers: Pulled) -> list[str]:
    """Return a line for each lever that is chosen, after an empty one; nothing if none is."""
    lines = []
    if levers.rotation is not None:
        joules = with_prefix(levers.rotation.energy_per_task_j, "J")
        lines.append(f"rotation: {levers.rotation.events_per_task:,.4g} events and {joules} a task")
    if levers.swapping is not None:
        joules, seconds = (
            with_prefix(levers.swapping.energy_per_task_j, "J"), with_prefix(levers.swapping.time_per_task_s, "s")
        )  # fmt: skip
        lines.append(
            f"swapping: {levers.swapping.swaps_per_task:,.4g} swaps of two rows, "
            f"{levers.swapping.events_per_task:,.4g} events, {joules} and {seconds} a task"
        )
    if levers.refreshing is not None:
        joules, seconds = (
            with_prefix(levers.refreshing.energy_per_task_j, "J"), with_prefix(levers.refreshing.time_per_task_s, "s")
        )  # fmt: skip
        lines.append(
            f"refresh every {_days(levers.refreshing.every_days)} (levels are kept {_days(levers.refreshing.kept_days)}): "
            f"{levers.refreshing.events_per_task:,.4g} events, {joules} and {seconds} a task"
        )
    if levers.spares is not None:
        joules = with_prefix(levers.spares.remap_j, "J")
        lines.append(f"spares: {area_mm2(levers.spares.area_m2)} of cells, {joules} for each that takes over")
    if levers.cache is not None:
        lines += _cache_lines(levers.cache)
    return ["", *lines] if lines else []


def _cache_lines(cache: CacheUse) -> list[str]:
    commit, load, leak = (with_prefix(joules, "J") for joules in (cache.commit_j, cache.load_j, cache.leakage_j))
    return [
        f"cache: {area_mm2(cache.area_m2)}; a task finds {cache.hits:.3g} PEs in it, loads {cache.loads:.3g} and evicts "
        f"{cache.evictions:.3g}",
        f"  ({cache.events:,.4g} events, {with_prefix(cache.time_s, 's')}); commits {commit}, loads {load}, leakage {leak} "
        f"a task; {cache.held_pes:.3g} PEs held",
    ]


def _days(days: float) -> str:
    return f"{days:.3g} days" if days < DAYS_PER_YEAR else f"{days / DAYS_PER_YEAR:.3g} years"


def _plain(lever: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(lever).items() if isinstance(value, (int, float, str))}
