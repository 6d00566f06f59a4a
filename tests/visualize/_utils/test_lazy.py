"""TensorFlow is started without its own lines on standard error, and without hiding those of others."""

import os
import subprocess
import sys

import pytest

from visualize._utils.lazy import without_native_logs

NOTICES = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1795612262.545634    7326 port.cc:153] oneDNN custom operations are on.\n"
    b"2026-01-01 00:00:00.123456: W tensorflow/core/util/port.cc:113] oneDNN custom operations are on.\n"
    b"To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow\n"
    b"E0000 00:00:1795612264.675143    7326 cuda_platform.cc:52] failed call to cuInit\n"
)


def test_lines_of_native_code_are_taken_out_and_all_others_kept(capfd):
    with without_native_logs():
        os.write(2, b"one\n" + NOTICES)
        os.write(2, b"two\nF0000 00:00:1795612264.675143    7326 fatal.cc:52] the end\nWarning: three")
    os.write(2, b", four\n")
    kept = "one\ntwo\nF0000 00:00:1795612264.675143    7326 fatal.cc:52] the end\nWarning: three, four\n"
    assert capfd.readouterr().err == kept


@without_native_logs()
def failing():
    os.write(2, NOTICES + b"one\n")
    raise ZeroDivisionError


def test_an_error_passes_with_what_was_written_before_it(capfd):
    with pytest.raises(ZeroDivisionError):
        failing()
    assert capfd.readouterr().err == "one\n"


OPENED = "import sys, visualize; model = visualize.open_model(sys.argv[1]); visualize.layer_facts(model)"


@pytest.mark.slow
@pytest.mark.parametrize(("level", "silent"), [(None, True), ("1", True), ("0", False)])
def test_a_model_is_opened_in_python_without_a_foreign_line(level, silent, saved):
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    command = [sys.executable, "-c", OPENED, str(saved("softmax"))]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert (ended.stderr == "") == silent


@pytest.mark.slow
def test_a_model_is_opened_where_standard_error_is_closed(saved):
    command = [sys.executable, "-c", f"import os; os.close(2); {OPENED}", str(saved("softmax"))]
    assert subprocess.run(command, stdout=subprocess.PIPE).returncode == 0
