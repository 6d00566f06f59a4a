"""What did a Keras model learn, and why does it say that?

Importing this package imports nothing else: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visualize import callbacks as callbacks
    from visualize import keras_vis as keras_vis
    from visualize import metrics as metrics
    from visualize import objectives as objectives
    from visualize.attribution.comparison import compare as compare
    from visualize.attribution.comparison import compare_models as compare_models
    from visualize.attribution.comparison import contrast as contrast
    from visualize.attribution.deeplift import deeplift as deeplift
    from visualize.attribution.gradcam import gradcam as gradcam
    from visualize.attribution.gradcam import gradcam_plus_plus as gradcam_plus_plus
    from visualize.attribution.gradcam import guided_gradcam as guided_gradcam
    from visualize.attribution.gradcam import hirescam as hirescam
    from visualize.attribution.gradcam import layercam as layercam
    from visualize.attribution.gradcam import xgradcam as xgradcam
    from visualize.attribution.gradient_free_cam import ablationcam as ablationcam
    from visualize.attribution.gradient_free_cam import eigencam as eigencam
    from visualize.attribution.gradient_free_cam import scorecam as scorecam
    from visualize.attribution.gradients import input_times_gradient as input_times_gradient
    from visualize.attribution.gradients import integrated_gradients as integrated_gradients
    from visualize.attribution.gradients import saliency as saliency
    from visualize.attribution.occlusion import occlusion as occlusion
    from visualize.attribution.relevance import relevance as relevance
    from visualize.attribution.rise import rise as rise
    from visualize.attribution.smoothgrad import smoothgrad as smoothgrad
    from visualize.attribution.smoothgrad import squaregrad as squaregrad
    from visualize.attribution.smoothgrad import vargrad as vargrad
    from visualize.bulk.reading import Bulk as Bulk
    from visualize.bulk.reading import open_bulk as open_bulk
    from visualize.bulk.run import run_bulk as run_bulk
    from visualize.data.loading import from_data as from_data
    from visualize.data.loading import from_files as from_files
    from visualize.errors import InputError as InputError
    from visualize.feature_visualization.maximize import maximize as maximize
    from visualize.inspection.features import features as features
    from visualize.inspection.filters import filters as filters
    from visualize.inspection.summary import layer_facts as layer_facts
    from visualize.inspection.summary import summary as summary
    from visualize.metrics.trust import trust as trust
    from visualize.models.layers import describe as describe
    from visualize.models.loading import open_model as open_model
    from visualize.plotting.render import draw as draw
    from visualize.plotting.render import write_gif as write_gif
    from visualize.plotting.render import write_png as write_png
    from visualize.results import Attribution as Attribution
    from visualize.results import Structure as Structure
    from visualize.results import Tiles as Tiles
    from visualize.results import Trust as Trust
    from visualize.results import load as load
    from visualize.results import save as save
    from visualize.targets import Target as Target

_MODULES = {
    "visualize": ("callbacks", "keras_vis", "metrics", "objectives"),
    "visualize.attribution.comparison": ("compare", "compare_models", "contrast"),
    "visualize.attribution.deeplift": ("deeplift",),
    "visualize.attribution.gradcam": (
        "gradcam",
        "gradcam_plus_plus",
        "guided_gradcam",
        "hirescam",
        "layercam",
        "xgradcam",
    ),
    "visualize.attribution.gradient_free_cam": ("ablationcam", "eigencam", "scorecam"),
    "visualize.attribution.gradients": ("input_times_gradient", "integrated_gradients", "saliency"),
    "visualize.attribution.occlusion": ("occlusion",),
    "visualize.attribution.relevance": ("relevance",),
    "visualize.attribution.rise": ("rise",),
    "visualize.attribution.smoothgrad": ("smoothgrad", "squaregrad", "vargrad"),
    "visualize.bulk.reading": ("Bulk", "open_bulk"),
    "visualize.bulk.run": ("run_bulk",),
    "visualize.data.loading": ("from_data", "from_files"),
    "visualize.errors": ("InputError",),
    "visualize.feature_visualization.maximize": ("maximize",),
    "visualize.inspection.features": ("features",),
    "visualize.inspection.filters": ("filters",),
    "visualize.inspection.summary": ("layer_facts", "summary"),
    "visualize.metrics.trust": ("trust",),
    "visualize.models.layers": ("describe",),
    "visualize.models.loading": ("open_model",),
    "visualize.plotting.render": ("draw", "write_gif", "write_png"),
    "visualize.results": ("Attribution", "Structure", "Tiles", "Trust", "load", "save"),
    "visualize.targets": ("Target",),
}
_SUBMODULES = ("callbacks", "keras_vis", "metrics", "objectives")  # public names that are modules themselves
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """A public name, from its module; in IPython results then show themselves as pictures."""
    module = _HOMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from visualize.notebook import show_results_as_pictures

    show_results_as_pictures()
    if name in _SUBMODULES:
        value = importlib.import_module(f"{module}.{name}")
    else:
        value = getattr(importlib.import_module(module), name)
    globals()[name] = value  # the next access is a plain attribute
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
