"""What surrounds the arrays: converters, drivers, adders, buffers, links and DRAM, each with its cost."""

from imcsim.periphery.adc import Adc
from imcsim.periphery.buffer import Buffer
from imcsim.periphery.digital import AdderTree, DigitalMac, ShiftAdd
from imcsim.periphery.dram import Dram
from imcsim.periphery.driver import RowDriver
from imcsim.periphery.link import Link

__all__ = ["Adc", "AdderTree", "Buffer", "DigitalMac", "Dram", "Link", "RowDriver", "ShiftAdd"]
