"""Incremental occlusion: recompute exactly what hiding a patch changes, and nothing else."""

from visualize.attribution.incremental.executor import measured_at_positions
from visualize.attribution.incremental.planner import KEPT, PATHS, FullPlan, WindowPlan, plan

__all__ = ["KEPT", "PATHS", "FullPlan", "WindowPlan", "measured_at_positions", "plan"]
