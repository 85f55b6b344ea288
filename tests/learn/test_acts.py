"""Methods do what they are known for at their defaults, and a run in which one did not says so."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.chip import load_chip, price
from imcsim.learn.adapt.rates import scaled_rate
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.learn.method import METHODS, Context, Method, make_method
from imcsim.learn.methods.piggyback import PiggybackConfig
from imcsim.learn.sparse.schedules import DropSchedule, Phases
from imcsim.learn.stream import Task
from imcsim.report.tables import headline, method_name
from imcsim.study.summary import summarise
from imcsim.testing.methods import TINY, MethodCheckError, check_method
from imcsim.trace import store
from imcsim.trace.acts import idle_acts, idle_notes
from imcsim.trace.trace import Trace
from tests.study.fakes import CHIPS, make_report

NOTE = (
    "set: no mask change happened in this run, so that its numbers are those of a learner without it; more tasks, more "
    "epochs or other settings of the method would let it happen"
)


def _run(method: str, **options: Any) -> Trace:
    return learn(LearnConfig.model_validate({**TINY, "method": method, **options}))


def test_acts_that_never_happened() -> None:
    assert idle_acts({"pruning": (0, 3), "mask change": (0, 0)}) == ("mask change",)
    assert idle_acts({}) == ()
    assert idle_notes("set", {"pruning": (1,), "mask change": (0,)}) == (NOTE,)


def test_rigl_at_its_defaults_is_not_static() -> None:
    options = {"tasks": 2, "train_limit": 144, "batch_size": 16, "epochs": 5, "momentum": 0.0, "weight_decay": 0.0}
    rigl, static = _run("rigl", **options), _run("static", **options)  # 45 steps a task, as on all of digits
    assert rigl.task_counts["optimizer_steps"].tolist() == [45, 45]
    assert any(not np.array_equal(rigl.active[name], static.active[name]) for name in static.active)
    # T_end is step 33.75: updates at 8, 16, 24, 32, each with the dense gradient of 32 samples (replay included)
    spec = rigl.meta.layers[1]
    assert rigl.counts["dense_gradient_macs"][1, 1] == 4 * 32 * spec.positions * spec.weight_count
    assert min(rigl.meta.acts["mask change"]) > 0
    assert static.meta.acts.keys() == {"replay", "pruning"}


@pytest.mark.parametrize(
    ("steps", "due"),
    [
        (2, []),
        (3, [2]),
        (8, [2, 4]),
        (45, [8, 16, 24, 32]),
        (400, [75, 150, 225]),
        (1000, [100, 200, 300, 400, 500, 600, 700]),
        (97_656, list(range(100, 73_242, 100))),
    ],
)
def test_rigls_updates_scale_with_the_task(steps: int, due: list[int]) -> None:
    schedule = DropSchedule()
    assert [step for step in range(steps) if schedule.fraction(step, steps)] == due
    assert DropSchedule(delta_steps=7).interval(steps) == 7


def test_elastic_mutation_acts_in_a_task_of_two_epochs() -> None:
    scaled = Phases().scaled(2, "em")
    due = [scaled.mask_update(epoch, 0.9, (0.02, 0.01), "em") for epoch in range(2)]
    assert due[0] is None
    assert due[1] is not None
    assert (due[1].shrink_to, due[1].expand_to) == pytest.approx((0.92, 0.9))
    assert Phases().scaled(3, "em") == Phases().scaled(3)


def test_a_rate_grows_as_the_root_of_what_the_task_lacks() -> None:
    assert scaled_rate(1e-4, 5600, 56) == pytest.approx(1e-3)
    assert [scaled_rate(0.01, 100, steps) for steps in (0, 100, 5000)] == [0.01] * 3
    config = PiggybackConfig(head_learning_rate=0.2)
    assert config.rates(25) == pytest.approx((1e-4 * math.sqrt(5625 / 25), 0.2))
    assert PiggybackConfig(learning_rate=0.3).rates(0) == (0.3, 1e-4)


def test_the_rate_reaches_the_optimiser_and_a_given_one_stays() -> None:
    seen: dict[float | None, float] = {}
    for given in (None, 0.03):
        method = make_method("piggyback", {} if given is None else {"learning_rate": given})
        latent = torch.nn.Parameter(torch.zeros(3))
        method.own = lambda _: {"part"}  # type: ignore[attr-defined]
        context: Any = type("C", (), {"task": 1, "deployed": False, "steps": 9})()
        made = method.optimizer(context, {"part": latent}, LearnConfig())
        seen[given] = made.param_groups[0]["lr"]
    assert seen == {None: pytest.approx(1e-4 * 25), 0.03: 0.03}


def test_piggyback_learns_at_its_defaults() -> None:
    options = {"tasks": 3, "train_limit": None, "epochs": 5, "batch_size": 32, "momentum": 0.0, "weight_decay": 0.0}
    trace = _run("piggyback", **options)
    assert trace.task_il[-1].mean() > 0.85
    assert trace.meta.acts["masked weight"][0] == 0  # the first task trains the backbone
    assert min(trace.meta.acts["masked weight"][1:]) > 100


def test_an_idle_run_says_so_in_trace_price_and_table(tmp_path: Path) -> None:
    idle, busy = _run("set", epochs=1), _run("set")
    store.save(idle, tmp_path / "t.safetensors")
    loaded = store.load(tmp_path / "t.safetensors")
    assert loaded.meta.acts == idle.meta.acts
    assert loaded.meta.acts["mask change"] == (0, 0)
    assert NOTE in loaded.meta.notes
    assert not any("happened" in note for note in busy.meta.notes)
    chip = load_chip("hybrid-28nm", {"rram.pe_count": 64, "sram.pe_count": 64})
    report = price(_run("set", epochs=1, pe_tile=[64, 8]), chip)
    assert report.idle_acts == ("mask change",)
    assert f"warning: {NOTE}" in str(report)
    assert report.row()["idle_acts"] == 1


def test_tables_mark_the_learner() -> None:
    rows = [make_report(m, CHIPS[0], s, idle_acts=acts).row() for m, s, acts in (("a", 0, ()), ("b", 0, ("x",)))]
    rows.append(make_report("b", CHIPS[0], 1).row())  # one idle run of two is enough
    groups = summarise(rows)
    assert [method_name(group) for group in groups] == ["a", "b *"]
    assert headline(groups, "Title").rows[1][0] == "b *"
    assert headline(groups, "Title").notes[-1].startswith("*: in some run the method never did")
    assert len(headline(groups[:1], "Title").notes) < len(headline(groups, "Title").notes)


@pytest.mark.parametrize(
    ("method", "config", "expected"),
    [
        ("finetune", {}, ()),
        ("er", {}, ("replay",)),
        ("rigl", {"base": "finetune"}, ("pruning", "mask change")),
        ("static", {"base": "finetune", "sparsity": 0}, ()),
        ("sparcl", {}, ("replay", "mask change", "gradient mask", "sample removal")),
        ("sparcl", {"sparsity": 0, "gradient_sparsity": 0, "removed_share": 0}, ("replay",)),
        ("spfde", {"base": "finetune"}, ("pruning", "mask change", "layer freeze", "sample exchange")),
        ("spfde", {"base": "finetune", "used_share": 1, "frozen_share": 0}, ("pruning", "mask change")),
        ("hyb-learn", {}, ("replay", "PE freeze")),
        ("hyb-learn", {"frozen_fraction": 0}, ("replay",)),
        ("first-k", {"frozen_layers": 0, "base": "finetune"}, ()),
        ("lightcl", {}, ("layer freeze", "feature hold")),
        ("packnet", {}, ("pruning",)),
        ("cpg", {}, ("closed pick", "pruning")),
        ("nispa", {}, ("rewiring", "stable unit")),
        ("xma2", {}, ("re-programmed PE", "shifted segment")),
        ("xma2", {"budget": 1}, ("re-programmed PE",)),
        ("lora", {}, ("side path",)),
    ],
)
def test_each_method_declares_what_it_is_configured_to_do(
    method: str, config: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert make_method(method, config).acts() == expected


def test_every_method_but_the_bounds_declares_an_act() -> None:
    silent = {name for name in METHODS.names() if not make_method(name).acts()}
    assert silent == {"finetune", "joint"}


def test_the_suite_catches_a_method_that_never_acts() -> None:
    METHODS.names()

    @METHODS.register("idle")
    class _Idle(Method):
        def acts(self) -> tuple[str, ...]:
            return ("mask change",)

        def after_task(self, context: Context, task: Task) -> None:
            context.work.did("mask change", 0)

    try:
        with pytest.raises(MethodCheckError, match=r"idle: no mask change happened in 2 tasks of 2 epochs"):
            check_method("idle")
    finally:
        METHODS._entries.pop("idle")
