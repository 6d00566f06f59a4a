"""Callbacks: draw an explanation of fixed images while a model is trained."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from visualize._utils.lazy import keras, tf
from visualize._utils.validation import checked_count, checked_path, parameters_of, with_new_names
from visualize.attribution.comparison import name_of
from visualize.attribution.gradcam import gradcam
from visualize.data.images import read_picture
from visualize.errors import InputError
from visualize.plotting import draw, write_film, write_png
from visualize.results import Attribution, Tiles

Images = ArrayLike | Mapping[str, ArrayLike]
Results = Attribution | Tiles | list[Attribution] | list[Tiles]


class Pictures(keras.callbacks.Callback):
    """Draw a method's figure at the end of every n-th epoch, and a film of all of them at the end of the training.

    `FOLDER/PREFIX-0001.png` shows the model after its first epoch, and says so; `FOLDER/PREFIX.gif` is the film of one `fit`.
    As in every figure each map has its own scale, whose end is stated above it: the film shows where the evidence is, the
    number how strong it is. The training is not affected: it ends with the very same weights, and nothing is computed between
    pictures.

    Attributes:
        written: the PNGs of this `fit`, in order.
    """

    def __init__(
        self,
        images: Images | None,
        method: Callable[..., Results] = gradcam,
        *,
        target: Any = None,
        folder: str | Path,
        every: int = 1,
        prefix: str | None = None,
        tensorboard: str | Path | None = None,
        **options: object,
    ):
        """Choose what to draw.

        Args:
            images: the images to explain, as the method takes them; None for a method that takes no images (`maximize`,
                `filters`).
            method: such as `visualize.gradcam` or `visualize.occlusion`.
            target: class to explain, as the method takes it; by default the model's own prediction, which may change from
                epoch to epoch.
            folder: where to write; created if it does not exist.
            every: number of epochs between two pictures.
            prefix: of the files' names; by default the method's name.
            tensorboard: log directory for image summaries, which need the extra `tensorboard`. Their step is that of Keras'
                own TensorBoard callback, which calls the first epoch 0.
            options: of the method.

        Raises:
            InputError: an invalid number, folder or option. What depends on the model, such as the name of a layer, is
                checked when the training begins.
        """
        super().__init__()
        self._method = method
        self._arguments = _arguments(method, images, target)
        self._options = _checked_options(method, options)
        self._every = checked_count("every", every, 1)
        self._folder = _checked_folder("folder", folder)
        self._prefix = _checked_prefix(name_of(method) if prefix is None else prefix)
        self._log = None if tensorboard is None else _checked_log(tensorboard)
        self._writer = None
        self.written: list[Path] = []

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Check the options against the model: now, rather than after an hour of training.

        Raises:
            InputError: the model does not allow the method, or an option does not fit it.
        """
        draw(self._results(0))
        self.written = []
        if self._log is not None:
            self._writer = tf.summary.create_file_writer(str(self._log))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Draw the figure of every n-th epoch."""
        number = epoch + 1
        if number % self._every:
            return
        path = self._folder / f"{self._prefix}-{number:04d}.png"
        self.written.append(write_png(draw(self._results(number)), path))
        if self._writer is not None:
            with self._writer.as_default(step=epoch):
                tf.summary.image(self._prefix, read_picture(path, channels=3)[None])
            self._writer.flush()

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Write the film, if any epoch was drawn."""
        if self.written:
            write_film(self.written, self._folder / f"{self._prefix}.gif")
        if self._writer is not None:
            self._writer.close()

    def _results(self, epoch: int) -> list[Attribution | Tiles]:
        """The results of one figure, which state the number of the epoch."""
        returned = self._method(self.model, **self._arguments, **self._options)
        results = returned if isinstance(returned, list) else [returned]
        if not all(isinstance(result, Attribution | Tiles) for result in results):
            kinds = ", ".join(type(result).__name__ for result in results)
            raise InputError(f"`method` must return an Attribution or Tiles. Received from {name_of(self._method)}: {kinds}.")
        return [replace(result, display=replace(result.display, epoch=epoch)) for result in results]


def _arguments(method: Callable[..., Results], images: Images | None, target: Any) -> dict[str, Any]:
    """The images and the target, if the method takes them."""
    parameters = parameters_of("method", method)
    arguments = {"images": images, "target": target}
    for name, value in arguments.items():
        if value is not None and name not in parameters:
            raise InputError(
                f"`{name}` must be None for {name_of(method)}, which takes none. Received: {type(value).__name__}."
            )
    if images is None and "images" in parameters:
        raise InputError(f"`images` must be a batch of images for {name_of(method)}. Received: None.")
    return {name: value for name, value in arguments.items() if value is not None}


def _checked_options(method: Callable[..., Results], options: dict[str, object]) -> dict[str, object]:
    parameters = inspect.signature(method).parameters
    if "input_name" in parameters:
        options = with_new_names(options, stacklevel=4, explained="input_name")
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        known = [name for name in parameters if name not in ("model", "images", "target")]
        unknown = [name for name in options if name not in known]
        if unknown:
            raise InputError(f"`{unknown[0]}` must be an option of {name_of(method)}: {', '.join(known)}.")
    return options


def _checked_folder(name: str, folder: str | Path) -> Path:
    path = checked_path(name, folder)
    if path.exists() and not path.is_dir():
        raise InputError(f"`{name}` must be a directory. Received: {path}, a file.")
    return path


def _checked_prefix(prefix: str) -> str:
    if not isinstance(prefix, str) or not prefix or Path(prefix).name != prefix:
        raise InputError(f"`prefix` must be the beginning of a file's name. Received: {prefix!r}.")
    return prefix


def _checked_log(tensorboard: str | Path) -> Path:
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError(
            'Image summaries need the package tensorboard: pip install "kerasdemos[tensorboard]". Received: no such package.'
        )
    return _checked_folder("tensorboard", tensorboard)
