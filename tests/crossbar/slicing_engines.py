"""Which of the three ways to convert columns a test runs on."""

import pytest
import torch

from imcsim.crossbar import BitSliceConfig
from imcsim.crossbar.slicing import bit_counts, engines

ENGINES = ("bits", "bytes", "floats")


def force_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only engine ``name``, and skip the test where this machine has none such."""
    if name == "bits":
        config = BitSliceConfig(rows=4, cell_bits=2, adc_bits=4)
        if not bit_counts.can_count(config, 4, torch.device("cpu")):
            pytest.skip("no C compiler here")
        return
    monkeypatch.setattr("imcsim.crossbar.slicing.programmed.can_count", lambda *_: False)
    if name == "floats":
        monkeypatch.setattr(engines, "_has_bytes", lambda: False)
    elif not engines._has_bytes():
        pytest.skip("this CPU or this torch has no exact byte products")
