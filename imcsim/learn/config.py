"""The configuration of one training run: everything that the trace depends on."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.reference import absolute, in_texts, short_name
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.wear.config import WearConfig
from imcsim.learn.writing.config import WritingConfig
from imcsim.trace.stream_name import domains_name


def _one_or_several(least: int, what: str) -> BeforeValidator:
    def check(given: Any) -> Any:
        numbers = given if isinstance(given, list | tuple) and given else [given]
        if given is not None and not all(type(number) is int and number >= least for number in numbers):
            raise ValueError(f"must be {what}")
        return tuple(given) if isinstance(given, list) else given

    return BeforeValidator(check)


ClassesPerTask = Annotated[
    int | tuple[int, ...] | None, _one_or_several(1, "a whole number of at least 1, or one for each task")
]
ClassOrder = Annotated[int | tuple[int, ...] | None, _one_or_several(0, "a list of labels, or a seed of at least 0")]

# A name; or the path of a file, kept as an absolute one: another process may stand elsewhere.
Picked = Annotated[str, AfterValidator(absolute)]
Settings = Annotated[dict[str, Any], AfterValidator(lambda given: in_texts(given, absolute))]

LARGEST_TILE = 1 << 16  # weights a side of a PE; design choice: some sixty times the largest array that was built
DEFAULT_SHAPE = (1, 28, 28)  # of a multi-domain stream; design choice: the shape of two of its usual data sets


def default_encodings(weight_bits: int) -> tuple[Encoding, ...]:
    """Return differential pairs of 2-bit cells, offset 1-bit cells, and differential pairs of 1-bit cells.

    The first two are the default RRAM and SRAM storage; with the third a trace prices on 1-bit RRAM, too. The first
    is the one whose cells wear while learning, if nobody says otherwise.
    """
    return (
        Encoding(sign="differential", weight_bits=weight_bits, cell_bits=min(2, weight_bits)),
        Encoding(sign="offset", weight_bits=weight_bits, cell_bits=1),
        Encoding(sign="differential", weight_bits=weight_bits, cell_bits=1),
    )


def fill_from_domains(data: Any) -> Any:
    """Return settings of a stream; ``dataset`` and ``tasks``, where left out, follow from ``domains``.

    What contradicts the domains stays, for :func:`check_domains` to refuse.
    """
    domains = data.get("domains") if isinstance(data, Mapping) else None
    if not isinstance(domains, list | tuple) or not domains:
        return data
    return {"dataset": domains_name([short_name(str(name)) for name in domains]), "tasks": len(domains), **data}


def check_domains(domains: tuple[str, ...], dataset: str, tasks: int, image_shape: tuple[int, int, int] | None) -> None:
    """Raise ValueError if a stream's settings contradict its ``domains``."""
    if not domains and image_shape is not None:
        raise ValueError("image_shape belongs to a multi-domain stream: give domains, too")
    if domains and dataset != domains_name([short_name(name) for name in domains]):
        raise ValueError(f"domains name the data sets: leave out dataset (given: '{dataset}')")
    if domains and tasks != len(domains):
        raise ValueError(f"{len(domains)} domains are {len(domains)} tasks: leave out tasks (given: {tasks})")
    if image_shape is not None and (min(image_shape) < 1 or image_shape[0] not in (1, 3)):
        raise ValueError(f"image_shape must be (1 or 3, height, width), got {image_shape}")


