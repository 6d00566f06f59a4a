"""Windows: what hiding a patch changes, recomputed exactly, and nothing else."""

from visualize.attribution.incremental.executor import over_places
from visualize.attribution.incremental.planner import KEPT, PATHS, Plan, plan

__all__ = ["KEPT", "PATHS", "Plan", "over_places", "plan"]
