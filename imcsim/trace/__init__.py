"""The contract between learning and pricing: what the learner did, in hardware-neutral counts, masks and codes."""

from imcsim.trace.phase import Phase
from imcsim.trace.schema import COUNTS, POLICIES, SCHEMA_VERSION, TASK_COUNTS, TraceMeta
from imcsim.trace.trace import Trace
from imcsim.trace.work_term import WorkTerm

__all__ = ["COUNTS", "POLICIES", "SCHEMA_VERSION", "TASK_COUNTS", "Phase", "Trace", "TraceMeta", "WorkTerm"]
