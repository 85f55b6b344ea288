"""The size of a PE in cells and, with an encoding, in weights."""

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.crossbar.encoding import Encoding


class PeGeometry(FrozenConfig):
    """One PE: ``rows`` x ``cols`` cells; the K cells of a weight lie side by side in one row.

    Raises
    ------
    ConfigError
        Through :func:`imcsim.core.config.parse`, if a row cannot hold one weight.
    """

    rows: int = Field(ge=1)
    cols: int = Field(ge=1)
    encoding: Encoding

    @model_validator(mode="after")
    def _row_holds_a_weight(self) -> "PeGeometry":
        if self.encoding.cells_per_weight > self.cols:
            raise ValueError(
                f"a row of {self.cols} cells cannot hold a weight of {self.encoding.cells_per_weight} cells"
            )
        return self

    @property
    def weight_rows(self) -> int:
        """Weights along the fan-in that one PE holds."""
        return self.rows

    @property
    def weight_cols(self) -> int:
        """Outputs that one PE holds: floor(cols / cells per weight)."""
        return self.cols // self.encoding.cells_per_weight

    @property
    def tile(self) -> tuple[int, int]:
        """Weights (rows, outputs) that one PE holds."""
        return self.weight_rows, self.weight_cols

    def tiles(self, fan_in: int, outputs: int) -> tuple[int, int]:
        """Return (row tiles, column tiles) of a fan_in x outputs weight matrix."""
        return -(-fan_in // self.weight_rows), -(-outputs // self.weight_cols)
