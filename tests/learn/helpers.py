"""Small streams and networks for the tests of learning."""

import torch
from torch import Tensor, nn

from imcsim.learn.config import LearnConfig
from imcsim.learn.stream import Stream, Task


class TinyNet(nn.Module):
    """Two convolutions and a linear layer on 1 x 4 x 4 images; every count can be worked out by hand."""

    def __init__(self, classes: int = 4, norm: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3) if norm else nn.Identity()
        self.relu = nn.ReLU()
        self.second = nn.Conv2d(3, 2, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.head = nn.Linear(2 * 4 * 4, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.first(x)))
        logits: Tensor = self.head(self.relu2(self.second(x)).flatten(1))
        return logits


def tiny_net(seed: int = 0, norm: bool = False, classes: int = 4) -> TinyNet:
    """Return a TinyNet with weights from ``seed``."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TinyNet(classes, norm=norm)


def tiny_stream(samples: int = 10, tasks: int = 2) -> Stream:
    """Return random 1 x 4 x 4 images, two classes a task: top brighter for the higher class, left for later tasks."""
    generator = torch.Generator().manual_seed(1)
    built = []
    for t in range(tasks):
        y = torch.arange(samples) % 2 + 2 * t
        x = torch.rand(samples, 1, 4, 4, generator=generator) * 0.5
        x[:, :, :2] += 0.7 * (y % 2).view(-1, 1, 1, 1)
        x[..., :2] += 0.7 * t
        built.append(Task(t, (2 * t, 2 * t + 1), x, y, x, y))
    return Stream("tiny", tuple(built), 2 * tasks, (1, 4, 4))


def tiny_config(**changes: object) -> LearnConfig:
    """Return a configuration for the tiny stream."""
    values: dict[str, object] = {"tasks": 2, "epochs": 2, "batch_size": 4, "learning_rate": 0.1, "pe_tile": (4, 2)}
    return LearnConfig.model_validate(values | changes)
