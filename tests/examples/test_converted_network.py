import pytest

from examples.converted_network import AGES_S, CHIPS, SWITCHES, Result, main, table


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return main(tmp_path_factory.mktemp("converted") / "picture.png")


def test_a_transparent_converter_costs_nothing_and_real_cells_cost_much(found: Result) -> None:
    assert set(found) == {"plain", "hardware-aware"}
    for rows in found.values():
        assert set(rows) == set(SWITCHES)
        means = {name: {age: stat.mean or 0.0 for age, stat in ages.items()} for name, ages in rows.items()}
        assert means["converter"] == means["exact codes"]  # 64 rows x level 3 fit 8 bits
        assert means["exact codes"]["1 s"] > 95
        assert means["programming and relaxation"]["1 day"] < means["programming and relaxation"]["1 s"]
        assert means["everything"]["1 day"] < means["exact codes"]["1 day"] - 3
        assert all(stat.n == CHIPS for ages in rows.values() for stat in ages.values())


def test_the_table_shows_every_mean(found: Result) -> None:
    lines = table(found).splitlines()
    assert len(lines) == 1 + 2 * (2 + len(SWITCHES))
    assert f"{found['plain']['everything']['1 day'].mean:.1f}" in lines[2 + len(SWITCHES)]
    assert len(lines[3].split()) == 2 + len(AGES_S)
