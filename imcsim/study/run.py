"""A study from end to end: what is stored is kept, what is missing is trained, everything is priced."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imcsim.chip.config import ChipConfig
from imcsim.chip.report import Report
from imcsim.core.content import content_root
from imcsim.core.errors import StudyError, TraceError
from imcsim.core.sources import Resolved
from imcsim.study.engine import Executor, Job, Outcome, ProcessExecutor, Runner, run_jobs
from imcsim.study.points import Chips, TrainingPoint, load_chips, training_points
from imcsim.study.sensitivity import BASE, load_variants, sensitivity_row
from imcsim.study.spec import LoadedStudy, StudySpec
from imcsim.study.stamp import stamp
from imcsim.study.store import ResultStore
from imcsim.study.summary import Group, flat, summarise
from imcsim.study.worker import read_progress, train_point
from imcsim.trace.trace import Trace

Pricer = Callable[[Trace, Resolved[ChipConfig]], Report]
_STOP_WAIT_S = 10.0


class PointsFailed(StudyError):
    """Some points failed through no mistake of the user; the others are stored."""

    exit_status = 1


class StudyStopped(StudyError):
    """Ctrl-C: finished points are stored; the text says how to go on."""

    exit_status = 130


class Watcher:
    """What a run tells about itself; override what you show."""

    def start(self, total: int, stored: int) -> None:
        """Tell that there are ``total`` points, of which ``stored`` are there already."""

    def note(self, text: str) -> None:
        """Show a sentence that the user must see."""

    def running(self, points: Sequence[tuple[str, tuple[int, int, str] | None]]) -> None:
        """Show the points in training: title and (done, total, text) if known; called often."""

    def finished(self, title: str) -> None:
        """Tell that a point was trained, stored and priced."""


@dataclass(frozen=True)
class StudyResult:
    """What a study found. ``reports`` carry the method's label as ``method``; ``trained`` counts new trainings."""

    spec: StudySpec
    folder: Path
    chips: Chips
    reports: tuple[Report, ...]
    sensitivity: tuple[dict[str, Any], ...]
    trained: int
    stamp: dict[str, Any] = field(repr=False)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row for each (method, chip, seed)."""
        return [report.row() for report in self.reports]

    @property
    def groups(self) -> list[Group]:
        """Mean and spread over seeds for each (method, chip)."""
        return summarise(self.rows)


@dataclass(frozen=True)
class RunOptions:
    """How to run: results root, executor (None: ``jobs`` processes of this machine), train again, collaborators."""

    out: Path
    jobs: int = 2
    executor: Executor | None = None
    fresh: bool = False
    runner: Runner = train_point
    pricer: Pricer | None = None
    watcher: Watcher = field(default_factory=Watcher)


def study_folder(spec: StudySpec, out: Path) -> Path:
    """Return ``out/STUDY/DATASET``."""
    return out / spec.name / spec.stream.dataset


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
        reports, rows = runner.reports(), runner.sensitivity()
        result = StudyResult(loaded.spec, store.folder, chips, reports, rows, runner.trained, stamp(loaded, chips))
        store.write_table("rows", result.rows)
        store.write_table("summary", [flat(group) for group in result.groups])
        if result.sensitivity:
            store.write_table("sensitivity", result.sensitivity)
        store.write_json("stamp", result.stamp)
    return result


class _StudyRun:
    def __init__(
        self, store: ResultStore, points: list[TrainingPoint], chips: Chips, options: RunOptions, loaded: LoadedStudy
    ) -> None:
        self.store, self.points, self.chips, self.options, self.source = store, points, chips, options, loaded.source
        self.variants = load_variants(loaded.spec, chips)
        self.trained = 0
        self._priced: dict[str, list[Report]] = {}
        self._varied: dict[str, list[dict[str, Any]]] = {}
        self._price = options.pricer or _default_pricer()

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
        return tuple(report for point in self.points for report in self._priced[point.name])

    def sensitivity(self) -> tuple[dict[str, Any], ...]:
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
        reports = [replace(self._price(trace, chip), method=point.label) for chip in self.chips.values()]
        self._priced[point.name] = reports
        if not self.variants:
            return
        rows = [sensitivity_row(report.row(), BASE) for report in reports]
        for label, chips in self.variants.items():
            priced = [self._price(trace, chip) for chip in chips.values()]
            rows += [sensitivity_row(replace(report, method=point.label).row(), label) for report in priced]
        self._varied[point.name] = rows

    def _train(self, missing: Sequence[TrainingPoint]) -> None:
        executor = self.options.executor or ProcessExecutor(min(self.options.jobs, len(missing)))
        jobs = [Job(point.title, self._payload(point)) for point in missing]
        wait_s = 0.0
        try:
            outcome = run_jobs(
                jobs,
                self.options.runner,
                executor,
                finished=lambda position, _: self._finished(missing[position]),
                tick=lambda positions: self._tick([missing[position] for position in positions]),
            )
        except KeyboardInterrupt:
            wait_s = _STOP_WAIT_S
            raise
        finally:
            self._close(executor, wait_s)
        self._demand_all(outcome)

    def _close(self, executor: Executor, wait_s: float) -> None:
        with suppress(OSError):  # a full disk must not hide why the run ends
            self.store.stop_path.touch()
        executor.close(wait_s)
        self.store.tidy()

    def _payload(self, point: TrainingPoint) -> dict[str, Any]:
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

    def _demand_all(self, outcome: Outcome) -> None:
        if outcome.failures:
            reasons = "; ".join(outcome.failures.values())
            raise PointsFailed(
                f"{len(outcome.failures)} of {len(self.points)} points failed ({reasons}); the other "
                f"{len(self._priced)} are stored in {self.store.folder}; run the same command again to go on"
            )


def _default_pricer() -> Pricer:
    from imcsim.chip.price import price

    return price
