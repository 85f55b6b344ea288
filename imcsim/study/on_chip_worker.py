"""Sent to workers: the accuracy of one training run on one chip, task after task, age after age.

The chip lives through the stream: at each commit only cells whose level changed are programmed, with new errors; the
others keep theirs and grow older.
"""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imcsim.core import sealed
from imcsim.core.content import use_content
from imcsim.core.errors import StudyError
from imcsim.core.json_text import Json

if TYPE_CHECKING:
    from imcsim.analog.network import AnalogNetwork
    from imcsim.chip.config import ChipConfig
    from imcsim.learn.config import LearnConfig
    from imcsim.learn.stream import Task
    from imcsim.study.on_chip_choice import OnChipChoice
    from imcsim.trace.trace import Trace

MEASURED = sealed.Kind("measurement of accuracy", 1, StudyError, "it is measured again")


def measure_on_chip(payload: Json) -> str:
    """Measure and return the path of the result, a sealed file whose header holds it.

    Parameters
    ----------
    payload
        ``trace`` (path), ``chip`` (fields of ChipConfig), ``choice`` (fields of OnChipChoice), ``seed``, ``result``
        (path), ``content`` (content root).

    Raises
    ------
    ImcsimError
        What the trace, the chip, the content or the disk refuse.
    """
    from imcsim.chip.config import ChipConfig
    from imcsim.core.config import parse
    from imcsim.crossbar.slicing.calibrate import ClippingWarning
    from imcsim.study.on_chip_choice import OnChipChoice
    from imcsim.trace.store import load

    with use_content(Path(payload["content"])):
        chip = parse(ChipConfig, payload["chip"], "chip")
        choice = parse(OnChipChoice, payload["choice"], "on_chip")
        with warnings.catch_warnings():  # what is clipped is in the result
            warnings.simplefilter("ignore", ClippingWarning)
            found = accuracy_on_chip(load(Path(payload["trace"])), chip, choice, payload["seed"])
    path = Path(payload["result"])
    sealed.save(path, MEASURED, found, {})
    return str(path)


def accuracy_on_chip(trace: "Trace", chip: "ChipConfig", choice: "OnChipChoice", seed: int) -> Json:
    """Return the accuracy matrices of ``trace`` on ``chip`` at each age, and what programming took.

    ``class_il`` and ``task_il`` hold, for each age, (T, T) rows: accuracy on task i after the commit of task t, None
    for tasks not yet seen. ``events``, ``pulses``, ``clipped_share`` (of
    conversions) and ``beyond_share`` (of inputs, after the tests), each of the layer with most, are by task.

    A method that must be told the task has no Class-IL rows. It is programmed with what serves task t and tested on it
    alone; later rows repeat that value, for each return to the task puts the same codes, masks and scales back.
    """
    from imcsim.analog.convert import convert
    from imcsim.chip.serving_place import serving_in_sram
    from imcsim.core.config import parse
    from imcsim.core.seeds import child_seed
    from imcsim.learn.config import LearnConfig
    from imcsim.learn.rebuild import network_after
    from imcsim.learn.stream import sample_images

    config = parse(LearnConfig, trace.meta.config, "the trace's configuration")
    tasks = _tasks(config, choice)
    places = serving_in_sram(trace, chip)
    network: AnalogNetwork = convert(network_after(trace, 0), chip, places[0], config=choice.config)
    counts = ("events", "pulses", "clipped_share", "beyond_share")
    found: Json = {"ages_s": list(choice.ages_s), **{name: [] for name in counts}}
    found |= {name: [[] for _ in choice.ages_s] for name in ("class_il", "task_il")}
    for t, place in enumerate(places):
        network.load_state_dict(network_after(trace, t).state_dict())
        network.place(place)
        done = network.program(child_seed(seed, "on-chip", t))
        network.drift(choice.ages_s[0])
        network.calibrate(sample_images(tasks[: t + 1], choice.calibration))
        found["events"].append(done.events)
        found["pulses"].append(done.pulses)
        found["clipped_share"].append(_clipped_share(network))
        drawn = child_seed(seed, "on-chip-test", t)  # what a network itself draws at test
        if "class-il" in trace.meta.scenarios:
            _test(network, tasks, t, choice, found, drawn)
        else:
            _test_alone(network, tasks, t, choice, found, drawn)
        found["beyond_share"].append(max(layer.clipped_inputs.share for _, layer in network.analog_layers()))
    return found


def _test(
    network: "AnalogNetwork", tasks: list["Task"], t: int, choice: "OnChipChoice", found: Json, seed: int
) -> None:
    from imcsim.learn.evaluate import accuracy_rows

    seen, unseen = tasks[: t + 1], [None] * (len(tasks) - t - 1)
    labels = {label for task in seen for label in task.classes}
    for index, age_s in enumerate(choice.ages_s):
        network.drift(age_s)
        class_il, task_il = accuracy_rows(network, seen, labels, seed=seed)
        found["class_il"][index].append([*class_il, *unseen])
        found["task_il"][index].append([*task_il, *unseen])


def _test_alone(
    network: "AnalogNetwork", tasks: list["Task"], t: int, choice: "OnChipChoice", found: Json, seed: int
) -> None:
    from imcsim.learn.evaluate import accuracy_rows

    for index, age_s in enumerate(choice.ages_s):
        network.drift(age_s)
        _, (alone,) = accuracy_rows(network, [tasks[t]], tasks[t].classes, seed=seed)
        rows = found["task_il"][index]
        earlier = rows[-1][:t] if rows else []
        rows.append([*earlier, alone, *[None] * (len(tasks) - t - 1)])


def _tasks(config: "LearnConfig", choice: "OnChipChoice") -> list["Task"]:
    from imcsim.learn.start import make_stream

    limit = choice.test_limit
    return [replace(task, x_test=task.x_test[:limit], y_test=task.y_test[:limit]) for task in make_stream(config).tasks]


def _clipped_share(network: "AnalogNetwork") -> float:
    """Return the largest share of conversions that any layer's converters clip."""
    shares = [share for _, layer in network.analog_layers() if layer.adc for share in layer.adc.clipped_shares]
    return max(shares, default=0.0)
