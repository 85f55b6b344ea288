"""Where the tests find real data and exact cases, and one thread per process: two on two cores slow each other down."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

_SHARED = Path(__file__).resolve().parents[2] / "shared"
for _variable, _folder in (("IMCSIM_DATA", "data"), ("IMCSIM_CASES", "cases")):
    if (_SHARED / _folder).is_dir():
        os.environ.setdefault(_variable, str(_SHARED / _folder))
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline: a busy machine is no defect. In CI the same examples each time: a gate must not depend on luck.
settings.register_profile("imcsim", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "imcsim")


_approx = pytest.approx


def _relative(expected: Any, rel: float | None = None, abs: float | None = None, nan_ok: bool = False) -> Any:
    """Compare as pytest.approx, but forgive no absolute error that a test does not name.

    pytest's default of 1e-12 is more than most energies (J), times (s) and areas (m2) of a test: any value would do.
    """
    if abs is None:
        rel, abs = 1e-6 if rel is None else rel, 0.0
    return _approx(expected, rel=rel, abs=abs, nan_ok=nan_ok)


pytest.approx = _relative  # type: ignore[assignment]
