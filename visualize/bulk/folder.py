"""Folder: what is written of a plan, what of it is whole, and what is missing.

A folder holds:

- `plan.json`: the settings, which every later run must have, and where model and data were;
- `zarr.json`, `ids/`, `gradcam/maps/`, ...: the arrays, a Zarr v3 group (see `zarr_files`);
- `table/000003.parquet`: the rows of a shard;
- `shards/000003.json`: the record of a shard, written last: the key of the shard, and size and SHA-256 of its files;
- at the end `table.parquet`, all rows, and `manifest.json`, which closes the run.

Every file appears whole under its name or not at all. Nothing is locked: any number of processes on any machines may work on
one folder, since whatever two of them write under one name has the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from visualize._utils.atomic import atomic_file
from visualize.bulk.plan import Plan
from visualize.bulk.shard import Shard, columns
from visualize.bulk.table import join_tables, table_bytes
from visualize.bulk.zarr_files import array_kinds, metadata, shard_files
from visualize.errors import InputError


@dataclass(frozen=True, eq=False)
class Folder:
    """The folder of a bulk run.

    Attributes:
        path: of the folder.
        plan: what is to be in it.
    """

    path: Path
    plan: Plan

    def begin(self, places: Mapping[str, Any]) -> None:
        """Write the plan and the metadata of the arrays, or check that those of the same plan are there.

        Args:
            places: where model and data are, for later readers; not part of the plan.

        Raises:
            InputError: the folder holds another run, or something else.
        """
        written = self.path / "plan.json"
        if not written.is_file():
            if self.path.is_dir() and any(not path.name.startswith(".") for path in self.path.iterdir()):
                raise InputError(f"`out` must be a new folder, or that of a run to go on with. Received: {self.path}.")
            plan = {"key": self.plan.key, "places": dict(places), "settings": self.plan.settings}
            self._write("plan.json", json.dumps(plan, indent=1).encode())
        self.check()
        for name, content in metadata(self.plan).items():
            if not _has(self.path / name, content):
                self._write(name, content)

    def check(self) -> None:
        """Refuse a folder that holds another plan, and say in what it differs.

        Raises:
            InputError: it does.
        """
        settings, own = read_plan(self.path)["settings"], self.plan.settings
        different = [name for name in {**settings, **own} if settings.get(name) != own.get(name)]
        if different:
            raise InputError(
                f"`out` must be a new folder, or that of the same run. Received: {self.path}, a run with other "
                f"{', '.join(different).replace('_', ' ')}."
            )

    def is_done(self, number: int, *, content: bool = True) -> bool:
        """Whether a shard is there, whole and of this plan.

        Args:
            number: of the shard.
            content: compare the bytes of each file with their SHA-256, not their number alone.
        """
        record = self._record(number)
        if record is None or record.get("key") != self.plan.shard_key(number):
            return False
        return all(_is(self.path / name, facts, content) for name, facts in record["files"].items())

    def write(self, shard: Shard) -> None:
        """Write the files of a shard, and last the record that says that it is done.

        Raises:
            OSError: they cannot be written; the error names the file.
        """
        kind = self.plan.settings["table"]
        table = table_bytes(shard.table, columns(self.plan), kind)
        files = {**shard_files(self.plan, shard.number, shard.arrays), f"table/{shard.number:06d}.{kind}": table}
        facts = {name: {"bytes": len(content), "sha256": _sha256(content)} for name, content in files.items()}
        start, stop = self.plan.rows(shard.number)
        record = {"key": self.plan.shard_key(shard.number), "images": stop - start, "errors": shard.errors, "files": facts}
        files[f"shards/{shard.number:06d}.json"] = json.dumps(record, indent=1).encode()
        for name, content in files.items():
            self._write(name, content)

    def finish(self) -> bool:
        """If every shard is there, write the table of all rows and the manifest, and remove what killed processes left.

        Returns:
            Whether the run is complete.
        """
        numbers, kind = range(self.plan.shards), self.plan.settings["table"]
        if not all(self.is_done(number, content=False) for number in numbers):
            return False
        records = [record for number in numbers if (record := self._record(number))]
        parts = [f"table/{number:06d}.{kind}" for number in numbers]
        manifest = {
            "key": self.plan.key,
            "images": self.plan.count,
            "errors": sum(len(record["errors"]) for record in records),
            "shards": [record["key"] for record in records],
            "parts": [record["files"][part] for record, part in zip(records, parts, strict=True)],
        }
        table = self.path / f"table.{kind}"
        if not self._is_closed(manifest, table):
            with _file(table, lambda: self._is_closed(manifest, table)) as file:
                join_tables((self.path / part for part in parts), file, kind)
            facts = {"bytes": table.stat().st_size, "sha256": _sha256_of(table)}
            self._write("manifest.json", json.dumps({**manifest, "table": facts}, indent=1).encode())
        self._sweep()
        return True

    def _is_closed(self, manifest: Mapping[str, Any], table: Path) -> bool:
        """Whether a manifest of these shards is there, and the table that it closes the run with."""
        written = self.path / "manifest.json"
        known = json.loads(written.read_bytes()) if written.is_file() else {}
        return {name: known.get(name) for name in manifest} == manifest and _is(table, known["table"], content=True)

    def errors(self) -> dict[str, str]:
        """Why images could not be read, by id, of all shards that are done."""
        records = (self._record(number) for number in range(self.plan.shards))
        return {name: error for record in records if record for name, error in record["errors"].items()}

    def _write(self, name: str, content: bytes) -> None:
        """Write a file whole."""
        path = self.path / name
        with _file(path, lambda: _has(path, content)) as file:
            file.write(content)

    def _record(self, number: int) -> dict[str, Any] | None:
        """The record of a shard; None if there is none that can be read."""
        try:
            record = json.loads((self.path / f"shards/{number:06d}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and {"key", "files", "errors"} <= set(record) else None

    def _sweep(self) -> None:
        """Remove the temporary files of processes that were killed: all shards are there, nobody needs another."""
        folders = {Path(name).parent for name in array_kinds(self.plan)} | {Path(name) for name in array_kinds(self.plan)}
        for folder in {Path(), Path("shards"), Path("table"), *folders}:
            for left in (self.path / folder).glob(".*.part"):
                left.unlink(missing_ok=True)


@contextlib.contextmanager
def _file(path: Path, is_there: Callable[[], bool]) -> Iterator[BinaryIO]:
    """As `atomic_file`; where another process finished and swept the temporary file meanwhile, its file is the same.

    Args:
        path: the file to write.
        is_there: whether the file that is meant is there, looked at only then.
    """
    try:
        with atomic_file(path) as file:
            yield file
    except FileNotFoundError:
        if not is_there():
            raise


def read_plan(path: Path) -> dict[str, Any]:
    """The `plan.json` of a folder: its settings, and the places of model and data.

    Raises:
        InputError: it is not the folder of a bulk run.
    """
    try:
        plan = json.loads((path / "plan.json").read_bytes())
        return {"key": plan["key"], "places": plan["places"], "settings": plan["settings"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"`path` must be the folder of a bulk run. Received: {path}, which has no plan.json.") from None


def _has(path: Path, content: bytes) -> bool:
    """Whether a file has this content."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _is(path: Path, facts: Mapping[str, Any], content: bool) -> bool:
    """Whether a file has the recorded size and, if `content`, the recorded SHA-256."""
    try:
        return path.stat().st_size == facts["bytes"] and (not content or _sha256_of(path) == facts["sha256"])
    except OSError:
        return False


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
