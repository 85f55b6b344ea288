"""The array: how codes become cell levels."""

from imcsim.crossbar.encoding import Encoding

__all__ = ["Encoding"]
