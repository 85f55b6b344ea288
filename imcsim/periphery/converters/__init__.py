"""Cost models of column converters, one file each, and the registry that finds them by name."""

from imcsim.periphery.converters.converter import CONVERTERS, ConverterModel, RangedConverter, Words, converter_model

__all__ = ["CONVERTERS", "ConverterModel", "RangedConverter", "Words", "converter_model"]
