"""From a study to its training points: one for each (method, seed), keyed by configuration and code."""

from collections.abc import Mapping
from dataclasses import dataclass

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.config import config_hash, parse
from imcsim.core.errors import StudyError
from imcsim.core.reference import in_texts, short_name
from imcsim.core.sources import Resolved
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.config import LearnConfig
from imcsim.mapping.rule import MAPPING_RULES
from imcsim.study.code import training_code
from imcsim.study.spec import MethodChoice, StudySpec

Chips = Mapping[str, Resolved[ChipConfig]]


@dataclass(frozen=True)
class TrainingPoint:
    """One training run: ``config`` holds the fields of the learner's configuration, ``key`` is its hash."""

    label: str
    seed: int
    config: Mapping[str, object]
    key: str

    @property
    def name(self) -> str:
        """File name without suffix: label, seed and key."""
        return f"{_file_safe(self.label)}-s{self.seed}-{self.key}"

    @property
    def title(self) -> str:
        """What a person calls the point."""
        return f"{self.label}, seed {self.seed}"


def load_chips(spec: StudySpec) -> dict[str, Resolved[ChipConfig]]:
    """Load every chip of the study with the study's values set on it.

    Raises
    ------
    StudyError
        If two chips differ in what the learner quantises to (weight, input or error bits, or the PE's weights):
        one trace could not be priced on both.
    ContentError
        If there is no such chip or mapping rule.
    """
    for choice in spec.chips:
        MAPPING_RULES.get(choice.rule)  # before anything is trained
    chips = {choice.title: load_chip(choice.name, choice.set) for choice in spec.chips}
    reference = chips[spec.reference].config
    for name, chip in chips.items():
        for what, given, wanted in _shared(chip.config, reference):
            if given != wanted:
                raise StudyError(
                    f"chips of one study must agree in {what}: {name} has {given}, {spec.reference} has {wanted}"
                )
    return chips


def training_points(spec: StudySpec, chips: Chips, where: str) -> list[TrainingPoint]:
    """Return the points of ``spec`` in the order methods x seeds.

    Raises
    ------
    ConfigError
        If ``[training]`` or ``[stream]`` holds what the learner does not know; ``where`` names the file.
    """
    hardware = hardware_fields(chips, spec.reference)
    return [_point(spec, method, seed, hardware, where) for method in spec.methods for seed in spec.seeds]


def hardware_fields(chips: Chips, reference: str) -> dict[str, object]:
    """Return the learner's fields that follow from the chips: bits, the PE's weights, every cell encoding in use."""
    chip = chips[reference].config
    found = {encoding.name: encoding for entry in chips.values() for encoding in _encodings(entry.config)}
    return {
        "weight_bits": chip.weight_bits,
        "input_bits": chip.input_bits,
        "error_bits": chip.error_bits,
        "pe_tile": list(_tile(chip)),
        "encodings": [found[name].model_dump(mode="json") for name in sorted(found)],
    }


def _point(
    spec: StudySpec, method: MethodChoice, seed: int, hardware: Mapping[str, object], where: str
) -> TrainingPoint:
    fields: dict[str, object] = {
        **spec.stream.model_dump(mode="json"),
        "backbone": spec.backbone,
        "network": spec.network.name,
        "network_params": spec.network.params,
        "method": method.method,
        "method_config": method.config,
        "seed": seed,
        **hardware,
        **spec.training,
        **method.training,
    }
    config = parse(LearnConfig, fields, f"{where} [training]").model_dump(mode="json")
    named = in_texts(config, short_name)  # where a file lies does not matter, and its code is in the key
    return TrainingPoint(method.label, seed, config, config_hash({"config": named, "code": training_code(config)}))


def _shared(chip: ChipConfig, reference: ChipConfig) -> list[tuple[str, object, object]]:
    names = ("weight_bits", "input_bits", "error_bits")
    fields: list[tuple[str, object, object]] = [(n, getattr(chip, n), getattr(reference, n)) for n in names]
    return [*fields, ("the weights that a PE holds", _tile(chip), _tile(reference))]


def _tile(chip: ChipConfig) -> tuple[int, int]:
    return chip.geometry.weight_rows, chip.geometry.weight_cols


def _encodings(chip: ChipConfig) -> list[Encoding]:
    return [macro.geometry.encoding for macro in chip.macros]


def _file_safe(label: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in label)
