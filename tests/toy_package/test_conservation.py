"""A regulator loses the same share of whatever it feeds: in each tree, task, image and simulated step."""

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.chip.charged import SI_UNITS
from imcsim.chip.explain import explain_priced
from imcsim.chip.per_image import per_image
from imcsim.core.cost import Breakdown
from imcsim.core.sources import leaves
from imcsim.events import StepOptions, run, training_graph, work_of
from imcsim.mapping import map_network
from tests.chip.hand import random_trace
from tests.toy_package.two_layers import toy, two_layers

CHIPS = ("toy-fefet", "toy-fefet-sram", "toy-rram-analog-sram", "toy-sram-ldo")
REGULATED = CHIPS[2:]
JOULES = [tree for tree, unit in SI_UNITS.items() if unit == "J"]


def lost(tree: Breakdown) -> tuple[float, float]:
    """Return the regulator's loss, and all that it feeds."""
    return tree.leaves["part", "regulator", "loss"], tree.total - tree.part("part").total


@pytest.mark.parametrize("chip", REGULATED)
def test_in_every_tree_and_task(chip: str) -> None:
    report = price(random_trace(3), toy(chip))
    for tree in (*(getattr(report, name) for name in JOULES), *report.energy_by_task):
        loss, fed = lost(tree)
        assert loss == pytest.approx(0.25 * fed, rel=1e-12)


@pytest.mark.parametrize("chip", REGULATED)
def test_in_an_image_on_a_map(chip: str) -> None:
    trace, resolved = random_trace(3), toy(chip)
    layers = trace.meta.layers
    found = per_image(map_network(layers, resolved.config.geometry, "im2col"), resolved.config)
    loss, fed = lost(found.energy)
    assert loss == pytest.approx(0.25 * fed, rel=1e-12)
    own = found.energy.leaves["part", "regulator", "quiescent"]
    assert own == pytest.approx(1e-4 * found.latency_s, rel=1e-12)


@pytest.mark.parametrize("chip", CHIPS)
def test_in_simulated_steps(chip: str) -> None:
    """Events spend what the closed form charges, loss and quiescent power among it."""
    trace = random_trace(3)
    work = work_of(trace, toy(chip).config, 0)
    told = price(trace, toy(chip)).energy_by_task[0]
    found = run(training_graph(work, StepOptions(steps=work.steps, once=True)))
    assert found.energy_j == pytest.approx(told.total - told.part("leakage").total, rel=1e-9)


@pytest.mark.parametrize("chip", CHIPS)
def test_every_leaf_is_the_sum_of_its_terms(chip: str) -> None:
    trace, resolved = random_trace(3), toy(chip)
    report = price(trace, resolved)
    for tree in SI_UNITS:
        known = getattr(report, tree).leaves
        explained = explain_priced(trace, resolved, tree)
        assert {entry.path for entry in explained} == {".".join((tree, *path)) for path in known}
        for entry in explained:
            value = known[tuple(entry.path.split(".")[1:])]
            assert entry.value == pytest.approx(value, rel=1e-12)
            assert sum(term.amount * term.each for term in entry.terms) == pytest.approx(value, rel=1e-9, abs=1e-30)
            for term in entry.terms:
                for origin in term.origins:
                    assert resolved.origin(origin).source


@pytest.mark.parametrize("chip", CHIPS)
def test_a_value_that_no_leaf_names_changes_no_leaf(chip: str) -> None:
    """Values of the toy's own tables: each moves what names it, and nothing else."""
    trace, resolved = two_layers(), toy(chip)
    own = [path for path in resolved.origins if path.startswith(("memory.", "part."))]
    numbers = {
        path: value for path, value in leaves(resolved.config.model_dump()) if path in own and isinstance(value, float)
    }
    before = {tree: getattr(price(trace, resolved), tree).leaves for tree in SI_UNITS}
    for path, value in numbers.items():
        other = toy(chip, {path: value * 0.99})
        after = price(trace, other)
        for tree, earlier in before.items():
            moved = {
                leaf for leaf in earlier if not np.isclose(earlier[leaf], getattr(after, tree).leaves[leaf], 1e-9, 0)
            }
            named = {
                tuple(entry.path.split(".")[1:])
                for entry in explain_priced(trace, resolved, tree)
                if any(path in term.origins for term in entry.terms)
            }
            seconds = {leaf for leaf in earlier if leaf[0] in ("leakage", "part")}  # follow from the time of all else
            assert moved <= named | seconds, (path, tree, moved - named)
