"""Skeletons that ``imcsim new`` writes; @NAME@, @CLASS@ and @FUNCTION@ are replaced.

Devices and chips start as a copy of a working file: all their numbers have sources to be changed with them.
"""

COPIED = {"device": "rram-28nm", "component": "adc-28nm", "chip": "hybrid-28nm"}

COPIED_HEADER = """\
# @NAME@: a copy of @FROM@ to be changed.
# Every number needs an entry in [sources]: paper and table, or repository and file; a free choice says
# "design choice: ..." and why. [ranges] holds what is published or assumed. Check it with: imcsim show @KIND@ @PICK@
"""

STUDY = """\
# Run it with: imcsim run @PICK@
# Wherever a name is expected, the path of a file will do (./mine.py, ./mine.toml); it counts from this folder.
name = "@NAME@"
title = "One line that stands above the tables"
question = "What do you want to know?"
seeds = [0, 1, 2]
# The chip whose PE size the methods' masks follow.
reference_chip = "hybrid-28nm"
# Labels of the methods drawn in the detailed figures; left out: the first four.
featured = ["er", "hyb-learn 0.5"]

[stream]
dataset = "digits"  # imcsim list dataset
tasks = 5

[network]
name = "convnet"  # imcsim list network
params = {}       # imcsim show network convnet

# Any further field of the learner: epochs, batch_size, learning_rate, momentum, ...
[training]
epochs = 10

# Takes effect when stream.dataset is fashion-mnist.
[per_dataset."fashion-mnist"]
stream.train_limit = 2000
training.epochs = 3

# Each (method, seed) trains once; imcsim show method er lists what `config` may hold.
[[methods]]
label = "er"
method = "er"

[[methods]]
label = "hyb-learn 0.5"
method = "hyb-learn"
config = { frozen_fraction = 0.5 }

# Each training is priced on every chip; `set` overrides values, imcsim show chip hybrid-28nm lists them.
[[chips]]
name = "all-rram-28nm"
set = { "rram.pe_count" = 128 }

[[chips]]
name = "hybrid-28nm"
set = { "rram.pe_count" = 128, "sram.pe_count" = 96 }
"""

METHOD = '''\
"""@NAME@: say in one line what the learner does.

Try it: imcsim learn --method @PICK@ --out run.safetensors
"""

from torch import Tensor, nn

from imcsim.learn.method import Context, Method, MethodConfig, method
from imcsim.learn.stream import Task


class @CLASS@Config(MethodConfig):
    """Settings; unknown keys are refused. Say where each default comes from."""

    weight: float = 1.0


@method("@NAME@")
class @CLASS@(Method[@CLASS@Config]):
    """Override what differs from fine-tuning: see the hooks of ``imcsim.learn.method.Method``."""

    source = "paper and equation, or repository and file"
    can_be_base = True  # sparse training and PE freezing may take its loss; they say themselves what trains

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the scalar loss of one step; x (B, C, H, W) is un-augmented."""
        return self.config.weight * nn.functional.cross_entropy(context.network(context.augment(x)), y)
'''

RULE = '''\
"""@NAME@: say in one line where each weight goes.

Try it: imcsim map mlp --chip hybrid-28nm --rule @PICK@
"""

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile


@mapping_rule("@NAME@")
def @FUNCTION@(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
    """Cut each group's D x N matrix into tiles; prove it with ``imcsim.testing.check_mapping``."""
    groups, fan_in, outputs = shape
    rows = [range(i, min(i + geometry.weight_rows, fan_in)) for i in range(0, fan_in, geometry.weight_rows)]
    cols = [range(j, min(j + geometry.weight_cols, outputs)) for j in range(0, outputs, geometry.weight_cols)]
    places = ((group, r, c) for group in range(groups) for r in rows for c in cols)
    return tuple(Tile(pe, group, r, c) for pe, (group, r, c) in enumerate(places))
'''

NETWORK = '''\
"""@NAME@: say in one line what it is, and after which paper or repository.

Try it: imcsim learn --network @PICK@ --out run.safetensors
"""

import math

from torch import nn

from imcsim.learn.networks import Count, network


@network("@NAME@")
def @FUNCTION@(class_count: int, image_shape: tuple[int, int, int], *, width: Count = 64) -> nn.Module:
    """Build the network; keyword-only parameters with defaults become its parameters in studies.

    Parameters
    ----------
    width
        Outputs of the hidden layer.
    """
    return nn.Sequential(
        nn.Flatten(), nn.Linear(math.prod(image_shape), width), nn.ReLU(), nn.Linear(width, class_count)
    )
'''

DATASET = '''\
"""@NAME@: say in one line what the images show.

Try it: imcsim learn --dataset @PICK@ --out run.safetensors
"""

import numpy as np

from imcsim.learn.data import Arrays, dataset


@dataset("@NAME@")
def @FUNCTION@() -> Arrays:
    """Return images as uint8 (n, C, H, W) and labels from 0; say where they come from, and under which licence."""
    generator = np.random.default_rng(0)  # made-up images, half a row of them bright: put yours here
    labels = np.tile(np.arange(10), 60)
    images = generator.integers(0, 100, (len(labels), 1, 8, 8), dtype=np.uint8)
    for label in range(10):
        left = 4 * (label % 2)
        images[labels == label, 0, label // 2, left : left + 4] = 255
    test = np.arange(len(labels)) >= 500
    return Arrays(
        "@NAME@", images[~test], labels[~test], images[test], labels[test], notes=("@NAME@: made-up images",)
    )
'''

WRITTEN = {"study": STUDY, "method": METHOD, "rule": RULE, "network": NETWORK, "dataset": DATASET}
KINDS = (*COPIED, *WRITTEN)
