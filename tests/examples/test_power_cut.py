import pytest

from examples.power_cut import SHARES, Result, main, table


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return main(tmp_path_factory.mktemp("cut") / "picture.png")


def test_two_copies_keep_the_accuracy_and_one_serves_mixtures(found: Result) -> None:
    for rows in found.values():
        kept, torn = rows["two-copy"], rows["in-place"]
        assert len(kept) == len(torn) == len(SHARES)
        assert len(set(kept[:-1])) == 1  # the last cut comes when the new codes are whole
        assert kept[0] == torn[0]  # nothing is written yet
        assert kept[-1] == torn[-1]  # everything is
        assert len(set(torn)) > 2  # accuracies of codes that are of no commit


def test_the_table_shows_the_cuts(found: Result) -> None:
    lines = table(found).splitlines()
    assert len(lines) == 7
    assert f"{found['Task-IL']['in-place'][5]:.1f}" in lines[5]
