"""Every rule on the layers of whole networks: attention projections, grouped, dilated and strided convolutions."""

from typing import Any

import numpy as np
import pytest
from torch import nn

from imcsim.crossbar.encoding import Encoding
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.mapping import MAPPING_RULES, LayerSpec, PeGeometry, map_network
from imcsim.mapping.rule import level_of
from imcsim.testing import check_mapping

PE = PeGeometry(rows=16, cols=34, encoding=Encoding(sign="differential", weight_bits=4, cell_bits=2))  # 16 x 8 weights
CONVOLUTIONS = nn.Sequential(
    nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False),
    nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=6, bias=False),
    nn.Conv2d(6, 10, (1, 3), groups=2, bias=False),
)


def vit() -> tuple[LayerSpec, ...]:
    shape = (3, 8, 8)
    return trace_layers(build_network("vit", 5, shape, {"width": 12, "depth": 1, "heads": 3, "mlp_ratio": 2}), shape)


def convolutions() -> tuple[LayerSpec, ...]:
    return trace_layers(CONVOLUTIONS, (3, 9, 9))


def needs(layers: tuple[LayerSpec, ...]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "kernel": [spec.kernel for spec in layers],
        "positions": [spec.positions for spec in layers],
        "zeros": [rng.random(spec.matrix_shape) < 0.8 for spec in layers],
        "trainable": [np.broadcast_to(rng.random((1, 1, spec.outputs)) < 0.5, spec.matrix_shape) for spec in layers],
        "pe_budget": 200,
    }


@pytest.mark.parametrize("layers", [vit(), convolutions()], ids=["vit", "convolutions"])
@pytest.mark.parametrize("name", MAPPING_RULES.names())
def test_every_rule_keeps_every_law(name: str, layers: tuple[LayerSpec, ...]) -> None:
    given = needs(layers)
    shapes: list[Any] = [spec.matrix_shape for spec in layers]
    if name != "sparse_skip":
        given.pop("zeros")  # codes are 0 there: other rules are to place all weights
    if level_of(MAPPING_RULES.get(name)) == "network":
        check_mapping(name, shapes, PE, **given)
        return
    for i, shape in enumerate(shapes):
        own = {key: value if key == "pe_budget" else value[i] for key, value in given.items()}
        check_mapping(name, shape, PE, **own)


@pytest.mark.parametrize("name", MAPPING_RULES.names())
def test_a_network_is_mapped_as_its_layers_are(name: str) -> None:
    layers = vit()
    given = needs(layers)
    masks = {kind: dict(zip((s.name for s in layers), given[kind], strict=True)) for kind in ("zeros", "trainable")}
    found = map_network(layers, PE, name, **masks, pe_budget=200)
    assert [spec.name for spec in found.layers] == [spec.name for spec in layers]
    copies = [layer.copies for layer in found.maps]
    if name == "sparse_skip":
        assert found.cells_used < found.weight_count * PE.encoding.cells_per_weight
    else:
        weights = sum(c * spec.weight_count for c, spec in zip(copies, layers, strict=True))
        assert found.cells_used == weights * PE.encoding.cells_per_weight
    assert found.pe_count <= 200
