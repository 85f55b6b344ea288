"""Ten thousand chips from one trace, on two processes: in one run, against pricing chips that are loaded one by one.

What bounds a sweep: Python calls over about 100 charges a chip (profile: no function takes a tenth); of a chip loaded
from its files, reading them takes more than its price. What a trace's counts mean for PEs of a size is worked out
once; a changed PE size is a favourable case no longer, since those counts are then reduced anew.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imcsim.chip import load_chip, price
from imcsim.study.sweep import sweep
from imcsim.trace.store import load

CHIPS = 10_000
SIZE = {"array.rows": 8, "array.cols": 32, "rram.pe_count": 90, "sram.pe_count": 90}
TRACE = Path(__file__).parents[1] / "tests" / "golden" / "traces" / "hyb-learn.safetensors"


def changes(seed: int, chips: int) -> Iterator[dict[str, Any]]:
    draw = random.Random(seed)
    for _ in range(chips):
        yield {
            "supply_v": draw.uniform(0.7, 1.1),
            "rram.cell.read_voltage_v": draw.uniform(0.1, 0.4),
            "rram.adc_bits": draw.randint(4, 9),
            "buffer.size_bytes": 4096 << draw.randrange(6),
            "dram.energy_j": draw.uniform(1e-12, 2e-11),
            "input_gradient": draw.choice(("transposable", "digital")),
        }


def test_ten_thousand_chips(benchmark: Any) -> None:
    trace, chip = load(TRACE), load_chip("hybrid-28nm", SIZE)
    rows = benchmark.pedantic(lambda: list(sweep(trace, chip, changes(0, CHIPS), processes=2)), rounds=1)
    assert len(rows) == CHIPS
    few = list(changes(1, 50))
    start = time.process_time()
    one_by_one = [price(trace, load_chip("hybrid-28nm", SIZE | change)).row() for change in few]
    loaded_s = time.process_time() - start
    start = time.process_time()
    swept = list(sweep(trace, chip, few))
    benchmark.extra_info["loaded one by one / swept, CPU time of a chip"] = loaded_s / (time.process_time() - start)
    assert [row["energy_j"] for row in swept] == [row["energy_j"] for row in one_by_one]
