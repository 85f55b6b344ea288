"""What pricing returns: trees of energy, latency and area, writes, lifetime, horizon, warnings, origins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.core.cost import Breakdown
from imcsim.core.sources import Origin

HORIZON_COLUMNS = (
    "write_energy_per_task_j",
    "compute_energy_per_task_j",
    "inference_energy_per_task_j",
    "switch_energy_per_task_j",
    "switch_rewritten_cells",
    "switch_rram_cells",
    "power_up_energy_per_task_j",
    "retention_energy_per_task_j",
    "inferences_per_task",
    "tasks_per_day",
)


@dataclass(frozen=True)
class Writes:
    """Programming events of one memory kind over the whole stream.

    ``worst`` and ``mean`` count events per used cell of that memory (mean over cells that hold a weight);
    ``per_task`` are totals; ``deployment`` is the first programming, charged apart; ``energy_j`` excludes it.
    """

    cells: int
    total: int
    per_task: tuple[int, ...]
    worst: int
    mean: float
    deployment: int


@dataclass(frozen=True)
class Lifetime:
    """How long a memory lives at the measured writes per task, task switches at the horizon's rate included.

    ``tasks_guaranteed``: guaranteed cycles over the worst cell's writes per task. ``tasks_first_failure``: until the
    first cell has failed on half of the chips, each cell at its own rate (Weibull); ``tasks_first_failure_band``: on
    5 % and on 95 % of them. None means no limit (no writes, or unlimited memory).
    """

    worst_writes_per_task: float
    mean_writes_per_task: float
    tasks_guaranteed: float | None
    tasks_first_failure: float | None
    tasks_first_failure_band: tuple[float, float] | None
    years_guaranteed: float | None
    years_first_failure: float | None
    tasks_per_day: float


@dataclass(frozen=True)
class Report:
    """The price of one trace on one chip.

    Parameters
    ----------
    chip, method, dataset, network, seed
        What was priced.
    energy
        Training energy in J: part -> component, summed over tasks. Deployment and serving are apart.
    energy_by_task
        The same tree for each task.
    deployment, task_switch, power_up, inference
        Energy trees (J): first programming; one switch between learned tasks; one power-up; one inference.
    latency, inference_latency
        Time trees (s): training the whole stream; one inference. ``latency_by_task`` for each task.
    area
        Area tree (m2), ``unused`` part named.
    writes
        Memory by name ("rram", "sram", NAME of ``[memory.NAME]``) -> :class:`Writes`.
    lifetime
        Memory by name -> :class:`Lifetime`.
    horizon
        Energies and the number of inferences, steps and switches that each is spread over.
    placement
        PEs by memory kind: (T,) arrays of trainable SRAM, trainable RRAM (overflow), frozen RRAM, frozen SRAM.
    accuracy
        Final mean accuracy per scenario, forgetting per definition, and both matrices.
    warnings
        Sentences a reader must see beside the numbers.
    origins
        Dotted path of every chip value -> its origin.
    idle_acts
        What the method is known for and never did in the run (:mod:`imcsim.trace.acts`); a warning says so, too.
    kept_in
        The memory that keeps its weights without power, whose life the row tells; None if the chip has none.
    samples
        Training samples that the energy covers, replayed ones included.
    pulses, update_steps
        Memory -> pulses of its programming events; times at which what was learned was written to it
        (:mod:`imcsim.chip.wear.countings`).
    """

    chip: str
    method: str
    dataset: str
    network: str
    seed: int
    energy: Breakdown
    energy_by_task: tuple[Breakdown, ...]
    deployment: Breakdown
    task_switch: Breakdown
    power_up: Breakdown
    inference: Breakdown
    latency: Breakdown
    latency_by_task: tuple[Breakdown, ...]
    inference_latency: Breakdown
    area: Breakdown
    writes: Mapping[str, Writes]
    lifetime: Mapping[str, Lifetime]
    horizon: Mapping[str, float]
    placement: Mapping[str, NDArray[np.int64]]
    accuracy: Mapping[str, Any]
    warnings: tuple[str, ...]
    origins: Mapping[str, Origin]
    idle_acts: tuple[str, ...] = ()
    kept_in: str | None = None
    samples: int = 0
    pulses: Mapping[str, float] = field(default_factory=dict)
    update_steps: Mapping[str, int] = field(default_factory=dict)

    @property
    def training_over_inference(self) -> float | None:
        """Training energy of one sample over the energy of one inference; None if nothing was trained."""
        image_j = self.inference.total
        return self.energy.total / self.samples / image_j if self.samples and image_j else None

    @property
    def task_over_inferences(self) -> float | None:
        """Training energy of a mean task over that of its inferences at the horizon; None if it has none."""
        served_j = self.horizon["inference_energy_per_task_j"]
        trained_j = self.horizon["write_energy_per_task_j"] + self.horizon["compute_energy_per_task_j"]
        return trained_j / served_j if served_j else None

    def __str__(self) -> str:
        from imcsim.chip.text import text

        return text(self)

    def row(self) -> dict[str, Any]:
        """Return the headline numbers as one flat row for tables."""
        rram, home = self.writes.get("rram"), self.kept_in or "rram"
        life = self.lifetime.get(home)
        others = {f"{name}_writes": wear.total for name, wear in self.writes.items() if name not in ("rram", "sram")}
        if home in self.writes and home != "rram":
            others[f"{home}_worst_writes"] = self.writes[home].worst
        return {
            "method": self.method,
            "chip": self.chip,
            "seed": self.seed,
            "class_il": self.accuracy["class_il_final"],
            "task_il": self.accuracy["task_il_final"],
            "forgetting_class_il_max": self.accuracy["forgetting_class_il_max"],
            **{name: value for name, value in self.accuracy.items() if _is_on_chip(name)},
            "energy_j": self.energy.total,
            **{f"energy_{part}_j": value for part, value in self.energy.by(0).items()},
            "deployment_j": self.deployment.total,
            "task_switch_j": self.task_switch.total,
            "inference_j": self.inference.total,
            "latency_s": self.latency.total,
            "area_m2": self.area.total,
            "area_unused_m2": self.area.part("unused").total,
            "rram_writes": 0 if rram is None else rram.total,
            "rram_worst_writes": 0 if rram is None else rram.worst,
            "sram_writes": self.writes["sram"].total if "sram" in self.writes else 0,
            **others,
            "rram_pulses": self.pulses.get("rram", 0.0),
            "rram_update_steps": self.update_steps.get("rram", 0),
            "training_over_inference": self.training_over_inference,
            **{name: self.horizon[name] for name in HORIZON_COLUMNS},
            "lifetime_tasks": None if life is None else life.tasks_guaranteed,
            "lifetime_years": None if life is None else life.years_guaranteed,
            "first_failure_tasks": None if life is None else life.tasks_first_failure,
            "first_failure_years": None if life is None else life.years_first_failure,
            "idle_acts": len(self.idle_acts),
        }


def _is_on_chip(name: str) -> bool:
    """Tell whether an accuracy is one that was measured on the chip, as one number; the study adds them."""
    return name.startswith("on_chip_") and name.endswith("_final")
