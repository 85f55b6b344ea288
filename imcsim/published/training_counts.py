"""Counts and ratios that follow from other stated figures of the same chip: whether they agree."""

from collections.abc import Iterator

from imcsim.published.training_facts import TrainingChip
from imcsim.published.training_prediction import Prediction, assumed, over

DEVICES_PER_PAIR = 2


def cells(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the cells of two layers of pairs."""
    names = ("layer1_rows", "layer1_cols", "layer2_rows", "layer2_cols")
    if chip.has("cells", *names):
        rows1, cols1, rows2, cols2 = (chip.value(name) for name in names)
        found = DEVICES_PER_PAIR * (rows1 * cols1 + rows2 * cols2)
        yield Prediction(
            chip.chip_id, "cells", "", found, found, chip.value("cells"), "two for each weight of both layers",
            chip.fact("cells"),
        )  # fmt: skip


def trained_cells(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the cells of the last layer's rows that are not frozen."""
    if chip.has("resnet_inputs", "resnet_rows", "frozen_rows"):
        rows = chip.value("resnet_rows") - chip.value("frozen_rows")
        found = DEVICES_PER_PAIR * rows * chip.value("resnet_inputs")
        fact = chip.fact("trained_cells") if chip.has("trained_cells") else None
        yield Prediction(
            chip.chip_id, "cells that train (network of 100 classes)", "", found, found,
            None if fact is None else fact.low,
            "two for each weight of the rows that are not frozen", fact,
        )  # fmt: skip


def pulse_ratios(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield counts of pulses that need the learner: named, not predicted."""
    for name in ("pulses_stellar", "pulses_bp_no_verify", "pulses_bp_verify"):
        if chip.has(name):
            fact = chip.fact(name)
            yield Prediction(
                chip.chip_id, name.replace("_", " "), "", None, None, fact.low, "the count needs the learner", fact
            )


def worst_cell(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield by how much batches alone make updates rarer; what the rule of density adds needs the learner."""
    if chip.has("worst_cell_write_reduction", "batch_conv", "batch_fc"):
        fact = chip.fact("worst_cell_write_reduction")
        yield Prediction(
            chip.chip_id, "writes of the worst cell, fewer by", "", chip.value("batch_conv"), chip.value("batch_fc"),
            fact.low, "one update a batch against one a sample; the least density of an update needs the learner", fact,
        )  # fmt: skip


def throughput_per_power(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield throughput over power."""
    point = "int8" if chip.has("efficiency", point="int8") else ""
    if chip.has("throughput", "power") and chip.has("efficiency", point=point):
        found, fact = chip.value("throughput") / chip.value("power"), chip.fact("efficiency", point)
        yield Prediction(chip.chip_id, "operations a joule", "op/J", found, found, fact.low, "throughput / power", fact)


def speedup(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the time of a reference over that of the chip."""
    if chip.has("epoch_time", "gpu_epoch_time", "speedup"):
        found, fact = chip.value("gpu_epoch_time") / chip.value("epoch_time"), chip.fact("speedup")
        yield Prediction(chip.chip_id, "faster than the reference", "", found, found, fact.low, "time / time", fact)


def sample_energy(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the energy of an epoch and of one training sample."""
    if not chip.has("epoch_time", "power"):
        return
    epoch_j = chip.value("epoch_time") * chip.value("power")
    yield Prediction(chip.chip_id, "energy of an epoch", "J", epoch_j, epoch_j, None, "time x power")
    if chip.has("samples_per_epoch"):
        low, high = over(lambda samples: epoch_j / samples, {"samples": chip.span("samples_per_epoch")})
        yield Prediction(
            chip.chip_id, "energy of a training sample", "J", low, high, None, "time x power / samples",
            assumed=assumed(chip, "samples_per_epoch"),
        )  # fmt: skip


def over_inference(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield training over inference energy as if every update were verified, from two stated ratios."""
    if chip.has("training_over_inference_energy", "update_energy_ratio"):
        plain, ratio = chip.value("training_over_inference_energy"), chip.value("update_energy_ratio")
        found = 1 + (plain - 1) * ratio
        yield Prediction(
            chip.chip_id, "training over inference energy, if verified", "", found, found, None,
            "1 + (stated - 1) x stated ratio of updates: all training beyond an inference is updates",
        )  # fmt: skip
