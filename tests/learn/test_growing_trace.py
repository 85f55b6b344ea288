"""A trace's file grows while the run goes on, and is whole or absent."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from imcsim.core.errors import ConservationError
from imcsim.learn.api import LearningStopped, learn_on
from imcsim.learn.method import Context, Method, MethodConfig
from imcsim.learn.stream import Task
from imcsim.testing.methods import same_trace
from imcsim.trace.store import load, save
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


class Late(Method):
    """Has a mask in its second task only: the file must get one for the first task, too."""

    def before_task(self, context: Context, task: Task) -> Any:
        self.late = context.task == 1
        return super().before_task(context, task)

    def active_masks(self) -> dict[str, Tensor] | None:
        return {"head": torch.ones(4, 32, dtype=torch.bool)} if self.late else None


def learned(path: Path, method: Method | None = None, **told: Any) -> Any:
    return learn_on(tiny_config(), tiny_net(), tiny_stream(), method=method, trace_file=path, **told)


def test_the_file_of_a_run_is_that_of_its_trace(tmp_path: Path) -> None:
    trace = learned(tmp_path / "grown")
    save(trace, tmp_path / "saved")
    assert (tmp_path / "grown").read_bytes() == (tmp_path / "saved").read_bytes()
    assert same_trace(load(tmp_path / "grown"), trace)


def test_arrays_that_come_late_have_all_their_rows(tmp_path: Path) -> None:
    trace = learned(tmp_path / "grown", Late(MethodConfig()))
    assert trace.active["head"].shape[0] == 2
    assert same_trace(load(tmp_path / "grown"), trace)


def test_it_grows_as_tasks_finish_and_is_there_only_at_the_end(tmp_path: Path) -> None:
    sizes: list[int] = []

    def look(done: int, total: int, text: str) -> None:
        (part,) = tmp_path.glob(".grown.*.part")
        sizes.append(part.stat().st_size)
        assert not (tmp_path / "grown").exists()

    learned(tmp_path / "grown", progress=look)
    assert len(sizes) == 4 and sizes[0] == sizes[1] < sizes[2] == sizes[3]
    assert sizes[3] > 0.1 * (tmp_path / "grown").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["grown"]


def test_a_stopped_run_leaves_no_file_and_a_resumed_one_the_same_bytes(tmp_path: Path) -> None:
    learned(tmp_path / "whole")
    for _ in range(3):
        with pytest.raises(LearningStopped):
            learned(tmp_path / "parts", checkpoint=tmp_path / "checkpoint", stop=lambda: True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "whole"]
    learned(tmp_path / "parts", checkpoint=tmp_path / "checkpoint")
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_run_that_breaks_a_law_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(trace: object) -> None:
        raise ConservationError("the trace breaks a law: planted")

    monkeypatch.setattr("imcsim.trace.conservation.LAWS", (broken,))
    with pytest.raises(ConservationError, match="planted"):
        learned(tmp_path / "grown")
    assert list(tmp_path.iterdir()) == []
