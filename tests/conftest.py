"""Where the tests find real data and known answers; one thread per process: two on two cores slow each other down."""

import os
from pathlib import Path

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
if _DATA.is_dir():
    os.environ.setdefault("IMCSIM_DATA", str(_DATA))
_CASES = _DATA.with_name("cases")
if _CASES.is_dir():
    os.environ.setdefault("IMCSIM_CASES", str(_CASES))
os.environ.setdefault("OMP_NUM_THREADS", "1")
