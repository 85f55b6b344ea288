"""Schema 3 still loads, in its layouts, to the same arrays; saved again it is schema 4."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imcsim.core.block_file import MARK
from imcsim.core.errors import TraceError
from imcsim.testing.methods import same_trace
from imcsim.trace import Trace
from imcsim.trace.store import UNSEALED, load, save
from tests.chip.hand import masked, random_trace
from tests.golden.runs import file_of
from tests.trace.schema_three import save_three, save_unsealed

PLACED = {"a": np.ones((3, 1, 3, 3), bool), "b": np.ones((3, 1, 2, 2), bool)}


def traces() -> list[Trace]:
    dense = random_trace(0)
    return [dense, random_trace(1, placement=PLACED, pe_tile=(4, 2)), masked(dense, {"b": dense.codes["b"][1:] != 99})]


@pytest.mark.parametrize("write", [save_three, save_unsealed])
@pytest.mark.parametrize("number", range(3))
def test_a_trace_of_schema_3_is_the_same_trace(tmp_path: Path, write: Any, number: int) -> None:
    trace, path = traces()[number], tmp_path / "three.trace"
    write(trace, path)
    found = load(path)
    assert same_trace(found, trace)
    assert found.meta.schema_version == 4
    assert found.meta.notes == (() if write is save_three else (UNSEALED,))
    assert found.meta.model_copy(update={"notes": ()}) == trace.meta
    save(found, path)
    assert path.read_bytes().startswith(MARK)
    assert load(path).meta == found.meta and same_trace(load(path), trace)


@pytest.mark.parametrize("name", ["er", "placed", "sparse-replay", "worn-at-steps", "vera"])
def test_a_stored_file_of_schema_3_becomes_one_of_schema_4(tmp_path: Path, name: str) -> None:
    old, path = load(file_of(name)), tmp_path / "four.trace"
    assert not file_of(name).read_bytes().startswith(MARK)
    save(old, path)
    new = load(path)
    assert same_trace(old, new) and new.meta == old.meta
    assert path.stat().st_size < 0.5 * file_of(name).stat().st_size


def test_a_mask_of_schema_3_that_is_no_mask_is_refused(tmp_path: Path) -> None:
    from imcsim.core import sealed
    from tests.trace.schema_three import KIND, contents

    header, arrays = contents(traces()[2])
    sealed.save(tmp_path / "t", KIND, header, arrays | {"active/b": np.zeros(3, np.uint8)})
    with pytest.raises(TraceError, match=r"lacks part of a trace: a mask of \(3,\) bytes for \(3, 1, 5, 3\) weights"):
        load(tmp_path / "t")
