"""Bytes of HDF5 files changed one by one, in a process of its own: HDF5 neither crashes, nor hangs, nor fills the memory."""

import json
import subprocess
import sys

import h5py
import keras
import pytest

SECONDS = 60  # without any progress, in which some thousand files are tried
# Reads each changed file as `open_model` and Keras do: what is checked, then every attribute and array.
TRIES = """if True:
    import io, random, resource, sys, traceback
    from pathlib import Path
    import h5py
    from visualize import InputError
    from visualize.models.safe_hdf5 import arrays_size, hdf5_config

    def read(item):
        for name in item.attrs:
            item.attrs[name]
        if isinstance(item, h5py.Dataset):
            item[()]

    def attempt(path, content, is_whole_model):
        if is_whole_model:
            path.write_bytes(content)
            hdf5_config(path)
            arrays_size(path)
        else:
            arrays_size(path, content)
        with h5py.File(path if is_whole_model else io.BytesIO(content), "r") as file:
            read(file)
            file.visititems(lambda name, item: read(item))

    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    source, copy, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    whole, chance, outcomes = source.read_bytes(), random.Random(source.name), {"read": 0, "refused": 0, "damaged": 0}
    places = [place for place in range(len(whole)) if any(whole[max(place - 8, 0) : place + 9])]  # the rest is empty
    for number in range(count):
        content, place = bytearray(whole), chance.choice(places)
        near = (content[place] ^ 1, content[place] ^ 128, content[place] + 1)
        value = chance.choice([0, 255, 127, *near, chance.randrange(256)])
        content[place] = value % 256
        print(number, place, value % 256, file=sys.stderr, flush=True)  # known even if the process dies
        try:
            attempt(copy, bytes(content), "model" in source.name)
            outcomes["read"] += 1
        except InputError:
            outcomes["refused"] += 1
        except Exception as error:  # of h5py, where Keras would read the file: open_model catches it
            if "safe_hdf5" in "".join(traceback.format_exception(error)):
                raise
            outcomes["damaged"] += 1
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) if Path("/proc/self").exists() else 0
    print([*outcomes.values(), peak >> 10])
"""
LAYOUTS = {
    "model": {},
    "model of chunks": {"chunks": True},
    "model packed": {"chunks": True, "compression": "gzip", "shuffle": True, "fletcher32": True},
    "model packed by LZF": {"chunks": True, "compression": "lzf"},
    "weights": {},
    "weights packed": {"chunks": True, "compression": "gzip"},
    "model of the latest format": {"chunks": True, "compression": "gzip"},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of HDF5 files in every layout, by name."""
    folder = tmp_path_factory.mktemp("hdf5")
    keras.utils.set_random_seed(0)  # what a changed byte does to packed weights depends on them
    layers = [keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization(), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 6, 1)), *layers])
    model.save(folder / "model.h5")
    model.save_weights(folder / "model.weights.h5")
    for name, options in LAYOUTS.items():
        source = folder / ("model.h5" if "model" in name else "model.weights.h5")
        with h5py.File(source) as file, h5py.File(folder / name, "w", libver="latest" if "latest" in name else None) as copy:
            copied(file, copy, options)
    return folder


def copied(source, target, options):
    """Copy a group into another, its arrays stored in another way."""
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copied(item, target.create_group(name), options)
        else:
            target.create_dataset(name, data=item[()], **(options if item.shape else {})).attrs.update(item.attrs)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_byte_of_a_file_makes_hdf5_crash_hang_or_fill_the_memory(layout, files, rounds, tmp_path):
    count = len(rounds(100))
    words = [sys.executable, "-c", TRIES, files / layout, tmp_path / "changed.h5", str(count)]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS * max(1, count // 1000))
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"hangs at {error.stderr.decode().splitlines()[-1]}")
    assert ended.returncode == 0, f"status {ended.returncode} at {ended.stderr[-3000:]}"
    *outcomes, megabytes = json.loads(ended.stdout)
    assert sum(outcomes) == count
    assert all(outcomes[:2]), outcomes  # few bytes damage what h5py alone reads: in 100 of a packed file maybe none
    assert megabytes < 500
