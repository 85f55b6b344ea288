"""Where a claim holds, over what its chip does not state: the inverse of imcsim's own functions, and grids of them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.core.units import SECONDS_PER_YEAR
from imcsim.published.training_facts import TrainingChip
from imcsim.published.training_macro import (
    base_chip,
    gate_factor,
    read_energy,
    rram_cells,
    stated_range,
    write_energy_j,
)
from imcsim.published.training_reads import OPS_PER_MAC, decision_macs
from imcsim.published.training_wear import (
    edp_gain,
    learned_life_years,
    levelled_cycles,
    remaps,
    reset_pulse_j,
    written_over_computed,
)

Row = dict[str, Any]
Floats = NDArray[np.float64]
HOUR = 3600.0
ENDURANCES = (1e3, 1e4, 1e5, 1e6, 1e7)
SHARES = (0.001, 0.025, 0.1, 0.5, 1.0)
PERIODS_H = (1.0, 4.0, 24.0)


# --- CHIMERA: ten years, and the energy-delay product


def steps_of(chip: TrainingChip) -> tuple[float, float]:
    """Return samples and update steps of the claimed life."""
    samples = chip.value("training_rate") * chip.value("lifetime")
    return samples, samples / chip.value("rram_update_steps_ratio")


def least_endurance(chip: TrainingChip, share: float, period_s: float, *, low_rank: bool, moved: bool) -> float:
    """Return the cycles that a cell must last for the claimed life.

    Without moving, a cell that trains is written at each update, however few there are.
    """
    samples, steps = steps_of(chip)
    updates = steps if low_rank else samples
    return levelled_cycles(updates, share, remaps(chip.value("lifetime"), period_s)) if moved else updates


def largest_share(chip: TrainingChip, endurance: float, period_s: float) -> float | None:
    """Return the largest share of the memory that may train, low rank and moved; None if moves alone wear it out."""
    left = endurance - remaps(chip.value("lifetime"), period_s)
    return None if left <= 0 else min(1.0, left / steps_of(chip)[1])


def life_rows(chip: TrainingChip) -> Iterator[Row]:
    """Yield the life by endurance, trained share, remap period and which of the two means is there."""
    samples, steps = steps_of(chip)
    seconds = chip.value("lifetime")
    for endurance in ENDURANCES:
        for share in SHARES:
            for hours in PERIODS_H:
                years = {
                    f"years {name}": learned_life_years(endurance, share, hours * HOUR, updates / seconds, moved=moved)
                    for name, updates, moved in (
                        ("both", steps, True), ("low rank alone", steps, False), ("remapping alone", samples, True),
                        ("neither", samples, False),
                    )
                }  # fmt: skip
                holds = "yes" if years["years both"] * SECONDS_PER_YEAR >= seconds else "no"
                yield {"endurance": endurance, "trained_share": share, "remap_h": hours, **years, "holds": holds}


def needed_writing(gain: float, fewer_steps: float) -> float:
    """Return w at which :func:`edp_gain` is ``gain``: (1 + w) / (1 + w / k) = sqrt(gain)."""
    root = math.sqrt(gain)
    if not 1 <= root < fewer_steps:
        raise ValueError(f"a gain of {gain:g} needs more than {fewer_steps:g} times fewer steps")
    return (root - 1) / (1 - root / fewer_steps)


def macs_per_weight_at(written: float, write_j_per_bit: float, bits: float, mac_j: float) -> float:
    """Return the MACs of a weight and sample at which writing costs ``written`` times all else."""
    return written_over_computed(write_j_per_bit, bits, 1.0, mac_j) / written


def mac_j(chip: TrainingChip) -> float:
    """Return the energy of a MAC by the stated operations a joule, two a MAC."""
    return OPS_PER_MAC / chip.value("energy_efficiency")


def edp_grid(chip: TrainingChip, macs: Floats, joules: Floats, bits: float) -> Floats:
    """Return the gain over MACs a weight (last axis) and write energy a bit."""
    unit_j, fewer = mac_j(chip), chip.value("rram_update_steps_ratio")
    return np.array(
        [[edp_gain(written_over_computed(write_j, bits, each, unit_j), fewer) for each in macs] for write_j in joules]
    )


# --- forward-only: one pulse against a verified change


def pulse_rows(chip: TrainingChip) -> Iterator[Row]:
    """Yield by cell and bits the energy of a verified change over one RESET pulse's, at both ends of its voltage."""
    target, (low_v, high_v) = chip.value("update_energy_ratio"), chip.span("reset_voltage")
    for name, bits, cell, macro in rram_cells(chip):
        event_j = write_energy_j(macro)
        low, high = (
            event_j / reset_pulse_j(cell.reset_energy_j, cell.reset_voltage_v, at_v) for at_v in (high_v, low_v)
        )
        needed_v = cell.reset_voltage_v * (event_j / cell.reset_energy_j / target) ** 0.5
        yield {
            "cell": name, "bits": bits, "event_j": event_j, "pulses": cell.pulse_statistics(bits)[0], "low": low,
            "high": high, "voltage_for_claim": needed_v, "holds": "yes" if low <= target <= high else "no",
        }  # fmt: skip


