"""What a run tells while it goes on, and how it ends early."""

from collections.abc import Sequence

from imcsim.core.errors import StudyError


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
