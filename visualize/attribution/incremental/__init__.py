"""Incremental occlusion: what hiding a patch changes, recomputed exactly, and nothing else."""

from visualize.attribution.incremental.executor import scores_at_positions
from visualize.attribution.incremental.planner import KEPT, PATHS, Plan, plan

__all__ = ["KEPT", "PATHS", "Plan", "plan", "scores_at_positions"]
