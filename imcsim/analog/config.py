"""What of the hardware a converted network shows: one switch for each non-ideality, and how ranges are calibrated."""

from pydantic import Field

from imcsim.core.config import FrozenConfig
from imcsim.crossbar.slicing.calibrate import Method


class AnalogConfig(FrozenConfig):
    """Non-idealities of RRAM PEs, each with its own switch, and calibration. SRAM PEs have none of them.

    Parameters
    ----------
    programming
        Error of each programming event, by the cell's ``programming_model``.
    relaxation
        Relaxation and drift with the time since a cell's last programming event, by its ``relaxation_model``.
    read_noise
        Noise of each read of each cell, summed along the bit line.
    stuck
        Cells stuck at the ends of the window, drawn when the chip is first programmed.
    wires
        Resistance of word lines and bit lines (``rram.wl_segment_ohm``, ``rram.bl_segment_ohm``).
    nonlinearity
        The cell's I-V curve: what the levels of a DAC of more than one bit really contribute.
    converter
        Resolution and range of the column converter; False converts ideally.
    adc_range
        Rule that sets the converter's range on data: see :func:`imcsim.crossbar.calibrate_adc`.
    adc_percentile, adc_sigmas
        Parameters of the rules ``percentile`` and ``sigma``.
    adc_per_slice
        One converter range for each slice instead of one for the layer.
    input_quantile
        Largest input that keeps its value, as a quantile of the magnitudes seen in calibration.
    training_age_s
        Time since programming (s) for which ``train()`` prepares: programming error and relaxation up to then.
    explicit_training
        ``train()`` runs the forward pass on the arrays as they are, conversion by conversion, and not on weights with
        a drawn error: as slow as ``eval()``.
    """

    programming: bool = True
    relaxation: bool = True
    read_noise: bool = True
    stuck: bool = True
    wires: bool = True
    nonlinearity: bool = True
    converter: bool = True
    adc_range: Method = "max"
    adc_percentile: float = Field(99.9, gt=0, le=100)
    adc_sigmas: float = Field(4.0, gt=0)
    adc_per_slice: bool = False
    input_quantile: float = Field(1.0, gt=0, le=1)
    training_age_s: float = Field(86_400.0, ge=0)
    explicit_training: bool = False

    @classmethod
    def ideal(cls, **settings: object) -> "AnalogConfig":
        """Return every non-ideality off, but for ``settings``: what a method's ideal accuracy is measured on."""
        return cls.model_validate(dict.fromkeys(SLOTS, False) | settings)


SLOTS = ("programming", "relaxation", "read_noise", "stuck", "wires", "nonlinearity", "converter")
"""The switches of :class:`AnalogConfig`, one for each non-ideality."""
