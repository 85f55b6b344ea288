"""Progress of a study: bars on a terminal, else one line for each finished point. Always on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imcsim.study.watch import Watcher

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

Running = Sequence[tuple[str, tuple[int, int, str] | None]]


class PlainWatcher(Watcher):
    """One line when the run starts, for each finished point, and for each note."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._done = 0

    def start(self, total: int, stored: int) -> None:
        """Say how much there is to train."""
        self._total, self._done = total, stored
        self._line(f"{total} training points, {stored} stored, {total - stored} to train")

    def note(self, text: str) -> None:
        """Print the sentence."""
        self._line(text)

    def finished(self, title: str) -> None:
        """Print how many are done and which it was."""
        self._done += 1
        self._line(f"{self._done}/{self._total} {title}")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class BarWatcher(Watcher):
    """One bar for the study and one for each point in training."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._all: TaskID | None = None

    def start(self, total: int, stored: int) -> None:
        """Show the study's bar."""
        self._all = self._progress.add_task("training points", total=total, completed=stored)

    def note(self, text: str) -> None:
        """Print the sentence above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def running(self, points: Running) -> None:
        """Bring each point's bar up to date; bars of ended points go."""
        titles = [title for title, _ in points]
        for title in [title for title in self._bars if title not in titles]:
            self._progress.remove_task(self._bars.pop(title))
        for title, known in points:
            if title not in self._bars:
                self._bars[title] = self._progress.add_task(title, total=None)
            if known is not None:
                done, total, _ = known
                self._progress.update(self._bars[title], completed=done, total=total)

    def finished(self, title: str) -> None:
        """Move the study's bar on."""
        if self._all is not None:
            self._progress.advance(self._all)
