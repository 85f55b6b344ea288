"""Where a study's results lie: one folder for each data set, every file whole or absent.

``traces/`` one file for each training point; ``rows`` and ``summary`` as CSV and JSON (same run, same bytes: sorted,
no clock); ``stamp.json`` settings, origins, versions; ``work/`` checkpoints and progress of points in training.
"""

import fcntl
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from imcsim.core.csv_text import to_csv
from imcsim.core.errors import StorageError, StudyError
from imcsim.core.files import remove, remove_abandoned, write_atomic
from imcsim.core.json_text import Json, parse_json, to_json
from imcsim.study.points import TrainingPoint
from imcsim.study.summary import Row
from imcsim.trace.store import load
from imcsim.trace.trace import Trace


class ResultStore:
    """The results of one study on one data set, under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._work = folder / "work"

    def trace_path(self, point: TrainingPoint) -> Path:
        """Return where the point's trace is or will be."""
        return self.folder / "traces" / f"{point.name}.safetensors"

    def checkpoint_path(self, point: TrainingPoint) -> Path:
        """Return where the learner leaves its state when it is stopped."""
        return self._work / f"{point.name}.checkpoint"

    def progress_path(self, point: TrainingPoint) -> Path:
        """Return where a worker tells how far it is."""
        return self._work / f"{point.name}.progress"

    @property
    def stop_path(self) -> Path:
        """While this file exists, workers leave a checkpoint and end."""
        return self._work / "stop"

    def load_trace(self, point: TrainingPoint) -> Trace | None:
        """Return the stored trace, None if there is none; TraceError naming the file if it is corrupt."""
        path = self.trace_path(point)
        return load(path) if path.exists() else None

    def discard(self, point: TrainingPoint) -> None:
        """Remove the point's trace and what a stopped training left."""
        for path in (self.trace_path(point), self.checkpoint_path(point), self.progress_path(point)):
            remove(path)

    def tidy(self) -> None:
        """Remove progress and stop files, and half-written ones that a killed process left; checkpoints stay."""
        for path in [*self._work.glob("*.progress"), self.stop_path]:
            remove(path)
        for folder in {path.parent for path in self.folder.rglob(".*.part")}:
            remove_abandoned(folder)

    def write_table(self, name: str, rows: Sequence[Row]) -> None:
        """Write ``rows`` to NAME.csv and NAME.json, sorted by method, chip and seed."""
        ordered = sorted(rows, key=lambda row: (str(row["method"]), str(row["chip"]), row.get("seed", 0)))
        write_atomic(self.folder / f"{name}.csv", to_csv(ordered))
        write_atomic(self.folder / f"{name}.json", to_json(ordered))

    def write_stamp(self, stamp: Mapping[str, object]) -> None:
        """Write ``stamp``, and the SHA-256 of the rows that it tells of, to stamp.json."""
        digest = hashlib.sha256((self.folder / "rows.json").read_bytes()).hexdigest()
        write_atomic(self.folder / "stamp.json", to_json({**stamp, "sha256": {"rows.json": digest}}))

    def write_parquet(self, name: str, rows: Sequence[Row]) -> None:
        """Write ``rows`` to NAME.parquet; StudyError if the extra is not installed."""
        import pandas as pd

        buffer = io.BytesIO()
        try:
            pd.DataFrame([dict(row) for row in rows]).to_parquet(buffer, index=False)
        except ImportError:
            raise StudyError("--parquet needs pyarrow: pip install 'imcsim[parquet]'") from None
        write_atomic(self.folder / f"{name}.parquet", buffer.getvalue())

    def read_rows(self) -> list[Json]:
        """Return the stored rows; StudyError if the study has not been run here or the file is broken."""
        path = self.folder / "rows.json"
        try:
            data = path.read_bytes()
        except OSError:
            raise StudyError(f"no results in {self.folder}; run the study first") from None
        try:
            rows = parse_json(data)
        except ValueError:
            rows = None
        stamped = self._stamped("rows.json")
        if not isinstance(rows, list) or (stamped and stamped != hashlib.sha256(data).hexdigest()):
            raise StudyError(f"{path} is corrupt; run the study again, its traces are kept")
        return rows

    def _stamped(self, name: str) -> str | None:
        """Return the SHA-256 of file ``name`` that stamp.json tells, None if it tells none."""
        try:
            return str(parse_json((self.folder / "stamp.json").read_bytes())["sha256"][name])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone; StudyError if another run holds it, StorageError if the disk refuses."""
        path = self._work / "lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StudyError(f"another run is writing to {self.folder}; wait for it, or choose --out") from None
            yield
