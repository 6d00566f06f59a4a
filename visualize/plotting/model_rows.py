"""Several models: their explanations of the same pictures as rows of one sheet, one row per picture and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from visualize.errors import InputError
from visualize.plotting.colors import as_rgb
from visualize.results import Attribution

REMARK = "The scores of two models have no common unit: compare where their maps are high, not how high they are."


def as_rows(attributions: Sequence[Attribution]) -> list[Attribution]:
    """Attributions of several models as one for each method, whose images are those of all models; of one model, as they are.

    The first picture as each model sees it comes first. Every map keeps its values; smaller pictures are enlarged to the size
    of the largest, so that the rows of a sheet are alike. Nothing is said to be comparable between models: each map has its
    own scale, each model its own classes, and the name of the model stands before that of the picture.

    Args:
        attributions: of `compare_models`, or of one model.

    Raises:
        InputError: the models were explained by different methods or on different numbers of pictures, or not on pictures.
    """
    models = list(dict.fromkeys(attribution.settings.model for attribution in attributions))
    if len(models) < 2:
        return list(attributions)
    by_model = [[each for each in attributions if each.settings.model == model] for model in models]
    methods = [_described(each) for each in by_model[0]]
    counts = {len(each.values) for each in attributions}
    if len(counts) > 1 or any([_described(each) for each in own] != methods for own in by_model):
        raise InputError("`results` of several models must be of the same methods and pictures. Received: different ones.")
    if any(each.values.ndim != 3 for each in attributions):
        raise InputError("`results` of several models must be of pictures. Received: sequences or volumes.")
    return [_joined(column) for column in zip(*by_model, strict=True)]


def _described(attribution: Attribution) -> tuple[str, str | None]:
    """What two maps of one column have in common."""
    return attribution.method, attribution.settings.modifier


def _joined(parts: Sequence[Attribution]) -> Attribution:
    """The maps of one method of several models as one attribution; its images in the order picture by picture."""
    first, count = parts[0], len(parts[0].values)
    size = max((each.values.shape[1:] for each in parts), key=lambda shape: shape[0] * shape[1])
    order = np.arange(len(parts) * count).reshape(len(parts), count).T.ravel()  # picture by picture
    names, targets = _class_names(parts)
    originals = tuple(original for each in parts for original in (each.originals or (None,) * count))
    settings = first.settings.with_values(
        classes=None,
        class_names=names,
        input_range=[0.0, 1.0],
        layer=_common([each.settings.layer for each in parts]),
        score=_common([each.settings.score for each in parts]) or "score",
        remarks=[REMARK, *dict.fromkeys(remark for each in parts for remark in each.settings.remarks or ())],
    )
    return replace(
        first,
        values=np.concatenate([_resized(each.values, size) for each in parts])[order],
        images=np.concatenate([_pictures(each, size) for each in parts])[order],
        targets=targets[order],
        scores=np.concatenate([each.scores for each in parts])[order],
        settings=settings,
        arrays=_arrays(parts, order, size),
        originals=tuple(originals[index] for index in order) if any(originals) else (),
        display=replace(first.display, shared_scale=False),
    )


def _arrays(parts: Sequence[Attribution], order: np.ndarray, size: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The names of the pictures, behind those of the models; the probabilities and errors that the maps of all models have."""
    labels = [
        f"{each.settings.model}: {each.arrays['names'][index]}" if "names" in each.arrays else str(each.settings.model)
        for each in parts
        for index in range(len(each.values))
    ]
    arrays = {"names": np.array(labels)[order]}
    if all("probability" in each.arrays for each in parts):
        arrays["probability"] = np.concatenate([each.arrays["probability"] for each in parts])[order]
    if all("error" in each.arrays for each in parts):
        arrays["error"] = np.concatenate([_resized(each.arrays["error"], size) for each in parts])[order]
    return arrays


def _class_names(parts: Sequence[Attribution]) -> tuple[list[str], np.ndarray]:
    """The names of the classes that are explained, and for each map the number of its name; -1 where it explains no class."""
    names: list[str] = []
    numbers = []
    for each in parts:
        known = list(each.settings.class_names)
        for target in each.targets.tolist():
            name = known[target] if 0 <= target < len(known) and not known[target].isdecimal() else f"class {target}"
            if target < 0 or each.settings.classes == 1:  # a single output is no class
                numbers.append(-1)
                continue
            if name not in names:
                names.append(name)
            numbers.append(names.index(name))
    return names, np.array(numbers)


def _resized(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Maps, (batch, height, width), at another size: each pixel takes the value of the nearest."""
    rows, columns = ((np.arange(new) + 0.5) * old // new for new, old in zip(size, values.shape[1:], strict=True))
    return values[:, rows.astype(int)][:, :, columns.astype(int)]


def _pictures(attribution: Attribution, size: tuple[int, ...]) -> np.ndarray:
    """The images, (batch, height, width, 3) in 0..1, at another size."""
    pictures = as_rgb(attribution.images, attribution.settings.input_range).astype("float32")
    if pictures.shape[1:3] == size:
        return pictures
    height, width = size
    channels = [
        [Image.fromarray(picture[..., channel]).resize((width, height), Image.Resampling.BILINEAR) for channel in range(3)]
        for picture in pictures
    ]
    return np.array([np.stack([np.asarray(channel) for channel in each], axis=-1) for each in channels])


def _common(values: Sequence[object]) -> object:
    """What all have; None where they differ."""
    return values[0] if all(value == values[0] for value in values) else None
