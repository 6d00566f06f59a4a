"""Files that installed packages bring along, found without importing the packages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from visualize.errors import InputError


@dataclass(frozen=True)
class PackageFile:
    """A data file of a package.

    Attributes:
        package: the package's name in the registry, such as "scikit-image".
        path: of the file below site-packages, such as "skimage/data/chelsea.png".
    """

    package: str
    path: str

    @property
    def is_installed(self) -> bool:
        """Whether the package is installed."""
        return self._distribution() is not None

    @property
    def version(self) -> str | None:
        """The version of the installed package; None if it is not installed."""
        installed = self._distribution()
        return None if installed is None else installed.version

    def locate(self, *, needed_by: str, install: str) -> Path:
        """The path of the file on this machine; no code of the package runs.

        Args:
            needed_by: what needs the file, for the message.
            install: what `pip install` must get, for the message.

        Raises:
            InputError: the package is not installed, or has no such file.
        """
        installed = self._distribution()
        if installed is None:
            raise InputError(
                f"{needed_by} needs the package {self.package}: pip install {install}. Received: it is not installed."
            )
        path = Path(str(installed.locate_file(self.path)))
        if not path.is_file():
            raise InputError(
                f"The package {self.package} must bring {self.path}, which {needed_by} needs. "
                f"Received: version {installed.version}, which does not."
            )
        return path

    def _distribution(self) -> Distribution | None:
        try:
            return distribution(self.package)
        except PackageNotFoundError:
            return None
