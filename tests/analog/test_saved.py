"""A converted network that is saved and loaded is the same chip: cells, ages, ranges and noise, bit for bit."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.core import sealed
from imcsim.core.errors import ConfigError, StorageError
from imcsim.crossbar.layer_tags import keep_step
from tests.analog.hand import TwoLayers, all_rram, chip, images, linear, two_layers

_MASKS = {"head": np.array([[[True], [False]]])}


def lived_in(**options: Any) -> Any:
    """A chip with a history: two programmings, some PEs in SRAM, stuck cells, an age, ranges, noise drawn already."""
    made = imcsim.convert(
        two_layers(),
        chip(rram__cell__stuck_high_fraction=0.01, rram__cell__stuck_low_fraction=0.02),
        _MASKS,
        overrides={"second": {"rram.adc_bits": 6, "read_noise": True}},
        **options,
    )
    made.program(3)
    made.drift(50.0)
    with torch.no_grad():
        made.first.weight[0] *= 0.5
    made.program(4)
    made.drift(86_400.0)
    made.calibrate(images(8, 3, 12, 12))
    made.eval()(images(2, 3, 12, 12, seed=5))
    return made


def same_arrays(one: Any, other: Any) -> None:
    for (_, a), (_, b) in zip(one.analog_layers(), other.analog_layers(), strict=True):
        assert (a.arrays.state is None) == (b.arrays.state is None)
        if a.arrays.state is not None:
            assert np.array_equal(a.arrays.state.levels, b.arrays.state.levels)
            assert np.array_equal(a.arrays.state.programmed_s, b.arrays.state.programmed_s)
            assert np.array_equal(a.arrays.state.event, b.arrays.state.event)
            assert all(np.array_equal(x, y) for x, y in zip(a.arrays.state.stuck, b.arrays.state.stuck, strict=True))
            assert a.arrays.state.event_times_s == b.arrays.state.event_times_s
        assert np.array_equal(a.arrays.in_sram, b.arrays.in_sram)
        assert (a.inputs, a.adc, a.grid) == (b.inputs, b.adc, b.grid)
        assert (a.arrays.pes, a.arrays.config) == (b.arrays.pes, b.arrays.config)


def test_what_is_loaded_goes_on_as_the_saved_one_would_have(tmp_path: Path) -> None:
    made, x = lived_in(), images(4, 3, 12, 12, seed=9)
    made.save(tmp_path / "chip.safetensors")
    again: Any = imcsim.load_converted(tmp_path / "chip.safetensors", two_layers(seed=7))
    assert type(again).__mro__[2] is TwoLayers
    assert not again.training
    same_arrays(made, again)
    assert str(again.summary(io.StringIO())) == str(made.summary(io.StringIO()))
    for _ in range(2):  # the noise of each read is the one that would have come next
        assert torch.equal(again(x), made(x))
    for one in (made, again):
        one.drift(1e6)
    assert torch.equal(again(x), made(x))
    with torch.no_grad():
        for one in (made, again):
            one.second.weight.neg_()
    assert made.program(8) == again.program(8)
    assert torch.equal(again(x), made(x))


def test_training_goes_on_with_the_noise_that_would_have_come_next(tmp_path: Path) -> None:
    made, x = imcsim.convert(two_layers(), chip(), generator=5).train(), images(4, 3, 12, 12)
    made(x)
    made.save(tmp_path / "c")
    again = imcsim.load_converted(tmp_path / "c", two_layers(seed=1))
    assert again.training
    assert torch.equal(made(x), again(x))
    assert again.first.inputs == made.first.inputs


def test_a_chip_that_was_never_programmed_and_one_without_rram(tmp_path: Path) -> None:
    x = images(2, 70)
    for name, made in (("new", imcsim.convert(linear(), chip())), ("sram", imcsim.convert(linear(), chip(), "sram"))):
        made.save(str(tmp_path / name))
        again = imcsim.load_converted(str(tmp_path / name), linear(seed=3))
        assert torch.equal(made.eval()(x), again.eval()(x))


def test_a_learned_step_and_column_scales_come_along(tmp_path: Path) -> None:
    layer, x = linear(70, 4), images(6, 70)
    layer.register_buffer("column_scale", torch.tensor([[[0.5, 1.0, 0.0, 2.0], [2.0, 0.0, 0.0, 1.0]]]))
    layer.column_rows = 64  # type: ignore[assignment]
    keep_step(layer, 0.02)
    made = imcsim.convert(layer, chip(), calibration=x)
    made.program(0)
    for plain in (linear(70, 4, seed=5), layer):
        made.save(tmp_path / "c")
        again = imcsim.load_converted(tmp_path / "c", plain)
        same_arrays(made, again)
        assert again.grid.learned
        assert again.grid.step == 0.02
        assert torch.equal(made.eval()(x), again.eval()(x))
    assert torch.equal(layer.get_buffer("column_scale"), made.column_scale)  # the network that was given keeps its own


def test_layers_that_were_excluded_stay_digital_and_bfloat16_comes_back(tmp_path: Path) -> None:
    model = two_layers()
    model.norm.to(torch.bfloat16)
    made = imcsim.convert(model, chip(), exclude=["head"])
    made.save(tmp_path / "c")
    other = two_layers(seed=1)
    other.norm.to(torch.bfloat16)
    again = imcsim.load_converted(tmp_path / "c", other)
    assert [name for name, _ in again.analog_layers()] == ["first", "second"]
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in made.state_dict().items())
    with pytest.raises(ConfigError, match=r"holds 'norm.bias' as torch.bfloat16 of \(8,\), the network's is"):
        imcsim.load_converted(tmp_path / "c", two_layers())


def test_the_file_is_safetensors_and_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    made = lived_in()
    made.save(tmp_path / "a")
    made.save(tmp_path / "b")
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes()
    table = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert {"levels/first", "event/second", "stuck_high/head", "place/head", "state/head.weight"} <= set(table)


def test_a_file_with_one_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    made = imcsim.convert(linear(8, 3), chip())
    made.program(0)
    made.save(path)
    data = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(data), 60):
        broken = bytearray(data)
        broken[place] ^= 1 << int(place % 8)
        path.write_bytes(bytes(broken))
        with pytest.raises(ConfigError):
            imcsim.load_converted(path, linear(8, 3))
    path.write_bytes(data[:-1])
    with pytest.raises(ConfigError, match="is not a whole converted network"):
        imcsim.load_converted(path, linear(8, 3))


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (nn.Sequential(nn.Linear(70, 10)), "holds a converted layer '', which the network does not have"),
        (nn.Linear(71, 10, bias=False), r"as a matrix of \(1, 70, 10\) .*, the network's is \(1, 71, 10\)"),
        (nn.Linear(70, 10), "is of another network: 'bias' is in the network alone"),
        ("convnet", "network must be a torch module of the saved architecture, got str"),
    ],
)
def test_another_network_is_refused(network: Any, sentence: str, tmp_path: Path) -> None:
    imcsim.convert(linear(), chip()).save(tmp_path / "c")
    with pytest.raises(ConfigError, match=sentence):
        imcsim.load_converted(tmp_path / "c", network)


def test_other_files_and_places_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no network")
    with pytest.raises(ConfigError, match="is not a whole converted network"):
        imcsim.load_converted(tmp_path / "text", linear())
    with pytest.raises(ConfigError, match=r"cannot read converted network .*nothing: No such file"):
        imcsim.load_converted(tmp_path / "nothing", linear())
    with pytest.raises(ConfigError, match="path must be the name of a file, got int"):
        imcsim.load_converted(3, linear())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="path must be the name of a file, got NoneType"):
        imcsim.convert(linear(), chip()).save(None)
    other = sealed.Kind("wear ledger", 1, ConfigError)
    sealed.save(tmp_path / "ledger", other, {}, {})
    with pytest.raises(ConfigError, match="is not an imcsim converted network, it is a wear ledger"):
        imcsim.load_converted(tmp_path / "ledger", linear())


def test_a_disk_that_refuses_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        imcsim.convert(linear(), chip()).save(tmp_path / "file" / "c")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def changed(header: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    node: Any = header
    for parent in parents:
        node = node[int(parent)] if parent.isdigit() else node[parent]
    node[last] = value


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("layers.0.settings", 9),
        ("layers.0.shape", [1, 2]),
        ("layers.0.grid.own_step", -1.0),
        ("layers.0.event_times_s", [0.0]),
        ("layers.0.inputs", {"largest": 0.0, "signed": False}),
        ("clock.programmed_s", "yesterday"),
        ("settings", []),
        ("levels/", np.zeros((1, 8, 3, 8), np.int16)),
        ("levels/", np.full((1, 8, 3, 8), 60_000, np.uint16)),
        ("programmed_s/", np.full((1, 8, 3, 8), np.nan, np.float32)),
        ("place/", np.zeros((2, 2, 2), np.bool_)),
        ("event/", None),
        ("state/weight", None),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_though_its_digest_is_right(
    part: str, value: Any, tmp_path: Path
) -> None:
    path, kind = tmp_path / "c", sealed.Kind("converted network", 2, ConfigError)
    made = imcsim.convert(linear(8, 3), all_rram())
    made.program(0)
    made.save(path)
    header, arrays = sealed.load(path, kind)
    if part in arrays:
        arrays = {name: array for name, array in arrays.items() if name != part}
        arrays |= {} if value is None else {part: value}
    else:
        changed(header, part, value)
    sealed.save(path, kind, header, arrays)
    with pytest.raises(ConfigError) as refused:
        imcsim.load_converted(path, linear(8, 3))
    assert "\n" not in str(refused.value)
