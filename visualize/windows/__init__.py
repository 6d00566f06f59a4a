"""Windows: what hiding a patch changes, recomputed exactly and nothing else."""

from visualize.windows.executor import hidden_images, known_calls
from visualize.windows.planner import Plan, plan

__all__ = ["Plan", "hidden_images", "known_calls", "plan"]
