"""Chips that learned on their arrays: what imcsim says of them, beside what was reported. Nothing is fitted to them.

What is unknown about a chip is a range that its file states, and the prediction a band; a chip of which too little is
known is named with what is missing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imcsim.published import training_counts, training_reads, training_wear
from imcsim.published.training_facts import TrainingChip, read_training_chips, shipped_training_chips
from imcsim.published.training_prediction import Prediction

__all__ = [
    "ChipFound",
    "Prediction",
    "TrainingChip",
    "read_training_chips",
    "shipped_training_chips",
    "validate_training",
]

Model = Callable[[TrainingChip], Iterator[Prediction]]
MODELS: tuple[Model, ...] = (
    training_reads.array_macs,
    training_reads.read_directions,
    training_reads.processor_macs,
    training_reads.digital_macs,
    training_reads.training_overhead,
    training_reads.power_ratio,
    training_wear.learned_life,
    training_wear.life_by_interval,
    training_wear.remapping,
    training_wear.levelled_writes,
    training_wear.stuck_bits,
    training_wear.update_ratio,
    training_wear.edp,
    training_counts.cells,
    training_counts.trained_cells,
    training_counts.pulse_ratios,
    training_counts.worst_cell,
    training_counts.throughput_per_power,
    training_counts.speedup,
    training_counts.sample_energy,
    training_counts.over_inference,
)


@dataclass(frozen=True)
class ChipFound:
    """One chip: its predictions, and the names of what is unknown about it."""

    chip: TrainingChip
    predictions: tuple[Prediction, ...]

    def records(self) -> list[dict[str, object]]:
        """Return its predictions for JSON, one without a figure if there is none; each names what is unknown."""
        found = self.predictions or (
            Prediction(self.chip.chip_id, "", "", None, None, None, "too little is stated, or it needs the learner"),
        )
        return [{**one.record(), "unknown": list(self.chip.unknown)} for one in found]


def validate_training(chips: Sequence[TrainingChip]) -> tuple[ChipFound, ...]:
    """Return the predictions for ``chips``, in their order.

    Raises
    ------
    DataError
        If a chip states a range where a model needs one value.
    """
    return tuple(ChipFound(chip, tuple(one for model in MODELS for one in model(chip))) for chip in chips)
