"""Training, part by part and phase by phase: what it costs (J) and how long it takes (s).

Energy: forward, input_gradient, weight_gradient, update, migration, buffer, link, dram, masks, work
(of the method's own), scoring, leakage and reload.
Time: forward, input_gradient: the slowest layer's vectors plus one vector through the others for each step (pipeline
fill); weight_gradient: throughput of its unit; update: row writes; migration; buffer: what its bandwidth cannot hide
behind the arrays; dram: never hidden. Shape letters: F placement phases, L mapped layers.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.gradients import weight_gradient_energy, weight_gradient_time
from imcsim.chip.leakage import leakage
from imcsim.chip.placed import Placed
from imcsim.chip.reads import Vectors, backward, backward_pace, forward, forward_pace, pipeline, transposed
from imcsim.chip.reload import Reloads, training_reload
from imcsim.chip.traffic import Traffic, masks, move_time, moved
from imcsim.chip.work import work_buffer_bits, work_energy, work_time
from imcsim.chip.writes import Writes, failed_writes, training_write_energy, training_write_time
from imcsim.core.charge import Charge, Charges, under

Floats = NDArray[np.float64]


def training_latency(placed: Placed, writes: Writes, bits: Traffic, again: Reloads | None) -> Charges:
    """Return the charges (s) of training."""
    steps, counts = placed.phase_counts["optimizer_steps"], placed.counts
    there, back, once = forward_pace(placed), backward_pace(placed), np.ones(placed.phases)
    fields = ("forward_vectors", "optimizer_steps"), ("input_gradient_vectors", "optimizer_steps")
    ahead = pipeline("forward", counts[fields[0][0]], there, steps, fields[0])
    errors = pipeline("input_gradient", counts[fields[1][0]], back, steps, fields[1])
    gradients = weight_gradient_time(placed)
    update, migration = training_write_time(placed, writes)
    scored = "scoring_forward_vectors", "scoring_input_gradient_vectors"
    macs = placed.chip.mac.time_price()
    hidden = seconds_of((*ahead, *errors, *gradients), placed.phases)
    return (
        *ahead,
        *errors,
        *gradients,
        *update,
        *migration,
        *pipeline("scoring", counts[scored[0]], there, once, (scored[0], scored[0])),
        *pipeline("scoring", counts[scored[1]], back, once, (scored[1], scored[1])),
        Charge("scoring", _scoring_macs(placed), "MACs", _SCORING, _SCORING_FIELDS, macs),
        *move_time(placed, bits, work_buffer_bits(placed), hidden),
        *work_time(placed),
        *training_reload(placed, again)[1],
        *failed_writes(placed, "latency"),
    )


def training_energy(placed: Placed, writes: Writes, bits: Traffic, again: Reloads | None, latency: Charges) -> Charges:
    """Return the charges (J) of training; what leaks does so for the time of ``latency``."""
    mac, count, (inputs, outputs) = placed.chip.mac, placed.counts, placed.sides
    there, back = forward(placed), transposed(placed)
    ahead = Vectors(count["forward_vectors"], "forward_vectors")
    scored = Vectors(count["scoring_forward_vectors"], "scoring_forward_vectors")
    errors, scored_errors = "input_gradient_vectors", "scoring_input_gradient_vectors"
    return (
        *under("forward", (one.of(ahead) for one in there)),
        Charge(
            "forward.activation", ahead.amount * outputs, "elements", "vectors x outputs", (ahead.field,),
            mac.vector_price(),
        ),
        *under("input_gradient", backward(placed, back, errors)),
        Charge(
            "input_gradient.activation", count[errors] * inputs, "elements", "vectors x fan-in", (errors,),
            mac.vector_price(),
        ),
        *weight_gradient_energy(placed),
        _updates(placed),
        *training_write_energy(placed, writes),
        *moved(placed, bits),
        *masks(placed),
        *work_energy(placed),
        *under("scoring.forward", (one.of(scored) for one in there)),
        *under("scoring.input_gradient", backward(placed, back, scored_errors, scoring=True)),
        Charge("scoring.mac", _scoring_macs(placed), "MACs", _SCORING, _SCORING_FIELDS, mac.gradient_price()),
        *leakage(placed, seconds_of(latency, placed.phases)),
        *training_reload(placed, again)[0],
    )  # fmt: skip


def seconds_of(charges: Charges, phases: int) -> Floats:
    """(F,) all of ``charges`` in each phase."""
    total = np.zeros(phases)
    for charge in charges:
        total += charge.by_phase
    return total


def _updates(placed: Placed) -> Charge:
    digital = placed.phase_counts["digital_parameters"] * placed.phase_counts["optimizer_steps"]
    updated = placed.counts["updated_weights"].sum(axis=1) + digital
    said, fields = "updated_weights + digital_parameters x optimizer_steps", (
        "updated_weights", "digital_parameters", "optimizer_steps",
    )  # fmt: skip
    return Charge("update.arithmetic", updated, "updates", said, fields, placed.chip.mac.update_price())


def _scoring_macs(placed: Placed) -> Floats:
    of_layers = placed.counts["scoring_weight_gradient_macs"].sum(axis=1)
    return np.asarray(of_layers + placed.phase_counts["scoring_macs"], dtype=np.float64)


_SCORING = "gradient MACs of scoring and its own arithmetic"
_SCORING_FIELDS = ("scoring_weight_gradient_macs", "scoring_macs")
