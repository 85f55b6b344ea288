"""Which runs of peers are compared, and by which steps imcsim is brought to their set-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studies.peers.workloads import Workload, workload

OURS_RRAM = "all-rram-28nm"
OURS_SRAM = "all-sram-28nm"
# the peer's array, bits and sharing; every unit figure stays that of our 28 nm chips
RRAM_128: dict[str, Any] = {
    "array.rows": 128, "array.cols": 128, "rram.cell_bits": 1, "rram.sign": "offset",
    "rram.reference": "ideal", "rram.adc_bits": 5,
    "input_gradient": "digital",
}  # fmt: skip
SRAM_128: dict[str, Any] = {
    "array.rows": 128,
    "array.cols": 128,
    "sram.weights_per_tree": 8,
    "input_gradient": "digital",
}
MNSIM_256: dict[str, Any] = {
    "array.rows": 256, "array.cols": 256, "rram.cell_bits": 1, "rram.adc_bits": 6, "rram.columns_per_adc": 2,
    "input_gradient": "digital",
}  # fmt: skip
SENSED = {"rram.cell.read_time_s": 1e-9}  # a cell conducts while its column is sensed, no longer


@dataclass(frozen=True)
class Step:
    """One more change on the way to the peer; ``overrides`` are all of the chip's, not the change alone."""

    name: str
    chip: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    padding: int = 1


@dataclass(frozen=True)
class Run:
    """One measured run of a peer: its network, and steps of imcsim from our figures to the peer's."""

    name: str
    peer: str
    network: str
    steps: tuple[Step, ...]

    def workload(self, step: Step) -> Workload:
        """Return the network as ``step`` counts its positions."""
        return workload(self.network, step.padding)


def v14_rram(**peer: Any) -> tuple[Step, ...]:
    """Return the steps to DNN+NeuroSim V1.4 with RRAM; ``peer`` are the run's own settings, as chip overrides."""
    bits = {name: value for name, value in peer.items() if name == "rram.cell_bits"}
    ours = {**RRAM_128, **bits}
    theirs, name = dict(peer), "neurosim-like-22nm-rram"
    cell = {key: value for key, value in peer.items() if key.startswith("rram.cell.")}
    adc = {key: value for key, value in peer.items() if key.startswith("rram.adc.")}
    with_cell = {**ours, "rram.cell": "rram-neurosim-22nm", **cell}
    return (
        Step("our units", OURS_RRAM, ours),
        Step("its cell", OURS_RRAM, with_cell),
        Step("its converter", OURS_RRAM, {**with_cell, "rram.adc": "adc-neurosim-22nm", **adc}),
        Step("its node", name, theirs),
        Step("read while sensed", name, {**theirs, **SENSED}),
        Step("no padding", name, {**theirs, **SENSED}, padding=0),
    )


def v14_sram() -> tuple[Step, ...]:
    """Return the steps to DNN+NeuroSim V1.4 with SRAM, as far as a digital array can go."""
    name = "neurosim-like-22nm-sram"
    return (
        Step("our units", OURS_SRAM, SRAM_128),
        Step("its node", name),
        Step("no padding", name, padding=0),
    )


def mnsim(**array: Any) -> tuple[Step, ...]:
    """Return the steps to MNSIM 2.0 with RRAM."""
    ours = {**MNSIM_256, **array}
    return (
        Step("our units", OURS_RRAM, ours),
        Step("its cell", OURS_RRAM, {**ours, "rram.cell": "rram-mnsim-130nm"}),
        Step("its converter", OURS_RRAM, {**ours, "rram.cell": "rram-mnsim-130nm", "rram.adc": "adc-mnsim"}),
        Step("its node", "mnsim-like-130nm-rram", array),
    )


RUNS: tuple[Run, ...] = (
    Run("v14-vgg8-rram", "NeuroSim V1.4", "vgg8", v14_rram()),
    Run("v14-vgg8-sram", "NeuroSim V1.4", "vgg8", v14_sram()),
    Run("v14-cnn-s-rram", "NeuroSim V1.4", "cnn-s", v14_rram()),
    Run("v14-cnn-s-rram-2b", "NeuroSim V1.4", "cnn-s", v14_rram(**{"rram.cell_bits": 2})),
    Run("v14-cnn-s-rram-sar", "NeuroSim V1.4", "cnn-s", v14_rram(**{"rram.adc.model": "neurosim"})),
    Run(
        "v14-cnn-s-rram-6k", "NeuroSim V1.4", "cnn-s",
        # 6 k / 102 k behind an access transistor of a quarter of the on-resistance
        v14_rram(**{"rram.cell.conductance_max_s": 1 / 7.5e3, "rram.cell.conductance_min_s": 1 / 103.5e3}),
    ),
    Run("v14-cnn-s-sram", "NeuroSim V1.4", "cnn-s", v14_sram()),
    Run("v14-mlp", "NeuroSim V1.4", "mlp", v14_rram()),
    Run("mnsim-vgg8-rram", "MNSIM 2.0", "vgg8-7c", mnsim()),
    Run("mnsim-vgg8-rram-128", "MNSIM 2.0", "vgg8-7c", mnsim(**{"array.rows": 128, "array.cols": 128})),
)  # fmt: skip


@dataclass(frozen=True)
class TrainingRun:
    """One measured training run: chip and overrides with our unit figures, and with the peer's."""

    name: str
    network: str
    ours: tuple[str, Mapping[str, Any]]
    theirs: tuple[str, Mapping[str, Any]]


_TRAINED: dict[str, Any] = {
    "array.rows": 128, "array.cols": 128, "sram.weights_per_tree": 8, "weight_bits": 5, "weight_gradient": "sram-array",
    "master_copy.bits": 8,
}  # fmt: skip
TRAINING: tuple[TrainingRun, ...] = tuple(
    TrainingRun(f"v21-{network}-sram", network, (OURS_SRAM, _TRAINED), ("neurosim-like-32nm-training", {}))
    for network in ("cnn-s", "cnn-m", "vgg8")
)
