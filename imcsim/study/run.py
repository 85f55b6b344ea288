"""A study from end to end: what is stored is kept, what is missing is trained and measured, everything is priced."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from imcsim.chip.config import ChipConfig
from imcsim.chip.report import Report
from imcsim.core.content import content_root
from imcsim.core.errors import StorageError, TraceError
from imcsim.core.json_text import Json
from imcsim.core.sources import Resolved
from imcsim.study import on_chip
from imcsim.study.engine import Executor, Job, Outcome, ProcessExecutor, Runner, run_jobs
from imcsim.study.on_chip_choice import OnChipChoice
from imcsim.study.on_chip_worker import measure_on_chip
from imcsim.study.points import Chips, TrainingPoint, load_chips, training_points
from imcsim.study.sensitivity import BASE, load_variants, sensitivity_row
from imcsim.study.spec import LoadedStudy, StudySpec
from imcsim.study.stamp import stamp
from imcsim.study.store import ResultStore
from imcsim.study.summary import Group, flat, summarise
from imcsim.study.watch import PointsFailed, StudyStopped, Watcher
from imcsim.study.worker import read_progress, train_point
from imcsim.trace.trace import Trace


class Pricer(Protocol):
    """What prices a trace on a chip by a mapping rule."""

    def __call__(self, trace: Trace, chip: Resolved[ChipConfig], *, rule: str) -> Report:
        """Return the price."""


_STOP_WAIT_S = 10.0


@dataclass(frozen=True)
class StudyResult:
    """What a study found. ``reports`` carry the method's label as ``method``; ``trained`` counts new trainings."""

    spec: StudySpec
    folder: Path
    chips: Chips
    reports: tuple[Report, ...]
    sensitivity: tuple[Json, ...]
    trained: int
    stamp: Json = field(repr=False)

    @property
    def rows(self) -> list[Json]:
        """One row for each (method, chip, seed)."""
        return [report.row() for report in self.reports]

    @property
    def groups(self) -> list[Group]:
        """Mean and spread over seeds for each (method, chip)."""
        return summarise(self.rows)


@dataclass(frozen=True)
class RunOptions:
    """How to run: results root, executor (None: ``jobs`` processes of this machine), train again, collaborators.

    An executor that is given is closed when the run ends.
    """

    out: Path
    jobs: int = 2
    executor: Executor | None = None
    fresh: bool = False
    runner: Runner = train_point
    measurer: Runner = measure_on_chip
    pricer: Pricer | None = None
    watcher: Watcher = field(default_factory=Watcher)


def study_folder(spec: StudySpec, out: Path) -> Path:
    """Return ``out/STUDY/DATASET``."""
    return out / spec.name / spec.stream.title


def run_study(loaded: LoadedStudy, options: RunOptions) -> StudyResult:
    """Run a study, or the part of it that is not stored yet.

    Raises
    ------
    ImcsimError
        What settings, data or disk refuse; :class:`PointsFailed` if workers died.
    StudyStopped
        After Ctrl-C; finished points are stored.
    """
    chips = load_chips(loaded.spec)
    points = training_points(loaded.spec, chips, loaded.source)
    store = ResultStore(study_folder(loaded.spec, options.out))
    with store.locked():
        runner = _StudyRun(store, points, chips, options, loaded)
        try:
            reports, rows = runner.reports(), runner.sensitivity()
        finally:
            runner.leave()
        made = stamp(loaded, chips, runner.trained_on)
        result = StudyResult(loaded.spec, store.folder, chips, reports, rows, runner.trained, made)
        store.write_table("rows", result.rows)
        store.write_table("summary", [flat(group) for group in result.groups])
        if result.sensitivity:
            store.write_table("sensitivity", result.sensitivity)
        store.write_stamp(result.stamp)
    return result


