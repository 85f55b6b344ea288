import itertools

import pytest

from examples.adc_sweep import BITS, MAPS, RULES, Sweep, main, table
from imcsim.crossbar import BitSliceConfig


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return main(tmp_path_factory.mktemp("adc") / "sweep.png")


def test_every_combination_is_there(points: Sweep) -> None:
    assert set(points) == {(name, rule, bits) for name in MAPS for rule in RULES for bits in BITS}


def test_enough_bits_are_exact_and_pairs_need_fewer(points: Sweep) -> None:
    exact: dict[str, int] = {
        name: min(bits for bits in BITS if all(points[name, rule, bits].error == 0 for rule in RULES)) for name in MAPS
    }
    assert exact["diff"] < exact["offset"]
    # 128 rows of 2-bit cells and 1-bit inputs can add up to 384: no data needs more than 9 bits
    assert exact["offset"] <= (BitSliceConfig(rows=128, cell_bits=2).largest_sum(512)).bit_length()
    for (name, _, bits), point in points.items():
        assert (point.error == 0) == (bits >= exact[name])
        if point.error == 0:
            assert point.step == 1


def test_each_bit_helps_and_the_step_falls(points: Sweep) -> None:
    for name in MAPS:
        for rule in RULES:
            row = [points[name, rule, bits] for bits in BITS]
            assert all(few.error >= more.error for few, more in itertools.pairwise(row))
            assert all(few.step >= more.step for few, more in itertools.pairwise(row))
            assert row[0].error > 4 * row[3].error


def test_rules_keep_what_they_promise(points: Sweep) -> None:
    for name in MAPS:
        for bits in BITS:
            at = {rule: points[name, rule, bits] for rule in RULES}
            assert at["max"].clipped == 0
            assert at["percentile"].clipped <= 0.001
            assert at["percentile"].step <= at["max"].step
    assert points["offset", "mse", 3].error < points["offset", "max", 3].error
    assert points["diff", "mse", 3].clipped > 0.005  # at few bits it clips, to resolve the rest


def test_the_table_shows_every_point(points: Sweep) -> None:
    lines = table(points).splitlines()
    assert len(lines) == 1 + len(MAPS) * (2 + len(BITS))
    assert "exact (1)" in lines[-1]
    assert f"{100 * points['offset', 'max', 3].error:.1f} ({points['offset', 'max', 3].step})" in "\n".join(lines)
