"""What did a Keras model learn, and why does it say that?"""

import importlib

from visualize import objectives
from visualize.comparison import compare, contrast
from visualize.errors import InputError
from visualize.methods.ablation import ablationcam, scorecam
from visualize.methods.cam import gradcam, gradcam_plus_plus, hirescam, layercam, xgradcam
from visualize.methods.eigencam import eigencam
from visualize.methods.features import features
from visualize.methods.filters import filters
from visualize.methods.gradients import input_times_gradient, integrated_gradients, saliency
from visualize.methods.guided_gradcam import guided_gradcam
from visualize.methods.maximize import maximize
from visualize.methods.occlusion import occlusion
from visualize.methods.rise import rise
from visualize.methods.smoothing import smoothgrad, squaregrad, vargrad
from visualize.methods.summary import layer_facts, summary
from visualize.models import describe
from visualize.notebook import show_results_as_pictures
from visualize.opening import open_model
from visualize.results import Attribution, Structure, Tiles, load, save
from visualize.sources import from_data, from_files
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
        from visualize import figures

        return getattr(figures, name)
    if name in ("callbacks", "keras_vis"):  # a callback is made from a class of Keras, which costs TensorFlow
        return importlib.import_module(f"visualize.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


show_results_as_pictures()
