"""Sentences that a reader must see beside an outlook's numbers."""

from imcsim.chip.config import ChipConfig, RramPart
from imcsim.chip.wear.first_failure import Tasks
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.life.levers import Pulled
from imcsim.life.options import LifeOptions


def notes_of(
    chip: ChipConfig, part: RramPart, options: LifeOptions, tasks: int, first: Tasks | None, levers: Pulled
) -> tuple[str, ...]:
    """Return what is repeated, assumed and left out under ``options``; ``tasks`` were measured."""
    notes = [
        f"Later tasks repeat the measured {tasks}: each cell keeps its mean writes per task.",
        "Writes stay as measured when cells fail; what failed cells do to accuracy: accuracy limits.",
    ]
    if options.wear == "window":
        notes.append(f"Weak events wear (dG / window)^{options.weak_exponent:g}: an assumption, m between 2 and 3.")
    if part.cell_bits == 3:
        notes.append("Margin: the measured 5,000 cycles of 3-bit cells (bit errors 0.5 % to 10 %); cells still switch.")
    else:
        notes.append(f"No measured limit of margins against cycles at {part.cell_bits} bits per cell: not counted.")
    return (*notes, *_of_levers(chip, options, first), *_of_costed(options, levers))


def _of_levers(chip: ChipConfig, options: LifeOptions, first: Tasks | None) -> list[str]:
    notes = []
    if options.coalesce is not None:
        notes.append(f"Writes wait for the end of a {options.coalesce}: weights in the array are stale until then.")
    if options.verified_share < 1:
        notes.append("Selective verify: events not verified miss more often; accuracy is not computed.")
    turn = None if options.rotate_every_tasks is None else options.rotate_every_tasks * chip.array.rows
    if turn is not None and first is not None and turn > first.median:
        notes.append(f"A turn of the rotation takes {turn:,} tasks, longer than this life: it levels less than shown.")
    return notes


def _of_costed(options: LifeOptions, levers: Pulled) -> list[str]:
    notes = []
    swapping, refreshing = levers.swapping, levers.refreshing
    if swapping is not None:
        notes.append(
            f"Swapping was simulated over {swapping.simulated_tasks:,} tasks; each cell keeps its mean rate over them."
        )
    if refreshing is not None:
        days, years = refreshing.kept_days, refreshing.kept_days / DAYS_PER_YEAR
        kept = f"{years:.3g} years" if years >= 1 else f"{days:.3g} days"
        notes.append(
            f"Levels are kept {kept} at {options.celsius:g} C: 10 years at 85 C, specified for fresh cells of one bit, "
            "and 2.25 eV; of more bits and of cycled cells no figure was found."
        )
        if refreshing.every_days > refreshing.kept_days:
            notes.append(f"A refresh every {refreshing.every_days:g} days comes too late: levels are lost before it.")
    if levers.cache is not None:
        notes.append("A power cut loses what the cache holds; its PEs stay powered all the time, which is charged.")
    return notes
