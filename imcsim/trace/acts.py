"""What a method is known for, and whether it happened: a run without it is the run of a plainer method."""

from collections.abc import Mapping, Sequence


def idle_acts(acts: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    """Return the acts (name -> how often, by task) that never happened in a run."""
    return tuple(act for act, times in acts.items() if not any(times))


def idle_notes(method: str, acts: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    """Return one sentence for each act of ``method`` that never happened."""
    return tuple(
        f"{method}: no {act} happened in this run, so that its numbers are those of a learner without it; more tasks, "
        f"more epochs or other settings of the method would let it happen"
        for act in idle_acts(acts)
    )
