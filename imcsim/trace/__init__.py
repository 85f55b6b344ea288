"""The contract between learning and pricing: what the learner did, in hardware-neutral counts, masks and codes."""

from imcsim.trace.schema import COUNTS, POLICIES, SCHEMA_VERSION, TASK_COUNTS, TraceMeta
from imcsim.trace.trace import Trace

__all__ = ["COUNTS", "POLICIES", "SCHEMA_VERSION", "TASK_COUNTS", "Trace", "TraceMeta"]
