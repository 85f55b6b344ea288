"""On-chip SRAM buffer: energy, leakage and area follow its size."""

from pydantic import Field, model_validator

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig
from imcsim.periphery.table import check_increasing, log_log


class Buffer(FrozenConfig):
    """A buffer of ``size_bytes``; each figure is interpolated on log-log axes in a table over sizes.

    Parameters
    ----------
    size_bytes
        Capacity; must lie inside ``table_bytes``.
    table_bytes, read_table_j, write_table_j, leakage_table_w, area_table_m2
        Sizes, and for each size the figures *per bit* (J, J, W, m2).
    bandwidth_bits_per_s
        Bits that cross the port in a second.

    Raises
    ------
    ConfigError
        Through :func:`imcsim.core.config.parse`, for a size outside the table or tables that disagree.
    """

    name: str
    size_bytes: int = Field(gt=0)
    table_bytes: tuple[int, ...] = Field(min_length=2)
    read_table_j: tuple[float, ...]
    write_table_j: tuple[float, ...]
    leakage_table_w: tuple[float, ...]
    area_table_m2: tuple[float, ...]
    bandwidth_bits_per_s: float = Field(gt=0)

    @model_validator(mode="after")
    def _tables(self) -> "Buffer":
        sizes = self.table_bytes
        check_increasing("table_bytes", sizes)
        for name in ("read_table_j", "write_table_j", "leakage_table_w", "area_table_m2"):
            table = getattr(self, name)
            if len(table) != len(sizes):
                raise ValueError(f"{name} has {len(table)} entries for {len(sizes)} sizes in table_bytes")
            if min(table) <= 0:
                raise ValueError(f"{name} must hold values > 0, got {min(table)}")
        if not sizes[0] <= self.size_bytes <= sizes[-1]:
            raise ValueError(
                f"size_bytes ({self.size_bytes}) must lie inside table_bytes, {sizes[0]} to {sizes[-1]} bytes"
            )
        return self

    @property
    def size_bits(self) -> int:
        """Capacity in bits."""
        return 8 * self.size_bytes

    @property
    def read_energy_j(self) -> float:
        """Energy of reading one bit (J)."""
        return self._at_size(self.read_table_j)

    @property
    def write_energy_j(self) -> float:
        """Energy of writing one bit (J)."""
        return self._at_size(self.write_table_j)

    @property
    def leakage_w(self) -> float:
        """Leakage of the whole buffer (W)."""
        return self._at_size(self.leakage_table_w) * self.size_bits

    @property
    def area_m2(self) -> float:
        """Area of the whole buffer (m2)."""
        return self._at_size(self.area_table_m2) * self.size_bits

    def read_price(self, at: str = "buffer") -> Price:
        """Return the price (J) of reading a bit, for the buffer at path ``at`` of the chip."""
        return self._price(self.read_energy_j, "energy of reading a bit", "read_table_j", at)

    def write_price(self, at: str = "buffer") -> Price:
        """Return the price (J) of writing a bit."""
        return self._price(self.write_energy_j, "energy of writing a bit", "write_table_j", at)

    def leakage_price(self, at: str = "buffer") -> Price:
        """Return the price (J) of a bit that is powered for a second; there are ``size_bits`` bits."""
        return self._price(self._at_size(self.leakage_table_w), "leakage of a bit", "leakage_table_w", at)

    def area_price(self, at: str = "buffer") -> Price:
        """Return the price (m2) of a bit; there are ``size_bits`` bits."""
        return self._price(self._at_size(self.area_table_m2), "area of a bit", "area_table_m2", at)

    def time_price(self, at: str = "buffer") -> Price:
        """Return the price (s) of a bit across the port."""
        return Price(1.0 / self.bandwidth_bits_per_s, "1 / bandwidth", (f"{at}.bandwidth_bits_per_s",))

    def _price(self, value: float, said: str, table: str, at: str) -> Price:
        values = tuple(f"{at}.{name}" for name in ("size_bytes", "table_bytes", table))
        return Price(value, f"{said}, log-log in the table at size_bytes", values)

    def _at_size(self, table: tuple[float, ...]) -> float:
        return log_log(self.size_bytes, self.table_bytes, table)
