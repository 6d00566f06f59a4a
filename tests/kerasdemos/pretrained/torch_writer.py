"""Write torch's old file format without torch: pickles put together by hand, then the numbers."""

import struct

import numpy as np

STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage"}


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def pickled(program):
    return b"\x80\x02" + program + b"."


HEAD = (
    pickled(b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19")  # 0x1950a86a20f9469cfc6c
    + pickled(b"M\xe9\x03")  # 1001
    + pickled(b"}(" + text("little_endian") + b"\x88u")
)


def storage(key, kind, count):
    """What refers to a storage: ("storage", its type, its key, "cpu", its length, None)."""
    return b"(" + text("storage") + b"ctorch\n%s\n" % kind.encode() + text(key) + text("cpu") + number(count) + b"NtQ"


def tensor(key, kind, count, offset, shape, strides):
    """The call that makes a tensor of a storage."""
    arguments = storage(key, kind, count) + number(offset) + numbers(shape) + numbers(strides) + b"\x89}"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def dictionary(programs):
    """An OrderedDict with what each program makes, by its name."""
    pairs = b"".join(text(name) + program for name, program in programs.items())
    return pickled(b"ccollections\nOrderedDict\n)R(" + pairs + b"u")


def tail(storages):
    """The list of the keys, then the length and the numbers of each storage."""
    keys = pickled(b"](" + b"".join(map(text, storages)) + b"e")
    return keys + b"".join(struct.pack("<q", array.size) + array.tobytes() for array in storages.values())


def torch_file(arrays):
    """A file of these arrays by their names, each in a storage of its own."""
    programs = {}
    for name, array in arrays.items():
        strides = [stride // array.itemsize for stride in array.strides]
        programs[name] = tensor(name, STORAGES[str(array.dtype)], array.size, 0, array.shape, strides)
    return HEAD + dictionary(programs) + tail({name: in_memory_order(array) for name, array in arrays.items()})


def in_memory_order(array):
    """The numbers of an array that fills its memory, in the order in which they lie there."""
    axes = np.argsort([-stride for stride in array.strides], kind="stable")
    return np.ascontiguousarray(array.transpose(axes)).ravel()
