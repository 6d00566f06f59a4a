"""The reader of torch's old format: the numbers of whole files, and a refusal of everything else."""

import contextlib
import importlib.util
import os
import pickle
import random
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from kerasdemos.pretrained.torch_file import read_tensors
from visualize.errors import InputError

_spec = importlib.util.spec_from_file_location("torch_writer", Path(__file__).with_name("torch_writer.py"))
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)

ARRAYS = {
    "conv.weight": np.arange(24, dtype="float32").reshape(2, 3, 2, 2).transpose(3, 2, 0, 1),
    "half": np.array([1.5, -2.0], "float16"),
    "batches": np.array(7, "int64"),
}
WHOLE = writer.torch_file(ARRAYS)


DEEP = b")" + b"\x85" * 200_000  # a tuple in a tuple in a tuple ...


def refusal(content):
    with pytest.raises(InputError) as refused:
        read_tensors(content, "x.pth")
    message = str(refused.value)
    assert message.startswith("x.pth must hold tensors by their names, in torch's format before version 1.6. Received: ")
    assert len(message) < 400
    assert "\n" not in message
    return message.partition("Received: ")[2]


def test_tensors_come_back_in_any_order_of_axes_and_of_every_type():
    tensors = read_tensors(WHOLE, "x.pth")
    assert list(tensors) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype


def test_tensors_are_read_only_views_of_the_file():
    tensors = read_tensors(WHOLE, "x.pth")
    whole = np.frombuffer(WHOLE, "uint8")
    assert all(np.may_share_memory(tensor, whole) and not tensor.flags.writeable for tensor in tensors.values())


def test_several_tensors_can_share_a_storage():
    numbers = np.arange(6, dtype="float32")
    programs = {
        "row": writer.tensor("s", "FloatStorage", 6, 3, (3,), (1,)),
        "columns": writer.tensor("s", "FloatStorage", 6, 0, (3, 2), (1, 3)),
    }
    tensors = read_tensors(writer.HEAD + writer.dictionary(programs) + writer.tail({"s": numbers}), "x.pth")
    np.testing.assert_array_equal(tensors["row"], [3, 4, 5])
    np.testing.assert_array_equal(tensors["columns"], [[0, 3], [1, 4], [2, 5]])


