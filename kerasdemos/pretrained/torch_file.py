"""Tensors in torch's old file format, read without torch and without running anything that the file names.

Until version 1.6, `torch.save` wrote five pickles one after the other (a magic number, the version of the format, facts about
the machine, the object itself, the keys of the storages) and then the numbers of each storage. A pickle is a program for a
stack machine, which can call any function that it names. The machine below knows the few instructions of a dictionary of
tensors and refuses all others. Tensors are views of the file's own bytes, so a small file can never ask for much memory.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from visualize._utils.text import printable, shortened
from visualize.errors import InputError

MAGIC_NUMBER, FORMAT_VERSION = 0x1950A86A20F9469CFC6C, 1001
MOST_DIMENSIONS, MOST_INSTRUCTIONS = 8, 1_000_000
DTYPES = {  # of storages; the numbers of a file are little-endian
    "torch DoubleStorage": np.dtype("<f8"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch IntStorage": np.dtype("<i4"),
    "torch LongStorage": np.dtype("<i8"),
}
OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
ORDERED_DICT, REBUILD_TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"


def read_tensors(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of a file that `torch.save` wrote of a `state_dict()`, before version 1.6 of torch.

    Args:
        content: the whole file.
        name: what an error message calls it.

    Returns:
        Each tensor by its name: a read-only view of `content`.

    Raises:
        InputError: it is damaged, has another format, or holds anything but named tensors.
    """
    try:
        return _read(io.BytesIO(content), content)
    except _NotTensorsError as error:
        reason = str(error)
    except (ValueError, IndexError, KeyError, TypeError):  # of a pickle that is no well-formed program
        reason = "a file that is damaged"
    raise InputError(f"{name} must hold tensors by their names, in torch's format before version 1.6. Received: {reason}.")


class _NotTensorsError(Exception):
    """What the file has instead of named tensors."""


@dataclass(frozen=True)
class _Global:
    """A class or function that a pickle names. It is only ever compared with names, never looked up."""

    name: str  # "module name"


@dataclass(frozen=True)
class _Storage:
    """Numbers of one type that stand in a row, in which tensors are views."""

    key: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view in a storage; offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        numbers = (self.offset, *self.shape, *self.strides)
        if not all(type(number) is int and number >= 0 for number in numbers) or 0 in self.shape:
            raise _NotTensorsError("a tensor whose shape is not whole numbers from 1")
        if len(self.shape) != len(self.strides) or len(self.shape) > MOST_DIMENSIONS:
            raise _NotTensorsError(f"a tensor of {len(self.shape)} dimensions and {len(self.strides)} strides")
        last = self.offset + sum((length - 1) * stride for length, stride in zip(self.shape, self.strides, strict=True))
        if max(math.prod(self.shape), last + 1, *self.strides) > self.storage.count:
            raise _NotTensorsError(f"a tensor that is larger than its storage of {self.storage.count:,} numbers")

    def view(self, numbers: np.ndarray) -> np.ndarray:
        """The tensor, in the numbers of its storage."""
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides, writeable=False)


