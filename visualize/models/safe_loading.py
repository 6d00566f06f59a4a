"""Safe loading: a model file is checked before Keras reads it, and while Keras builds its layers."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visualize._utils.lazy import keras, tf
from visualize._utils.limits import ALWAYS_ALLOWED, check_size
from visualize._utils.text import shortened
from visualize.errors import InputError
from visualize.models.safe_hdf5 import arrays_size, hdf5_config

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL_FILES = "`model` must be a .keras, .h5 or .hdf5 file."
MAX_CONFIG_BYTES = 2**26  # the largest published architectures need a hundredth of this
WEIGHTS = "model.weights.h5"


def check_file(path: Path) -> None:
    """Tell a missing, a corrupt and a weights-only file apart, without importing Keras.

    Raises:
        InputError: the file cannot hold a model, or would unpack to much more than its size.
    """
    if path.is_dir():
        raise InputError(f"{MODEL_FILES} Received: {path}, a directory.")
    if not path.exists():
        raise InputError(f"{MODEL_FILES} Received: {path}, which does not exist.")
    if not path.is_file():  # opening a named pipe would wait forever
        raise InputError(f"{MODEL_FILES} Received: {path}, which is not a regular file.")
    if path.suffix == ".keras":
        _check_archive(path)
    elif path.suffix in (".h5", ".hdf5"):
        hdf5_config(path)
    else:
        raise InputError(f"{MODEL_FILES} Received: {path.name}.")


def read_config(path: Path) -> Any:
    """The configuration as parsed JSON.

    Raises:
        Exception: whatever zipfile and json raise where it cannot be read.
    """
    if path.suffix != ".keras":
        text = hdf5_config(path)
    else:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo("config.json").file_size
            if size > MAX_CONFIG_BYTES:
                raise InputError(f"{path} must have a config.json of at most {MAX_CONFIG_BYTES:,} bytes. Received: {size:,}.")
            text = archive.read("config.json")
    return json.loads(text)


def weights_size(path: Path) -> int:
    """Bytes of all arrays in a model file.

    Raises:
        InputError: the HDF5 file is damaged, or some of them are in another file, or only declared and not there.
        Exception: whatever zipfile raises for an archive that is damaged.
    """
    if path.suffix != ".keras":
        return arrays_size(path)
    with zipfile.ZipFile(path) as archive:
        if WEIGHTS not in archive.namelist():
            return sum(member.file_size for member in archive.infolist())
        content = archive.read(WEIGHTS)  # whole, as Keras does: in an archive, each seek backward reads from the start
    return arrays_size(path, content)


@contextlib.contextmanager
def limited_weights(path: Path, stored: int) -> Iterator[None]:
    """Refuse variables, while a model is built from its configuration, that the arrays of its file cannot fill.

    A configuration of a few bytes can ask for a layer of any size, and Keras fills its weights with random numbers before it
    reads those in the file. Inside this context, `tf.variable_creator_scope` reports each variable before it is created,
    whichever layer or class asks for it, and however deep it is nested. The scope belongs to the current thread: other
    threads, and Keras itself, are left as they are.

    Args:
        path: the file, for the message.
        stored: bytes of the arrays in it.

    Raises:
        InputError: the variables take more than twice as much, and more than 256 MB.
    """
    requested, refusal = 0, None

    def count(size: int) -> None:
        nonlocal requested, refusal
        requested += size
        if requested > 2 * stored + ALWAYS_ALLOWED:
            needed = shortened(f"{requested:,}", 60)
            refusal = InputError(
                f"{path} must hold the weights of its layers. Received: {stored:,} bytes, and layers that ask for {needed}."
            )
            raise refusal

    def create(next_creator: Callable[..., tf.Variable], **options: Any) -> tf.Variable:
        requested_variable = _keras_variable(options.get("initial_value"))
        if requested_variable is not None:
            count(_bytes(requested_variable))  # before any memory is taken
            return next_creator(**options)
        variable = next_creator(**options)
        count(_bytes(variable))
        return variable

    try:
        with tf.variable_creator_scope(create):
            yield
    except Exception:
        if refusal is not None:  # Keras may have wrapped it in an error of its own
            raise refusal from None
        raise


def _keras_variable(initial_value: object) -> keras.Variable | None:
    """The Keras variable whose values TensorFlow is about to create; None if other code creates a TensorFlow variable.

    Keras hands TensorFlow a function without arguments that calls the initializer, and only the Keras variable in the closure
    of that function knows the shape. Other TensorFlow variables come from code that the user imported; they are measured
    once they exist.
    """
    if not inspect.isfunction(initial_value):
        return None
    owner = inspect.getclosurevars(initial_value).nonlocals.get("self")
    return owner if isinstance(owner, keras.Variable) else None


def _bytes(variable: keras.Variable | tf.Variable) -> int:
    return math.prod(length or 0 for length in variable.shape) * tf.as_dtype(variable.dtype).size


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        raise InputError(f"{path} is corrupt or not a model: a .keras file is a zip archive, and this is not one.") from None
    missing = {"config.json", "metadata.json"} - {member.filename for member in members}
    if missing:
        raise InputError(f"{path} is a zip archive but not a Keras model: it holds no {min(missing)}.")
    outside = [member.filename for member in members if _leads_outside(member)]
    if outside:
        raise InputError(
            f"{path} must hold files of its own. Received: {shortened(outside[0])!r}, which leads out of the archive."
        )
    check_size(str(path), sum(member.file_size for member in members), path.stat().st_size)


def _leads_outside(member: zipfile.ZipInfo) -> bool:
    name = member.filename
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return is_link or name.startswith(("/", "\\")) or ":" in name or ".." in re.split(r"[/\\]", name)
