"""The configuration of one training run: everything that the trace depends on."""

from typing import Any, Literal

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.crossbar.encoding import Encoding


def default_encodings(weight_bits: int) -> tuple[Encoding, ...]:
    """Return differential pairs of 2-bit cells, and offset 1-bit cells: the default RRAM and SRAM storage."""
    return (
        Encoding(sign="differential", weight_bits=weight_bits, cell_bits=min(2, weight_bits)),
        Encoding(sign="offset", weight_bits=weight_bits, cell_bits=1),
    )


class LearnConfig(FrozenConfig):
    """One learner on one stream.

    ``train_limit`` is the largest number of training samples per task (None: all). ``network_params`` and
    ``method_config`` are checked by the network and by the method. ``weight_range`` is the range of the weight codes
    in units of each layer's largest initial weight. ``weight_noise`` trains for cells that miss their levels: the
    standard deviation of an error on every mapped weight, drawn anew in each training forward pass, in units of the
    largest code (it needs ``quantise``). ``pe_tile`` is (weight rows, weight columns) of a PE, used by methods that
    place PEs. ``autocast_bf16`` runs the forward and backward passes in bfloat16 with channels-last tensors.
    ``freeze_digital``: the bias of a fully frozen layer, and the norm layer behind it, freeze with it.
    All defaults are design choices, but momentum 0 and weight decay 0 (Mammoth's continual setting).
    """

    dataset: str = "digits"
    tasks: int = Field(5, ge=1)
    classes_per_task: int | None = Field(None, ge=1)
    train_limit: int | None = Field(None, ge=1)
    network: str = "convnet"
    network_params: dict[str, Any] = Field(default_factory=dict)
    method: str = "finetune"
    method_config: dict[str, Any] = Field(default_factory=dict)
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
        """Leave out ``encodings`` and the default pair for ``weight_bits`` is used."""
        if not isinstance(data, dict) or data.get("encodings"):
            return data
        bits = data.get("weight_bits", 8)
        valid = isinstance(bits, int) and 2 <= bits <= 16  # else: the field's own check speaks
        return {**data, "encodings": default_encodings(bits if valid else 8)}

    @model_validator(mode="after")
    def _consistent(self) -> "LearnConfig":
        for encoding in self.encodings:
            if encoding.weight_bits != self.weight_bits:
                raise ValueError(f"encoding {encoding.name} is not for weight_bits = {self.weight_bits}")
        if len({encoding.name for encoding in self.encodings}) != len(self.encodings):
            raise ValueError("encodings must differ")
        if self.weight_noise and not self.quantise:
            raise ValueError("weight_noise is an error on codes and needs quantise = true")
        if min(self.pe_tile) < 1:
            raise ValueError(f"pe_tile must be at least (1, 1), got {self.pe_tile}")
        if self.device.partition(":")[0] not in ("cpu", "cuda"):
            raise ValueError(f"device must be 'cpu' or 'cuda', got '{self.device}'")
        return self
