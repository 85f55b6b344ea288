"""``--phase`` picks a placement phase of a task, in timeline and crash alike."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from imcsim.chip import load_chip
from imcsim.events import StepOptions, run, training_graph, work_of
from imcsim.trace.store import save
from tests.chip.hand import random_trace
from tests.cli.conftest import Cli

CHIP = ("--chip", "hybrid-28nm", "--set", "rram.pe_count=64", "--set", "sram.pe_count=64")
