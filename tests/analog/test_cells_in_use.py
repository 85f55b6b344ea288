"""Non-idealities as a network sees them: each switch by itself, with its moments."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.analog import SLOTS, AnalogConfig
from imcsim.analog.cells import CellPhysics
from imcsim.analog.weight_noise import code_spread
from imcsim.chip.config import ChipConfig
from imcsim.core.errors import ConfigError
from imcsim.crossbar import Encoding, effective_conductance
from imcsim.devices import spread_after_programming_s
from tests.analog.hand import all_rram, chip, codes_of, images, linear, two_layers

FRACTION = {"rram__cell__programming_model": "fraction", "rram__cell__relaxation_model": "none"}


def only(*switches: str) -> AnalogConfig:
    return AnalogConfig.ideal(**dict.fromkeys(switches, True))


def weights_read(analog: nn.Linear) -> np.ndarray:
    """Codes (D, N) that an ideal reader finds in the arrays: unit vectors at full scale, one after the other."""
    eye = torch.eye(analog.in_features)
    read: np.ndarray = analog(eye).detach().numpy() * 127
    return read


def test_programming_errors_add_up_by_place_value() -> None:
    """sigma(code)^2 = sum of (place value x sigma(level))^2 over the cells of a weight; here one for all codes."""
    layer = linear(400, 100, seed=1)
    made = all_rram(rram__cell__programming_sigma_fraction=0.001, **FRACTION)  # far from the cut at 0 S
    analog = imcsim.convert(layer, made, config=only("programming")).eval()
    analog.calibrate(torch.eye(400))
    analog.program(0)
    error = weights_read(analog) - codes_of(layer.weight)
    level_sigma = 0.001 * 40 / 13  # of a level, 39 uS over 3 levels
    wanted = level_sigma * np.sqrt(2 * (1 + 4**2 + 16**2 + 64**2))
    assert error.std() == pytest.approx(wanted, rel=0.02)  # 40,000 weights: 0.35 % of standard error
    assert abs(error.mean()) < 4 * wanted / 200


@pytest.mark.parametrize("sign", ["differential", "offset"])
def test_the_spread_of_a_code_is_that_of_its_cells(sign: str) -> None:
    cell = all_rram().config.rram
    assert cell is not None
    encoding = Encoding(sign=sign, weight_bits=8, cell_bits=2)
    physics = CellPhysics(cell.cell, encoding, only("programming"), 8)
    for code in (encoding.code_min, -5, 0, 77, 127):
        levels = encoding.levels(np.array([code]))[:, 0]
        sigma_s = spread_after_programming_s(cell.cell, cell.cell.conductances_s(2)[levels])
        by_hand = np.sqrt(np.sum((encoding.significance * np.broadcast_to(sigma_s, levels.shape) / 13e-6) ** 2))
        assert code_spread(physics)[code - encoding.code_min] == pytest.approx(by_hand, rel=1e-6)


def test_age_adds_to_the_spread_of_a_code_as_it_does_to_cells() -> None:
    """The spread that training prepares for is that of cells programmed and left for a day, code by code."""
    cell = all_rram().config.rram
    assert cell is not None
    encoding = Encoding(sign="differential", weight_bits=8, cell_bits=2)
    physics = CellPhysics(cell.cell, encoding, only("programming", "relaxation"), 8)
    code, count = 90, 40_000
    analog = imcsim.convert(linear(200, 200), all_rram(), config=only("programming", "relaxation")).eval()
    with torch.no_grad():
        analog.weight.fill_(code / 127)
        analog.weight[0, 0] = 1.0  # the largest weight, on code 127
    analog.calibrate(torch.eye(200))
    analog.program(0)
    analog.drift(86_400.0)
    seen = weights_read(analog).ravel()[1:]
    assert seen.size == count - 1
    # cells near 0 S are cut there, which the Gaussian of training does not know
    assert seen.std() == pytest.approx(code_spread(physics)[code - encoding.code_min], rel=0.1)
    assert code_spread(physics)[-1] > code_spread(CellPhysics(cell.cell, encoding, only("programming"), 8))[-1]


def test_only_cells_whose_level_changes_are_programmed_again_and_the_others_keep_their_error() -> None:
    layer = linear(64, 8, seed=2)
    analog = imcsim.convert(layer, chip(), config=only("programming")).eval()
    analog.calibrate(torch.eye(64))
    first = analog.program(0)
    assert first.events == 64 * 8 * 8
    assert first.rows == 64
    before = weights_read(analog)
    with torch.no_grad():
        analog.weight[3, 5] -= 1 / 127  # one code less: at least one of its eight cells moves
    moved = analog.program(1)
    assert 1 <= moved.events <= 8
    assert moved.rows == 1
    assert moved.row_pulses <= moved.pulses
    changed = weights_read(analog) != before
    assert changed[5, 3]
    assert changed.sum() == 1
    assert analog.program(2).events == 0


def test_pulses_follow_the_measured_mean() -> None:
    analog = imcsim.convert(linear(256, 64), chip())
    done = analog.program(0)
    assert done.pulses / done.events == pytest.approx(8.52, rel=0.05)
    assert done.row_pulses / done.rows > 2 * 8.52  # the slowest of 64 cells


def test_relaxation_is_a_path_of_each_cell() -> None:
    layer, x = linear(64, 8), images(4, 64)
    analog = imcsim.convert(layer, chip(), config=only("programming", "relaxation")).eval()
    analog.calibrate(x)
    analog.program(0)
    at_once = analog(x)
    analog.drift(86_400.0)
    later = analog(x)
    analog.drift(0.0)
    assert torch.equal(analog(x), at_once)  # no new draws
    analog.drift(86_400.0)
    assert torch.equal(analog(x), later)
    assert (later - at_once).abs().max() > 0


def test_older_cells_keep_their_age_when_others_are_programmed() -> None:
    """Two weights; the second is programmed a day later: at that moment only the first has relaxed."""
    layer = linear(1, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0], [0.5]]))
    shifting = all_rram(
        rram__cell__programming_model="fraction",
        rram__cell__programming_sigma_fraction=1e-9,
        rram__cell__relaxation_model="pooled",  # its mean shift, with hardly any spread
    )
    analog = imcsim.convert(layer, shifting, config=only("programming", "relaxation")).eval()
    analog.calibrate(torch.ones(1, 1))
    analog.program(0)
    fresh = weights_read(analog)[0]
    analog.drift(1e5)
    old = weights_read(analog)[0]
    with torch.no_grad():
        analog.weight[1, 0] = -0.5
    analog.program(0)
    mixed = weights_read(analog)[0]
    assert mixed[0] == old[0] != fresh[0]
    positive, negative = fresh[1], mixed[1]
    assert positive == pytest.approx(-negative, abs=1e-3)  # as fresh as the first was, in the other array


def test_read_noise_is_new_at_each_read_and_adds_over_rows_and_planes() -> None:
    """Variance of an output: sum over planes and cells of (place values)^2 x driven rows x sigma^2."""
    layer = linear(50, 4, seed=3)
    made = all_rram(rram__cell__read_noise_fraction=0.02)
    analog = imcsim.convert(layer, made, config=only("read_noise")).eval()
    x = torch.full((4000, 50), 0.25)
    x[0, 0] = 1.0  # the range; 0.25 is code 64: one plane, place value 64
    analog.calibrate(x)
    analog.program(0)
    first, second = analog(x)[1:], analog(x)[1:]
    assert not torch.equal(first, second)
    sigma = 0.02 * 40 / 13 * np.sqrt(50) * 64 * np.sqrt(2 * (1 + 4**2 + 16**2 + 64**2)) / (255 * 127)
    assert first.std(dim=0).numpy() == pytest.approx(np.full(4, sigma), rel=0.06)
    analog.program(0)
    assert torch.equal(analog(x)[1:], first)  # seeds reproduce


def test_an_idle_row_makes_no_noise() -> None:
    layer = linear(50, 4)
    analog = imcsim.convert(layer, chip(), config=only("read_noise")).eval()
    analog.calibrate(images(8, 50))
    analog.program(0)
    assert torch.equal(analog(torch.zeros(3, 50)), torch.zeros(3, 4))


def test_stuck_cells_stay_stuck_through_programming() -> None:
    layer = linear(200, 50, seed=4)
    made = all_rram(rram__cell__stuck_low_fraction=0.02, rram__cell__stuck_high_fraction=0.01)
    analog = imcsim.convert(layer, made, config=only("stuck")).eval()
    analog.calibrate(torch.eye(200))
    analog.program(0)
    wrong = np.abs(weights_read(analog) - codes_of(layer.weight)) > 0.5
    assert 0.05 < wrong.mean() < 1 - 0.97**8  # a stuck cell may already hold its level
    with torch.no_grad():
        analog.weight.neg_()
    analog.program(1)
    again = np.abs(weights_read(analog) + codes_of(layer.weight)) > 0.5
    assert (again & wrong).mean() > 0.5 * wrong.mean()  # the same weights, for the most part
    everywhere = imcsim.convert(
        layer,
        all_rram(rram__cell__stuck_low_fraction=1.0, rram__cell__stuck_high_fraction=0.0),
        config=only("stuck"),
    ).eval()
    everywhere.program(0)
    assert torch.count_nonzero(everywhere(images(3, 200))) == 0


def test_wires_act_on_each_pe_as_the_solved_array_does() -> None:
    """One PE of 40 x 6 weights, 48 columns, by hand: effective conductance in levels, summed by place value."""
    layer = linear(40, 6, seed=5)
    made = all_rram(rram__wl_segment_ohm=20.0, rram__bl_segment_ohm=35.0)
    analog = imcsim.convert(layer, made, config=only("wires")).eval()
    analog.calibrate(torch.eye(40))
    encoding = Encoding(sign="differential", weight_bits=8, cell_bits=2)
    levels = np.moveaxis(encoding.levels(codes_of(layer.weight)), 0, -1)  # (40, 6, 8)
    conductance_s = 1e-6 + levels.reshape(40, 48) * 13e-6
    seen = (effective_conductance(conductance_s, 20.0, 35.0) - 1e-6) / 13e-6
    wanted = seen.reshape(40, 6, 8) @ encoding.significance
    assert weights_read(analog) == pytest.approx(wanted, abs=2e-3)
    assert np.abs(wanted - codes_of(layer.weight)).max() > 1


def test_more_wire_resistance_makes_every_output_smaller() -> None:
    layer, x = linear(64, 8, seed=6), images(16, 64)
    with torch.no_grad():
        layer.weight.abs_()
    sums = []
    for ohm in (0.0, 2.0, 20.0, 200.0):
        made = all_rram(rram__wl_segment_ohm=ohm, rram__bl_segment_ohm=ohm)
        sums.append(imcsim.convert(layer, made, config=only("wires")).eval()(x))
    assert all(bool((less < more).all()) for more, less in itertools.pairwise(sums))


def test_a_bent_cell_makes_the_middle_of_a_wide_dac_weaker() -> None:
    """2-bit DAC: code c drives c / 3 of V_read and gives sinh(c/3 V/V0) / sinh(V/V0) of full scale, not c / 3."""
    layer = linear(1, 1)
    made = all_rram(dac_bits=2, rram__cell__nonlinearity_v=0.1, rram__cell__read_voltage_v=0.2)
    analog = imcsim.convert(layer, made, config=only("nonlinearity")).eval()
    analog.calibrate(torch.tensor([[1.0]]))
    codes = torch.arange(4.0)
    got = analog((codes * 64 / 255)[:, None])[:, 0] * 255 / 64
    wanted = 3 * np.sinh(codes.numpy() / 3 * 2) / np.sinh(2)
    assert got.numpy() == pytest.approx(wanted, rel=1e-5)
    plain = imcsim.convert(layer, all_rram(rram__cell__nonlinearity_v=0.1), config=only("nonlinearity")).eval()
    plain.calibrate(torch.tensor([[1.0]]))  # a 1-bit DAC knows full scale only
    assert plain(torch.tensor([[64 / 255]])).item() == pytest.approx(64 / 255, rel=1e-6)


@pytest.mark.parametrize("switch", SLOTS)
def test_each_switch_acts_alone(switch: str) -> None:
    """All off but one: the network differs from the ideal one, and is the same again with a new generator state."""
    changes = {"rram__cell__nonlinearity_v": 0.05, "dac_bits": 2} if switch == "nonlinearity" else {}
    changes |= {"rram__adc_bits": 4} if switch == "converter" else {}
    if switch == "stuck":
        changes |= {"rram__cell__stuck_low_fraction": 0.05}
    made, x = all_rram(**changes), images(4, 3, 12, 12)
    ideal = imcsim.convert(two_layers(), made, config=AnalogConfig.ideal()).eval()
    one = imcsim.convert(two_layers(), made, config=only(switch)).eval()
    for network in (ideal, one):
        network.calibrate(x)
        network.program(3)
        network.drift(10.0)
    assert not torch.equal(one(x), ideal(x)), switch


def test_sram_pes_show_none_of_it() -> None:
    x = images(4, 3, 12, 12)
    exact = imcsim.convert(two_layers(), chip(), "sram", config=AnalogConfig.ideal()).eval()
    real = imcsim.convert(two_layers(), chip(), "sram").eval()
    real.calibrate(x)
    assert real.program(0).events == 0
    real.drift(1e6)
    assert torch.equal(real(x), exact(x))


def test_a_mixed_layer_is_exact_in_its_sram_pes_and_not_in_the_others() -> None:
    layer, x = linear(128, 16, seed=7), images(5, 128)
    mask = np.array([[[True, False], [True, False]]])  # outputs 0 to 7 in SRAM, 8 to 15 in RRAM
    model = nn.Sequential(layer)
    mixed = imcsim.convert(model, chip(), {"0": mask}).eval()
    exact = imcsim.convert(model, chip(), "sram").eval()
    for network in (mixed, exact):
        network.calibrate(x)
        network.program(0)
    assert torch.equal(mixed(x)[:, :8], exact(x)[:, :8])
    assert bool((mixed(x)[:, 8:] != exact(x)[:, 8:]).all())


def test_what_cannot_drift_or_seed_is_refused() -> None:
    analog = imcsim.convert(linear(), chip())
    with pytest.raises(ConfigError, match="never programmed do not drift; call program"):
        analog.drift(1.0)
    analog.program(np.random.default_rng(0))
    analog.program(torch.Generator())
    with pytest.raises(ConfigError, match="time_s must be finite and >= 0, got -1"):
        analog.drift(-1.0)
    with pytest.raises(ConfigError, match="generator must be a seed, a numpy or a torch generator, got str"):
        analog.program("0")


def test_a_chip_config_will_do_in_place_of_a_loaded_chip() -> None:
    config: ChipConfig = chip().config
    assert imcsim.convert(linear(), config).eval()(images(2, 70)).shape == (2, 10)
