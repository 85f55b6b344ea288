"""Where the tests find real data and exact cases, and one thread per process: two on two cores slow each other down."""

import os
from pathlib import Path

_SHARED = Path(__file__).resolve().parents[2] / "shared"
for _variable, _folder in (("IMCSIM_DATA", "data"), ("IMCSIM_CASES", "cases")):
    if (_SHARED / _folder).is_dir():
        os.environ.setdefault(_variable, str(_SHARED / _folder))
os.environ.setdefault("OMP_NUM_THREADS", "1")