class Canary:
    """Pickled, it is a call that makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("behind", [b"", writer.HEAD], ids=["first", "behind the head"])
def test_a_hostile_pickle_runs_nothing(tmp_path, protocol, behind):
    hostile = pickle.dumps(Canary(tmp_path / "ran"), protocol)
    refusal(behind + hostile + WHOLE)
    assert not (tmp_path / "ran").exists()
    pickle.loads(hostile)  # the canary sings where a file is simply unpickled
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (b"cposix\nmkdir\n(X\x03\x00\x00\x00rantR", "a pickle that names posix.mkdir"),
        (b"cbuiltins\neval\n.", "a pickle that names builtins.eval"),
        (b"ctorch\nLongStorage\n)R", "a pickle that calls something that makes no tensor"),
        (b"ccollections\nOrderedDict\n(K\x01tR", "a pickle that calls something that makes no tensor"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R", "a pickle that calls something that makes no tensor"),
        (b"K\x01Q", "a pickle that refers to something that is not a storage"),
        (b"\x8c\x05posix\x8c\x05mkdir\x93", "a pickle with the instruction SHORT_BINUNICODE"),
        (b"Pposix\n", "a pickle with the instruction PERSID"),
        (b"\x96" + b"\xff" * 7 + b"\x00", "a pickle with the instruction BYTEARRAY8"),  # of 72 PB
        (b"\x95" + b"\xff" * 8, "a pickle with the instruction FRAME"),
        (b"Nr\xff\xff\xff\xff0", "a pickle with the instruction POP"),  # a memo of four billion entries
        (b"h\x07", "a file that is damaged"),  # an entry of the memo that is not there
        (b"u", "a file that is damaged"),
        (b"}(K\x01K\x02u", "a file that is damaged"),  # a number as a key
        (b"", "a file that is damaged"),
        (b"K\x01", "something that is not tensors by their names"),
        (b"}(X\x01\x00\x00\x00aK\x01u", "something that is not tensors by their names"),
        (b"}(" + DEEP + b"K\x02u", "a file that is damaged"),  # a key whose hash would overflow the stack
        (b"N" * 1_000_001, "a pickle of more than 1,000,000 instructions"),
        (b"c\x1b[2J\\o\nx\n", r"a pickle that names \x1b[2J\o.x"),
        (b"I\\o\n", "a pickle with the instruction INT"),
        (b"S'\\o'\n", "a pickle with the instruction STRING"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value[:24]),
)
def test_what_makes_no_tensors_is_refused(program, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal(writer.HEAD + writer.pickled(program) + writer.tail({})).startswith(reason)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "count"),
    [
        ((2, 3), (3, 1), 1, 6),  # ends one number behind
        ((7,), (1,), 0, 6),
        ((2**30, 2**30), (0, 0), 0, 6),  # more numbers than the storage has
        ((6,), (1,), -1, 6),
        ((-6,), (1,), 0, 6),
        ((6,), (-1,), 5, 6),
        ((0, 2**31 - 1), (1, 1), 0, 6),
        ((1,), (2**31 - 1,), 0, 6),
        ((6,), (1, 1), 0, 6),
        ((1,) * 9, (1,) * 9, 0, 6),
        ((6,), (1,), 0, 2**31 - 1),  # more than the file holds
        ((6,), (1,), 0, -1),
    ],
)
def test_a_tensor_outside_of_its_storage_is_refused(shape, strides, offset, count):
    program = writer.tensor("s", "FloatStorage", count, offset, shape, strides)
    six = writer.tail({"s": np.zeros(6, "float32")}).replace(struct.pack("<q", 6), struct.pack("<q", count))
    assert refusal(writer.HEAD + writer.dictionary({"t": program}) + six)


def test_storages_must_be_those_of_the_tensors():
    one = writer.dictionary({"t": writer.tensor("s", "FloatStorage", 2, 0, (2,), (1,))})
    two = np.zeros(2, "float32")
    assert "not complete" in refusal(writer.HEAD + one + writer.tail({}))
    assert "not complete" in refusal(writer.HEAD + one + writer.tail({"s": two, "other": two}))
    assert "not whole" in refusal(writer.HEAD + one + writer.tail({"other": two}))
    assert "not whole" in refusal(writer.HEAD + one + writer.tail({"s": np.zeros(3, "float32")}))
    assert "not whole" in refusal(writer.HEAD + one + writer.pickled(b"](" + DEEP + b"e"))
    assert "other bytes" in refusal(WHOLE + b"\0")
    renamed = {
        "t": writer.tensor("s", "FloatStorage", 2, 0, (2,), (1,)),
        "u": writer.tensor("s", "LongStorage", 2, 0, (2,), (1,)),
    }
    assert "two storages of one name" in refusal(writer.HEAD + writer.dictionary(renamed) + writer.tail({"s": two}))


def test_other_formats_are_refused():
    assert refusal(b"")
    assert refusal(b"PK\x03\x04" + bytes(100))  # torch's format since version 1.6
    assert refusal(pickle.dumps({"a": 1}, 2))
    big_endian = writer.HEAD.replace(b"\x88u", b"\x89u")
    assert "not little-endian" in refusal(big_endian + WHOLE[len(writer.HEAD) :])


def test_every_truncation_is_refused():
    for length in range(len(WHOLE)):
        refusal(WHOLE[:length])


def test_mutated_files_give_tensors_or_one_line_and_never_take_much_memory():
    chance, kept = random.Random(5), 0
    tracemalloc.start()
    try:
        for _ in range(3000):
            content = bytearray(WHOLE)
            for _ in range(chance.choice([1, 1, 2, 8])):
                content[chance.randrange(len(content))] = chance.randrange(256)
            with contextlib.suppress(InputError):
                tensors = read_tensors(bytes(content), "x.pth")
                kept += 1
                assert all(tensor.size <= 24 for tensor in tensors.values())
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert 0 < kept < 3000  # a changed number or letter leaves a file whole
