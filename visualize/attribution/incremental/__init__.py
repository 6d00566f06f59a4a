"""Windows: what hiding a patch changes, recomputed exactly, and nothing else."""

from visualize.windows.executor import over_places
from visualize.windows.planner import KEPT, PATHS, Plan, plan

__all__ = ["KEPT", "PATHS", "Plan", "over_places", "plan"]
