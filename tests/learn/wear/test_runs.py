"""Whole runs with cells that wear: limits, laws of methods, resumed runs, and what the learner makes of dead cells."""

from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn, learn_on, make_learner
from imcsim.learn.config import LearnConfig
from imcsim.testing.methods import TINY, check_method
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream
from tests.learn.test_checkpoint import expect_same

WEAK = {"endurance_scale_cycles": 3.0, "endurance_shape": 2.0}
FOR_EVER = {"endurance_scale_cycles": 1e30, "endurance_shape": 2.0}
ALL = {"cycles_before": 1e9, "endurance_scale_cycles": 1e-9, "endurance_shape": 2.0}


def run(wear: dict[str, Any] | None, method: str = "er", **more: Any) -> Any:
    return learn(parse(LearnConfig, {**TINY, "method": method, "wear": wear, **more}, "test"))


@pytest.mark.parametrize("policy", ["step", "epoch", "task", "commit"])
@pytest.mark.parametrize("method", ["er", "hyb-learn"])
def test_cells_that_live_for_ever_change_nothing(method: str, policy: str) -> None:
    plain, worn = run(None, method), run({**FOR_EVER, "policy": policy}, method)
    assert plain.wear_counts == {}
    assert not any(counts.any() for counts in worn.wear_counts.values())
    same = plain.meta.model_copy(update={name: getattr(worn.meta, name) for name in ("config", "config_hash", "notes")})
    assert same == worn.meta
    for name in ("codes", "changes", "transitions", "digital"):
        for key, values in getattr(plain, name).items():
            np.testing.assert_array_equal(values, getattr(worn, name)[key])
    np.testing.assert_array_equal(plain.class_il, worn.class_il)


@pytest.mark.parametrize(
    ("method", "policy", "marks"),
    [
        ("er", "step", True), ("sparcl", "step", False), ("hyb-learn", "commit", True), ("xma2", "task", True),
        ("repnet", "commit", False), ("joint", "epoch", True),
    ],
)  # fmt: skip
def test_methods_keep_their_laws_while_cells_die(method: str, policy: str, marks: bool) -> None:
    """Frozen weights keep every bit, writes logged are weights changed, and a resumed run is the same bit for bit."""
    trace = check_method(method, wear={**WEAK, "policy": policy, "marks_dead": marks})
    assert trace.wear_counts["dead_cells"][-1].sum() > 0


def test_a_frozen_layer_loses_no_cell() -> None:
    trace = run({**WEAK, "policy": "step"}, "first-k", method_config={"frozen_layers": 2})
    frozen = [trace.codes[spec.name] for spec in trace.meta.layers[:2]]
    still = [int((codes[2] != codes[1]).sum()) for codes in frozen]
    dead = trace.wear_counts["dead_cells"]
    assert still == [0, 0]
    assert (dead[1, :2] == dead[0, :2]).all()
    assert dead[1, 2:].sum() > dead[0, 2:].sum()


def test_a_layer_whose_cells_are_all_dead_computes_the_same_whatever_is_learned() -> None:
    config = tiny_config(wear={**ALL, "stuck_low_share": 1.0})
    learner = make_learner(config, tiny_net(), tiny_stream())
    head: Any = learner.network.get_submodule("head")
    x = torch.rand(3, 32)
    before = head(x)
    assert torch.equal(before, head.bias.expand(3, -1))  # every weight is 0
    with torch.no_grad():
        head.weight.add_(0.1)
    assert torch.equal(head(x), before)


def test_gradients_pass_through_stuck_cells_to_the_inputs_and_the_master_copy() -> None:
    config = tiny_config(wear={**ALL, "stuck_low_share": 0.0})
    learner = make_learner(config, tiny_net(), tiny_stream())
    head: Any = learner.network.get_submodule("head")
    x: Any = torch.rand(3, 32, requires_grad=True)
    head(x).sum().backward()
    np.testing.assert_allclose(x.grad, torch.zeros(3, 32), atol=1e-7)  # both cells of each pair at the top: weights 0
    torch.testing.assert_close(head.weight.grad, x.detach().sum(0).expand(4, -1))