# --- M2RU: interval between writes


def needed_interval_s(chip: TrainingChip, endurance: float) -> float:
    """Return the seconds between two writes of the worst cell at which it lives as long as claimed."""
    return chip.value("lifetime") / endurance


# --- Gonugondla: training over inference


def overhead_grid(chip: TrainingChip, shares: Floats, gradient_j: Floats, batch: float) -> Floats:
    """Return training over inference energy over the share of samples with a gradient (last axis) and its MAC's energy.

    ``gradient_j`` at the node of the chip that stands for it, scaled to the chip's.
    """
    one = base_chip(chip)
    factor, macs, decision_j = (
        gate_factor(one, chip.value("node")),
        decision_macs(chip),
        chip.value("energy_per_decision"),
    )
    written_j = macs * one.config.weight_bits * write_energy_j(one.config.home) * factor / batch
    return 1 + (shares[None, :] * macs * gradient_j[:, None] * factor + written_j) / decision_j


def largest_violating_share(chip: TrainingChip, gradient_j: float, batch: float) -> float:
    """Return the share of samples inside the margin up to which the claimed overhead holds."""
    ends = overhead_grid(chip, np.array([0.0, 1.0]), np.array([gradient_j]), batch)[0]
    return float(min(1.0, max(0.0, (1 + chip.value("training_overhead_max") - ends[0]) / (ends[1] - ends[0]))))


# --- STELLAR: what a 35th of an ASIC leaves


def asic_budget_j(chip: TrainingChip, digital: TrainingChip) -> tuple[float, float]:
    """Return the joules a sample that the claim leaves the array: imcsim's digital unit on the same network, over 35.

    A forward pass of both layers, gradient and update of the last layer. Reads of its memory are not in it, so that an
    ASIC takes more. ``digital`` names the chip whose unit stands for the ASIC.
    """
    one = base_chip(digital)
    macs = {n: chip.value(f"layer{n}_rows") * chip.value(f"layer{n}_cols") for n in (1, 2)}
    paths = ("mac.vector_energy_j", "mac.gradient_energy_j", "mac.update_energy_j")
    low, high = (
        (macs[1] + macs[2]) * forward + macs[2] * (gradient + update)
        for forward, gradient, update in zip(*(stated_range(one, path) for path in paths), strict=True)
    )
    gain = chip.value("energy_against_asic")
    return low / gain, high / gain


def array_mac_j(analog: TrainingChip, input_bits: int = 1) -> float:
    """Return the energy of a MAC of the shipped RRAM chip at ``input_bits``."""
    return read_energy(base_chip(analog).config.home, input_bits).forward_j


# --- small ones


def minibatch_j(chip: TrainingChip, battery_wh: float) -> float:
    """Return the joules of a mini-batch if a battery lasts as claimed at one a minute."""
    minutes = chip.value("battery_life") / 60
    return battery_wh * HOUR / minutes


def precision_ratio(bits: float, point: Mapping[str, float]) -> float:
    """Return bit products of a MAC of ``bits`` x ``bits`` over those of another operating point."""
    return bits * bits / (point["input_bits"] * point["weight_bits"])
