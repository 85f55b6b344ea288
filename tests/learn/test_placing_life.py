from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.learn.placing.life import events_by_pe, mean_ranks, with_wear
from imcsim.mapping.layer import LayerSpec
from imcsim.testing.methods import TINY, check_method
from imcsim.trace.trace import Trace


def test_ranks_run_from_0_to_1_and_ties_share_their_mean() -> None:
    assert mean_ranks(torch.tensor([[5.0, 1.0], [5.0, 9.0]])).tolist() == [[0.5, 0.0], [0.5, 1.0]]
    assert mean_ranks(torch.zeros(3)).tolist() == [0.5] * 3
    assert mean_ranks(torch.tensor([4.0])).tolist() == [0.5]
    assert mean_ranks(torch.tensor([2.0, 2.0, 7.0])).tolist() == [0.25, 0.25, 1.0]


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=20))
def test_ranks_against_counting(values: list[int]) -> None:
    below = [sum(v < x for v in values) + (sum(v == x for v in values) - 1) / 2 for x in values]
    expected = [b / (len(values) - 1) for b in below]
    assert mean_ranks(torch.tensor(values).float()).tolist() == pytest.approx(expected)


def test_reason_and_wear_are_blended_over_all_layers() -> None:
    reasons = {"a": torch.tensor([3.0, 1.0]), "b": torch.tensor([2.0])}
    wear = {"a": torch.tensor([9.0, 0.0]), "b": torch.tensor([4.0])}
    found = with_wear(reasons, wear, 0.25)
    assert found["a"].tolist() == [0.75 * 1 - 0.25 * 1, 0.0]
    assert found["b"].tolist() == [0.75 * 0.5 - 0.25 * 0.5]
    assert with_wear(reasons, wear, 1.0)["a"].tolist() == [-1.0, 0.0]


def test_without_wear_the_order_is_the_methods() -> None:
    found = with_wear({"a": torch.tensor([3.0, 1.0, 2.0])}, {}, 0.9)["a"]
    assert found.argsort().tolist() == [1, 2, 0]


def test_events_of_a_pe_are_a_mean_over_its_cells_in_use() -> None:
    spec = LayerSpec(name="fc", kind="linear", in_features=3, out_features=3, input_elements=3, output_elements=3)
    encoding = Encoding(sign="offset", weight_bits=2, cell_bits=1)
    first = np.zeros((2, 1, 3, 3), np.uint8)  # (K, G, D, N)
    first[0, 0, 0, 0], first[1, 0, 0, 0], first[1, 0, 2, 2] = 5, 3, 4
    second = np.zeros_like(first)
    second[0, 0, 2, 2] = 200  # with the task before: more than a byte holds
    second[1, 0, 2, 2] = 100
    tables = {f"changes/step/{encoding.name}/fc": [first, second]}
    worn = events_by_pe(tables, (spec,), encoding, (2, 2))["fc"]
    assert worn.tolist() == [[[8 / 8, 0.0], [0.0, 304 / 2]]]
    assert events_by_pe({}, (spec,), encoding, (2, 2))["fc"].tolist() == [[[0.0, 0.0], [0.0, 0.0]]]


def run(method: str, method_config: dict[str, Any]) -> Trace:
    return learn(parse(LearnConfig, {**TINY, "method": method, "method_config": method_config}, "test"))


def pe_means(trace: Trace, name: str) -> np.ndarray[Any, Any]:
    """Return (G, I, J): events per cell of the first task, by looking at one PE after the other."""
    cells = trace.changes["step", trace.meta.encodings[0].name, name][0].astype(float)
    pes = np.zeros(trace.placement[name].shape[1:])
    rows, width = trace.meta.pe_tile or (0, 0)
    for g, i, j in np.ndindex(*pes.shape):
        pes[g, i, j] = cells[:, g, i * rows : (i + 1) * rows, j * width : (j + 1) * width].mean()
    return pes


def test_by_wear_alone_hyb_learn_thaws_the_least_worn() -> None:
    trace = run("hyb-learn", {"life_weight": 1.0})
    layers = [spec.name for spec in trace.meta.layers][:-1]  # the classifier always trains
    worn = np.concatenate([pe_means(trace, name).ravel() for name in layers])
    thawed = np.concatenate([trace.placement[name][1].ravel() for name in layers])
    assert thawed.any() and not thawed.all()
    assert worn[thawed].max() <= worn[~thawed].min()
    by_score = run("hyb-learn", {})
    assert any((by_score.placement[name][1] != trace.placement[name][1]).any() for name in layers)


def test_by_wear_alone_xma2_reprograms_the_least_worn() -> None:
    """Its first task trains the backbone, which wears all PEs."""
    trace = run("xma2", {"life_weight": 1.0, "budget": 0.3})
    layers = [spec.name for spec in trace.meta.layers][:-1]
    worn = np.concatenate([pe_means(trace, name).ravel() for name in layers])
    chosen = np.concatenate([trace.placement[name][1].ravel() for name in layers])
    assert int(chosen.sum()) == int(0.3 * len(chosen))
    assert worn[chosen].max() <= worn[~chosen].min()


@pytest.mark.parametrize("method", ["hyb-learn", "xma2"])
def test_methods_keep_their_laws(method: str) -> None:
    check_method(method, {"life_weight": 0.5})


@pytest.mark.parametrize("method", ["hyb-learn", "xma2"])
def test_a_share_is_asked_for(method: str) -> None:
    with pytest.raises(ConfigError, match=r"'life_weight': Input should be less than or equal to 1 \(given: 1.5\)"):
        run(method, {"life_weight": 1.5})
