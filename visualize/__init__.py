"""What did a Keras model learn, and why does it say that?"""

import importlib

from visualize.attribution.comparison import compare, contrast
from visualize.attribution.gradcam import gradcam, gradcam_plus_plus, guided_gradcam, hirescam, layercam, xgradcam
from visualize.attribution.gradient_free_cam import ablationcam, eigencam, scorecam
from visualize.attribution.gradients import input_times_gradient, integrated_gradients, saliency
from visualize.attribution.occlusion import occlusion
from visualize.attribution.rise import rise
from visualize.attribution.smoothgrad import smoothgrad, squaregrad, vargrad
from visualize.data.loading import from_data, from_files
from visualize.errors import InputError
from visualize.feature_visualization import objectives
from visualize.feature_visualization.maximize import maximize
from visualize.inspection.features import features
from visualize.inspection.filters import filters
from visualize.inspection.summary import layer_facts, summary
from visualize.models.layers import describe
from visualize.models.loading import open_model
from visualize.notebook import show_results_as_pictures
from visualize.results import Attribution, Structure, Tiles, load, save
from visualize.targets import Target

__all__ = [
    "Attribution",
    "InputError",
    "Structure",
    "Target",
    "Tiles",
    "ablationcam",
    "compare",
    "contrast",
    "describe",
    "draw",
    "eigencam",
    "features",
    "filters",
    "from_data",
    "from_files",
    "gradcam",
    "gradcam_plus_plus",
    "guided_gradcam",
    "hirescam",
    "input_times_gradient",
    "integrated_gradients",
    "layer_facts",
    "layercam",
    "load",
    "maximize",
    "objectives",
    "occlusion",
    "open_model",
    "rise",
    "saliency",
    "save",
    "scorecam",
    "smoothgrad",
    "squaregrad",
    "summary",
    "vargrad",
    "write_gif",
    "write_png",
    "xgradcam",
]


def __getattr__(name: str):
    if name in ("draw", "write_gif", "write_png"):  # matplotlib costs a second: imported when something is drawn
        from visualize import plotting

        return getattr(plotting, name)
    if name in ("callbacks", "keras_vis"):  # a callback is made from a class of Keras, which costs TensorFlow
        return importlib.import_module(f"visualize.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


show_results_as_pictures()
