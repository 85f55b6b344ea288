"""Pieces of a mask by hand, and which pieces freeze first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import MappingError
from imcsim.mapping.granularity import GRANULARITIES, Granularity, lowest, pieces
from imcsim.mapping.masks import tile_grid
from tests.mapping.specs import PAIRS

SHAPE = (2, 8, 5)  # two channels of a 2 x 2 kernel; PEs of 4 x 3 weights


@pytest.mark.parametrize(
    ("granularity", "count", "together", "apart"),
    [
        ("element", 80, [(0, 0, 0)], (0, 0, 1)),
        ("column", 2 * 2 * 5, [(0, 0, 0), (0, 3, 0)], (0, 4, 0)),
        ("pe", 2 * 2 * 2, [(0, 0, 0), (0, 3, 2)], (0, 0, 3)),
        ("kernel", 2 * 2 * 5, [(1, 4, 2), (1, 7, 2)], (1, 3, 2)),
        ("channel", 2 * 5, [(1, 0, 4), (1, 7, 4)], (0, 0, 4)),
        ("layer", 1, [(0, 0, 0), (1, 7, 4)], None),
    ],
)
def test_pieces_by_hand(
    granularity: Granularity, count: int, together: list[tuple[int, ...]], apart: tuple[int, ...] | None
) -> None:
    found = pieces(granularity, SHAPE, PAIRS, (2, 2))
    assert found.shape == SHAPE
    assert sorted(set(found.ravel().tolist())) == list(range(count))
    assert len({int(found[at]) for at in together}) == 1
    assert apart is None or found[apart] != found[together[0]]


def test_pieces_of_pes_are_im2cols_tiles() -> None:
    assert pieces("pe", SHAPE, PAIRS).max() + 1 == np.prod(tile_grid(SHAPE, (4, 3)))


def test_the_least_pieces_freeze_over_all_layers() -> None:
    scores = [np.array([[[1.0, 9.0], [3.0, 9.0]]]), np.array([[[2.5]]])]
    labels = [np.array([[[0, 1], [0, 1]]]), np.array([[[0]]])]
    chosen = lowest(scores, labels, 0.6)  # 3 of 5 weights: means are 2, 9 and 2.5
    assert [mask.tolist() for mask in chosen] == [[[[True, False], [True, False]]], [[[True]]]]
    # a piece of two does not fit one weight's room, the next of one does
    assert [int(mask.sum()) for mask in lowest(scores, labels, 0.2)] == [0, 1]


@given(share=st.floats(0, 1), seed=st.integers(0, 2**32), granularity=st.sampled_from(GRANULARITIES))
def test_never_more_than_the_share_and_only_whole_pieces(share: float, seed: int, granularity: Granularity) -> None:
    scores = np.random.default_rng(seed).random(SHAPE)
    labels = pieces(granularity, SHAPE, PAIRS, (2, 2))
    (chosen,) = lowest([scores], [labels], share)
    assert chosen.sum() <= share * chosen.size
    assert all(len(set(chosen[labels == piece].tolist())) == 1 for piece in range(int(labels.max()) + 1))
    if granularity == "element":
        assert chosen.sum() == int(share * chosen.size)
        assert not chosen.any() or chosen.all() or scores[chosen].max() <= scores[~chosen].min()


def test_an_unknown_granularity_is_refused() -> None:
    with pytest.raises(MappingError, match=r"unknown mask granularity 'chanel'; did you mean 'channel'\?"):
        pieces("chanel", SHAPE, PAIRS)  # type: ignore[arg-type]
