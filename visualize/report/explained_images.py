"""The images of a report: for each, the request for its comparison and what the model predicts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from visualize.attribution.request import class_scores, prepare
from visualize.data.loading import Source
from visualize.errors import InputError
from visualize.metrics.bootstrap import FEWEST_IMAGES
from visualize.models.inputs import input_shapes
from visualize.report.alt_text import score_text
from visualize.report.figure_files import unique_names
from visualize.report.request import ReportRequest

if TYPE_CHECKING:
    from visualize.report.figures import ReportRun

MAX_IMAGES = 300  # beyond that nobody reads the page, nor is there room for its pictures


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model predicts for some images.

    Attributes:
        scores: of every class, (images, classes).
        probabilities: of every class, (images, classes).
        targets: the class that is explained for each image, (images,); of a single image all that are explained.
        kind: what the scores are, such as "logit".
        class_names: empty where nothing states them.
    """

    scores: np.ndarray
    probabilities: np.ndarray
    targets: np.ndarray
    kind: str
    class_names: tuple[str, ...]

    @property
    def has_classes(self) -> bool:
        """Whether there are classes; a model may also return a single number."""
        return self.scores.shape[1] > 1

    @property
    def has_probabilities(self) -> bool:
        """Whether the scores are logits, to which probabilities belong."""
        return self.kind.endswith("logit")

    def explained(self, row: int) -> list[int]:
        """The classes that are explained for an image."""
        return (self.targets if len(self.scores) == 1 else self.targets[row : row + 1]).tolist()

    def score_text(self, row: int, index: int) -> str:
        """The score of a class for one image: "logit 12.4, probability 0.998"."""
        probability = float(self.probabilities[row, index]) if self.has_probabilities else None
        return score_text(self.kind, float(self.scores[row, index]), probability)


@dataclass(frozen=True, eq=False)
class ExplainedImage:
    """One image, or one file of images for several inputs.

    Attributes:
        name: of the image or the file.
        label: its true class where the data set states it, or None.
        request: for its comparison.
        predictions: of the model.
        image_names: the names of the images, most often one.
    """

    name: str
    label: int | None
    request: ReportRequest
    predictions: Predictions
    image_names: tuple[str, ...]


def explained_images(run: ReportRun) -> list[ExplainedImage]:
    """The images that a report explains one by one.

    Raises:
        InputError: images that cannot be read, too many of them, too few for `trust`, or a target that the model does not
            have.
    """
    request = run.request
    if not request.has_images:
        _check_trust(request, 0)
        return []
    source = run.load_images(request)
    count = len(source.names)
    _check_trust(request, count)
    if count > MAX_IMAGES:
        raise InputError(f"A report takes at most {MAX_IMAGES} images. Received: {count}.")
    if len(request.targets) not in (0, 1, count) and count > 1:  # several of a single image stand side by side
        raise InputError(
            f"`target` must be one class, or one for each of the {count} images. Received: {len(request.targets)}."
        )
    requests = _requests_for_images(run, source)
    alone = len(requests) == 1  # one command explains everything that was named, also if that is several images
    targets = [request.targets] * len(requests)
    if len(request.targets) > 1 and not alone:
        targets = [(target,) for target in request.targets]
    if not request.targets and request.per_class and source.labels is not None:
        targets = [(str(label),) for label in source.labels.tolist()]
    labels = [None] * len(requests) if source.labels is None else source.labels.tolist()
    folders = _folders(request.out, source.names[:1] if alone else source.names)
    return [
        _explained_image(run, replace(each, targets=target, out=folder), name, label)
        for each, target, label, folder, name in zip(requests, targets, labels, folders, source.names, strict=False)
    ]


def _check_trust(request: ReportRequest, count: int) -> None:
    """Refuse to measure trust on too few images.

    Raises:
        InputError: it was asked for, and no method could be told from chance.
    """
    if request.trust and count < FEWEST_IMAGES:
        raise InputError(
            f"A report with `--trust` must have at least {FEWEST_IMAGES} images, better 16 or more, such as "
            f"--data mnist:test --index 0-15. Received: {count}."
        )


def _requests_for_images(run: ReportRun, source: Source) -> list[ReportRequest]:
    """A request for each image that was named; for each file, if the model takes several inputs."""
    request = run.request
    if request.data is not None:
        return [replace(request, index=(index,), per_class=False) for index in source.index]
    return list(itertools.chain.from_iterable(_requests_for_file(run, path) for path in request.images))


def _requests_for_file(run: ReportRun, path: Path) -> list[ReportRequest]:
    request = replace(run.request, images=(path,))
    count = len(run.load_images(request).names)
    if count == 1 or len(input_shapes(run.model)) > 1:
        return [request]
    return [replace(request, images=(), data=str(path), index=(index,)) for index in range(count)]


def _folders(out: Path, names: Sequence[str]) -> list[Path]:
    """Where the files of each image go: a folder of its own if another image has the same name."""
    folders = []
    for number, (name, unique) in enumerate(zip(names, unique_names(names), strict=True), 1):
        is_taken = unique.casefold() != unique_names([name])[0].casefold()
        folders.append(out / f"image-{number}" if is_taken else out)
    return folders


def _explained_image(run: ReportRun, request: ReportRequest, name: str, label: int | None) -> ExplainedImage:
    source = run.load_images(request)
    with run.classes_named(source):
        columns = [
            prepare(run.model, source.images, target, request.input_name, request.precision)
            for target in request.column_targets(source)
        ]
        scores, *others = map(class_scores, columns)
    targets = np.concatenate([scores["targets"], *(other["targets"] for other in others)])
    arrays = {field: scores[field] for field in ("scores", "probabilities")}
    predictions = Predictions(**arrays, targets=targets, kind=scores["kind"], class_names=columns[0].class_names)
    name = name if len(source.names) == 1 else request.images[0].name
    return ExplainedImage(name, label, request, predictions, source.names)
