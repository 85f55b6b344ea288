"""Where weight gradients are computed, and what that takes. Shape letters: F placement phases, L mapped layers."""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges, Price

Floats = NDArray[np.float64]


def weight_gradient_macs(placed: Placed) -> Floats:
    """(F, L) multiply-accumulates of the weight gradient that the chip performs.

    A chip that skips masked gradients does those of trainable PEs and unmasked weights, and dense ones only where
    the method asks for them; another does all of every layer that trains.
    """
    if placed.chip.skip_masked_gradients:
        return placed.counts["weight_gradient_macs"] + placed.counts["dense_gradient_macs"]
    return placed.counts["weight_gradient_vectors"] * placed.weights


def weight_gradient(placed: Placed) -> tuple[Charges, Charges]:
    """Return the charges (J), by component below ``weight_gradient``, and those of its time (s)."""
    macs = weight_gradient_macs(placed)
    return weight_gradient_energy(placed, macs), weight_gradient_time(placed, macs)


def weight_gradient_energy(placed: Placed, macs: Floats) -> Charges:
    """Return the charges (J) of ``macs`` (F, L)."""
    where = _in_arrays(placed)
    if where is not None:
        return _array_energy(placed, where, macs)
    said, fields = _macs_said(placed.chip)
    each = placed.chip.mac.gradient_price().also("skip_masked_gradients", "weight_gradient")
    return (Charge("weight_gradient.mac", macs, "MACs", said, fields, each),)


def weight_gradient_time(placed: Placed, macs: Floats) -> Charges:
    """Return the charge (s): the digital unit's throughput, or the scratch arrays working in parallel."""
    where = _in_arrays(placed)
    said, fields = _macs_said(placed.chip)
    own = ("weight_gradient", "skip_masked_gradients")
    if where is None:
        each = placed.chip.mac.time_price().also(*own)
        return (Charge("weight_gradient", macs, "MACs", "MACs of the weight gradient", fields, each),)
    chip, arrays, site = placed.chip, placed.scratch_pes, where.site
    passes = macs / (site.cells / chip.input_bits) * -(-chip.error_bits // site.dac_bits) / arrays
    said = f"MACs / (cells of a PE / input_bits) x phases of an error / {arrays} arrays of the widest layer"
    one = where.memory.forward_time(site, site.dac_bits).settle  # of one read cycle
    each = one.also("array.cols", "input_bits", "error_bits", *own)
    return (Charge("weight_gradient", passes, "passes of the arrays", said, fields, each),)


def _in_arrays(placed: Placed) -> Bank | None:
    return placed.volatile if placed.chip.weight_gradient == "sram-array" else None


def _macs_said(chip: ChipConfig) -> tuple[str, tuple[str, ...]]:
    if chip.skip_masked_gradients:
        said = "MACs of unmasked weights that train, and dense ones that the method asks for"
        return said, ("weight_gradient_macs", "dense_gradient_macs")
    return "vectors x weights of every layer that trains", ("weight_gradient_vectors",)


def _array_energy(placed: Placed, bank: Bank, macs: Floats) -> Charges:
    """Activations of the batch are written into SRAM arrays (vectors along the rows) and errors streamed through.

    As DNN+NeuroSim V2.1's weight-gradient array (neurosim/DNN_NeuroSim_V2.1, Training_pytorch/NeuroSIM), with a digital
    adder tree: one evaluation adds ``rows`` vectors for one activation, one digit of the error and one output.
    """
    chip, site = placed.chip, bank.site
    parts = bank.memory.gradient_evaluation(site, chip.input_bits)
    own = ("weight_gradient", "skip_masked_gradients", "array.rows", "input_bits", "error_bits", "dac_bits")
    evaluations = macs / site.rows * -(-chip.error_bits // site.dac_bits)
    fields = _macs_said(chip)[1]
    written = placed.counts["weight_gradient_vectors"] * placed.sides[0] * chip.input_bits
    writing = bank.sheet.write
    flat = Price(float(np.max(writing.value)), writing.formula, writing.origins)
    vectors = ("weight_gradient_vectors",)
    adding = tuple(
        Charge(
            f"weight_gradient.{part.name}", evaluations * float(part.amount[0]), part.of,
            f"evaluations = MACs / rows x phases of an error, x {part.formula}", fields, part.each.also(*own),
        )
        for part in parts
    )  # fmt: skip
    writes = Charge(
        "weight_gradient.array_write", written, "cell writes", "vectors x fan-in x input_bits", vectors,
        flat.also("input_bits", "weight_gradient"),
    )  # fmt: skip
    return (*adding, writes)
