"""How far one walks through the package to read a price: its rooms and returns.

``python -m tests.packaging.walk`` prints them.

A *room* is a file. The walk is one call of a public function, followed by Python's profiler. A reader follows each call
once, so an *entry* is a pair of a calling function and a called function in another file, counted once however often
it is made. A *return* is an entry into a room that was entered before: entries minus rooms. Reading a value is a look
and no walk, so properties, constructors and other methods with two underscores do not count; what a comprehension
calls, its function calls. *Crossings* are all calls from one file into another while it runs.

A *cold* walk is the first of a trace, a *warm* one finds what was derived from the trace.

Measured before each charge was written once (rooms, returns; through the pricing half, and through all of imcsim):

- price, cold: 25, 67 and 42, 103; warm: 24, 59 and 40, 90. ``profile.py`` was entered 20 and 18 times.
- explain, all trees: 39, 166 and 56, 219.
- one training step as events: 10, 34 and 34, 88; one image on a map: 6, 7 and 19, 15; outlook: 28, 81 and 75, 185.
"""

import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import imcsim

ROOT = Path(imcsim.__file__).parent
PRICING = ("chip", "memory")
"""The packages in which a trace is priced."""


@dataclass(frozen=True)
class Walk:
    """Entries into each room (file below the package), the first one of each in order; and all crossings."""

    entries: Counter[str]
    crossings: int

    @property
    def rooms(self) -> int:
        """Files entered."""
        return len(self.entries)

    @property
    def returns(self) -> int:
        """Entries into a file that was entered before."""
        return self.entries.total() - self.rooms

    def __str__(self) -> str:
        most = ", ".join(f"{room} {times}" for room, times in self.entries.most_common(3))
        return f"{self.rooms:3} rooms, {self.returns:3} returns, {self.crossings:5} crossings; most: {most}"


Step = tuple[str, str, str, str]  # calling file and function, called file and function


def walked(act: Callable[[], Any]) -> list[Step]:
    """Return every call from one file of the package into another while ``act`` runs, in order."""
    looks, steps, root = _looks(), [], str(ROOT)

    def note(frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(root):
            return
        name = frame.f_code.co_name
        if name.startswith(("<", "__")) or frame.f_code in looks:
            return
        caller = _caller(frame, root)
        called = _place(frame.f_code)
        if caller[0] != called[0]:
            steps.append((*caller, *called))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return steps


def walk(act: Callable[[], Any], packages: Collection[str] | None = PRICING) -> Walk:
    """Return the walk of ``act`` through ``packages``, all of imcsim if None."""
    steps = [step for step in walked(act) if packages is None or step[2].split("/")[0] in packages]
    return Walk(Counter(called for _, _, called, _ in dict.fromkeys(steps)), len(steps))


def _caller(frame: FrameType, root: str) -> tuple[str, str]:
    """The function of the package that called, past comprehensions, looks at values and other packages' functions."""
    back = frame.f_back
    while back is not None:
        if back.f_code.co_filename.startswith(root) and not back.f_code.co_name.startswith("<"):
            return _place(back.f_code)
        back = back.f_back
    return "", ""


def _place(code: CodeType) -> tuple[str, str]:
    return Path(code.co_filename).relative_to(ROOT).as_posix(), code.co_qualname


def _looks() -> set[CodeType]:
    """Code of all properties of classes of the package that are loaded."""
    found = set()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "imcsim":
            for value in list(vars(module).values()):
                if isinstance(value, type):
                    found |= {code for one in vars(value).values() if (code := _look(one)) is not None}
    return found


def _look(value: object) -> CodeType | None:
    function = value.fget if isinstance(value, property) else getattr(value, "func", None)
    if function is None or not isinstance(value, property | cached_property):
        return None
    return getattr(function, "__code__", None)


def walks(name: str = "hyb-learn", chip_name: str = "hybrid-28nm") -> dict[str, Callable[[], Any]]:
    """Return the acts that are walked, on golden trace ``name``: a tiny run on digits.

    An act that is walked for the first time is cold.
    """
    from imcsim.chip import price
    from imcsim.chip.explain import explain_priced
    from imcsim.chip.trace_masks import task_masks
    from imcsim.events import StepOptions, run, training_graph, work_of
    from imcsim.life import outlook
    from imcsim.life.chips import chip_for
    from imcsim.life.options import LifeOptions
    from imcsim.mapping.network_map import map_network
    from imcsim.report.mapping_compare import rule_figures
    from tests.golden import runs
    from tests.golden.figures import chip_of
    from tests.golden.pairs import Pair

    pair = Pair("price", name, chip_name)
    chip, options = chip_of(pair), LifeOptions()
    trees = ("energy", "latency", "area", "deployment", "task_switch", "power_up", "inference", "inference_latency")
    price(runs.stored(name), chip)  # what is derived from no trace is there
    trace, masks = runs.stored(name), task_masks(runs.stored(name))
    mapped = map_network(trace.meta.layers, chip.config.geometry, "im2col", zeros=masks.zeros)
    planned, shown, seen = runs.stored(name), runs.stored(name), chip_for(chip_name, options, dict(pair.overrides))
    return {
        "price, cold": lambda: price(trace, chip),
        "price, warm": lambda: price(trace, chip),
        "explain, all trees": lambda: [explain_priced(shown, chip, tree) for tree in trees],
        "one training step as events": lambda: run(training_graph(work_of(planned, chip.config, -1), StepOptions())),
        "one image on a map": lambda: rule_figures(mapped, chip.config, masks),
        "outlook": lambda: outlook(runs.stored(name), seen, options),
    }


def main() -> None:
    """Print the walks, through the pricing half and through all of imcsim."""
    for packages in (PRICING, None):
        sys.stdout.write(f"{'imcsim' if packages is None else ', '.join(packages)}\n")
        for name, act in walks().items():
            sys.stdout.write(f"  {name:30} {walk(act, packages)}\n")


if __name__ == "__main__":
    main()
