"""Activity as publications word it."""

import pytest

from imcsim.published.activity import activity_unknown, input_toggle, weight_density


@pytest.mark.parametrize(
    ("words", "toggle", "density"),
    [
        ("input toggle 0.5, weight density 0.25, 2 b/cycle", 0.5, 0.25),
        ("toggle rate = 37.5 %, density 50%", 0.375, 0.5),
        ("toggle 0.375, density 0.5, bit-serial input, 3b ADC; 8 macro(s), total area 1.88 mm2", 0.375, 0.5),
        ("25% toggle, weight sparsity 0.9", 0.25, 0.1),
        ("toggle rate 50%", 0.5, None),
        ("12.5% toggle", 0.125, None),
        ("90 % input sparsity", 0.1, None),
        ("input density 0.3", 0.3, None),
        ("50% input toggle rate, 25% weight sparsity", 0.5, 0.75),
        ("weight sparsity 50% and input toggle 12.5%", 0.125, 0.5),
        ("input/weight sparsity 50%/80%", 0.5, 0.2),
        ("50/50% input/weight sparsity", 0.5, 0.5),
        ("input and weight sparsity 90 %", 0.1, 0.1),
        ("sparsity of inputs 30 %, sparsity of weights 60%", 0.7, 0.4),
        ("activation sparsity: 40%; weight density: 0.3", 0.6, 0.3),
        ("toggle rate of 25 percent and weight sparsity of 50 percent", 0.25, 0.5),
        ("input toggle rate is 50%, weight sparsity is 90%", 0.5, 0.1),
        ("0.9 V, 25% input toggling at 0.5 weight density", 0.25, 0.5),
        ("18% switching activity", 0.18, None),
        ("INPUT TOGGLE RATE=50 %; WEIGHT SPARSITY=75 %", 0.5, 0.25),
        ("input bit density 0.25, weight bit density 0.5", 0.25, 0.5),
        ("8b input, 8b weight, toggle rate 0.25, weight density 0.5", 0.25, 0.5),
        ("input toggle rate 50% (weight sparsity 75%)", 0.5, 0.25),
        ("measured at 25 C with 50% toggle, 50% sparse weights", 0.5, 0.5),
        ("toggle rate: 0.50; w sparsity: 0.50", 0.5, 0.5),
        ("toggle rate 100 %, weight sparsity 0%", 1.0, 1.0),
        ("uniform data", 0.5, 0.5),
        ("random inputs and weights", 0.5, 0.5),
        ("random inputs, weight sparsity 0.25", 0.5, 0.75),
        ("50% sparsity", None, None),  # of what?
        ("input toggle 5", None, None),  # no share
        ("density 0.5 Mb/mm2", None, None),  # bits on an area
        ("16.3 TOPS/mm2, 0.72 V, full precision", None, None),
        ("input toggle " + "9" * 400, None, None),
        ("", None, None),
    ],
)
def test_words_of_activity(words: str, toggle: float | None, density: float | None) -> None:
    assert input_toggle(words) == (None if toggle is None else pytest.approx(toggle))
    assert weight_density(words) == (None if density is None else pytest.approx(density))


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        ("sparsity unknown", True),
        ("toggle and sparsity not reported; 0.9 V", True),
        ("unknown weight sparsity", True),
        ("sparsity n/a", True),
        ("input toggle 0.5, weight density 0.5", False),
        ("toggle 0.5, output bits not stated", False),
        ("0.9 V", False),
    ],
)
def test_words_that_say_activity_is_unknown(words: str, unknown: bool) -> None:
    assert activity_unknown(words) == unknown
