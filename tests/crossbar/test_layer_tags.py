"""What a mapped layer may carry: each tag round trips, travels as it says, and is spelled in one file."""

import ast
import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import imcsim
from imcsim.crossbar import layer_tags as tags

_NAMES = {
    "weight_code_step", "weight_code_range", "column_scale", "column_rows", "adaptor", "stands_in_for_a_layer",
    "imcsim_network",
}  # fmt: skip
_HOME = Path(tags.__file__)


def test_the_names_of_tags_in_stored_networks_stay() -> None:
    spelled = {v for k, v in vars(tags).items() if k.startswith("_") and isinstance(v, str) and not k.startswith("__")}
    assert spelled == _NAMES
    for name in _NAMES:
        assert f"``{name}``" in (tags.__doc__ or "")


def test_no_other_file_of_the_package_spells_a_tag() -> None:
    """As the name of an attribute, a buffer or a module: a file's header has a field of its own, ``column_rows``."""
    paths = [path for path in sorted(_HOME.parents[1].rglob("*.py")) if path != _HOME]
    found = [f"{path.name}: {name}" for path in paths for name in _spelled(ast.parse(path.read_text())) & _NAMES]
    assert len(paths) > 100 and found == []


@pytest.mark.parametrize(
    "line",
    [
        "getattr(layer, 'column_rows', 0)",
        "layer.register_buffer('column_scale', x)",
        "'adaptor' in layer._modules",
        "del layer._modules['adaptor']",
        "STEP = 'weight_code_step'",
        "layer.column_scale.mul_(2)",
    ],
)
def test_a_tag_that_is_spelled_elsewhere_is_found(line: str) -> None:
    assert len(_spelled(ast.parse(line)) & _NAMES) == 1


def _spelled(tree: ast.AST) -> set[object]:
    """Return what calls, look-ups, ``in`` and constants name by a string, and the attributes of what ``layer`` is."""
    found: list[ast.expr] = []
    names: set[object] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += node.args
        elif isinstance(node, ast.Subscript):
            found.append(node.slice)
        elif isinstance(node, ast.Compare):
            found.append(node.left)
        elif isinstance(node, ast.Assign):
            found.append(node.value)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "layer":
            names.add(node.attr)
    return names | {value.value for value in found if isinstance(value, ast.Constant)}


def test_a_step_is_told_by_state_dict_once_and_goes_with_a_copy() -> None:
    layer = nn.Linear(2, 2)
    assert tags.step_of(layer) is None
    tags.keep_step(layer, 0.25)
    tags.keep_step(layer, 0.5)  # a second one replaces the first, without a second hook
    assert tags.step_of(copy.deepcopy(layer)) == 0.5
    network = nn.Sequential(nn.ReLU(), layer)
    metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    assert [tags.step_in(metadata[name]) for name in ("", "0", "1")] == [None, None, 0.5]
    assert list(network.state_dict()) == ["1.weight", "1.bias"]  # the tensors are a plain network's
    tags.keep_step(layer, None)
    assert tags.step_in(network.state_dict()._metadata["1"]) is None  # type: ignore[attr-defined]


def test_a_step_from_a_file_survives(tmp_path: Path) -> None:
    layer = nn.Linear(2, 2)
    tags.keep_step(layer, 3 / 127)
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    again = torch.load(tmp_path / "layer.pt", weights_only=True)
    assert tags.step_in(again._metadata[""]) == 3 / 127


def test_column_scales_of_a_layer_as_networks_were_stored_with_them() -> None:
    layer = nn.Linear(4, 2)
    assert tags.column_scales_of(layer) is None
    layer.register_buffer("column_scale", torch.ones(1, 2, 2))
    layer.column_rows = 2  # type: ignore[assignment]
    found = tags.column_scales_of(layer)
    assert found is not None and found.rows == 2 and found.scales.shape == (1, 2, 2)
    other = nn.Linear(4, 2)
    tags.keep_column_scales(other, found.scales, found.rows)
    assert list(other.state_dict()) == list(layer.state_dict())
    assert tags.column_scales_key("") in other.state_dict()
    assert tags.column_scales_key("0") in nn.Sequential(other).state_dict()
    tags.drop_column_scales(other)
    tags.drop_column_scales(other)  # none is no mistake
    assert tags.column_scales_of(other) is None and list(other.state_dict()) == ["weight", "bias"]


def test_a_layer_of_zeros_says_how_far_its_codes_reach() -> None:
    layer = nn.Linear(3, 3)
    assert tags.code_range_of(layer) is None
    tags.keep_code_range(layer, 2)
    assert tags.code_range_of(layer) == 2.0


def test_an_adaptor_is_a_child_until_it_is_taken_off() -> None:
    layer, child = nn.Linear(3, 3), nn.Linear(1, 1)
    tags.keep_adaptor(layer, child)
    assert tags.adaptor_on(layer) is child and "adaptor.weight" in layer.state_dict()
    tags.drop_adaptor(layer)
    assert tags.adaptor_on(layer) is None and len(list(layer.parameters())) == 2


def test_only_a_taged_function_stands_in() -> None:
    def forward(x: Tensor) -> Tensor:
        return x

    assert not tags.is_stand_in(forward)
    assert tags.stands_in(forward) is forward and tags.is_stand_in(forward)


def test_a_network_is_called_as_it_was_built() -> None:
    stream = imcsim.split("digits", tasks=2, classes_per_task=2, train_limit=8)
    network = imcsim.load("network", "mlp", like=stream, hidden=(4,))
    assert tags.built_as(network) == ("mlp", {"hidden": (4,)})
    assert tags.built_as(nn.Sequential(nn.Linear(1, 1))) == ("Sequential", {})
    assert tags.built_as(copy.deepcopy(network)) == ("mlp", {"hidden": (4,)})
