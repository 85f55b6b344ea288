"""The pairs of a trace and a chip with something set, and what is asked of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.golden import runs

View = Literal["price", "life", "step", "image", "crash"]
Choice = dict[str, Any]
HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"
CHIPS = (HYBRID, RRAM, SRAM)


@dataclass(frozen=True)
class Pair:
    """``view`` of ``trace`` on ``chip`` with ``choice`` set; ``ask`` is what that view is asked.

    The chip gets PEs as small as the trace's, unless it is ``as_shipped``.
    """

    view: View
    trace: str
    chip: str
    choice: tuple[tuple[str, Any], ...] = ()
    ask: Any = None
    as_shipped: bool = False

    def __str__(self) -> str:
        said = [f"{field}={_short(value)}" for field, value in self.choice]
        asked = [] if self.ask is None else [_short(self.ask)]
        shipped = ["as-shipped"] if self.as_shipped else []
        return " ".join((self.view, self.trace, self.chip, *shipped, *said, *asked))

    @property
    def overrides(self) -> tuple[tuple[str, Any], ...]:
        """All that is set of the chip."""
        if self.as_shipped:
            return self.choice
        rows, cols = (4, 16) if runs.small_pes(self.trace) else (8, 32)
        size: Choice = {"array.rows": rows, "array.cols": cols}
        size |= {f"{part}.pe_count": 90 for part in _PARTS[self.chip]}
        return tuple((size | dict(self.choice)).items())


_PARTS = {HYBRID: ("rram", "sram"), RRAM: ("rram",), SRAM: ("sram",)}


def pairs() -> Iterator[Pair]:
    """Yield all pairs, each once."""
    yield from dict.fromkeys((*_prices(), *_lives(), *_steps(), *_images(), *_crashes()))


def _short(value: Any) -> str:
    return str(value).replace(" ", "").replace("'", "")


def _pair(view: View, trace: str, chip: str, choice: Choice | None = None, ask: Any = None) -> Pair:
    return Pair(view, trace, chip, tuple((choice or {}).items()), ask)


ANYWHERE: tuple[Choice, ...] = (
    {"input_gradient": "second-copy"},
    {"input_gradient": "digital"},
    {"skip_masked_gradients": False},
    {"gate_columns": True},
    {"power_gate_unused": False},
    {"master_copy.location": "dram"},
    {"master_copy.bits": 16},
    {"floor_plan.topology": "mesh", "floor_plan.pes_per_router": 4},
    {"floor_plan.topology": "h-tree", "floor_plan.pes_per_router": 2},
    {"buffer.size_bytes": 4096},
    {"buffer.size_bytes": 1048576, "buffer.bandwidth_bits_per_s": 1e9},
    {"link.hops": 3.5, "link.bandwidth_bits_per_s": 1e8},
    {"dac_bits": 2},
    {"horizon.tasks_per_day": 24.0, "horizon.task_switches_per_task": 7.5},
    {"horizon.inferences_per_task": 10, "horizon.power_cycles_per_task": 0.25},
    {"clock_hz": 1e8, "supply_v": 0.8},
)  # fmt: skip
WRITTEN_IN_PLACE: tuple[Choice, ...] = ({"rram.write_policy": "epoch"}, {"rram.write_policy": "task"})
WITH_RRAM: tuple[Choice, ...] = (
    {"rram.write_rule": "harmonic"},
    {"rram.write_rule": "arithmetic"},
    {"rram.parallel_write_pes": 1},
    {"rram.columns_per_adc": 4},
    {"rram.adc.model": "neurosim"},
    {"rram.adc.model": "survey", "rram.adc_bits": 8, "rram.transposed_adc_bits": 0},
    {"rram.adc": "adc-mnsim", "rram.adc_bits": 8, "rram.transposed_adc_bits": 0},
    {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5},
    {"rram.adc": "adc-neurosim-32nm", "rram.adc_bits": 6},
    {"rram.cell": "rram-cmo-hfox-28nm"},
    {"rram.cell": "rram-40nm-pessimistic"},
)
WITH_SRAM: tuple[Choice, ...] = (
    {"sram.write_policy": "epoch"},
    {"sram.write_policy": "task"},
    {"sram.weights_per_tree": 4},
    {"sram.cell": "sram-22nm-pessimistic"},
    {"weight_gradient": "sram-array"},
    {"weight_gradient": "sram-array", "input_gradient": "digital"},
)
BOTH: tuple[Choice, ...] = (
    {"commit": "lazy"},
    {"commit": "lazy", "charge_migration": False},
    {"charge_migration": False},
    {"overflow": "refuse"},
    {"sram.pe_count": 0},
    {"sram.pe_count": 3},
    {"sram.pe_count": 3, "rram.write_policy": "epoch"},
    {"sram.pe_count": 9, "rram.write_policy": "task"},
    {"sram.pe_count": 7, "commit": "lazy", "input_gradient": "second-copy"},
    {"sram.pe_count": 5, "weight_gradient": "sram-array"},
)
TURNS: tuple[Choice, ...] = (
    {"oversize": "multiplex", "sram.pe_count": 6},
    {"oversize": "multiplex", "sram.pe_count": 4, "input_gradient": "second-copy"},
    {"oversize": "multiplex", "sram.pe_count": 5, "weight_gradient": "sram-array"},
    {"oversize": "multiplex", "sram.pe_count": 6, "power_gate_unused": False, "master_copy.location": "dram"},
)
_OPTIONS: dict[str, tuple[Choice, ...]] = {
    HYBRID: (*ANYWHERE, *WITH_RRAM, *WITH_SRAM, *BOTH),
    RRAM: (*ANYWHERE, *WRITTEN_IN_PLACE, *WITH_RRAM),
    SRAM: (*ANYWHERE, *WITH_SRAM, *TURNS),
}
_OPTION_TRACES = (
    "hyb-learn", "lora", "joined-rigl", "three-tasks-placed", "packnet", "closed-columns", "xma2", "sparse-replay",
    "worn-at-commits", "joined-hyb-learn", "three-tasks-switched", "reprogrammed", "placed", "charged-resident",
)  # fmt: skip
"""Options take turns with these, but where only some have what the option acts on."""
_ACTS_ON = {
    "gate_columns": "closed-columns",
    "rram.write_policy": "joined-rigl",
    "sram.write_policy": "joined-rigl",
    "sram.pe_count": "three-tasks-placed",
}
_NOT_ON = {
    "narrow": CHIPS, "narrow-bits": CHIPS, "charged-worn": (HYBRID, SRAM),
}  # fmt: skip
"""Recorded for other cells than those of these chips as they are shipped."""


def _prices() -> Iterator[Pair]:
    for i, trace in enumerate(runs.names()):  # each trace on the hybrid and one other
        chips = [chip for chip in CHIPS if chip not in _NOT_ON.get(trace, ())]
        yield from (_pair("price", trace, chip) for chip in (*chips[:1], *chips[1 + i % 2 : 2 + i % 2]))
    for chip, options in _OPTIONS.items():
        for i, choice in enumerate(options):
            turn = _OPTION_TRACES[(3 * i + 2 * CHIPS.index(chip)) % len(_OPTION_TRACES)]
            named = (_ACTS_ON[field] for field in choice if field in _ACTS_ON and "oversize" not in choice)
            yield _pair("price", next(named, turn), chip, choice)
    yield from _of_cells()
    yield from _of_every_leaf()
    for chip, policy in ((RRAM, "epoch"), (RRAM, "step"), (HYBRID, "epoch")):  # charged where cells are worn so
        yield _pair("price", "worn-at-epochs", chip, {"rram.write_policy": policy})
    yield _pair("price", "xbm", SRAM, {"gate_columns": True})


def _of_cells() -> Iterator[Pair]:
    """Other cells and widths than the shipped chips have."""
    for bits in (1, 2, 3):
        yield _pair("price", "cell-bits", RRAM, {"rram.cell_bits": bits, "array.cols": 56})
    for cell in ("rram-22ffl", "rram-40nm-pessimistic"):
        yield _pair("price", "cell-bits", RRAM, {"rram.cell_bits": 1, "rram.sign": "offset", "rram.cell": cell})
    yield _pair("price", "cell-bits", HYBRID, {"rram.cell_bits": 1, "rram.sign": "offset"})
    narrow = {"weight_bits": 5, "input_bits": 6, "error_bits": 7}
    yield _pair("price", "narrow", RRAM, narrow)
    yield _pair("price", "narrow", SRAM, {**narrow, "dac_bits": 3})
    yield Pair("price", "narrow-bits", "neurosim-like-32nm-training", as_shipped=True)
    for trace, chip in (("er", HYBRID), ("joined-er", RRAM), ("rigl", SRAM)):
        yield Pair("price", trace, chip, as_shipped=True)


def _of_every_leaf() -> Iterator[Pair]:
    """What charges leaves that a tiny run does not."""
    for chip in CHIPS:
        yield _pair("price", "charged", chip, {"input_gradient": "second-copy"})
        yield _pair("price", "charged", chip, {"input_gradient": "digital"})
        yield _pair("price", "charged-switched", chip)
    yield _pair("price", "charged", SRAM, {"weight_gradient": "sram-array"})
    yield _pair("price", "charged", SRAM, {"oversize": "multiplex", "sram.pe_count": 6})
    yield _pair("price", "charged", SRAM, {"master_copy.location": "dram"})
    yield _pair("price", "charged", HYBRID, {"commit": "lazy"})


def _lives() -> Iterator[Pair]:
    asked: tuple[tuple[str, str, tuple[str, ...], str, Choice], ...] = (
        ("er", RRAM, (), "events", {}),
        ("hyb-learn", HYBRID, (), "pulses", {}),
        ("three-tasks-placed", HYBRID, ("rotate=2",), "window", {}),
        ("three-tasks-placed", RRAM, ("swap=3",), "events", {}),
        ("derpp", RRAM, ("spare-columns=2",), "events", {}),
        ("derpp", RRAM, ("spare-rows=1", "coalesce=epoch"), "events", {}),
        ("sparcl", RRAM, ("coalesce=task", "selective-verify=0.25"), "pulses", {}),
        ("lora", HYBRID, ("refresh=30:60",), "events", {"input_gradient": "second-copy"}),
        ("xma2", RRAM, ("refresh=auto",), "events", {}),
        ("three-tasks-placed", HYBRID, ("sram-cache=6:lru",), "events", {}),
        ("three-tasks-placed", HYBRID, ("sram-cache=6:life",), "window", {}),
        ("three-tasks-switched", RRAM, (), "window", {"horizon.task_switches_per_task": 9.0}),
        ("worn-at-steps", RRAM, (), "events", {}),
        ("reprogrammed", HYBRID, ("rotate=1", "spare-columns=1"), "events", {"commit": "lazy"}),
        ("cell-bits", RRAM, (), "pulses", {"rram.cell_bits": 1, "rram.sign": "offset"}),
    )
    for trace, chip, policies, wear, choice in asked:
        yield _pair("life", trace, chip, choice, (policies, wear, 2.5))


def _steps() -> Iterator[Pair]:
    asked: tuple[tuple[str, str, int, Choice, Choice], ...] = (
        ("er", HYBRID, 0, {}, {}),
        ("er", RRAM, -1, {"steps": 2, "once": True}, {}),
        ("joined-er", SRAM, 1, {"layers_per_adc": 2}, {}),
        ("joined-rigl", RRAM, 0, {"priority": "writes-first"}, {}),
        ("joined-hyb-learn", HYBRID, 1, {"once": True, "steps": 4}, {"commit": "lazy"}),
        ("three-tasks-placed", HYBRID, 2, {"once": True}, {"sram.pe_count": 3}),
        ("hyb-learn", SRAM, 1, {"overlap": False}, {}),
        ("hyb-learn", SRAM, 1, {"overlap": False, "transport": False}, {}),
        ("lora", HYBRID, 0, {"queue_vectors": 16}, {"input_gradient": "second-copy"}),
        ("sparcl", RRAM, 1, {"vectors_per_task": 8}, {"rram.write_policy": "epoch"}),
        ("packnet", SRAM, 0, {"priority": "arrival"}, {"weight_gradient": "sram-array"}),
        ("derpp", SRAM, 0, {"once": True}, {"oversize": "multiplex", "sram.pe_count": 6}),
        ("charged", HYBRID, 1, {"once": True}, {}),
        ("charged-resident", HYBRID, 1, {}, {"input_gradient": "digital"}),
    )  # fmt: skip
    for trace, chip, task, options, choice in asked:
        coarse = {"vectors_per_task": 64} if "vectors_per_task" not in options else {}
        yield _pair("step", trace, chip, choice, (task, tuple((coarse | options).items())))


def _images() -> Iterator[Pair]:
    asked: tuple[tuple[str, str, Choice], ...] = (
        ("er", RRAM, {}),
        ("packnet", HYBRID, {}),
        ("packnet", SRAM, {"gate_columns": True}),
        ("three-tasks-placed", HYBRID, {"floor_plan.topology": "mesh", "floor_plan.pes_per_router": 4}),
        ("sparcl", RRAM, {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5}),
        ("sparcl", SRAM, {"oversize": "multiplex", "sram.pe_count": 6}),
        ("joined-rigl", HYBRID, {}),
        ("joined-er", RRAM, {"dac_bits": 2}),
        ("lora", HYBRID, {}),
        ("closed-columns", RRAM, {"rram.columns_per_adc": 4}),
        ("cell-bits", RRAM, {"rram.cell_bits": 1, "rram.sign": "offset"}),
        ("nispa", SRAM, {"sram.weights_per_tree": 4}),
    )
    for i, (trace, chip, choice) in enumerate(asked):
        yield _pair("image", trace, chip, choice, -1 if i % 2 else 0)


def _crashes() -> Iterator[Pair]:
    asked: tuple[tuple[str, str, int, Choice], ...] = (
        ("hyb-learn", HYBRID, -1, {}),
        ("hyb-learn", HYBRID, 0, {"rram.write_policy": "task"}),
        ("er", HYBRID, 1, {}),
        ("er", RRAM, 1, {"rram.write_policy": "task"}),
        ("three-tasks-placed", HYBRID, 1, {}),
        ("three-tasks-placed", HYBRID, 2, {"sram.pe_count": 3, "rram.write_policy": "task"}),
        ("three-tasks-placed", RRAM, 2, {"rram.write_policy": "task", "rram.write_rule": "harmonic"}),
        ("sparcl", HYBRID, -1, {"rram.parallel_write_pes": 1}),
        ("joined-hyb-learn", HYBRID, -1, {"input_gradient": "digital"}),
        ("three-tasks-switched", HYBRID, 1, {}),
        ("reprogrammed", HYBRID, 2, {}),
        ("placed", HYBRID, 1, {}),
    )
    for trace, chip, task, choice in asked:
        yield _pair("crash", trace, chip, choice, task)
