"""Power goes in the middle of a commit: what the network still knows after power-up, with one copy and with two.

A small convolution network learns digits in two-class tasks. The commit of the last is cut at 11 instants; the codes
that RRAM then holds make a network again, and it is tested on the tasks that were committed before.

Run: ``python examples/power_cut.py --out power_cut.png``
"""

import argparse
from pathlib import Path

import imcsim
from imcsim.core.errors import ImcsimError
from imcsim.events import run, work_of
from imcsim.events.consolidate import SCHEMES, CommitScheme, consolidation, power_cut, recover, recovered_trace
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.stream import Stream
from imcsim.report.style import colours, markers, panels, save_as
from imcsim.trace.trace import Trace

SHARES = tuple(i / 10 for i in range(11))
Result = dict[str, dict[str, list[float]]]  # scenario -> scheme -> accuracy in % at each of SHARES


def learned(seed: int = 0) -> tuple[Stream, Trace]:
    """Return digits in five tasks, and what experience replay did on them."""
    stream = imcsim.split("digits", tasks=5)
    network = imcsim.load("network", "convnet", like=stream, channels=(16, 32), seed=seed)
    return stream, imcsim.learn(network, stream, method="er", epochs=8, seed=seed)


def measure(stream: Stream, trace: Trace) -> Result:
    """Cut the last commit at each of ``SHARES``; return the mean accuracy on the tasks before it."""
    work = work_of(trace, imcsim.load("chip", "hybrid-28nm").config, -1)
    before = stream.tasks[: work.task]
    seen = {label for task in before for label in task.classes}
    found: Result = {"Class-IL": {}, "Task-IL": {}}
    for name in SCHEMES:
        commit = consolidation(work, CommitScheme(name=name))
        schedule = run(commit.graph)
        for share in SHARES:
            left = recover(commit, power_cut(commit, schedule, share * schedule.makespan_s))
            network = imcsim.network_after(recovered_trace(commit, left), work.task - 1)
            rows = accuracy_rows(network, before, seen)
            for scenario, row in zip(found, rows, strict=True):
                found[scenario].setdefault(name, []).append(100 * sum(row) / len(row))
    return found


def main(out: Path) -> Result:
    """Draw accuracy against the instant of the cut to ``out`` (PNG or PDF), print it, and return it.

    Raises
    ------
    ConfigError
        If ``out`` has another suffix.
    StorageError
        If the disk refuses.
    """
    found = measure(*learned())
    print(table(found))
    print(f"drawn to {draw(found, out)}")
    return found


def table(found: Result) -> str:
    """Return accuracies at the beginning, three instants within, and the end."""
    picked = (0, 2, 5, 8, 10)
    lines = ["accuracy (%) on the tasks committed before, by the share of the commit at which power goes", ""]
    lines.append(f"{'':<24}" + "".join(f"{SHARES[i]:>8.1f}" for i in picked))
    for scenario, rows in found.items():
        for name, row in rows.items():
            lines.append(f"{scenario + ', ' + name:<24}" + "".join(f"{row[i]:>8.1f}" for i in picked))
    return "\n".join(lines)


def draw(found: Result, out: Path) -> Path:
    """Draw one panel for each scenario; return the path."""
    with panels(1, len(found), (10.0, 4.2), sharey=True) as (figure, axes):
        figure.suptitle("A commit to RRAM is cut: accuracy on the tasks committed before it, after power-up")
        for axis, (scenario, rows) in zip(axes, found.items(), strict=True):
            look, shape = colours(list(rows)), markers(list(rows))
            for name, row in rows.items():
                axis.plot(SHARES, row, color=look[name], marker=shape[name], markersize=4, label=name)
            axis.set(title=scenario, xlabel="share of the commit done when power goes", ylim=(0, 101))
        axes[0].set_ylabel("accuracy (%)")
        axes[0].legend(loc="lower left")
        return save_as(figure, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("power_cut.png"), help="PNG or PDF to draw to")
    try:
        main(parser.parse_args().out)
    except ImcsimError as error:
        parser.error(str(error))
