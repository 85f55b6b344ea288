"""A network on crossbars: which non-ideality costs accuracy, how it ages, and what training for the hardware helps.

A small convolution network learns digits twice: plainly, and with ``train()`` of the converted network, which adds the
error of cells a day old to the weights in every forward pass. Both are programmed into RRAM and read up to a day on.

Run: ``python examples/converted_network.py --out converted_network.png``
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

import imcsim
from imcsim.analog import AnalogConfig
from imcsim.core.errors import ImcsimError
from imcsim.learn.stream import Stream, Task
from imcsim.report.style import colours, markers, panels, save_as
from imcsim.study.summary import Stat, statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AGES_S = {"1 s": 1.0, "5 min": 300.0, "1 day": 86_400.0}
SWITCHES: dict[str, tuple[str, ...]] = {
    "exact codes": (),
    "converter": ("converter",),
    "wires": ("converter", "wires"),
    "read noise": ("converter", "read_noise"),
    "stuck cells": ("converter", "stuck"),
    "programming": ("converter", "programming"),
    "programming and relaxation": ("converter", "programming", "relaxation"),
    "everything": ("converter", "wires", "read_noise", "stuck", "programming", "relaxation"),
}
CHIPS, EPOCHS, BATCH, TESTED = 3, 12, 32, 150  # chips programmed for each point, images; design choices
Result = dict[str, dict[str, dict[str, Stat]]]  # training -> switches -> age -> accuracy in %


def measure() -> Result:
    """Train both ways, program each network into ``CHIPS`` chips for each set of switches, read it at each age."""
    torch.set_num_threads(1)
    stream = imcsim.split("digits", tasks=1)
    chip = imcsim.load("chip", "hybrid-28nm")
    task = replace(stream.tasks[0], x_test=stream.tasks[0].x_test[:TESTED], y_test=stream.tasks[0].y_test[:TESTED])
    found: Result = {}
    aware = AnalogConfig.ideal(programming=True, relaxation=True)
    for training, config in (("plain", AnalogConfig.ideal()), ("hardware-aware", aware)):
        network = trained(stream, chip, config)
        found[training] = {name: _aged(network, chip, on, task) for name, on in SWITCHES.items()}
    return found


def trained(stream: Stream, chip: Any, config: AnalogConfig) -> nn.Module:
    """Return a plain network, trained on the arrays of ``chip`` as ``config`` switches them."""
    network = imcsim.load("network", "convnet", like=stream, norm=True, channels=(16, 32))
    analog = imcsim.convert(network, chip, config=config, generator=0).train()
    optimizer, order = torch.optim.SGD(analog.parameters(), 0.1), torch.Generator().manual_seed(0)
    task = stream.tasks[0]
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(task.y_train), generator=order), BATCH):
            optimizer.zero_grad()
            loss = functional.cross_entropy(analog(task.x_train[batch]), task.y_train[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            analog.saturate()
    network.load_state_dict(analog.state_dict())
    return network


def main(out: Path) -> Result:
    """Draw accuracy against age to ``out`` (PNG or PDF), print it as a table, and return it.

    Raises
    ------
    ConfigError
        If ``out`` has another suffix.
    StorageError
        If the disk refuses.
    """
    found = measure()
    print(table(found))
    print(f"drawn to {draw(found, out)}")
    return found


def table(found: Result) -> str:
    """Return mean accuracies in percent."""
    lines = [f"accuracy on digits (%), mean over {CHIPS} chips, by time since programming"]
    for training, rows in found.items():
        lines += ["", f"{training:<28}" + "".join(f"{age:>10}" for age in AGES_S)]
        for name, ages in rows.items():
            lines.append(f"{name:<28}" + "".join(f"{ages[age].mean or 0.0:>10.1f}" for age in AGES_S))
    return "\n".join(lines)


def draw(found: Result, out: Path) -> Path:
    """Draw one panel for each training; return the path."""
    with panels(1, len(found), (11.0, 4.8), sharey=True) as (figure, axes):
        figure.suptitle("A converted network on 2-bit RRAM cells: each non-ideality alone, and all of them")
        for panel, (training, rows) in zip(axes, found.items(), strict=True):
            _panel(panel, rows)
            panel.set(title=f"{training} training", xlabel="time since programming")
        everything = [stat for rows in found.values() for ages in rows.values() for stat in ages.values()]
        lowest = min((stat.mean or 0.0) - stat.sd for stat in everything)
        axes[0].set(ylabel="accuracy on digits (%); chance is 10", ylim=(max(0.0, lowest - 2), 101))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
        return save_as(figure, out)


def _aged(network: nn.Module, chip: Any, switches: Sequence[str], task: Task) -> dict[str, Stat]:
    accuracies: dict[str, list[float | None]] = {age: [] for age in AGES_S}
    for seed in range(CHIPS):
        analog = imcsim.convert(network, chip, config=AnalogConfig.ideal(**dict.fromkeys(switches, True)))
        analog.program(seed)
        analog.calibrate(task.x_train[:100])
        analog.eval()
        for age, time_s in AGES_S.items():
            if age == "1 s" or "relaxation" in switches:  # else age changes nothing
                analog.drift(time_s)
                right = analog(task.x_test).argmax(1) == task.y_test
                percent = 100 * float(right.float().mean())
            accuracies[age].append(percent)
    return {age: statistics(values) for age, values in accuracies.items()}


def _panel(axes: "Axes", rows: dict[str, dict[str, Stat]]) -> None:
    colour, marker = colours(list(rows)), markers(list(rows))
    for place, (name, ages) in enumerate(rows.items()):
        beside = [index + 0.05 * (place - len(rows) / 2) for index in range(len(ages))]
        axes.errorbar(
            beside, [stat.mean or 0.0 for stat in ages.values()], yerr=[stat.sd for stat in ages.values()],
            color=colour[name], marker=marker[name], markersize=5, capsize=2, linewidth=1.2, label=name,
        )  # fmt: skip
    axes.set_xticks(range(len(AGES_S)), list(AGES_S))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("converted_network.png"), help="PNG or PDF to draw to")
    try:
        main(parser.parse_args().out)
    except ImcsimError as error:
        parser.error(str(error))
