"""What is spoilt: content files, traces, wear ledgers, checkpoints; each is loaded and used as a verb would."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from imcsim.chip import load_chip, price
from imcsim.chip.placed import place
from imcsim.core.block_file import MARK, BlockWriter, read_blocks
from imcsim.core.content import content_root
from imcsim.core.tensor_file import Contents, read, write
from imcsim.life import outlook, wear_ledger
from imcsim.life.ledger_store import load_ledger, save_ledger
from imcsim.study.spec import load_study
from imcsim.trace import Trace, WorkTerm
from imcsim.trace.store import load, save
from imcsim.trace.work_term import WORK_AMOUNTS
from tests.chip.hand import random_trace, small_chip
from tests.fuzz.mutations import spoil_bytes, spoil_contents, spoil_table, spoil_toml
from tests.fuzz.oracle import faults
from tests.trace.schema_three import save_three


@dataclass
class Target:
    """One kind of file: ``spoil`` writes a spoilt one, ``use`` reads it and tells what is wrong if it accepts it."""

    name: str
    spoil: Callable[[Path, Generator], None]
    use: Callable[[Path], list[str]]


def targets(folder: Path) -> list[Target]:
    """Return all kinds, with whole files of each written to ``folder``."""
    return [_content(), _traces(folder), _ledgers(folder), _checkpoints(folder)]


def _spoil_sealed(whole: list[Path]) -> Callable[[Path, Generator], None]:
    def spoil(path: Path, rng: Generator) -> None:
        source = whole[int(rng.integers(len(whole)))]
        if rng.random() < 0.3:
            path.write_bytes(spoil_bytes(source.read_bytes(), rng))
            return
        try:
            _forge(source.read_bytes(), path, rng)
        except (ValueError, OverflowError, TypeError):  # text that has no UTF-8, a header that has no JSON
            path.write_bytes(spoil_bytes(source.read_bytes(), rng))

    return spoil


def _forge(whole: bytes, path: Path, rng: Generator) -> None:
    """Write a file that holds other things, under a digest of its own: as it was stored, or grown of blocks."""
    if not whole.startswith(MARK):
        (path.parent / "source").write_bytes(whole)
        spoilt = spoil_contents(read(path.parent / "source"), "imcsim_header", rng, json.loads)
        write(path, spoilt.arrays, spoilt.texts)
    elif rng.random() < 0.3:
        path.write_bytes(spoil_table(whole, rng))
    else:
        spoilt = spoil_contents(Contents(*read_blocks(whole)), "imcsim_header", rng, json.loads)
        spoilt.texts.pop("sha256", None)
        with path.open("wb") as file:
            writer = BlockWriter(file)
            writer.append(spoilt.arrays)
            writer.finish(spoilt.texts)


def _content() -> Target:
    root = content_root()
    chips = sorted((root / "models" / "chips").glob("*.toml"))
    studies = sorted((root / "studies").glob("*/study.toml"))
    devices = [path for path in sorted((root / "models" / "devices").glob("*.toml")) if path.stem.startswith("rram")]
    texts = [path.read_text() for path in (*chips, *studies, *devices)]
    trace = random_trace(0)

    def spoil(path: Path, rng: Generator) -> None:
        text = texts[int(rng.integers(len(texts)))]
        data = spoil_toml(text, rng).encode(errors="surrogatepass")
        path.write_bytes(spoil_bytes(data, rng) if rng.random() < 0.15 else data)

    def use(path: Path) -> list[str]:
        text = path.read_bytes()
        if b"endurance_scale_cycles" in text or b"set_energy_j" in text:
            chip = load_chip("hybrid-28nm", {"rram.cell": str(path), "array.rows": 4, "array.cols": 16})
        elif b"chips" in text:
            load_study(str(path))
            return []
        else:
            chip = load_chip(str(path), {"array.rows": 4, "array.cols": 16})
        return _price_faults(trace, chip)

    return Target("toml", spoil, use)


def _price_faults(trace: Trace, chip: Any) -> list[str]:
    report = price(trace, chip)
    numbers = (*report.energy.flat().values(), *report.latency.flat().values(), *report.area.flat().values())
    return [f"a price of {value}" for value in numbers if not (math.isfinite(value) and value >= 0)][:1]


def _full() -> Trace:
    """Return a trace that holds all that one may: phases, work, accuracies, pulses."""
    trace = random_trace(2, tasks=2, phases=((2, 4), (6,)))
    term = WorkTerm(name="bank", memory="buffer", why="features are kept")
    work = {"bank": {name: np.array([1, 0, 2]) for name in WORK_AMOUNTS}}
    pulses = {key[1:]: 2 * changes for key, changes in trace.changes.items() if key[0] == "step"}
    accuracy = {**trace.accuracy, "knn": trace.task_il / 2}
    meta = trace.meta.model_copy(update={"work_terms": (term,)})
    return replace(trace, meta=meta, work=work, pulses=pulses, half_selects=pulses, accuracy=accuracy)


def _traces(folder: Path) -> Target:
    placement = {"a": np.ones((2, 1, 3, 3), bool), "b": np.ones((2, 1, 2, 2), bool)}
    made = [random_trace(0, tasks=2), random_trace(1, tasks=2, placement=placement, pe_tile=(4, 2)), _full()]
    paths = [folder / f"whole{number}.trace" for number in range(len(made) + 1)]
    for trace, path in zip(made, paths, strict=False):
        save(trace, path)
    save_three(made[1], paths[-1])
    chip = small_chip("hybrid-28nm")

    def use(path: Path) -> list[str]:
        trace = load(path)
        return faults(trace) + _price_faults(trace, chip)

    return Target("trace", _spoil_sealed(paths), use)


def _ledgers(folder: Path) -> Target:
    trace, chip = random_trace(0, tasks=2), small_chip("all-rram-28nm")
    save_ledger(wear_ledger(place(trace, chip.config)), folder / "whole.ledger")

    def use(path: Path) -> list[str]:
        ledger = load_ledger(path)
        found = outlook(trace, chip, ledger=ledger)
        wrong = (
            [] if math.isfinite(found.worst_cycles_per_task) and found.worst_cycles_per_task >= 0 else ["a worn cell"]
        )
        for _, wear in ledger:
            counted = wear.events.astype(object)
            wrong += [] if counted.min() >= 0 and counted.max() <= ledger.most_events else ["events beyond the most"]
            wrong += [] if np.isfinite(wear.full).all() and (wear.full >= 0).all() else ["full cycles"]
        return wrong

    return Target("ledger", _spoil_sealed([folder / "whole.ledger"]), use)


def _checkpoints(folder: Path) -> Target:
    from imcsim.learn import checkpoint
    from imcsim.learn.api import make_learner
    from imcsim.learn.loop import start_task, train_epoch
    from imcsim.learn.run_marks import run_marks
    from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

    config, stream = tiny_config(), tiny_stream()
    learner = make_learner(config, tiny_net(), stream)
    start_task(learner, learner.tasks[0])
    train_epoch(learner, learner.tasks[0])
    learner.epoch += 1
    marks = run_marks(config, learner.network, stream.tasks, None)
    path = folder / "whole.checkpoint"
    checkpoint.save(learner, path, marks)
    whole = read(path)

    def spoil(target: Path, rng: Generator) -> None:
        target.write_bytes(spoil_bytes(path.read_bytes(), rng))

    def use(target: Path) -> list[str]:
        checkpoint.restore(learner, target, marks)
        checkpoint.save(learner, target, marks)
        again = read(target)
        same = again.texts == whole.texts and all(np.array_equal(again.arrays[k], v) for k, v in whole.arrays.items())
        return [] if same else ["another state"]

    return Target("checkpoint", spoil, use)
