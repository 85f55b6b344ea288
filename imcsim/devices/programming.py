"""Energy of programming events, under three selectable write rules.

A programming event moves one cell from level i to level j. The rules:

``flat`` (C, default)
    Fixed energy per event with measured mean pulses n: ``n (s E_set + (1 - s) E_reset) + (n + 1) E_verify``, s the
    share of SET pulses. Standard write-verify accounting, E_cell = n_set E_set + n_reset E_reset + n_verify E_verify
    with n_verify = n_set + n_reset + 1 (the driver is inside E_set and E_reset; the pre-charge term is neglected).
``harmonic`` (A)
    DNN+NeuroSim V2.1 (neurosim/DNN_NeuroSim_V2.1@18289cb): N = ceil(|dG| / dG_min) with dG_min = (Gmax - Gmin) /
    levels - levels, not levels - 1, as that code has it - and E = V^2 H t N, H the harmonic mean of old and new
    conductance, V = sqrt(2) x the nominal voltage, so that V^2 is twice the nominal one.
``arithmetic`` (B)
    MLP+NeuroSim V3, 1T1R: E = V^2 mean(G_old, G_new) t N + V^2 C_wire N, V nominal, N as in rule A.

Rules A and B charge no verify. V is the SET voltage where the conductance rises and the RESET voltage where it falls.
An event that leaves the level as it is costs nothing.
"""

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from imcsim.core.charge import Price
from imcsim.core.errors import ConfigError, nearest
from imcsim.devices.rram import RramCell
from imcsim.devices.sram import SramCell

WriteRule = Literal["flat", "harmonic", "arithmetic"]
WRITE_RULES: tuple[WriteRule, ...] = ("flat", "harmonic", "arithmetic")

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])

_VOLTAGE_SQUARED_FACTOR = {"harmonic": 2.0, "arithmetic": 1.0}  # NeuroSim V2.1 writes with sqrt(2) x the nominal V

_PAIR_VALUES = ("conductance_min_s", "conductance_max_s", "set_voltage_v", "reset_voltage_v", "pulse_time_s")
_WORDS: dict[WriteRule, tuple[str, tuple[str, ...]]] = {  # formula of an event's energy, and values of the cell in it
    "flat": (
        "n (s E_set + (1 - s) E_reset) + (n + 1) E_verify, n = mean pulses, s = share of SET pulses",
        ("pulses_mean", "set_pulse_share", "set_energy_j", "reset_energy_j", "verify_energy_j"),
    ),
    "harmonic": (
        "2 V^2 H(G_old, G_new) t n, n = ceil(abs(dG) / dG_min), H the harmonic mean",
        _PAIR_VALUES,
    ),
    "arithmetic": (
        "V^2 mean(G_old, G_new) t n + V^2 C_wire n, n = ceil(abs(dG) / dG_min)",
        (*_PAIR_VALUES, "wire_capacitance_f"),
    ),
}


def event_pulses(cell: RramCell, cell_bits: int, rule: WriteRule) -> NDArray[np.float64]:
    """Return the pulses of one event from level i to level j, shape (levels, levels), diagonal 0.

    Raises
    ------
    ConfigError
        For an unknown rule, or (``flat``) bits per cell without measured pulse counts.
    """
    _check_rule(rule)
    level = np.arange(1 << cell_bits)
    steps = np.abs(level[:, None] - level[None, :])
    if rule == "flat":
        return np.where(steps > 0, cell.pulse_statistics(cell_bits)[0], 0.0)
    # |dG| / dG_min = steps * levels / (levels - 1); in integers, because ceil of a float 4.0000001 would be 5.
    pulses: NDArray[np.float64] = -(-steps * level.size // (level.size - 1)).astype(np.float64)
    return pulses


def event_energies_j(cell: RramCell, cell_bits: int, rule: WriteRule) -> NDArray[np.float64]:
    """Return the energy (J) of one event from level i to level j, shape (levels, levels), diagonal 0.

    Raises
    ------
    ConfigError
        As :func:`event_pulses`.
    """
    pulses = event_pulses(cell, cell_bits, rule)
    if rule == "flat":
        return np.where(pulses > 0, _flat_energy_j(cell, cell_bits), 0.0)
    old, new = np.meshgrid(cell.conductances_s(cell_bits), cell.conductances_s(cell_bits), indexing="ij")
    voltage = np.where(new > old, cell.set_voltage_v, cell.reset_voltage_v)
    voltage_squared = _VOLTAGE_SQUARED_FACTOR[rule] * voltage**2
    if rule == "harmonic":
        return voltage_squared * (2 * old * new / (old + new)) * cell.pulse_time_s * pulses
    return voltage_squared * (0.5 * (old + new) * cell.pulse_time_s + cell.wire_capacitance_f) * pulses


def event_price(cell: RramCell, cell_bits: int, rule: WriteRule, at: str = "rram") -> Price:
    """Return the price (J) of one event from level i to level j, :func:`event_energies_j` with its words.

    Parameters
    ----------
    cell, cell_bits, rule
        What is programmed, and how it is charged.
    at
        Path of the memory in the chip, whose ``cell``, ``cell_bits``, ``sign`` and ``write_rule`` these are.

    Returns
    -------
    Price
        Its value has shape (levels, levels), diagonal 0.

    Raises
    ------
    ConfigError
        As :func:`event_pulses`.
    """
    energies = event_energies_j(cell, cell_bits, rule)
    formula, values = _WORDS[rule]
    named = ("write_rule", *(f"cell.{name}" for name in values), "cell_bits", "sign")
    return Price(energies, formula, tuple(f"{at}.{name}" for name in named))


def programming_energy_j(
    transitions: NDArray[np.integer] | NDArray[np.float64], cell: RramCell, cell_bits: int, rule: WriteRule
) -> NDArray[np.float64]:
    """Return the energy (J) of counted events.

    Parameters
    ----------
    transitions
        Shape (..., levels, levels): how many cells went from level i to level j, or are expected to have. The diagonal
        costs nothing.
    cell, cell_bits, rule
        What is programmed, and how it is charged.

    Returns
    -------
    NDArray
        Shape (...).

    Raises
    ------
    ConfigError
        For a wrong shape, negative counts, or as :func:`event_pulses`.
    """
    energies = event_energies_j(cell, cell_bits, rule)
    if transitions.shape[-2:] != energies.shape:
        raise ConfigError(
            f"transitions of a {cell_bits}-bit cell end in shape {energies.shape}, got {transitions.shape}"
        )
    if transitions.size and transitions.min() < 0:
        raise ConfigError(f"transitions are counts and must be >= 0, got {transitions.min()}")
    return np.asarray(np.tensordot(transitions.astype(np.float64), energies, axes=2), dtype=np.float64)


def sram_write_energy_j(bits_changed: FloatOrArray, cell: SramCell) -> FloatOrArray:
    """Return the energy (J) of writing ``bits_changed`` bits; only bits that change are written.

    Raises
    ------
    ConfigError
        For a negative count.
    """
    if np.any(np.asarray(bits_changed) < 0):
        raise ConfigError(f"bits_changed must be >= 0, got {np.min(bits_changed)}")
    return bits_changed * cell.write_energy_j


def _flat_energy_j(cell: RramCell, cell_bits: int) -> float:
    pulses, _ = cell.pulse_statistics(cell_bits)
    pulse = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
    return pulses * pulse + (pulses + 1) * cell.verify_energy_j


def _check_rule(rule: str) -> None:
    if rule not in WRITE_RULES:
        raise ConfigError(f"unknown write rule '{rule}'{nearest(rule, WRITE_RULES)}")
