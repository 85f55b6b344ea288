"""Accuracy on the chips of a study: which measurements there are, what is stored, and the columns they give.

Chips that differ only in what a product does not see (energies, write policies, the number of PEs) share one
measurement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imcsim.chip.config import ChipConfig
from imcsim.core import sealed
from imcsim.core.config import config_hash
from imcsim.core.content import content_root
from imcsim.core.errors import StudyError
from imcsim.core.files import remove
from imcsim.core.json_text import Json
from imcsim.core.units import with_prefix
from imcsim.study.code import measuring_code
from imcsim.study.engine import Job
from imcsim.study.on_chip_choice import OnChipChoice
from imcsim.study.on_chip_worker import MEASURED
from imcsim.study.points import Chips, TrainingPoint
from imcsim.study.store import ResultStore

_UNSEEN_OF_RRAM = {
    "pe_count", "adc", "transposed_adc_bits", "write_rule", "write_policy", "parallel_write_pes",
}  # fmt: skip
_OF_REPLICAS = {"reference", "columns_per_adc"}  # how many replica columns offset codes have
_AGES = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


@dataclass(frozen=True)
class Measurement:
    """One training run on one chip, and the file that holds or will hold its accuracies."""

    point: TrainingPoint
    chip: str
    path: Path

    @property
    def title(self) -> str:
        """What a person calls the measurement."""
        return f"{self.point.title} on {self.chip}"


def measurements(
    points: Sequence[TrainingPoint], chips: Chips, choice: OnChipChoice, store: ResultStore
) -> list[Measurement]:
    """Return every (point, chip), chips that compute alike with the same file."""
    return [
        Measurement(
            point, name, store.folder / "on_chip" / f"{point.name}-{_key(point, chip.config, choice)}.safetensors"
        )
        for point in points
        for name, chip in chips.items()
    ]


def jobs(missing: Sequence[Measurement], chips: Chips, choice: OnChipChoice, store: ResultStore) -> list[Job]:
    """Return a job for each measurement that is to be made."""
    return [Job(entry.title, _payload(entry, chips, choice, store)) for entry in missing]


def age_name(age_s: float) -> str:
    """Return an age as a short word: ``1s``, ``12h``, ``1d``."""
    for unit_s, unit in _AGES:
        if age_s >= unit_s and math.isclose(age_s / unit_s, round(age_s / unit_s)):
            return f"{round(age_s / unit_s)}{unit}"
    return with_prefix(age_s, "s").replace(" ", "")


def columns(found: Json) -> Json:
    """Return what a measurement adds to a report's accuracy: final means, and matrices, of each age.

    ``on_chip_class_il_AGE_final``, ``on_chip_task_il_AGE_final``, and the same with ``matrix``, (T, T), 0 where a task
    was not seen yet; None for a scenario that the method does not serve.
    """
    result: Json = {}
    for index, age_s in enumerate(found["ages_s"]):
        for scenario in ("class_il", "task_il"):
            key = f"on_chip_{scenario}_{age_name(age_s)}"
            if not found[scenario][index]:
                result |= {f"{key}_final": None, f"{key}_matrix": None}  # the method must be told the task
                continue
            rows = [[0.0 if value is None else value for value in row] for row in found[scenario][index]]
            result |= {f"{key}_final": float(np.mean(rows[-1])), f"{key}_matrix": rows}
    return result


def _payload(entry: Measurement, chips: Chips, choice: OnChipChoice, store: ResultStore) -> Json:
    return {
        "trace": str(store.trace_path(entry.point).resolve()),
        "chip": chips[entry.chip].config.model_dump(mode="json"),
        "choice": choice.model_dump(mode="json"),
        "seed": entry.point.seed,
        "result": str(entry.path.resolve()),
        "content": str(content_root()),
    }


def _key(point: TrainingPoint, chip: ChipConfig, choice: OnChipChoice) -> str:
    """Return a hash of what decides, beside the point's own key, its accuracy on ``chip``."""
    data = chip.model_dump(mode="json")
    rram = data["rram"]
    if rram:
        unseen = _UNSEEN_OF_RRAM if rram["sign"] == "offset" else _UNSEEN_OF_RRAM | _OF_REPLICAS
        rram = {name: value for name, value in rram.items() if name not in unseen}
    committed = chip.rram is not None and chip.commit == "task"
    seen = {name: data[name] for name in ("array", "weight_bits", "input_bits", "dac_bits")}
    seen |= {"rram": rram, "code": measuring_code(point.config), "choice": choice.model_dump(mode="json")}
    if not committed:  # where a task's PEs are then depends on the room in SRAM
        seen |= {name: data[name] for name in ("sram", "overflow", "commit", "input_gradient")}
    return config_hash(seen)


def load_measurement(entry: Measurement) -> Json | None:
    """Return a stored measurement, None if the file is absent or broken (then it is removed)."""
    if not entry.path.exists():
        return None
    try:
        return sealed.load(entry.path, MEASURED).header
    except StudyError:
        remove(entry.path)
        return None
