"""What each lever costs, as plain data and as lines of text."""

from imcsim.core.json_text import Json
from imcsim.core.units import DAYS_PER_YEAR, area_mm2, with_prefix
from imcsim.life.levers import Pulled


def lever_record(levers: Pulled) -> Json:
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
    """Return a line or two for each lever that is chosen, after an empty one; nothing if none is."""
    lines = []
    if (turned := levers.rotation) is not None:
        lines.append(f"rotation: {turned.events_per_task:,.4g} events and {_joules(turned.energy_per_task_j)} a task")
    if (swapped := levers.swapping) is not None:
        lines.append(
            f"swapping: {swapped.swaps_per_task:,.4g} swaps of two rows, {swapped.events_per_task:,.4g} events, "
            f"{_joules(swapped.energy_per_task_j)} and {_seconds(swapped.time_per_task_s)} a task"
        )
    if (kept := levers.refreshing) is not None:
        known = "" if kept.kept_days is None else f", levels are kept {_days(kept.kept_days)}"
        lines += [
            f"refresh every {_days(kept.every_days)}{known}:",
            f"  {kept.events_per_task:,.4g} events, {_joules(kept.energy_per_task_j)} and "
            f"{_seconds(kept.time_per_task_s)} a task",
        ]
    if (spares := levers.spares) is not None:
        lines.append(f"spares: {area_mm2(spares.area_m2)} of cells, {_joules(spares.remap_j)} for each that takes over")
    if (cache := levers.cache) is not None:
        lines += [
            f"cache of {area_mm2(cache.area_m2)}, {cache.held_pes:.3g} PEs held; a task finds {cache.hits:.3g} in it, "
            f"loads {cache.loads:.3g}, evicts {cache.evictions:.3g}",
            f"  {cache.events:,.4g} events in {_seconds(cache.time_s)}; commits {_joules(cache.commit_j)}, "
            f"loads {_joules(cache.load_j)}, leakage {_joules(cache.leakage_j)} a task",
        ]
    return ["", *lines] if lines else []


def _joules(value: float) -> str:
    return with_prefix(value, "J")


def _seconds(value: float) -> str:
    return with_prefix(value, "s")


def _days(days: float) -> str:
    return f"{days:.3g} days" if days < DAYS_PER_YEAR else f"{days / DAYS_PER_YEAR:.3g} years"


def _plain(lever: object) -> dict[str, object]:
    return {name: value for name, value in vars(lever).items() if isinstance(value, (int, float, str))}
