"""The console: what TensorFlow writes when it starts, and errors in one line."""

import contextlib
import os
import pty
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from visualize.cli.console import OneLineGroup, one_line_errors
from visualize.errors import InputError

START = "import visualize.cli.console as console; console.import_tensorflow()"


@pytest.mark.slow
@pytest.mark.parametrize(("level", "silent"), [(None, True), ("3", True), ("0", False)])
@pytest.mark.parametrize("package", ["visualize", "kerasdemos"])
def test_tensorflow_starts_silently_unless_its_log_level_is_zero(package, level, silent, saved, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    arguments = {
        "visualize": ["layers", str(saved("softmax"))],
        "kerasdemos": ["train", "least_squares", "--out", str(tmp_path)],
    }
    command = [sys.executable, "-m", package, *arguments[package]]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert (ended.stderr == "") == silent


def test_starting_tensorflow_raises_what_it_raises():
    program = f"import sys; sys.modules['tensorflow'] = None; {START}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "ModuleNotFoundError" in ended.stderr


def raising(error):
    @click.group(cls=OneLineGroup)
    def main():
        pass

    @main.command()
    @one_line_errors
    def fail():
        raise error

    return CliRunner().invoke(main, ["fail"], prog_name="program")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("`a` must be\nshort."), 2, "Error: `a` must be short.\n"),
        (OSError(28, "No space left on device", "file"), 2, "Error: [Errno 28] No space left on device: 'file'\n"),
        (KeyboardInterrupt(), 130, "Interrupted: what was written is whole.\n"),
    ],
)
def test_a_mistake_is_one_line_with_an_exit_status(error, status, line):
    result = raising(error)
    assert (result.exit_code, result.stdout, result.stderr) == (status, "", line)


def test_a_bug_keeps_its_traceback():
    assert isinstance(raising(ZeroDivisionError()).exception, ZeroDivisionError)


def test_a_note_stands_above_the_spinner():
    program = (
        "import time, visualize.cli.console as console\n"
        "with console.busy('opening'):\n"
        "    time.sleep(0.3); console.say('Note: [red]slow[/red].'); time.sleep(0.3)"
    )
    parent, child = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", program], stderr=child, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(child)
        written = b""
        with contextlib.suppress(OSError):  # the end of a terminal that nobody holds any more
            while part := os.read(parent, 4096):
                written += part
    os.close(parent)
    assert process.returncode == 0
    assert b"opening" in written
    (line,) = [line for line in written.decode().split("\r\n") if "Note" in line]
    assert re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).rpartition("\r")[2] == "Note: [red]slow[/red]."
