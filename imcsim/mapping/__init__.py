"""Weight matrices onto PEs: layer shapes, tiles, rules, invariants."""

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.layer_map import LayerMap, Tile, map_layer
from imcsim.mapping.network_map import NetworkMap, map_network
from imcsim.mapping.rule import MAPPING_RULES, mapping_rule

__all__ = [
    "MAPPING_RULES",
    "LayerMap",
    "LayerSpec",
    "NetworkMap",
    "PeGeometry",
    "Tile",
    "map_layer",
    "map_network",
    "mapping_rule",
]
