"""The network that a chip serves after a power cut, rebuilt from its cells: two copies keep the accuracy to the bit."""

import numpy as np
import pytest
import torch

import imcsim
from imcsim.chip import load_chip
from imcsim.events import run, work_of
from imcsim.events.consolidate import CommitScheme, consolidation, power_cut, recover, recovered_trace
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.stream import Stream
from imcsim.trace.trace import Trace


@pytest.fixture(scope="module")
def learned() -> tuple[Stream, Trace]:
    stream = imcsim.split("digits", tasks=3, classes_per_task=2, train_limit=60)
    network = imcsim.load("network", "convnet", like=stream, channels=(4, 6))
    return stream, imcsim.learn(network, stream, method="er", epochs=2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_served_network_is_that_of_the_last_commit(learned: tuple[Stream, Trace], share: float) -> None:
    stream, trace = learned
    work = work_of(trace, load_chip("hybrid-28nm").config, 2)
    x = stream.tasks[0].x_test
    wanted = imcsim.network_after(trace, 1)(x)
    same = {}
    for name in ("in-place", "two-copy"):
        found = consolidation(work, CommitScheme(name=name))
        schedule = run(found.graph)
        seen = recover(found, power_cut(found, schedule, share * schedule.makespan_s))
        served = imcsim.network_after(recovered_trace(found, seen), 1)
        same[name] = torch.equal(served(x), wanted)
        rows = accuracy_rows(served, stream.tasks[:2], {label for task in stream.tasks[:2] for label in task.classes})
        assert np.isfinite(rows).all()
        if name == "two-copy":
            assert rows[1] == pytest.approx(trace.task_il[1, :2].tolist())
    assert same == {"in-place": False, "two-copy": True}
