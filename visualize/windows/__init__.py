"""Windows: what hiding a patch changes, recomputed exactly, and nothing else."""

from visualize.windows.executor import hidden_images, known_calls, over_places
from visualize.windows.planner import KEPT, PATHS, Plan, plan

__all__ = ["KEPT", "PATHS", "Plan", "hidden_images", "known_calls", "over_places", "plan"]
