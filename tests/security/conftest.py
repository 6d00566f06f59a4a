"""Mutations of files, and a watch over what code does with them."""

from __future__ import annotations

import contextlib
import copy
import faulthandler
import os
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from visualize.errors import InputError

SECONDS = 60  # for one input; the whole process is ended with its stack beyond
MOST_MEMORY = 400 << 20  # TensorFlow itself takes 600 MB, and all of it must stay below a gigabyte
# Audit events of what no file may make a program do, and of what it may do within its folder.
NEVER = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")
WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")

NOTES = ("Note: ", "relu_mlp: ", "csv_regression: ")  # our own lines on standard error that are no errors

_watch: _Watch | None = None


class _Watch:
    """What happens outside a folder."""

    def __init__(self, folder: Path):
        self.folder, self.violations = os.path.realpath(folder), []

    def hear(self, event: str, args: tuple) -> None:
        writes = event in WRITES or (event == "open" and _is_writing(*args[1:]))
        paths = args[:2] if event in ("os.rename", "os.link") else args[:1]
        if event in NEVER or (writes and not all(self._is_inside(path, args[-1]) for path in paths)):
            self.violations.append((event, args))

    def _is_inside(self, path: object, folder: object) -> bool:
        if isinstance(path, int) or (not os.path.isabs(path) and isinstance(folder, int) and folder > 2):
            return True  # an open file, or one in a folder that was opened by its name
        path = os.path.realpath(os.fsdecode(path))
        return path == os.devnull or path.startswith(self.folder)


def _is_writing(mode: str | None, flags: int) -> bool:
    return set("wax+") & set(mode) != set() if mode else flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0


def _hook(event: str, args: tuple) -> None:  # no hook can be taken away again
    if _watch is not None and not event.startswith(("sys.", "object.", "compile", "import")):
        _watch.hear(event, args)


@pytest.fixture(scope="session")
def _audited():
    sys.addaudithook(_hook)


@pytest.fixture(scope="session")
def rounds():
    """`rounds(count)`: how many inputs to try; more in a sweep, by the environment variable FUZZ_ROUNDS=20."""
    return lambda count: range(count * int(os.environ.get("FUZZ_ROUNDS", "1")))


@pytest.fixture
def contained(tmp_path, monkeypatch, capfd, _audited):
    """`with contained(tried):` the code within ends, runs nothing, writes in `tmp_path` alone, is silent, and takes no memory.

    Args:
        tried: the input, to be named when it does not.
        most_memory: bytes that it may take over what the process has.
    """
    global _watch
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    watch = _Watch(tmp_path)

    @contextlib.contextmanager
    def watched(tried, most_memory=MOST_MEMORY):
        global _watch
        before = _reset_peak()
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        _watch = watch
        try:
            yield
        except Exception as error:
            raise AssertionError(f"{tried!r:.3000} gives {type(error).__name__}: {error!s:.300}") from error
        finally:
            _watch = None
            faulthandler.cancel_dump_traceback_later()
        assert watch.violations == [], tried
        assert _peak() - before < most_memory, tried
        written = capfd.readouterr()
        assert written.err == written.out == "", tried
        assert list(temporary.iterdir()) == [], tried

    yield watched
    _watch = None


@pytest.fixture
def refused(contained):
    """`refused(use, tried)`: whether an input is refused in one line; it is our mistake if anything else is raised."""

    def refusal_of(use, tried, **options):
        line = None
        with contained(tried, **options):
            try:
                use()
            except InputError as error:
                line = str(error)
        assert line is None or ("\n" not in line and len(line) < 3000), (tried, line)
        return line is not None

    return refusal_of


@pytest.fixture
def outcome(contained):
    """`outcome(main, arguments, tried)`: the status of a command, 0 or 2, where everything else is our mistake."""

    def status_of(command, arguments, tried):
        with contained(tried):
            result = CliRunner().invoke(command, [str(argument) for argument in arguments], color=True)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise AssertionError(f"{tried!r:.3000} gives {result.exception!r:.500}") from result.exception
        assert result.exit_code in (0, 2), (tried, result.output)
        errors = [line for line in result.stderr.splitlines() if not line.startswith(NOTES)]
        assert len(errors) == (result.exit_code == 2), (tried, errors)
        assert all(line.startswith("Error: ") for line in errors), (tried, errors)
        assert all(letter.isprintable() or letter == "\n" for letter in result.stdout + result.stderr), tried
        return result.exit_code

    return status_of


def _reset_peak() -> int:
    """Bytes of memory that this process has now, from which its peak is counted from here on."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS:")


def _peak() -> int:
    return _status("VmHWM:")


def _status(name: str) -> int:
    try:
        return int(Path("/proc/self/status").read_text().split(name)[1].split()[0]) << 10
    except OSError:  # only Linux tells a process its memory
        return 0


@pytest.fixture(scope="session")
def mutated():
    """`mutated(content, chance)`: bytes of which a few are changed, taken out or doubled, or the end is lost."""

    def mutation_of(content, chance):
        content = bytearray(content or b"\0")
        for _ in range(chance.choice([1, 1, 2, 8])):
            place, length = chance.randrange(len(content)), chance.choice([1, 1, 4, 40])
            how = chance.randrange(5)
            if how <= 1:
                content[place : place + length] = chance.randbytes(length)
            elif how == 2 and length < len(content):
                del content[place : place + length]
            elif how == 3:
                content[place:place] = content[place : place + length]
            else:
                content[place] ^= 1 << chance.randrange(8)
        return bytes(content if chance.random() < 0.9 else content[: chance.randrange(len(content) + 1)]) or b"\0"

    return mutation_of


JSON_VALUES = (  # every type, and the values at which each is likely to fail
    *(None, True, False, -1, 0, 1, 3, 10**6, 2**31, 2**63, 10**18, 10**400, 0.5, -0.0, 1e-300, 1e308),
    *(float("inf"), float("nan")),
    *("", "a", "os", "..", "../x", "/etc/passwd", "\0", "\ud800", "\u202e<b>\x1b[31m\n", "$x^{$", "a" * 10_000, "1", "nan"),
    *([], [[]], [1, 2], ["a", 1], [None] * 10, list("0123456789"), {}, {"a": []}, {"": {"": {}}}),
)


@pytest.fixture(scope="session")
def json_values():
    return JSON_VALUES


@pytest.fixture(scope="session")
def altered():
    """`altered(tree, chance, values)`: a copy of a tree of JSON with a value somewhere replaced, removed or renamed."""

    def alteration_of(tree, chance, values=JSON_VALUES):
        tree = copy.deepcopy(tree)
        places = list(_places(tree))
        node, key = chance.choice(places)
        how = chance.randrange(10)
        if how == 0:
            del node[key]
        elif how == 1:
            node[key] = [copy.deepcopy(node[key])] * chance.choice([1, 2, 100])
        elif how == 2:
            node[key] = copy.deepcopy(chance.choice(places)[0])
        elif how == 3 and isinstance(node, dict):
            node[chance.choice(["", "a", "config", "name", "\0"])] = node.pop(key)
        else:
            node[key] = copy.deepcopy(chance.choice(values))
        return tree

    return alteration_of


def _places(tree):
    """(container, key) of every value in a tree of JSON."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])
