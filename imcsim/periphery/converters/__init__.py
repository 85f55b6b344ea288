"""Cost models of column converters, one file each, and the registry that finds them by name."""

from imcsim.periphery.converters.converter import ConverterModel, RangedConverter, Words
from imcsim.periphery.converters.registry import CONVERTERS, converter_model

__all__ = ["CONVERTERS", "ConverterModel", "RangedConverter", "Words", "converter_model"]
