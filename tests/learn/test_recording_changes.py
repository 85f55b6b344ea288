import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.crossbar.encoding import Encoding
from imcsim.learn.recording.changes import LevelChanges
from imcsim.trace.trace import transition_counts

ENCODINGS = (Encoding(weight_bits=4, cell_bits=2), Encoding(sign="offset", weight_bits=4, cell_bits=1))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(-7, 7), min_size=5, max_size=5), min_size=2, max_size=6))
def test_counts_match_a_dense_comparison(history: list[list[int]]) -> None:
    changes = LevelChanges(ENCODINGS, [2, 3], 7, len(history), torch.device("cpu"))
    for codes in history:
        changes.commit(torch.tensor(codes, dtype=torch.int16))
    cells, squares = changes.take()
    for number, encoding in enumerate(ENCODINGS):
        levels = encoding.levels(np.array(history)).astype(np.int64)  # (K, commits, W)
        moved = (levels[:, 1:] != levels[:, :-1]).sum(axis=1)
        for layer, part in enumerate((slice(0, 2), slice(2, 5))):
            assert np.array_equal(cells[number][layer], moved[:, part])
            expected = transition_counts(levels[:, :-1, part], levels[:, 1:, part], encoding.level_count)
            assert np.array_equal(squares[number][layer], expected)


def test_taking_starts_anew_from_the_last_commit() -> None:
    changes = LevelChanges(ENCODINGS, [1], 7, 300, torch.device("cpu"))
    for code in (0, 7):
        changes.commit(torch.tensor([code], dtype=torch.int16))
    changes.take()
    changes.commit(torch.tensor([7], dtype=torch.int16))
    assert not any(part.any() for parts in changes.take()[0] for part in parts)


@pytest.mark.parametrize(("commits", "dtype"), [(255, np.uint8), (300, np.uint16)])
def test_a_cell_that_changes_at_every_commit_is_not_lost(commits: int, dtype: type) -> None:
    changes = LevelChanges(ENCODINGS[1:], [1], 7, commits, torch.device("cpu"))
    for number in range(commits + 1):
        changes.commit(torch.tensor([number % 2], dtype=torch.int16))
    cells, squares = changes.take()
    assert cells[0][0].tolist() == [[commits], [0], [0], [0]]
    assert cells[0][0].dtype == dtype
    assert squares[0][0].sum() == commits


@pytest.mark.parametrize("weights", [10, 600_000])
def test_commits_of_small_and_of_large_networks_count_alike(weights: int) -> None:
    changes = LevelChanges(ENCODINGS[1:], [weights - 4, 4], 7, 300, torch.device("cpu"))
    codes = torch.zeros(weights, dtype=torch.int16)
    for number in range(6):
        codes = codes.clone()
        codes[-1 - number % 2] = number
        changes.commit(codes)
    cells, squares = changes.take()
    moved = [cell.astype(int).sum(1).tolist() for cell in cells[0]]
    # offset codes of the last weight: 8, 10, 12; of the one before: 8, 9, 11, 13 (bit 0 first)
    assert moved == [[0, 0, 0, 0], [1, 4, 2, 0]]
    assert squares[0][1].sum() == 7