@dataclass
class _Machine:
    """The stack machine of the pickles, without calls: it can make tuples, lists, dictionaries, storages and tensors."""

    storages: dict[str, _Storage] = field(default_factory=dict)
    stack: list[object] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)  # heights of the stack
    memo: dict[int, object] = field(default_factory=dict)

    def run(self, file: io.BytesIO) -> object:
        """What the next pickle of the file describes."""
        self.stack, self.marks, self.memo = [], [], {}
        for _ in range(MOST_INSTRUCTIONS):
            opcode = OPCODES[file.read(1).decode("latin-1")]
            instruction = INSTRUCTIONS.get(opcode.name)
            if instruction is None:
                raise _NotTensorsError(f"a pickle with the instruction {opcode.name}")
            if opcode.name == "GLOBAL":  # for which pickletools would take backslashes as escapes
                argument = " ".join(file.readline().decode("latin-1").rstrip("\n") for _ in ("module", "name"))
            else:
                argument = opcode.arg.reader(file) if opcode.arg else None
            instruction(self, argument)
            if opcode.name == "STOP":
                return self.stack.pop()
        raise _NotTensorsError(f"a pickle of more than {MOST_INSTRUCTIONS:,} instructions")

    def push(self, value: object) -> None:
        self.stack.append(value)

    def push_global(self, name: str) -> None:
        if name not in (ORDERED_DICT, REBUILD_TENSOR, *DTYPES):
            raise _NotTensorsError(f"a pickle that names {shortened(printable(name.replace(' ', '.')))}")
        self.push(_Global(name))

    def push_tuple(self, length: int) -> None:
        elements = tuple(self.stack[-length:])
        if len(elements) != length:
            raise IndexError
        del self.stack[-length:]
        self.push(elements)

    def pop_to_mark(self) -> list[object]:
        height = self.marks.pop()
        elements = self.stack[height:]
        del self.stack[height:]
        return elements

    def extend_list(self) -> None:
        elements, target = self.pop_to_mark(), self.stack[-1]
        if not isinstance(target, list):
            raise TypeError
        target.extend(elements)

    def update_dict(self, pairs: list[object]) -> None:
        target = self.stack[-1]
        names = pairs[::2]
        if not isinstance(target, dict) or not all(isinstance(name, str) for name in names):
            raise TypeError
        target.update(zip(names, pairs[1::2], strict=True))

    def push_storage(self) -> None:
        """The storage that a persistent id describes: ("storage", its type, its key, the device, its length, None)."""
        match self.stack.pop():
            case ("storage", _Global(name), str(key), str(), int(count), None) if name in DTYPES and count >= 0:
                storage = _Storage(key, DTYPES[name], count)
            case _:
                raise _NotTensorsError("a pickle that refers to something that is not a storage")
        if self.storages.setdefault(key, storage) != storage:
            raise _NotTensorsError("two storages of one name")
        self.push(storage)

    def call(self) -> None:
        """What a call would return, for the two functions that a dictionary of tensors needs."""
        arguments, function = self.stack.pop(), self.stack.pop()
        match function, arguments:
            case _Global(name), () if name == ORDERED_DICT:
                self.push({})
            case _Global(name), (_Storage() as storage, int(start), tuple(shape), tuple(strides), *_) if (
                name == REBUILD_TENSOR
            ):
                self.push(_Tensor(storage, start, shape, strides))
            case _:
                raise _NotTensorsError("a pickle that calls something that makes no tensor")


# Every instruction that a dictionary of tensors needs, by its name in pickletools.
INSTRUCTIONS: Mapping[str, Callable[[_Machine, Any], object]] = {
    **dict.fromkeys(("PROTO", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"), lambda machine, number: machine.push(number)),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "TUPLE1": lambda machine, _: machine.push_tuple(1),
    "TUPLE2": lambda machine, _: machine.push_tuple(2),
    "TUPLE3": lambda machine, _: machine.push_tuple(3),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "APPENDS": lambda machine, _: machine.extend_list(),
    "SETITEMS": lambda machine, _: machine.update_dict(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.update_dict([machine.stack.pop(-2), machine.stack.pop()]),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda machine, index: machine.memo.update({index: machine.stack[-1]})),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, index: machine.push(machine.memo[index])),
    "GLOBAL": lambda machine, name: machine.push_global(name),
    "BINPERSID": lambda machine, _: machine.push_storage(),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.stack.pop(),  # the attributes of a dictionary: versions of modules, which nobody needs
}


def _read(file: io.BytesIO, content: bytes) -> dict[str, np.ndarray]:
    machine = _Machine()
    if machine.run(file) != MAGIC_NUMBER or machine.run(file) != FORMAT_VERSION:
        raise _NotTensorsError("a file of another format")
    machine_facts = machine.run(file)
    if not isinstance(machine_facts, dict) or machine_facts.get("little_endian") is not True:
        raise _NotTensorsError("numbers that are not little-endian")
    tensors = machine.run(file)
    if not isinstance(tensors, dict) or not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise _NotTensorsError("something that is not tensors by their names")
    numbers = _read_storages(file, content, machine)
    return {name: tensor.view(numbers[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storages(file: io.BytesIO, content: bytes, machine: _Machine) -> dict[str, np.ndarray]:
    """The numbers of each storage by its key: behind the list of the keys, each as its count and its numbers."""
    keys = machine.run(file)
    if not isinstance(keys, list) or len(keys) != len(machine.storages):
        raise _NotTensorsError("a list of storages that is not complete")
    position, numbers = file.tell(), {}
    for key in keys:
        storage = machine.storages.get(key) if isinstance(key, str) else None
        count = int.from_bytes(content[position : position + 8], "little")
        if storage is None or storage.count != count or count * storage.dtype.itemsize > len(content) - position - 8:
            raise _NotTensorsError("a storage that is not whole")
        numbers[key] = np.frombuffer(content, storage.dtype, count, position + 8)
        position += 8 + numbers[key].nbytes
    if len(numbers) != len(keys) or position != len(content):
        raise _NotTensorsError("other bytes than those of the storages at its end")
    return numbers
