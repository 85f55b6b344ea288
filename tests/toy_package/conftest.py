"""The toy package, installed for one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registries import forgetting

SITE = Path(__file__).parent / "site"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the package on the search path, and forget it afterwards."""
    with forgetting("imcsim_toy"):
        monkeypatch.syspath_prepend(str(SITE))
        yield
