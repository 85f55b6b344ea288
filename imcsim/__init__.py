"""What it costs, and what it buys, to keep learning on a chip of RRAM and SRAM in-memory arrays."""

__version__ = "0.1.0"