class _StudyRun:
    def __init__(
        self, store: ResultStore, points: list[TrainingPoint], chips: Chips, options: RunOptions, loaded: LoadedStudy
    ) -> None:
        self.store, self.points, self.chips, self.options, self.source = store, points, chips, options, loaded.source
        self.choice = loaded.spec.on_chip
        self.rules = {chip.title: chip.rule for chip in loaded.spec.chips}
        self.variants = load_variants(loaded.spec, chips)
        self.trained = 0
        self._priced: dict[str, list[Report]] = {}
        self._versions: dict[str, Mapping[str, str]] = {}
        self._varied: dict[str, list[Json]] = {}
        self._price = options.pricer or _default_pricer()
        self._open = options.executor

    def reports(self) -> tuple[Report, ...]:
        try:
            return self._reports()
        except KeyboardInterrupt:
            raise StudyStopped(self._stopped()) from None

    def _reports(self) -> tuple[Report, ...]:
        self.store.tidy()
        missing = [point for point in self.points if not self._from_store(point)]
        self.options.watcher.start(len(self.points), len(self.points) - len(missing))
        if missing:
            self._train(missing)
        self.store.tidy()
        if self.choice is not None:
            self._measure(on_chip.measurements(self.points, self.chips, self.choice, self.store), self.choice)
        return tuple(report for point in self.points for report in self._priced[point.name])

    def leave(self) -> None:
        """Close the executor that was given."""
        if self._open is not None:
            self._close(self._open, 0.0)

    @property
    def trained_on(self) -> list[Mapping[str, str]]:
        """The versions in every trace, point by point."""
        return [self._versions[point.name] for point in self.points]

    def sensitivity(self) -> tuple[Json, ...]:
        """Rows of every variant, the stated values first; none if the study names no variant."""
        return tuple(row for point in self.points for row in self._varied.get(point.name, ()))

    def _from_store(self, point: TrainingPoint) -> bool:
        if self.options.fresh:
            self.store.discard(point)
            return False
        try:
            trace = self.store.load_trace(point)
        except TraceError as error:
            self.options.watcher.note(f"{error}; {point.title} is trained again")
            self.store.discard(point)
            return False
        if trace is not None:
            self._add(point, trace)
        return trace is not None

    def _add(self, point: TrainingPoint, trace: Trace) -> None:
        reports = self._reports_on(self.chips, point, trace)
        self._priced[point.name], self._versions[point.name] = reports, trace.meta.versions
        if not self.variants:
            return
        rows = [sensitivity_row(report.row(), BASE) for report in reports]
        for label, chips in self.variants.items():
            rows += [sensitivity_row(report.row(), label) for report in self._reports_on(chips, point, trace)]
        self._varied[point.name] = rows

    def _reports_on(self, chips: Chips, point: TrainingPoint, trace: Trace) -> list[Report]:
        """Price the trace on each chip; the reports carry the study's own words for method and chip."""
        priced = ((name, self._price(trace, chip, rule=self.rules[name])) for name, chip in chips.items())
        return [replace(report, method=point.label, chip=name) for name, report in priced]

    def _train(self, missing: Sequence[TrainingPoint]) -> None:
        outcome = self._work(
            [Job(point.title, self._payload(point)) for point in missing],
            self.options.runner,
            finished=lambda position, _: self._finished(missing[position]),
            tick=lambda positions: self._tick([missing[position] for position in positions]),
        )
        self._demand_all(outcome, "points")

    def _measure(self, wanted: Sequence[on_chip.Measurement], choice: OnChipChoice) -> None:
        """Measure what is not stored, and add every accuracy to the report it belongs to."""
        missing = list({entry.path: entry for entry in wanted if on_chip.load_measurement(entry) is None}.values())
        if missing:
            watcher = self.options.watcher
            watcher.note(f"{len(missing)} accuracies to measure on the chips")
            outcome = self._work(
                on_chip.jobs(missing, self.chips, choice, self.store),
                self.options.measurer,
                finished=lambda position, _: watcher.note(f"measured: {missing[position].title}"),
                tick=lambda positions: watcher.running([(missing[position].title, None) for position in positions]),
            )
            self._demand_all(outcome, "measurements")
        for name, reports in self._priced.items():
            entries = [entry for entry in wanted if entry.point.name == name]
            self._priced[name] = [_with_accuracy(r, e) for r, e in zip(reports, entries, strict=True)]

    def _work(
        self,
        jobs: Sequence[Job],
        runner: Runner,
        finished: Callable[[int, str], None],
        tick: Callable[[list[int]], None],
    ) -> Outcome:
        executor, wait_s = self._open or ProcessExecutor(min(self.options.jobs, len(jobs))), 0.0
        try:
            return run_jobs(jobs, runner, executor, finished=finished, tick=tick)
        except KeyboardInterrupt:
            wait_s = _STOP_WAIT_S
            raise
        finally:
            if executor is not self._open or wait_s:
                self._close(executor, wait_s)

    def _close(self, executor: Executor, wait_s: float) -> None:
        self._open = None
        with suppress(OSError):  # a full disk must not hide why the run ends
            self.store.stop_path.touch()
        try:
            executor.close(wait_s)
        finally:
            with suppress(StorageError):
                self.store.tidy()

    def _payload(self, point: TrainingPoint) -> Json:
        return {
            "config": dict(point.config),
            "where": self.source,
            "trace": str(self.store.trace_path(point).resolve()),
            "checkpoint": str(self.store.checkpoint_path(point).resolve()),
            "progress": str(self.store.progress_path(point).resolve()),
            "stop": str(self.store.stop_path.resolve()),
            "content": str(content_root()),
        }

    def _finished(self, point: TrainingPoint) -> None:
        trace = self.store.load_trace(point)
        if trace is None:
            raise PointsFailed(f"{point.title}: the worker ended without a trace at {self.store.trace_path(point)}")
        self._add(point, trace)
        self.trained += 1
        self.options.watcher.finished(point.title)

    def _tick(self, points: Sequence[TrainingPoint]) -> None:
        self.options.watcher.running([(p.title, read_progress(self.store.progress_path(p))) for p in points])

    def _stopped(self) -> str:
        return (
            f"stopped; {len(self._priced)} of {len(self.points)} points are stored in {self.store.folder}; "
            f"run the same command again to go on"
        )

    def _demand_all(self, outcome: Outcome, what: str) -> None:
        if outcome.failures:
            reasons = "; ".join(outcome.failures[position] for position in sorted(outcome.failures))
            total = len(outcome.failures) + len(outcome.results)
            raise PointsFailed(
                f"{len(outcome.failures)} of {total} {what} failed ({reasons}); the other "
                f"{len(outcome.results)} are stored in {self.store.folder}; run the same command again to go on"
            )


def _with_accuracy(report: Report, entry: on_chip.Measurement) -> Report:
    found = on_chip.load_measurement(entry)
    if found is None:
        raise PointsFailed(f"{entry.title}: the worker ended without a result at {entry.path}")
    return replace(report, accuracy={**report.accuracy, **on_chip.columns(found)})


def _default_pricer() -> Pricer:
    from imcsim.chip.price import price

    return price
