"""Fixtures for tests of mapping rules: the pytest plugin that comes with imcsim and is found once imcsim is installed.

Nothing heavy is imported before a fixture is asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from imcsim.mapping.geometry import PeGeometry


@pytest.fixture
def check_mapping() -> Callable[..., Any]:
    """Return :func:`imcsim.testing.check_mapping`."""
    from imcsim.testing.mapping import check_mapping

    return check_mapping


@pytest.fixture
def check_rule() -> Callable[..., None]:
    """Return :func:`imcsim.testing.check_rule`, which draws the cases itself."""
    from imcsim.testing.mapping import check_rule

    return check_rule


@pytest.fixture
def check_training_counts() -> Callable[..., None]:
    """Return :func:`imcsim.testing.check_training_counts`, which draws traces and chips itself."""
    from imcsim.testing.training import check_training_counts

    return check_training_counts


@pytest.fixture
def small_pe() -> "PeGeometry":
    """Return a PE of 4 x 7 cells that holds 4 x 3 weights in pairs of cells, with one column left over."""
    from imcsim.crossbar.encoding import Encoding
    from imcsim.mapping.geometry import PeGeometry

    return PeGeometry(rows=4, cols=7, encoding=Encoding(sign="differential", weight_bits=2, cell_bits=1))
