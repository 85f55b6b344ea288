"""What gets inputs to rows and outputs from columns: deliveries, partial sums, and tables of permuted orders."""

from dataclasses import dataclass
from math import ceil, log2

from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.lines import pe_lines
from imcsim.mapping.tile import Indices


@dataclass(frozen=True)
class Routing:
    """The routing of one layer.

    Parameters
    ----------
    fetched
        Input elements read from the buffer for one sample.
    sent
        Input elements sent towards the layer's PEs for one sample: one per row of the matrix that has a place.
    delivered
        Input elements that reach a row, for one sample: one fetched element can go to several PEs.
    added
        Additions that join the partial sums of PEs, for one sample.
    table_bits
        Bits of the tables that a permuted order needs: for each distinct index set that is no run of the matrix, an
        entry of log2(D) bits per row, of log2(N) bits per output. 0 where the matrix keeps its order.
    """

    fetched: int
    sent: int
    delivered: int
    added: int
    table_bits: int


def routing(layer: LayerSpec, layer_map: LayerMap) -> Routing:
    """Return what routing ``layer`` takes on ``layer_map``.

    Each input vector is fetched in full, but for inputs that no tile needs. Where every tile belongs to one kernel
    position, neighbouring vectors share what they fetch, and each input element is fetched once.
    """
    lines, tiles = pe_lines(layer_map), layer_map.forward_tiles
    inputs = layer.groups * layer.fan_in if _whole(layer_map) else _distinct_inputs(layer_map)
    shared = bool(tiles) and all(tile.position is not None for tile in tiles)
    held = int(lines.outputs.sum())
    return Routing(
        fetched=min(layer.input_elements, layer.positions * inputs) if shared else layer.positions * inputs,
        sent=layer.positions * inputs,
        delivered=layer.positions * lines.row_drives,
        added=layer.positions * (held - distinct_outputs(layer_map)),
        table_bits=_table_bits({tile.rows for tile in tiles}, layer.fan_in)
        + _table_bits({tile.cols for tile in tiles}, layer.outputs),
    )


def distinct_outputs(layer_map: LayerMap) -> int:
    """Outputs of the layer that at least one tile holds."""
    groups, _, outputs = layer_map.shape
    if _whole(layer_map):
        return groups * outputs
    sets = {(tile.group, tile.cols) for tile in layer_map.forward_tiles}
    return len({(group, col) for group, cols in sets for col in cols})


def _distinct_inputs(layer_map: LayerMap) -> int:
    sets = {(tile.group, tile.rows) for tile in layer_map.forward_tiles}
    return len({(group, row) for group, rows in sets for row in rows})


def _whole(layer_map: LayerMap) -> bool:
    """Whether every weight has a place in the first copy, as is so for all rules but those that skip zeros."""
    groups, fan_in, outputs = layer_map.shape
    return sum(tile.weight_count for tile in layer_map.forward_tiles) == groups * fan_in * outputs


def _table_bits(sets: set[Indices], length: int) -> int:
    entries = sum(len(indices) for indices in sets if not isinstance(indices, range))
    return entries * ceil(log2(length)) if length > 1 else 0