class BackboneConfig(FrozenConfig):
    """Pre-training before deployment: plain cross-entropy and SGD on a whole data set, in float, charged to nobody.

    ``train_limit`` is the largest number of training samples (None: all). ``seed`` is the backbone's own, so that all
    runs of a study start from the same one. The defaults are design choices.
    """

    dataset: Picked
    epochs: int = Field(5, ge=1)
    train_limit: int | None = Field(None, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(0.05, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    seed: int = Field(0, ge=0)


class LearnConfig(FrozenConfig):
    """One learner on one stream.

    ``classes_per_task`` and ``class_order`` say which classes a task gets, as in :func:`imcsim.learn.stream.split`.
    ``dataset``, ``network`` and ``method`` are names, or paths of files (``./mine.py``, ``./mine.py:name``).
    ``train_limit`` and ``test_limit`` are the largest numbers of samples per task (None: all). ``domains`` are the data
    sets of a multi-domain stream, one task each, with images of ``image_shape`` (C, H, W; left out: 1 x 28 x 28);
    ``dataset`` and ``tasks`` then follow from them. ``backbone`` is what the network learned before it was deployed;
    its output layer is initialised anew. ``network_params`` and
    ``method_config`` are checked by the network and by the method. ``weight_range`` is the range of the weight codes
    in units of each layer's largest initial weight. ``weight_noise`` trains for cells that miss their levels: the
    standard deviation of an error on every mapped weight, drawn anew in each training forward pass, in units of the
    largest code (it needs ``quantise``). ``pe_tile`` is (weight rows, weight columns) of a PE, used by methods that
    place PEs. ``autocast_bf16`` runs the forward and backward passes in bfloat16 with channels-last tensors.
    ``wear``: RRAM cells die of their level changes and are stuck in what the learner sees (it needs ``quantise``).
    ``writing`` says when a changed master copy is written to the cells.
    ``freeze_digital``: the bias of a fully frozen layer, and the norm layer behind it, freeze with it.
    All defaults are design choices, but momentum 0 and weight decay 0 (Mammoth's continual setting).
    """

    dataset: Picked = "digits"
    tasks: int = Field(5, ge=1)
    classes_per_task: ClassesPerTask = None
    class_order: ClassOrder = None
    train_limit: int | None = Field(None, ge=1)
    test_limit: int | None = Field(None, ge=1)
    domains: tuple[Picked, ...] = ()
    image_shape: tuple[int, int, int] | None = None
    backbone: BackboneConfig | None = None
    network: Picked = "convnet"
    network_params: dict[str, Any] = Field(default_factory=dict)
    method: Picked = "finetune"
    method_config: Settings = Field(default_factory=dict)
    epochs: int = Field(5, ge=1)
    batch_size: int = Field(32, ge=1)
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = Field(0.05, gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    drop_last: bool = False
    quantise: bool = True
    weight_noise: float = Field(0.0, ge=0)
    weight_bits: int = Field(8, ge=2, le=16)
    weight_range: float = Field(3.0, ge=1)
    wear: WearConfig | None = None
    writing: WritingConfig = WritingConfig()
    encodings: tuple[Encoding, ...] = Field(default=(), description="storage forms whose level changes are counted")
    pe_tile: tuple[int, int] = (64, 8)
    input_bits: int = Field(8, ge=1, le=16)
    error_bits: int = Field(8, ge=2, le=16)
    autocast_bf16: bool = False
    freeze_digital: bool = True
    device: str = "cpu"
    seed: int = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _fill_encodings(cls, data: Any) -> Any:
        """Leave out ``encodings`` and the default ones for ``weight_bits`` are used."""
        if not isinstance(data, dict) or data.get("encodings"):
            return data
        bits = data.get("weight_bits", 8)
        valid = isinstance(bits, int) and 2 <= bits <= 16  # else: the field's own check speaks
        return {**data, "encodings": default_encodings(bits if valid else 8)}

    @model_validator(mode="before")
    @classmethod
    def _fill_stream(cls, data: Any) -> Any:
        """Leave out ``image_shape`` and a multi-domain stream gets the default one."""
        filled = fill_from_domains(data)
        if filled is not data and filled.get("image_shape") is None:
            filled["image_shape"] = DEFAULT_SHAPE
        return filled

    @model_validator(mode="after")
    def _stream(self) -> "LearnConfig":
        check_domains(self.domains, self.dataset, self.tasks, self.image_shape)
        for name in ("classes_per_task", "class_order"):
            if self.domains and getattr(self, name) is not None:
                raise ValueError(f"{name} splits one data set: leave it out with domains")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "LearnConfig":
        for encoding in self.encodings:
            if encoding.weight_bits != self.weight_bits:
                raise ValueError(f"encoding {encoding.name} is not for weight_bits = {self.weight_bits}")
        if len({encoding.name for encoding in self.encodings}) != len(self.encodings):
            raise ValueError("encodings must differ")
        if self.weight_noise and not self.quantise:
            raise ValueError("weight_noise is an error on codes and needs quantise = true")
        if self.writing.on_codes and not self.quantise:
            raise ValueError("writing.rounding, threshold and master are about codes and need quantise = true")
        self._check_wear()
        if min(self.pe_tile) < 1:
            raise ValueError(f"pe_tile must be at least (1, 1), got {self.pe_tile}")
        if max(self.pe_tile) > LARGEST_TILE:
            raise ValueError(f"pe_tile must be at most {LARGEST_TILE} weights a side, got {self.pe_tile}")
        if self.device.partition(":")[0] not in ("cpu", "cuda"):
            raise ValueError(f"device must be 'cpu' or 'cuda', got '{self.device}'")
        return self

    def _check_wear(self) -> None:
        if self.wear is not None and not self.quantise:
            raise ValueError("wear acts on the cells that hold codes and needs quantise = true")
        names = [encoding.name for encoding in self.encodings]
        if self.wear is not None and self.wear.encoding not in (None, *names):
            raise ValueError(f"wear.encoding '{self.wear.encoding}' is not recorded: choose one of {', '.join(names)}")

    @property
    def worn_encoding(self) -> Encoding:
        """How codes lie in the cells that wear."""
        named = None if self.wear is None else self.wear.encoding
        return next(encoding for encoding in self.encodings if named in (None, encoding.name))
