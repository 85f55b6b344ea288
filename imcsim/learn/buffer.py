"""The replay buffer: a reservoir of flat tensors, and what methods with replay share."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import TypeVar

from imcsim.learn.method import Context, Method, MethodConfig
from imcsim.learn.state import SavedState, State
from imcsim.learn.stream import Task

Replay = tuple[Tensor, Tensor, Tensor]


class Reservoir:
    """A uniform sample of all images seen (Vitter's algorithm R), un-augmented.

    One decision per image: the n-th image seen replaces entry ``index`` if ``index``, uniform in 0 .. n - 1, lies
    inside the buffer (aimagelab/mammoth utils/buffer.py, ``reservoir``). Logits are kept as they were at insertion
    and never refreshed. All randomness comes from the generator given at construction or on a draw.

    Parameters
    ----------
    capacity
        Images at most.
    generator
        CPU generator for the insertion decisions.
    keep_logits
        Whether logits are stored (and charged).
    """

    def __init__(self, capacity: int, generator: torch.Generator, keep_logits: bool = False) -> None:
        self.capacity = capacity
        self.generator = generator
        self.keep_logits = keep_logits
        self.seen = 0
        self._images: Tensor | None = None
        self._labels = torch.zeros(0, dtype=torch.int64)
        self._logits = torch.zeros(0, 0)
        self._tasks = torch.zeros(0, dtype=torch.int64)

    def __len__(self) -> int:
        """Images held."""
        return min(self.seen, self.capacity)

    @property
    def sample_bytes(self) -> int:
        """Bytes of one entry: 8-bit pixels, a 4-byte label, and 4-byte logits where they are kept."""
        if self._images is None:
            return 0
        return self._images[0].numel() + 4 + 4 * self._logits.shape[1]

    @property
    def labels(self) -> Tensor:
        """Labels held, int64 (len,)."""
        return self._labels[: len(self)]

    @property
    def tasks(self) -> Tensor:
        """Task of each image held, int64 (len,)."""
        return self._tasks[: len(self)]

    @torch.no_grad()
    def add(self, x: Tensor, y: Tensor, logits: Tensor | None = None, task: int = 0) -> int:
        """Offer a batch x (B, C, H, W), y (B,), logits (B, classes); return how many images were written."""
        if self._images is None:
            self._allocate(x, logits)
        assert self._images is not None  # noqa: S101 - for the type checker
        written = 0
        for i in range(x.shape[0]):
            slot = self._slot()
            if slot is None:
                continue
            written += 1
            self._images[slot], self._labels[slot], self._tasks[slot] = x[i], y[i], task
            if self.keep_logits and logits is not None:
                self._logits[slot] = logits[i].float()
        return written

    def draw(self, n: int, generator: torch.Generator | None = None) -> Replay:
        """Return (x, y, logits) of min(n, held) entries, drawn without replacement; logits (n, 0) if none are kept."""
        chosen = torch.randperm(len(self), generator=generator or self.generator)[:n].to(self._labels.device)
        if self._images is None:
            raise ValueError("the replay buffer is empty")
        return self._images[chosen], self._labels[chosen], self._logits[chosen]

    def _slot(self) -> int | None:
        self.seen += 1
        if self.seen <= self.capacity:
            return self.seen - 1
        index = int(torch.randint(self.seen, (1,), generator=self.generator))
        return index if index < self.capacity else None

    def _allocate(self, x: Tensor, logits: Tensor | None) -> None:
        classes = logits.shape[1] if self.keep_logits and logits is not None else 0
        self._images = torch.zeros(self.capacity, *x.shape[1:], dtype=torch.float32, device=x.device)
        self._labels = torch.zeros(self.capacity, dtype=torch.int64, device=x.device)
        self._logits = torch.zeros(self.capacity, classes, device=x.device)
        self._tasks = torch.zeros(self.capacity, dtype=torch.int64, device=x.device)

    def state_dict(self) -> State:
        """Return tensors and counters (copies); the generator's state is not among them."""
        state: State = {"seen": self.seen, "labels": self._labels.clone(), "logits": self._logits.clone()}
        state["tasks"] = self._tasks.clone()
        if self._images is not None:
            state["images"] = self._images.clone()
        return state

    def load_state_dict(self, state: SavedState, device: torch.device | None = None) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.seen = int(state["seen"])
        self._labels, self._logits = state["labels"].to(device), state["logits"].to(device)
        self._tasks = state["tasks"].to(device)
        self._images = state["images"].to(device) if "images" in state else None


class ReplayConfig(MethodConfig):
    """What every replay method needs.

    ``replay_batch`` None takes the batch size: in Mammoth a given ``batch_size`` overwrites ``minibatch_size``, so its
    tuned replay sizes are not used; a number here uses them. ``replay_from_task`` 0 is Mammoth: replay starts as soon
    as the buffer holds anything, at step 2 of the first task, and may return images of the current task;
    1 is SparCL (neu-spiral/SparCL): replay starts with the second task.
    """

    buffer_size: int = Field(200, ge=1)
    replay_batch: int | None = Field(None, ge=1)
    replay_from_task: Literal[0, 1] = 0


ReplayT = TypeVar("ReplayT", bound=ReplayConfig, default=ReplayConfig, covariant=True)


class ReplayMethod(Method[ReplayT]):
    """A method with a reservoir: fills it after every step and reports its bytes."""

    keeps_logits = False

    def __init__(self, config: ReplayT) -> None:
        super().__init__(config)
        self.buffer: Reservoir | None = None
        self._pending: SavedState | None = None

    def acts(self) -> tuple[str, ...]:
        """Return the replay."""
        return ("replay",)

    def reservoir(self, context: Context) -> Reservoir:
        """Return the buffer, made on first use (or restored from a checkpoint)."""
        if self.buffer is None:
            self.buffer = Reservoir(self.config.buffer_size, context.generator, self.keeps_logits)
            if self._pending is not None:
                self.buffer.load_state_dict(self._pending, context.device)
                self._pending = None
        return self.buffer

    def can_replay(self, context: Context) -> bool:
        """Whether this step replays."""
        return context.task >= self.config.replay_from_task and len(self.reservoir(context)) > 0

    def recall(self, context: Context, batch: int) -> Replay:
        """Draw one replay batch (``batch`` images unless ``replay_batch`` is given), augmented anew, and report it."""
        buffer = self.reservoir(context)
        x, y, logits = buffer.draw(self.config.replay_batch or batch, context.generator)
        context.work.add("replay_samples_read", x.shape[0])
        context.work.did("replay", x.shape[0])
        context.work.add("replay_bytes_read", x.shape[0] * buffer.sample_bytes)
        return context.augment(x), y, logits

    def remember(self, context: Context, x: Tensor, y: Tensor, logits: Tensor | None = None) -> None:
        """Offer the current, un-augmented batch to the buffer and report what was written."""
        buffer = self.reservoir(context)
        written = buffer.add(x, y, logits, context.task)
        context.work.add("replay_samples_written", written)
        context.work.add("replay_bytes_written", written * buffer.sample_bytes)

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Make sure that the buffer exists before the first draw."""
        self.reservoir(context)
        return None

    def state_dict(self) -> State:
        """Return the buffer."""
        return {} if self.buffer is None else {"buffer": self.buffer.state_dict()}

    def load_state_dict(self, state: SavedState) -> None:
        """Take back the buffer."""
        self._pending = state.get("buffer")
        self.buffer = None
