"""Files appear whole or not at all."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from visualize._utils.atomic import atomic_file, atomic_path, check_writable_folder
from visualize.errors import InputError


def test_a_file_stands_under_its_name_when_the_block_has_ended(tmp_path):
    path = tmp_path / "new" / "folder" / "file.bin"
    with atomic_file(path) as file:
        file.write(b"first half, ")
        assert not path.exists()
        file.write(b"second half")
    assert path.read_bytes() == b"first half, second half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_when_the_block_raises_the_old_file_stays_and_nothing_else(error, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def interrupted():
        with atomic_file(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_is_killed_leaves_nothing_under_the_name(tmp_path):
    code = """if True:
        import os, pathlib, signal, sys
        from visualize._utils.atomic import atomic_file
        with atomic_file(pathlib.Path(sys.argv[1])) as file:
            file.write(b"half"); file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "file.bin"
    died = subprocess.run([sys.executable, "-c", code, path])
    assert died.returncode == -9
    assert not path.exists()


def test_permissions_are_those_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "file.bin"):
            pass
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.bin").stat().st_mode) == 0o640


def test_a_name_as_long_as_the_file_system_takes_is_no_trouble(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    with atomic_file(path) as file:
        file.write(b"content")
    assert path.read_bytes() == b"content"


def test_a_folder_under_the_name_is_left_alone(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError), atomic_file(tmp_path / "taken") as file:
        file.write(b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_temporary_path_has_the_suffix_and_appears_whole(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with atomic_path(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (path.parent, ".txt")
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_a_temporary_path_is_removed_when_the_block_raises(error, tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def interrupted():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_blocks_that_write_the_same_file_do_not_collide(tmp_path):
    path = tmp_path / "file.txt"
    with atomic_path(path) as first, atomic_path(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the block that ended last
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [atomic_file, atomic_path])
def test_the_content_is_on_the_disk_before_the_file_has_its_name(write, tmp_path, monkeypatch):
    path, synced = tmp_path / "file.bin", []
    fsync = os.fsync

    def noting(descriptor):
        synced.append((os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size, path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    with write(path) as target:
        target.write(b"content") if write is atomic_file else target.write_bytes(b"content")
    assert synced == [(path.stat().st_ino, 7, False)]


@pytest.mark.parametrize("write", [atomic_file, atomic_path])
def test_on_a_full_disk_the_error_names_the_file(write, tmp_path):
    with pytest.raises(OSError, match="No space left") as raised, write(tmp_path / "file.bin"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert raised.value.filename == str(tmp_path / "file.bin")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_be_written_to_is_left_as_it_was(tmp_path):
    check_writable_folder("--out", tmp_path / "new" / "folder")
    check_writable_folder("--out", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_file_in_the_place_of_a_folder_is_refused(below, tmp_path):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / below
    with pytest.raises(InputError) as refused:
        check_writable_folder("--out", out)
    assert str(refused.value) == (
        f"`--out` must be a folder that can be written to. Received: {out}, but {tmp_path / 'file'} is a file."
    )


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no folder that even root cannot write to")
def test_a_folder_that_the_system_protects_is_refused():
    with pytest.raises(InputError) as refused:
        check_writable_folder("--out", Path("/proc/x"))
    assert str(refused.value) == (
        "`--out` must be a folder that can be written to. Received: /proc/x, but /proc cannot be written to."
    )
