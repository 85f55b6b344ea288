"""One layer of a learner's own on PEs, without a chip and without converting a network."""

from imcsim.analog.arrays import LayerArrays, matrix_shape
from imcsim.analog.clock import Clock
from imcsim.analog.config import AnalogConfig
from imcsim.analog.layer import AnalogLayer, analog_of
from imcsim.analog.pes import LayerPes
from imcsim.crossbar.mapped_layers import MappedLayer, mapped_layers


def analog_layer(
    layer: MappedLayer, pes: LayerPes, config: AnalogConfig | None = None, *, clock: Clock | None = None
) -> AnalogLayer:
    """Return ``layer`` on PEs of its own, sharing its parameters.

    All PEs are in RRAM where ``pes`` have any, until ``place_pes`` moves them. ``program_cells`` programs them; the
    clock ages them, and gives read noise once it has a seed.

    Parameters
    ----------
    layer
        A Linear or Conv2d.
    pes
        What its PEs are.
    config
        Switches of the non-idealities; left out: all of them.
    clock
        Time and noise; layers of one learner share one. Left out: one of its own.

    Raises
    ------
    MappingError
        For a layer that cannot lie on arrays.
    """
    mapped_layers(layer)
    arrays = LayerArrays("layer", matrix_shape(layer), pes, AnalogConfig() if config is None else config)
    return analog_of(layer, arrays, Clock() if clock is None else clock)
