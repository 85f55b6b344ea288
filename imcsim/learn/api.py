"""One call: a configuration in, a trace out."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError, ImcsimError
from imcsim.core.seeds import child_seed
from imcsim.crossbar.mapped_layers import mapped_layers
from imcsim.learn import checkpoint as checkpoints
from imcsim.learn.checked_stream import checked_stream
from imcsim.learn.config import LearnConfig
from imcsim.learn.finite import check_finite_weights
from imcsim.learn.freeze import Freezer
from imcsim.learn.global_draws import lent_globals
from imcsim.learn.learnable import check_learnable, check_logits
from imcsim.learn.loop import Learner, train
from imcsim.learn.method import Context, Method, declared_work, make_method
from imcsim.learn.placing.life import events_by_pe
from imcsim.learn.producers import layer_producers
from imcsim.learn.quantize import Quantiser
from imcsim.learn.record import make_trace
from imcsim.learn.recording.recorder import Recorder
from imcsim.learn.run_marks import run_marks
from imcsim.learn.shapes import trace_layers_and_output
from imcsim.learn.start import make_network, make_stream, prepare_network
from imcsim.learn.stream import Stream, Task, augment
from imcsim.learn.wear.cells import CyclesPerStream, make_wear
from imcsim.learn.weight_error import WeightError
from imcsim.learn.writing.writer import Writer, check_writing
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.conservation import check_once
from imcsim.trace.growing import growing
from imcsim.trace.trace import Trace

Progress = Callable[[int, int, str], None]


class LearningStopped(ImcsimError):
    """Training was stopped on request, after an epoch."""

    exit_status = 1


def learn(
    config: LearnConfig,
    *,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    stop: Callable[[], bool] | None = None,
    cycles_per_stream: CyclesPerStream | None = None,
    trace_file: Path | None = None,
) -> Trace:
    """Train one learner on one stream and return its trace.

    Parameters
    ----------
    config
        Everything that the result depends on; the same configuration gives the same trace, on a CPU bit for bit.
    progress
        Called after each epoch with (epochs done, epochs in all, a few words).
    checkpoint
        Written after an epoch; if it exists, training goes on from there. Refused: one that was altered, or was
        written by another configuration, network, stream, torch or code of imcsim.
    stop
        Asked after each epoch; True stops.
    cycles_per_stream
        Layer -> (K, G, D, N) cycles of each cell in one stream, for ``wear.streams_before``.
    trace_file
        Where the trace goes, written as tasks finish; the file is there when the run has ended and its laws hold.

    Raises
    ------
    ConfigError, ContentError, DataError, TraceError, StorageError
        For the user's mistakes, a foreign checkpoint, or a full disk.
    LearningStopped
        If ``stop`` said so.
    """
    stream = make_stream(config)
    network = make_network(config, stream)
    told: dict[str, Any] = {"progress": progress, "checkpoint": checkpoint, "stop": stop, "trace_file": trace_file}
    return learn_on(config, network, stream, cycles_per_stream=cycles_per_stream, **told)


def learn_on(  # noqa: PLR0913 - what is learned, and where it is kept
    config: LearnConfig,
    network: nn.Module,
    stream: Stream,
    *,
    method: Method | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    stop: Callable[[], bool] | None = None,
    cycles_per_stream: CyclesPerStream | None = None,
    trace_file: Path | None = None,
) -> Trace:
    """Train a given network, in place, on a given stream; ``method`` None is the configured one; see :func:`learn`."""
    stream = checked_stream(stream)
    with ExitStack() as open_files, lent_globals(child_seed(config.seed, "global"), _device(config.device)):
        learner = make_learner(config, network, stream, method, cycles_per_stream)
        if trace_file is not None:
            learner.recorder.file = open_files.enter_context(growing(trace_file))
        try:
            saver = None
            if checkpoint is not None:
                marks = run_marks(config, learner.network, learner.stream_tasks, cycles_per_stream)
                if checkpoint.exists():
                    checkpoints.restore(learner, checkpoint, marks)
                saver = checkpoints.Saver(learner, checkpoint, marks)
            train(learner, partial(_after_epoch, learner, progress, saver, stop))
        finally:
            learner.recorder.passes.remove()  # the network is the caller's, stopped or not
        trace = make_trace(learner, stream)
        if learner.recorder.file is not None:
            learner.recorder.file.finish(trace)
    return check_once(trace)


def make_learner(
    config: LearnConfig,
    network: nn.Module,
    stream: Stream,
    method: Method | None = None,
    cycles_per_stream: CyclesPerStream | None = None,
) -> Learner:
    """Return everything that a run holds, before its first step."""
    device = _device(config.device)
    method = method or make_method(config.method, config.method_config)
    check_writing(config.writing, method, config.method)
    mapped_layers(network)  # the one gate, ahead of all that looks at weights
    check_finite_weights(network)
    network, frozen = _prepared(config, method, network, stream)
    layers = _mapped_layers(network, stream)
    producers = layer_producers(network, layers, stream.image_shape)
    _place(network, config, device)
    noise = WeightError(config.weight_noise, _generator(config.seed, "weight-error"))
    writer = Writer(config.writing, layers, config.pe_tile[1], _generator(config.seed, "writing"))
    quantiser = Quantiser(
        network, layers, config.weight_bits, config.weight_range, config.quantise, noise, writer.cells
    )
    freezer = Freezer(network, layers, config.pe_tile, config.freeze_digital, frozen)
    stream_tasks = tuple(task.to(device) for task in stream.tasks)
    tasks = method.tasks(stream_tasks)
    _check_sizes(config, tasks)
    bits, most = (config.input_bits, config.error_bits), (_most_steps(config, tasks), config.epochs)
    augmentation = _generator(config.seed, "augment")
    images = partial(_images, generator=augmentation if stream.augment else None, channels_last=config.autocast_bf16)
    context = _context(config, network, layers, device, images, frozen)
    wear = make_wear(config, quantiser, len(stream_tasks), method.resident_layers(context), cycles_per_stream)
    terms = declared_work(method)
    recorder = Recorder(network, freezer, quantiser, len(stream_tasks), config.encodings, bits, most, wear, terms)
    context.wear = lambda: events_by_pe(recorder.tables, layers, config.encodings[0], config.pe_tile)
    shuffle = _generator(config.seed, "shuffle")
    return Learner(
        config,
        stream_tasks,
        tasks,
        network,
        method,
        context,
        quantiser,
        freezer,
        recorder,
        shuffle,
        augmentation,
        noise,
        producers,
        writer,
    )


def _context(
    config: LearnConfig,
    network: nn.Module,
    layers: tuple[LayerSpec, ...],
    device: torch.device,
    images: Callable[[Tensor], Tensor],
    frozen: frozenset[str],
) -> Context:
    return Context(
        network,
        layers,
        device,
        _generator(config.seed, "method"),
        images,
        config.pe_tile,
        epochs=config.epochs,
        deployed=config.backbone is not None,
        weight_bits=config.weight_bits,
        frozen=frozen,
    )


def _after_epoch(
    learner: Learner, progress: Progress | None, saver: checkpoints.Saver | None, stop: Callable[[], bool] | None
) -> None:
    epochs = learner.config.epochs
    stopping = stop is not None and stop()
    if saver is not None:
        saver.after_epoch(now=stopping)
    if progress is not None:
        text = f"{learner.config.method}: task {learner.task + 1}/{len(learner.tasks)}"
        progress(learner.task * epochs + learner.epoch, len(learner.tasks) * epochs, text)
    if stopping:
        where = f"task {learner.task + 1}, epoch {learner.epoch}"
        again = f"; run it again to go on from {saver.path}" if saver is not None else ""
        raise LearningStopped(f"learning was stopped after {where}{again}")


def _device(name: str) -> torch.device:
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device: '{name}' was asked for, but torch finds no GPU; use device = \"cpu\"")
    return device


def _prepared(
    config: LearnConfig, method: Method, network: nn.Module, stream: Stream
) -> tuple[nn.Module, frozenset[str]]:
    """Return the network as the method prepares it, and the names there of the parameters that the user froze."""
    frozen = {id(parameter): name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    prepared, names = prepare_network(config, method, network, stream.image_shape), set(frozen.values())
    held = {name for name, p in prepared.named_parameters() if id(p) in frozen or name in names}
    return prepared, frozenset(held)


def _mapped_layers(network: nn.Module, stream: Stream) -> tuple[LayerSpec, ...]:
    check_learnable(network)
    layers, output = trace_layers_and_output(network, stream.image_shape)
    if layers[-1].out_features < stream.class_count:
        raise ConfigError(
            f"the network has {layers[-1].out_features} outputs but the stream has {stream.class_count} classes"
        )
    check_logits(output, stream.class_count)
    return layers


def _place(network: nn.Module, config: LearnConfig, device: torch.device) -> None:
    network.to(device)
    if config.autocast_bf16:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _most_steps(config: LearnConfig, tasks: tuple[Task, ...]) -> int:
    return config.epochs * max(-(-len(task.y_train) // config.batch_size) for task in tasks)


def _check_sizes(config: LearnConfig, tasks: tuple[Task, ...]) -> None:
    smallest = min(len(task.y_train) for task in tasks)
    if config.drop_last and smallest < config.batch_size:
        raise ConfigError(
            f"drop_last leaves no batch of a task with {smallest} samples; lower batch_size "
            f"(given: {config.batch_size})"
        )


def _generator(seed: int, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(child_seed(seed, name))


def _images(x: Tensor, generator: torch.Generator | None, channels_last: bool) -> Tensor:
    changed = x if generator is None else augment(x, generator)
    return changed.contiguous(memory_format=torch.channels_last) if channels_last else changed