def test_in_place_the_learner_sees_dead_cells_and_under_commit_it_does_not() -> None:
    plain = run(None)
    in_place, committed = (run({**ALL, "policy": policy}) for policy in ("step", "commit"))
    name = plain.meta.layers[0].name
    np.testing.assert_array_equal(committed.codes[name], plain.codes[name])  # SRAM learns as if nothing was dead
    assert (in_place.codes[name] != plain.codes[name]).any()
    assert not np.array_equal(committed.task_il, plain.task_il)  # but what is served is what cells hold


def test_a_frozen_pe_is_seen_as_its_cells_are_while_others_train_in_sram() -> None:
    config = tiny_config(wear={**ALL, "policy": "commit", "stuck_low_share": 1.0})
    learner = make_learner(config, tiny_net(), tiny_stream())
    wear = learner.recorder.wear
    assert wear is not None
    head: Any = learner.network.get_submodule("head")
    pes = {spec.name: torch.zeros(1, -(-spec.fan_in // 4), -(-spec.outputs // 2), dtype=torch.bool)
           for spec in learner.quantiser.layers}  # fmt: skip
    pes["head"][0, 0, 0] = True  # 4 inputs x 2 outputs train
    wear.begin_phase(0, pes, (4, 2))
    seen = head(torch.eye(32)) - head.bias  # (inputs, outputs): the weights in use
    assert bool((seen[:4, :2] != 0).all())
    assert not bool(seen[4:].any() or seen[:, 2:].any())


def test_the_trace_says_what_wore_and_keeps_it_on_disk(tmp_path: Any) -> None:
    from imcsim.trace.store import load, save

    trace = run({**WEAK, "repeats": 3, "cycles_before": 0.5})
    save(trace, tmp_path / "t.safetensors")
    expect_same(trace, load(tmp_path / "t.safetensors"))
    notes = " ".join(trace.meta.notes)
    for part in ("written at every step", "Weibull scale 3 cycles and shape 2", "wears cells as 3 identical ones",
                 "start with 0.5 cycles each"):  # fmt: skip
        assert part in notes


def test_repeats_wear_faster_and_other_chips_die_elsewhere() -> None:
    once, thrice, other = (
        run({**WEAK, "endurance_scale_cycles": 20.0, **more}) for more in ({}, {"repeats": 3}, {"chip_seed": 1})
    )
    dead = [trace.wear_counts["dead_cells"][-1].sum() for trace in (once, thrice, other)]
    assert dead[1] > dead[0] != dead[2]


@pytest.mark.parametrize(
    ("wear", "more", "sentence"),
    [
        ({"endurance_scale_cycles": 0}, {}, "'wear.endurance_scale_cycles': Input should be greater than 0"),
        ({"endurance_shape": -1}, {}, "'wear.endurance_shape': Input should be greater than 0"),
        ({"endurance_shape": 0.01}, {}, "'wear': endurance_shape below 0.05 spreads lives beyond what numbers hold"),
        ({"encoding": "offset-8w-3c"}, {}, "wear.encoding 'offset-8w-3c' is not recorded: choose one of diff"),
        ({}, {"quantise": False}, "wear acts on the cells that hold codes and needs quantise = true"),
        ({"policy": "never"}, {}, "'wear.policy': Input should be 'step', 'epoch', 'task' or 'commit'"),
        ({"stuck_low_share": 1.5}, {}, "'wear.stuck_low_share': Input should be less than or equal to 1"),
        ({"repeats": 0}, {}, "'wear.repeats': Input should be greater than or equal to 1"),
        ({"cycles_before": -1}, {}, "'wear.cycles_before': Input should be greater than or equal to 0"),
        ({"endurance": 3}, {}, "unknown key 'wear.endurance'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(wear: dict[str, Any], more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        run({**WEAK, **wear}, **more)
    assert sentence in str(error.value)


def test_earlier_streams_need_their_cycles() -> None:
    with pytest.raises(ConfigError, match="give cycles_per_stream"):
        learn_on(tiny_config(wear={**WEAK, "streams_before": 1.0}), tiny_net(), tiny_stream())


@pytest.mark.parametrize("writing", [{"threshold": 1}, {"rounding": "stochastic"}])
def test_levers_of_writing_go_with_cells_that_die(writing: dict[str, Any]) -> None:
    trace = check_method("er", wear=WEAK, writing=writing)
    assert trace.wear_counts["dead_cells"][-1].sum() > 0
