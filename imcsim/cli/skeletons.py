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

MEMORY = '''\
"""@NAME@: say in one line how its cells keep a weight and how they are read.

Use it: in the file of a chip, [memory.NAME] with sort = "@PICK@" and the fields that `imcsim show memory @PICK@` lists.
"""

from typing import ClassVar

from imcsim.core.charge import Price
from imcsim.memory import Endurance, Site, memory_sort
from imcsim.memory.digital_sram import DigitalSram


@memory_sort("@NAME@")
class @CLASS@(DigitalSram):
    """Override what differs from SRAM behind adder trees: see the methods of ``imcsim.memory.Memory``."""

    volatile: ClassVar[bool] = False  # it keeps its weights without power: they rest here, and train in another
    verb: ClassVar[str] = "program"  # what writing is called in leaves: NAME_program
    sums_gradients: ClassVar[bool] = False

    def leakage(self, site: Site) -> Price | None:
        """Return the power of one cell while nothing switches (W); None if it has none."""
        return None

    @property
    def endurance(self) -> Endurance:
        """Cycles that are promised; scale and shape of failures where they are known."""
        return Endurance(self.cell.endurance_cycles)
'''

PART = '''\
"""@NAME@: say in one line what it is, and what it costs.

Use it: in the file of a chip, [part.NAME] with sort = "@PICK@" and the fields that `imcsim show part @PICK@` lists.
"""

from pydantic import Field

from imcsim.chip.part import ChipPart, Spent, part_sort
from imcsim.core.charge import Charge, Charges, Price


@part_sort("@NAME@")
class @CLASS@(ChipPart):
    """A part that loses a share of all that it feeds."""

    efficiency: float = Field(gt=0, le=1)

    def charges(self, spent: Spent, at: str) -> Charges:
        """Return what it adds to one tree; ``spent.tree`` says which, ``spent.charges`` what is in it already."""
        if spent.tree not in ("energy", "inference"):
            return ()
        each = Price(1 / self.efficiency - 1, "1 / eta - 1", (f"{at}.efficiency",))
        return (Charge("loss", spent.by_phase, "joules", "all that it feeds", spent.fields, each),)
'''

CONVERTER = '''\
"""@NAME@: say in one line how it converts, and after which paper.

Look at it: imcsim show converter @PICK@
Use it: name it in the pyproject.toml of a package, [project.entry-points."imcsim.converter"]; then model = "@NAME@".
"""

from typing import ClassVar

from pydantic import Field

from imcsim.periphery.converters import ConverterModel, Words, converter_model
from imcsim.periphery.table import Amount


@converter_model("@NAME@")
class @CLASS@(ConverterModel):
    """A comparator for each level but the lowest, all at once; its fields are the keys of [@FUNCTION@] in TOML."""

    energy_words: ClassVar[Words] = Words("C (2^b - 1) Vdd^2", ("comparator_f",), of_chip=("supply_v",))
    time_words: ClassVar[Words] = Words("t_compare", ("compare_s",))
    area_words: ClassVar[Words | None] = Words("A (2^b - 1)", ("comparator_m2",))

    comparator_f: float = Field(gt=0)
    compare_s: float = Field(gt=0)
    comparator_m2: float = Field(gt=0)

    def energy_j(self, feature_size_m: float, bits: int, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion."""
        return self.comparator_f * float(2**bits - 1) * supply_v**2

    def time_s(self, bits: int, rows: int) -> float:
        """Return the time (s) of one conversion."""
        return self.compare_s

    def area_m2(self, feature_size_m: float, bits: int, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of one converter."""
        return self.comparator_m2 * float(2**bits - 1)
'''

WRITTEN = {"study": STUDY, "method": METHOD, "rule": RULE, "network": NETWORK, "dataset": DATASET,
           "memory": MEMORY, "part": PART, "converter": CONVERTER}  # fmt: skip
KINDS = (*COPIED, *WRITTEN)
