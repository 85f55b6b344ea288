"""Linear and Conv2d on PEs: exact codes in SRAM PEs, real cells in RRAM PEs, in the same layer.

``eval()`` reads the arrays, conversion by conversion. ``train()`` is hardware-aware: codes of weights and inputs and
an error of RRAM weights, as programming and age leave it, in the forward pass; gradients straight through. Parameters
keep their names and shapes; nothing of the chip enters ``state_dict``.

Shape letters: B batch, M vectors, G groups, D fan-in, N outputs per group.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imcsim.analog.arrays import LayerArrays
from imcsim.analog.carry_over import carry_over
from imcsim.analog.cells import Programming
from imcsim.analog.clock import Clock
from imcsim.analog.code_grid import CodeGrid, followed, grid_of
from imcsim.analog.column_scale import scaled_weight, take_over_scales
from imcsim.analog.fitting import fitted_inputs
from imcsim.analog.inputs import (
    ClippedInputs,
    Ends,
    InputRange,
    ends_of,
    followed_range,
    input_codes,
    inputs_beyond,
    observed_range,
    quantised_inputs,
)
from imcsim.analog.product import Readout
from imcsim.analog.reading import calibrated_range, idle_of, read_group, readout_of
from imcsim.analog.saved_layer import SavedLayer
from imcsim.analog.weight_noise import NoisyWeights
from imcsim.core.errors import CrossbarError
from imcsim.crossbar.layer_tags import column_scales_of, keep_step, step_in, step_of
from imcsim.crossbar.quantise import CodeError, code_max, on_codes, weight_codes
from imcsim.crossbar.slicing.calibrate import AdcRange, warn_if_clipping, warn_of_inputs
from imcsim.crossbar.slicing.idle import IdlePhases

_ELEMENTS_AT_ONCE = 1 << 22  # design choice: lowered images, 16 MiB in float32


class AnalogLayer(nn.Module):
    """What AnalogLinear and AnalogConv2d share. Made by :func:`imcsim.convert`, not by hand.

    No name here is one of AnalogNetwork's: a model may be a single layer, and is then both.
    """

    weight: Tensor
    bias: Tensor | None
    _training_moves: bool

    def attach(self, arrays: LayerArrays, clock: Clock) -> None:
        """Put the layer on ``arrays``, with the code step it learned with, else its largest weight over all codes."""
        self._arrays, self._clock = arrays, clock
        self._take_step(step_of(self))
        self.inputs: InputRange | None = None
        self.adc: AdcRange | None = None
        self.clipped_inputs = ClippedInputs()
        self._calibrating = False
        self._ahead = False  # while a calibration runs on cells that do not hold the weights
        self._readout: Readout | None = None
        self._idle: IdlePhases | None = None  # while phases are counted
        self._noise = NoisyWeights.of(arrays)

    @property
    def arrays(self) -> LayerArrays:
        """The layer's PEs."""
        return self._arrays

    @property
    def grid(self) -> CodeGrid:
        """The layer's code step, as its weights are now: see :mod:`imcsim.analog.code_grid`."""
        found = followed(self._grid, self.weight, self._arrays.name, self._training_moves)
        if found is not self._grid:
            self._set_grid(found)
        self._training_moves = False
        return found

    def _take_step(self, learned: float | None) -> None:
        """Take the step of weights that are others than before, with the one that they learned with, if any."""
        self._training_moves = False
        self._set_grid(
            grid_of(self.weight, code_max(self._arrays.pes.encoding.weight_bits), self._arrays.name, learned)
        )

    def _set_grid(self, grid: CodeGrid) -> None:
        self._grid = grid
        keep_step(self, grid.own_step if grid.learned else None)

    def _load_from_state_dict(
        self, state: Mapping[str, object], prefix: str, metadata: Mapping[str, object], *options: object
    ) -> None:
        super()._load_from_state_dict(state, prefix, metadata, *options)
        if f"{prefix}weight" in state:
            self._take_step(step_in(metadata))

    def place_pes(self, in_sram: NDArray[np.bool_]) -> None:
        """Move PEs between the memories: see :meth:`LayerArrays.place`."""
        self._arrays.place(in_sram)
        self._noise = NoisyWeights.of(self._arrays)

    def program_cells(self, generator: np.random.Generator) -> Programming:
        """Program the layer's weights, as codes, into its RRAM PEs."""
        step = self.grid.step
        codes = self._matrix_codes().cpu().numpy().astype(np.int32)
        return self._arrays.program(codes, step, self._clock.now_s, generator)

    def stale_share(self) -> float:
        """Return the share of weights in RRAM PEs that changed since they were programmed."""
        step = self.grid.step
        return self._arrays.stale_share(self._matrix_codes().cpu().numpy().astype(np.int32), step)

    def hold_weights_in_range(self) -> None:
        """Cut the weights at the ends of the range of codes; none where all were zero, and there is no range yet."""
        if self._grid.range:
            with torch.no_grad():
                self.weight.clamp_(-self._grid.range, self._grid.range)

    def kept(self) -> dict[str, object]:
        """Return what a file of the layer keeps besides its cells and ranges: see :class:`SavedLayer`."""
        return {
            "grid": asdict(self._grid),
            "training_moves": self._training_moves,
            "clipped": asdict(self.clipped_inputs),
            "calibrating": self._calibrating,
        }

    def keep(self, saved: SavedLayer) -> None:
        """Take back ranges and code step of a layer that was saved, after its weights."""
        self._set_grid(CodeGrid(**saved.grid.model_dump()))
        self._training_moves, self._calibrating, self._readout = saved.training_moves, saved.calibrating, None
        self.inputs = None if saved.inputs is None else InputRange(**saved.inputs.model_dump())
        self.adc = None if saved.adc is None else AdcRange(**saved.adc.model_dump())
        self.clipped_inputs = ClippedInputs(**saved.clipped.model_dump())

    def begin_calibration(self) -> None:
        """Let the next forward pass in ``eval()`` set the ranges of inputs and converters.

        Ranges are for the weights as they are: PEs whose cells hold others give what they will once programmed.
        """
        self._calibrating, self._ahead = True, self.stale_share() > 0

    def end_calibration(self) -> bool:
        """Read the cells as they are again; return whether the layer got inputs since :meth:`begin_calibration`."""
        reached = not self._calibrating
        self._calibrating = self._ahead = False
        return reached

    def begin_idle_count(self) -> None:
        """Count the phases of the next forward passes in ``eval()`` that drive no row."""
        self._idle = IdlePhases()

    def end_idle_count(self) -> IdlePhases:
        """Return what was counted since :meth:`begin_idle_count`."""
        found, self._idle = self._idle, None
        return found or IdlePhases()

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output; see the head of this file.

        Raises
        ------
        CrossbarError
            For inputs that do not fit the layer, or are not finite.
        MappingError
            For weights that are not finite.
        """
        x, batched = fitted_inputs(x, self, self._arrays.name)
        grid = self.grid
        if not x.numel():
            result = self._of_no_sample(x)
        elif self.training:
            self._training_moves = torch.is_grad_enabled()
            result = self._trained(x, ends_of(x, self._arrays.name), grid)
        else:
            with torch.no_grad():
                result = self._read(x, ends_of(x, self._arrays.name), grid)
        return result if batched else result[0]

    def _of_no_sample(self, x: Tensor) -> Tensor:
        if self._calibrating:
            raise CrossbarError(
                f"layer '{self._arrays.name}' got no sample to calibrate on: its input is {tuple(x.shape)}"
            )
        return self._plain(x, self.weight)

    def _trained(self, x: Tensor, ends: Ends, grid: CodeGrid) -> Tensor:
        self._set_inputs(followed_range(self.inputs, observed_range(x, ends, self._arrays.config.input_quantile)))
        assert self.inputs is not None  # noqa: S101 - set in the line above
        rounded = quantised_inputs(x, self.inputs, self._arrays.pes.input_bits)
        if not self._arrays.config.explicit_training:
            noise = self._noise.drawn_from(self._clock.training(self.weight.device), grid.step)
            return self._plain(rounded, self._on_codes(grid, noise))
        smooth = self._plain(rounded, self._on_codes(grid, None))
        with torch.no_grad():
            error = self._read(x, ends, grid) - smooth
        return smooth + error

    def _on_codes(self, grid: CodeGrid, error: CodeError | None) -> Tensor:
        return scaled_weight(self, on_codes(self.weight, grid.step, grid.steps_per_unit, grid.limit, error))

    def _set_inputs(self, inputs: InputRange) -> None:
        if inputs != self.inputs:
            self.inputs, self._readout = inputs, None
            self.clipped_inputs = ClippedInputs()

    def _read(self, x: Tensor, ends: Ends, grid: CodeGrid) -> Tensor:
        pes, config = self._arrays.pes, self._arrays.config
        if self._calibrating or self.inputs is None:
            self._calibrating = True
            self._set_inputs(observed_range(x, ends, config.input_quantile))
            self.clipped_inputs = ClippedInputs()
        assert self.inputs is not None  # noqa: S101 - set in the line above
        if pes.analog is not None and (self._calibrating or self.adc is None):
            self._calibrate(input_codes(x, self.inputs, pes.input_bits))
        if not self._calibrating and not self.training:
            self._count_clipped(x, ends, self.inputs)
        self._calibrating = False
        codes = input_codes(x, self.inputs, pes.input_bits)
        step = self.inputs.grid(pes.input_bits)[0] * self._arrays.read_step(grid.step)
        return self._products(codes, step)

    def _count_clipped(self, x: Tensor, ends: Ends, inputs: InputRange) -> None:
        """Count the inputs that saturate, and warn once for each calibrated range."""
        count, beyond = self.clipped_inputs, inputs_beyond(x, ends, inputs, self._arrays.pes.input_bits)
        count.seen += x.numel()
        count.beyond += beyond
        allowed = 1 - self._arrays.config.input_quantile
        if not count.told:
            low = -inputs.largest if inputs.signed else 0.0
            what = f"layer '{self._arrays.name}', range {low:.3g} to {inputs.largest:.3g}"
            count.told = warn_of_inputs(beyond / x.numel(), allowed, what)

    def _calibrate(self, codes: Tensor) -> None:
        pes, config = self._arrays.pes, self._arrays.config
        assert self.inputs is not None  # noqa: S101 - calibration of the inputs comes first
        some = codes[: max(1, _ELEMENTS_AT_ONCE // max(1, self._lowered_elements(codes)))]
        vectors = self._vectors(some)
        self.adc = calibrated_range(vectors, self._matrix_codes(), pes, config, self.inputs.signed)
        self._readout = None
        if config.converter:
            what = f"layer '{self._arrays.name}', adc_bits {self.adc.adc_bits}, {config.adc_range}"
            warn_if_clipping(max(self.adc.clipped_shares), what)

    def _readout_now(self) -> Readout | None:
        pes, config = self._arrays.pes, self._arrays.config
        if pes.analog is None or self.adc is None or self.inputs is None:
            return None
        if self._readout is None:
            self._readout = readout_of(pes, pes.analog, config, self.inputs, self.adc)
        return self._readout

    def _grouped(self, vectors: list[Tensor]) -> Tensor:
        """Return what the arrays make of each group's vectors (M, D): (M, G, N), float64, in code units."""
        arrays, readout = self._arrays, self._readout_now()
        if self._idle is not None and self.inputs is not None:
            for x in vectors:
                self._idle = self._idle.plus(idle_of(x, arrays.pes, self.inputs.signed))
        generator = self._clock.reading(self.weight.device)
        groups = arrays.read(self._matrix_codes(), self._grid.step, self._clock.now_s, self._ahead)
        signed = self.inputs is not None and self.inputs.signed
        outputs, segments = arrays.shape[2], column_scales_of(self)
        by_group = [None] * len(vectors) if segments is None else list(segments.scales.to(torch.float64))
        parts = [
            read_group(x, group, outputs, arrays.pes, signed, readout, generator, own)
            for x, group, own in zip(vectors, groups, by_group, strict=True)
        ]
        return torch.stack(parts, dim=1)

    def _matrix_codes(self) -> Tensor:
        """Return the weight's codes as (G, D, N), floats with integer values."""
        groups, fan_in, outputs = self._arrays.shape
        codes = weight_codes(self.weight.detach().float(), self._grid.steps_per_unit, self._grid.limit)
        # PyTorch keeps a row an output; on arrays an output is a column
        return codes.reshape(groups, outputs, fan_in).transpose(1, 2)

    def _plain(self, x: Tensor, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def _vectors(self, codes: Tensor) -> list[Tensor]:
        raise NotImplementedError

    def _products(self, codes: Tensor, step: float) -> Tensor:
        raise NotImplementedError

    def _lowered_elements(self, codes: Tensor) -> int:
        """Return how many codes the arrays are driven with for one sample."""
        raise NotImplementedError


class AnalogLinear(AnalogLayer, nn.Linear):  # type: ignore[misc]  # torch types bias as Tensor, though it may be None
    """A linear layer on PEs."""

    def _plain(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.linear(x, weight, self.bias)

    def _vectors(self, codes: Tensor) -> list[Tensor]:
        return [codes.reshape(-1, self.in_features)]

    def _products(self, codes: Tensor, step: float) -> Tensor:
        sums = self._grouped(self._vectors(codes)).flatten(1)
        result = (sums * step).to(self.weight.dtype).view(*codes.shape[:-1], self.out_features)
        return result if self.bias is None else result + self.bias

    def _lowered_elements(self, codes: Tensor) -> int:
        return codes[:1].numel()


class AnalogConv2d(AnalogLayer, nn.Conv2d):
    """A convolution on PEs, lowered by im2col: rows run over (input channel of the group, kernel row, column)."""

    def _plain(self, x: Tensor, weight: Tensor) -> Tensor:
        result: Tensor = self._conv_forward(x, weight, self.bias)
        return result

    def _padded(self, codes: Tensor) -> Tensor:
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return functional.pad(codes, self._reversed_padding_repeated_twice, mode=mode)

    def _output_shape(self, codes: Tensor) -> tuple[int, int]:
        padding = self._reversed_padding_repeated_twice
        sizes = (codes.shape[2] + padding[2] + padding[3], codes.shape[3] + padding[0] + padding[1])
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        height, width = ((n - span) // s + 1 for n, span, s in zip(sizes, spans, self.stride, strict=True))
        return height, width

    def _vectors(self, codes: Tensor) -> list[Tensor]:
        # im2col: what the word lines see at each output place, one set of rows for each group
        lowered = functional.unfold(self._padded(codes), self.kernel_size, self.dilation, 0, self.stride)
        by_group = lowered.view(len(codes), self.groups, -1, lowered.shape[-1])
        return [by_group[:, g].transpose(1, 2).reshape(-1, by_group.shape[2]) for g in range(self.groups)]

    def _products(self, codes: Tensor, step: float) -> Tensor:
        height, width = self._output_shape(codes)
        result = torch.empty(len(codes), self.out_channels, height, width, dtype=self.weight.dtype, device=codes.device)
        images = max(1, _ELEMENTS_AT_ONCE // self._lowered_elements(codes))
        for b in range(0, len(codes), images):
            sums = self._grouped(self._vectors(codes[b : b + images])).flatten(1).mul_(step)
            result[b : b + images] = sums.view(-1, height, width, self.out_channels).permute(0, 3, 1, 2)
        return result if self.bias is None else result + self.bias.view(1, -1, 1, 1)

    def _lowered_elements(self, codes: Tensor) -> int:
        height, width = self._output_shape(codes)
        return height * width * self._arrays.shape[0] * self._arrays.shape[1]


def analog_of(layer: nn.Linear | nn.Conv2d, arrays: LayerArrays, clock: Clock) -> AnalogLayer:
    """Return ``layer`` on ``arrays``, sharing its parameters, with its hooks and whatever else the user put on it."""
    made: AnalogLinear | AnalogConv2d
    biased = layer.bias is not None
    if isinstance(layer, nn.Linear):
        made = AnalogLinear(layer.in_features, layer.out_features, biased, device="meta")
    else:
        made = AnalogConv2d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            layer.dilation,  # type: ignore[arg-type]
            layer.groups,
            biased,
            layer.padding_mode,
            device="meta",
        )
    made.weight, made.bias = layer.weight, layer.bias
    carry_over(made, layer)
    take_over_scales(made, layer, arrays)
    made.train(layer.training)
    made.attach(arrays, clock)
    return made
