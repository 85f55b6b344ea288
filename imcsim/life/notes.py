"""Sentences that a reader must see beside an outlook's numbers."""

from imcsim.chip.wear.first_failure import Tasks
from imcsim.chip.wear.worn import weibull_of
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.life.levers import Pulled
from imcsim.life.options import LifeOptions
from imcsim.memory.macro import Macro


def notes_of(macro: Macro, options: LifeOptions, tasks: int, first: Tasks | None, levers: Pulled) -> tuple[str, ...]:
    """Return what is repeated, assumed and left out under ``options``; ``tasks`` were measured."""
    notes = [
        f"Later tasks repeat the measured {tasks}: each cell keeps its mean writes per task.",
        "Writes stay as measured when cells fail; what failed cells do to accuracy: accuracy limits.",
    ]
    if options.wear == "window":
        notes.append(f"Weak events wear (dG / window)^{options.weak_exponent:g}: an assumption, m between 2 and 3.")
    memory = macro.memory
    if memory.ageing.margin_cycles is not None:
        notes.append(f"Margin: {memory.ageing.margin_note}")
    else:
        notes.append(f"No measured limit of margins against cycles at {memory.cell_bits} bits per cell: not counted.")
    if weibull_of(macro) is None:
        notes.append(
            f"When cells fail is not known: [{macro.site.at}] guarantees {memory.endurance.guaranteed_cycles:g} cycles "
            f"and states no distribution of failures."
        )
    return (*notes, *_of_levers(macro, options, first), *_of_costed(macro, options, levers))


def _of_levers(macro: Macro, options: LifeOptions, first: Tasks | None) -> list[str]:
    notes = []
    if options.coalesce is not None:
        notes.append(f"Writes wait for the end of a {options.coalesce}: weights in the array are stale until then.")
    if options.verified_share < 1:
        notes.append("Selective verify: events not verified miss more often; accuracy is not computed.")
    turn = None if options.rotate_every_tasks is None else options.rotate_every_tasks * macro.site.rows
    if turn is not None and first is not None and turn > first.median:
        notes.append(f"A turn of the rotation takes {turn:,} tasks, longer than this life: it levels less than shown.")
    return notes


def _of_costed(macro: Macro, options: LifeOptions, levers: Pulled) -> list[str]:
    notes = []
    swapping, refreshing = levers.swapping, levers.refreshing
    if swapping is not None:
        notes.append(
            f"Swapping was simulated over {swapping.simulated_tasks:,} tasks; each cell keeps its mean rate over them."
        )
    if refreshing is not None and refreshing.kept_days is not None:
        days, years = refreshing.kept_days, refreshing.kept_days / DAYS_PER_YEAR
        kept = f"{years:.3g} years" if years >= 1 else f"{days:.3g} days"
        notes.append(f"Levels are kept {kept} at {options.celsius:g} C: {macro.memory.ageing.retention_note}")
        if refreshing.every_days > refreshing.kept_days:
            notes.append(f"A refresh every {refreshing.every_days:g} days comes too late: levels are lost before it.")
    if levers.cache is not None:
        notes.append("A power cut loses what the cache holds; its PEs stay powered all the time, which is charged.")
    return notes
