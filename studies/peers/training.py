"""Training as DNN+NeuroSim V2.1 runs it: one batch of 200 images and one update, priced, times the updates of an epoch.

The trace is made from the workload's own statistics; no network is trained. Shape letters: L layers.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from imcsim.chip.config import ChipConfig
from imcsim.chip.price import price
from imcsim.core.sources import Resolved
from imcsim.crossbar.encoding import Encoding
from imcsim.testing.traces import make_trace
from imcsim.trace.trace import Trace
from studies.peers.workloads import Workload

BATCH = 200
UPDATES = 250  # of an epoch of 50 000 images
SAMPLES = BATCH * UPDATES
ENCODING = Encoding(sign="offset", weight_bits=5, cell_bits=1)


def batch_trace(found: Workload) -> Trace:
    """Return one optimiser step: every weight's master copy is updated, the codes move as the recipe says.

    Errors are not part of the recipe: half of their bits are taken as ones. The first layer passes none on.
    """
    layers = found.layers
    vectors = np.array([spec.positions for spec in layers]) * BATCH
    macs = np.array([spec.macs for spec in layers]) * BATCH
    kept = np.array([spec.input_elements for spec in layers]) * BATCH
    signs = sum(spec.output_elements for spec in layers[:-1]) * BATCH
    counts: dict[str, Any] = {
        "forward_vectors": vectors,
        "input_gradient_vectors": np.where(np.arange(len(layers)) > 0, vectors, 0),
        "weight_gradient_vectors": vectors,
        "weight_gradient_macs": macs,
        "kept_elements": kept,
        "updated_weights": [spec.weight_count for spec in layers],
    }
    per_task = {"samples": BATCH, "peak_kept_elements": kept.sum(), "relu_elements": signs, "peak_kept_bits": signs}
    history = {name: [[[codes]]] for name, codes in found.after.items()}
    trace = make_trace(layers, found.before, history, [ENCODING], counts=counts, task_counts=per_task)
    return replace(trace, input_density=found.density[None])


def epoch(found: Workload, chip: Resolved[ChipConfig]) -> dict[str, float]:
    """Return item -> value in SI units of one epoch; DRAM is charged to the stage that needs it.

    Stored activations are written in the forward pass and read for the weight gradients, so that half of their traffic
    goes to each; the master copy belongs to the update.
    """
    report = price(batch_trace(found), chip)
    joules = {name: value * UPDATES for name, value in report.energy.flat().items()}
    seconds = {name: value * UPDATES for name, value in report.latency.flat().items()}
    total = sum(joules.values())
    stages = {f"energy_{stage}": _sum(joules, *parts) for stage, parts in _STAGES.items()}
    if abs(total - sum(stages.values())) > 1e-9 * total:
        raise ValueError("a part of the training energy belongs to no stage")
    activations = stages.pop("energy_dram_activations")
    stages["energy_forward"] += activations / 2
    stages["energy_weight_gradient"] += activations / 2
    return {
        **{f"part.{name}": value for name, value in joules.items() if value > 0},
        **stages,
        "energy": total,
        "energy_dram_share": _sum(joules, "dram.") / total,
        "energy_write": _sum(joules, "update.sram_write"),
        "time_write": seconds["update"],
        **{f"time_{name}": seconds[name] for name in _TIMES},
        "level_changes": float(report.writes["sram"].total) * UPDATES,
        "area": report.area.total - report.area.part("unused").total,
    }


def gradients_through_dram(found: Workload, chip: ChipConfig, items: dict[str, float]) -> dict[str, float]:
    """Return ``items`` as they would be if the weight gradients of every image went to DRAM and back, 8 bits each way.

    That is a guess at what V2.1 does, made from its totals; no chip here can be set to it.
    """
    weights = sum(spec.weight_count for spec in found.layers)
    more = SAMPLES * weights * 2 * chip.error_bits * chip.dram.energy_j
    dram = items["energy_dram_share"] * items["energy"] + more
    return {
        **items,
        "energy_weight_gradient": items["energy_weight_gradient"] + more,
        "energy": items["energy"] + more,
        "energy_dram_share": dram / (items["energy"] + more),
    }


_TIMES = ("forward", "input_gradient", "weight_gradient", "update", "buffer", "dram")
# by the first names of a part; every part of the energy tree belongs to one stage
_STAGES: dict[str, tuple[str, ...]] = {
    "forward": ("forward.", "buffer.read_forward", "buffer.write_forward", "link.forward", "buffer.write_signs"),
    "input_gradient": (
        "input_gradient.", "buffer.read_input_gradient", "buffer.write_input_gradient", "link.input_gradient",
        "buffer.read_signs",
    ),
    "weight_gradient": ("weight_gradient.", "buffer.read_weight_gradient"),
    "update": ("update.", "buffer.read_update", "buffer.write_update", "dram.master"),
    "dram_activations": ("dram.activations",),
    "leakage": ("leakage.",),
}  # fmt: skip


def _sum(joules: dict[str, float], *starts: str) -> float:
    return sum(value for name, value in joules.items() if name.startswith(starts))
