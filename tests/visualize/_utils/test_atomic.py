"""Files appear whole or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from visualize._utils.atomic import whole


def test_a_file_stands_under_its_name_when_the_block_has_ended(tmp_path):
    path = tmp_path / "new" / "folder" / "file.bin"
    with whole(path) as file:
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
        with whole(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_is_killed_leaves_nothing_under_the_name(tmp_path):
    code = """if True:
        import os, pathlib, signal, sys
        from visualize.files import whole
        with whole(pathlib.Path(sys.argv[1])) as file:
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
        with whole(tmp_path / "file.bin"):
            pass
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.bin").stat().st_mode) == 0o640


def test_a_name_as_long_as_the_file_system_takes_is_no_trouble(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    with whole(path) as file:
        file.write(b"content")
    assert path.read_bytes() == b"content"


def test_a_folder_under_the_name_is_left_alone(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError), whole(tmp_path / "taken") as file:
        file.write(b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
