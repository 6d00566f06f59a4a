"""The functions of keras-vis that the articles call, with the methods of visualize behind them.

Only the imports change: `from vis.utils import utils` becomes `from visualize.keras_vis import utils`, and
`from vis.visualization import visualize_saliency` becomes `from visualize.keras_vis import visualize_saliency`.
"""

from visualize.keras_vis import utils
from visualize.keras_vis.visualization import visualize_activation, visualize_cam, visualize_saliency

__all__ = ["utils", "visualize_activation", "visualize_cam", "visualize_saliency"]
