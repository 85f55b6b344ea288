"""Where weights are read from when a task is served, layer by layer."""

import numpy as np

from imcsim.chip.serving_place import serving_in_sram
from tests.chip.hand import random_trace, small_chip


def test_committed_weights_are_read_from_rram() -> None:
    trace = random_trace(0)
    for masks in serving_in_sram(trace, small_chip("hybrid-28nm").config):
        assert not any(mask.any() for mask in masks.values())


def test_without_rram_all_are_read_from_sram() -> None:
    trace = random_trace(0)
    for masks in serving_in_sram(trace, small_chip("all-sram-28nm").config):
        assert all(mask.all() for mask in masks.values())


def test_a_lazy_commit_leaves_what_trained_in_sram() -> None:
    trace = random_trace(0)
    chip = small_chip("hybrid-28nm", {"commit": "lazy", "rram.pe_count": 16, "sram.pe_count": 16}).config
    served = serving_in_sram(trace, chip)
    assert len(served) == trace.meta.tasks
    for masks, spec in ((masks, spec) for masks in served for spec in trace.meta.layers):
        assert masks[spec.name].shape == (spec.groups, *chip.geometry.tiles(spec.fan_in, spec.outputs))
    # the method of this trace places nothing: all of it trains, and all of it fits the SRAM
    assert np.all([mask.all() for masks in served for mask in masks.values()])
