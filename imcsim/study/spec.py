"""What a study asks, as one frozen config read from ``study.toml``.

A study trains every (method, seed) once and prices each of those traces on every chip. ``[per_dataset.NAME]`` holds
settings that take effect when ``stream.dataset`` is NAME, so that one override picks the data set and suited epochs.
Wherever a name is expected, the path of a file will do; it counts from the study's folder.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from imcsim.core.config import FrozenConfig, parse
from imcsim.core.content import path_of
from imcsim.core.errors import ConfigError, nearest
from imcsim.core.json_text import Json
from imcsim.core.reference import absolute, in_texts, portable, short_name
from imcsim.core.sources import leaves
from imcsim.core.toml import read_toml
from imcsim.learn.config import ClassesPerTask, ClassOrder, check_domains, fill_from_domains
from imcsim.study.on_chip_choice import OnChipChoice

_PLAIN_RULE = "im2col"


class StreamChoice(FrozenConfig):
    """The stream: a data set in ``tasks`` tasks, or the data sets ``domains`` in turn, each brought to ``image_shape``.

    ``classes_per_task`` and ``class_order`` are as in :func:`imcsim.learn.stream.split`. At most ``train_limit``
    training and ``test_limit`` test images per task (None: all). With ``domains``, ``dataset`` ("mnist+cifar10", which
    names the results' folder) and ``tasks`` follow from them.
    """

    dataset: str
    tasks: int = Field(ge=1)
    classes_per_task: ClassesPerTask = None
    class_order: ClassOrder = None
    train_limit: int | None = Field(None, ge=1)
    test_limit: int | None = Field(None, ge=1)
    domains: tuple[str, ...] = ()
    image_shape: tuple[int, int, int] | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: object) -> Any:
        return fill_from_domains(data)

    @model_validator(mode="after")
    def _domains(self) -> "StreamChoice":
        check_domains(self.domains, self.dataset, self.tasks, self.image_shape)
        return self

    @property
    def title(self) -> str:
        """What folders and tables call the data."""
        return short_name(self.dataset)


class NetworkChoice(FrozenConfig):
    """The network's registered name, or its file, and its parameters."""

    name: str
    params: Json = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """What tables call the network."""
        return short_name(self.name)


class MethodChoice(FrozenConfig):
    """One learner: ``label`` names it in tables, ``config`` holds the method's own settings.

    ``training`` sets fields of ``[training]`` anew for this learner alone.
    """

    label: str = Field(min_length=1)
    method: str
    config: Json = Field(default_factory=dict)
    training: Json = Field(default_factory=dict)


class ChipChoice(FrozenConfig):
    """One chip, by name or by file, and the values that the study sets on it (dotted path -> value).

    ``rule`` is the mapping rule, by name or by file, that lays the networks on it. ``label`` names it in tables, where
    its own name will not do: a chip may stand twice, with two rules.
    """

    name: str
    set: Json = Field(default_factory=dict)
    rule: str = Field(_PLAIN_RULE, min_length=1)
    label: str | None = Field(None, pattern=r"^[^./]+$")

    @property
    def title(self) -> str:
        """What tables call the chip."""
        return self.label or short_name(self.name)

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain = {"rule": _PLAIN_RULE, "label": None}
        return {key: value for key, value in dump(self).items() if key not in plain or value != plain[key]}


class VariantChoice(FrozenConfig):
    """Other published values for the chips (dotted path -> value): priced too, for the range of every ratio."""

    label: str = Field(min_length=1)
    set: Json = Field(min_length=1)


class StudySpec(FrozenConfig):
    """A whole study. ``training`` holds further fields of the learner's configuration (epochs, batch_size, ...).

    ``featured`` names the methods drawn in the detailed figures (empty: the first four); ``reference_chip`` is the
    chip whose PE size the methods' masks follow. ``backbone`` holds fields of
    :class:`imcsim.learn.config.BackboneConfig`: what the network learned before deployment.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    title: str
    question: str
    seeds: tuple[int, ...] = Field(min_length=1)
    reference_chip: str
    featured: tuple[str, ...] = ()
    stream: StreamChoice
    network: NetworkChoice
    backbone: Json | None = None
    training: Json = Field(default_factory=dict)
    methods: tuple[MethodChoice, ...] = Field(min_length=1)
    chips: tuple[ChipChoice, ...] = Field(min_length=1)
    variants: tuple[VariantChoice, ...] = ()
    on_chip: OnChipChoice | None = None

    @model_validator(mode="after")
    def _names(self) -> "StudySpec":
        labels, chips = [m.label for m in self.methods], [c.title for c in self.chips]
        variants = [v.label for v in self.variants]
        names = (("seeds", self.seeds), ("method labels", labels), ("chip names", chips), ("variant labels", variants))
        for what, given in names:
            if len(set(given)) != len(given):
                way = "; give one of them a label" if what == "chip names" else ""
                raise ValueError(f"{what} must differ, got {', '.join(map(str, given))}{way}")
        if self.reference not in chips:
            raise ValueError(f"reference_chip must be one of [[chips]], got '{self.reference_chip}'")
        ruled = next((chip for chip in self.chips if chip.rule != _PLAIN_RULE), None)
        if self.on_chip is not None and ruled is not None:
            raise ValueError(
                f"[on_chip] measures accuracies of weights that rule '{_PLAIN_RULE}' lays, and chip '{ruled.title}' "
                f"has rule = '{short_name(ruled.rule)}': leave out one of them"
            )
        for label in self.featured:
            if label not in labels:
                raise ValueError(f"featured names no method label: '{label}'{nearest(label, labels)}")
        return self

    @property
    def reference(self) -> str:
        """What tables call the reference chip."""
        return short_name(self.reference_chip)

    @property
    def shown(self) -> tuple[str, ...]:
        """Labels of the methods drawn in the detailed figures."""
        return self.featured or tuple(method.label for method in self.methods[:4])


@dataclass(frozen=True)
class LoadedStudy:
    """A study, where it was read, the overrides given on top of its file, and the folder that its paths count from.

    In ``spec`` paths are absolute.
    """

    spec: StudySpec
    source: str
    overrides: Mapping[str, object]
    folder: Path = Path()

    def settings(self) -> dict[str, Any]:
        """Return the study as JSON-able settings, with paths as seen from its folder: the same on any machine."""
        found: dict[str, Any] = in_texts(self.spec.model_dump(mode="json"), lambda text: portable(text, self.folder))
        return found


def load_study(name: str, overrides: Mapping[str, object] | None = None) -> LoadedStudy:
    """Load study ``name`` (or a TOML file's path), apply its ``[per_dataset]`` table, then ``overrides``.

    An override's path walks tables by key and lists of tables by ``label`` or ``name``
    (``methods.er.config.buffer_size=500``); ``chips.NAME.PATH`` sets a value of that chip.

    Raises
    ------
    ConfigError, ContentError
        With the file, the field's path, what was given and the nearest name.
    """
    path, given = path_of("study", name), dict(overrides or {})
    data = _placed(read_toml(path), path.parent)
    given = in_texts(given, absolute)
    per_dataset = data.pop("per_dataset", {})
    stream = data.get("stream")
    dataset = given.get(
        "stream.dataset", fill_from_domains(stream).get("dataset") if isinstance(stream, dict) else None
    )
    if not isinstance(per_dataset, dict):
        raise ConfigError(f"{path.name}: 'per_dataset' must be a table of tables")
    where = _where(path)
    for dotted, value in _suited(per_dataset, dataset):
        _set(data, dotted, value, f"{where} [per_dataset]")
    for dotted, value in given.items():
        _set(data, dotted, value, f"{where} override")
    return LoadedStudy(parse(StudySpec, data, where), where, given, path.parent)


_PICKING = ("stream", "network", "backbone", "methods", "chips", "variants", "reference_chip", "per_dataset")


def _placed(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the study's data with the paths of files, where things are picked, made absolute from ``folder``."""
    return {
        key: in_texts(value, lambda text: absolute(text, folder)) if key in _PICKING else value
        for key, value in data.items()
    }


def _where(path: Path) -> str:
    """Return the file's folder and name, however its path was typed."""
    whole = path.resolve()
    return f"{whole.parent.name}/{whole.name}"


def _suited(per_dataset: Mapping[str, object], dataset: object) -> Iterable[tuple[str, Any]]:
    table = per_dataset.get(short_name(str(dataset)), {})
    return leaves(table) if isinstance(table, Mapping) else []


def _set(data: dict[str, object], dotted: str, value: object, where: str) -> None:
    parts = dotted.split(".")
    if parts[0] == "chips" and len(parts) > 2 and parts[2] not in ("set", "rule", "label"):
        parts = [*parts[:2], "set", ".".join(parts[2:])]
    node: object = data
    for depth, part in enumerate(parts[:-1]):
        node = _child(node, part, f"{where} '{dotted}'", last_table=depth == len(parts) - 2)
    if not isinstance(node, dict):
        raise ConfigError(f"{where} '{dotted}': '{'.'.join(parts[:-1])}' is not a table")
    node[parts[-1]] = copy.deepcopy(value)


_OPENED = ("params", "config", "base_config", "set", "training", "on_chip", "backbone")


def _child(node: object, part: str, where: str, *, last_table: bool) -> Any:
    if isinstance(node, list):
        tables = [entry for entry in node if isinstance(entry, dict)]
        named = {short_name(str(entry.get("label", entry.get("name")))): entry for entry in tables}
        if part not in named:
            raise ConfigError(f"{where}: no entry '{part}'{nearest(part, named)}")
        return named[part]
    if not isinstance(node, dict):
        raise ConfigError(f"{where}: '{part}' is inside a value, not a table")
    if part not in node and last_table and part in _OPENED:
        node[part] = {}
    if part not in node:
        raise ConfigError(f"{where}: no table '{part}'{nearest(part, node)}")
    return node[part]
