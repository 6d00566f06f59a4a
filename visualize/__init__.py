"""What did a Keras model learn, and why does it say that?"""

from visualize.errors import InputError
from visualize.methods.features import features
from visualize.methods.filters import filters
from visualize.methods.gradcam import gradcam
from visualize.methods.gradients import input_times_gradient, integrated_gradients, saliency
from visualize.methods.maximize import maximize
from visualize.methods.occlusion import occlusion
from visualize.methods.smoothing import smoothgrad, squaregrad, vargrad
from visualize.methods.summary import layer_facts, summary
from visualize.models import describe, open_model
from visualize.results import Attribution, Structure, Tiles, load, save
from visualize.sources import from_data, from_files

__all__ = [
    "Attribution",
    "InputError",
    "Structure",
    "Tiles",
    "describe",
    "draw",
    "features",
    "filters",
    "from_data",
    "from_files",
    "gradcam",
    "input_times_gradient",
    "integrated_gradients",
    "layer_facts",
    "load",
    "maximize",
    "occlusion",
    "open_model",
    "saliency",
    "save",
    "smoothgrad",
    "squaregrad",
    "summary",
    "vargrad",
    "write_gif",
    "write_png",
]


def __getattr__(name: str):
    if name in (
        "draw",
        "write_gif",
        "write_png",
    ):  # matplotlib costs a second: imported when something is drawn
        from visualize import figures

        return getattr(figures, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
