"""Names to annotate with: whoever resolves hints at run time gets the types, and so does mypy.

mypy reads this file in ``make check``: ``assert_type`` fails there if a type is another, and an ignored error that does
not come is an error.
"""

from typing import assert_type, get_type_hints

import pytest

import imcsim
from imcsim.chip.config import ChipConfig
from imcsim.chip.report import Report
from imcsim.core.errors import ImcsimError
from imcsim.core.sources import Resolved
from imcsim.learn.method import Method, MethodConfig
from imcsim.learn.over_base import BaseChoice, OverBase
from imcsim.learn.stream import Stream
from imcsim.trace.trace import Trace


class MineConfig(MethodConfig):
    factor: float = 1.5


class Mine(imcsim.Method[MineConfig]):
    def doubled(self) -> float:
        return 2 * self.config.factor


class Plain(imcsim.Method):
    pass


class OverConfig(BaseChoice):
    share: float = 0.25


class Over(OverBase[OverConfig]):
    pass


def priced(stream: imcsim.Stream, chip: imcsim.Chip) -> imcsim.Report:
    trace: imcsim.Trace = imcsim.learn("mlp", stream, epochs=1)
    assert_type(trace, Trace)
    return imcsim.price(trace, chip)


def source_of(entry: imcsim.Method) -> str:
    return entry.source


def test_mypy_and_the_process_agree() -> None:
    chip = imcsim.load("chip", "hybrid-28nm")
    assert_type(chip, imcsim.Chip)
    assert_type(chip.config, ChipConfig)
    assert isinstance(priced(imcsim.split("digits", tasks=5, train_limit=10), chip), imcsim.Report)
    mine = Mine(MineConfig())
    assert_type(mine.config, MineConfig)
    assert_type(mine.config.factor, float)
    assert mine.doubled() == 3.0
    assert_type(Over(OverConfig()).config.share, float)
    assert [source_of(entry) for entry in (mine, Plain(MethodConfig()), Over(OverConfig()))] == ["", "", ""]
    with pytest.raises(AttributeError):
        mine.config.facter  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImcsimError):
        priced(1, chip)  # type: ignore[arg-type]
    Mine(MethodConfig())  # type: ignore[arg-type]


def test_they_can_be_resolved() -> None:
    hints = get_type_hints(priced) | {"entry": get_type_hints(source_of)["entry"]}
    assert hints == {"stream": Stream, "chip": Resolved[ChipConfig], "return": Report, "entry": Method}
    assert imcsim.Trace is Trace


@pytest.mark.parametrize("name", ["Chip", "Method", "Report", "Stream", "Trace"])
def test_they_are_among_the_public_names(name: str) -> None:
    assert name in dir(imcsim)
