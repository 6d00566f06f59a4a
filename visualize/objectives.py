"""What `visualize.maximize` is to make large, under its public name; see `visualize.feature_visualization.objectives`."""

from visualize.feature_visualization.objectives import Objective, direction, layer, of_scores, score, unit

__all__ = ["Objective", "direction", "layer", "of_scores", "score", "unit"]
