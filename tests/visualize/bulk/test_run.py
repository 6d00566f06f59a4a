"""Bulk runs in one process: what they write, and that no history shows in it."""

import random
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import visualize
from visualize.bulk.folder import Folder
from visualize.bulk.plan import Request, plan_of
from visualize.errors import InputError
from visualize.models.layers import describe

SHARD = 8  # images
METHODS = ["gradcam", "saliency"]


@pytest.fixture(scope="module")
def model(saved):
    """A model that is opened once: its graphs are traced once."""
    return describe(visualize.open_model(saved("softmax")), input_range=(0, 1))


def run(model, data, out, methods=METHODS, **options):
    return visualize.run_bulk(model, data, methods, out, **{"shard_size": SHARD, **options})


@pytest.fixture(scope="module")
def undisturbed(model, data, tmp_path_factory, content):
    """The content of a folder that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "maps"
    run(model, data, folder)
    return content(folder)


class StoppedError(Exception):
    """What stops a run in a test."""


def test_maps_scores_and_table_are_those_of_the_methods(model, data, pictures, tmp_path):
    bulk = run(model, data, tmp_path / "maps")
    images = pictures()[..., None].astype("float32") / 255
    table = bulk.table()
    for method in METHODS:
        expected = getattr(visualize, method)(model, images)
        largest = np.abs(expected.values).max(axis=(1, 2), keepdims=True)
        assert (np.abs(bulk.maps(method)[:] - expected.values) <= largest * 2.0**-11).all()
        np.testing.assert_allclose(bulk.array("scores", method)[:], expected.scores, rtol=1e-5)
        assert bulk.array("targets", method)[:].tolist() == expected.targets.tolist()
        rows = table["method"] == method
        np.testing.assert_array_equal(table["score"][rows], bulk.array("scores", method)[:])
        np.testing.assert_array_equal(table["probability"][rows], bulk.array("probability", method)[:])
        assert table["number"][rows].tolist() == list(range(40))
    assert bulk.array("labels")[:].tolist() == (np.arange(40) % 4).tolist()
    assert bulk.array("ids")[:].tolist() == [f"set.npz {number}" for number in range(40)]
    assert bulk.complete
    assert "40 images by gradcam, saliency" in repr(bulk)


def test_maps_far_from_one_keep_three_digits(saved, data, tmp_path):
    tiny = visualize.open_model(saved("linear"))
    for weight in tiny.layers[-1].weights:
        weight.assign(1e-9 * np.asarray(weight))
    half = visualize.run_bulk(tiny, np.load(data)["images"], "saliency", tmp_path / "half", input_range=(0, 1))
    whole = visualize.run_bulk(tiny, np.load(data)["images"], "saliency", tmp_path / "whole", maps="float32")
    assert 0 < whole.maps()[:].max() < 1e-7  # float16 itself ends at 6e-8
    largest = whole.maps()[:].max(axis=(1, 2), keepdims=True)
    assert (np.abs(half.maps()[:] - whole.maps()[:]) <= largest * 2.0**-11).all()


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_bytes(model, data, tmp_path, content, undisturbed):
    reports = []

    def stop(progress):
        reports.append(progress)
        if len(reports) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(model, data, tmp_path / "maps", progress=stop)
    assert not visualize.open_bulk(tmp_path / "maps").complete
    done = sum(name.startswith("shards/") for name in content(tmp_path / "maps"))
    assert 2 <= done < 5
    run(model, data, tmp_path / "maps", progress=reports.append)
    assert reports[-1].computed == 40 - SHARD * done
    assert (reports[-1].done, reports[-1].total, reports[-1].left) == (40, 40, 0)
    assert content(tmp_path / "maps") == undisturbed


def test_a_complete_run_does_nothing(model, data, tmp_path, undisturbed, content):
    run(model, data, tmp_path / "maps")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "maps").rglob("*") if path.is_file()}
    reports = []
    run(model, data, tmp_path / "maps", progress=reports.append)
    assert {report.computed for report in reports} == {0}
    assert {path: path.stat().st_mtime_ns for path in before} == before


def damage(folder):
    """Four shards that are not what they were, each in another way."""
    maps = sorted(folder.glob("gradcam/maps/c.*"))
    flipped = bytearray(maps[0].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    maps[0].write_bytes(flipped)
    maps[1].write_bytes(maps[1].read_bytes()[:-7])
    (folder / "table/000002.parquet").unlink()
    (folder / "shards/000003.json").write_text("{")
    (folder / "table.parquet").write_bytes(b"")
    (folder / "zarr.json").write_text("{}")


def test_a_corrupt_shard_is_found_and_done_again(model, data, tmp_path, undisturbed, content):
    run(model, data, tmp_path / "maps")
    damage(tmp_path / "maps")
    reports = []
    run(model, data, tmp_path / "maps", progress=reports.append)
    assert reports[-1].computed == 4 * SHARD
    assert content(tmp_path / "maps") == undisturbed


def test_a_full_disk_is_an_error_and_the_run_goes_on_from_there(model, data, tmp_path, undisturbed, content):
    folder, limits = tmp_path / "maps", resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(len(each) for name, each in undisturbed.items() if name.startswith(("gradcam", "saliency", "table/")))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, limits[1]))
    try:
        with pytest.raises(OSError, match=str(folder)):
            run(model, data, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    names = content(folder)
    assert not any(name.endswith(".part") for name in names)
    assert all(names[name] == undisturbed[name] for name in names)
    run(model, data, folder)
    assert content(folder) == undisturbed


def test_parts_on_several_machines_make_one_folder(model, data, tmp_path, undisturbed, content):
    for number in (3, 1, 2):
        bulk = run(model, data, tmp_path / "maps", shard=(number, 3))
        assert bulk.complete == (number == 2)
    assert content(tmp_path / "maps") == undisturbed


def test_what_a_killed_process_left_is_swept_away(model, data, tmp_path, undisturbed, content):
    run(model, data, tmp_path / "maps", shard=(1, 2))
    for name in ("gradcam/maps/.c.3.0.0.abc.part", "shards/.000001.json.xyz.part", ".manifest.json.123.part"):
        (tmp_path / "maps" / name).write_bytes(b"half")
    run(model, data, tmp_path / "maps")
    assert content(tmp_path / "maps") == undisturbed


def test_an_unreadable_picture_in_every_shard_is_a_row_with_its_error(model, picture_folder, pictures, tmp_path, content):
    bulk = run(model, picture_folder, tmp_path / "maps", "gradcam")
    bad = np.arange(40) % 8 == 3
    names = bulk.array("ids")[:]
    assert names.tolist() == [*(f"{number}.png" for number in range(20)), *(f"b/{number}.png" for number in range(20, 40))]
    assert (np.isnan(bulk.maps()[:]).all(axis=(1, 2)) == bad).all()
    table = bulk.table()
    assert [error is not None for error in table["error"]] == bad.tolist()
    assert bulk.errors()["b/27.png"] == "b/27.png must be a picture. Received: a file that Pillow cannot identify."
    expected = visualize.gradcam(model, pictures()[~bad, ..., None].astype("float32") / 255)
    assert np.abs(bulk.maps()[:][~bad] - expected.values).max() <= expected.values.max() * 2.0**-11
    again = run(model, picture_folder, tmp_path / "again", "gradcam", shard=(2, 2))
    assert not again.complete
    run(model, picture_folder, tmp_path / "again", "gradcam")
    assert content(tmp_path / "again") == content(tmp_path / "maps")


def test_a_shard_of_unreadable_pictures_is_a_shard(model, tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(b"")
    bulk = run(model, tmp_path, tmp_path / "out/maps", "saliency")
    assert (len(bulk.errors()), bulk.complete) == (9, True)
    assert np.isnan(bulk.array("scores")[:]).all()
    assert set(bulk.array("targets")[:].tolist()) == {-1}


def test_a_map_is_kept_at_its_layer(model, data, tmp_path):
    bulk = run(model, data, tmp_path / "maps", {"gradcam": {"layer": "pool"}}, at="layer", maps="float32")
    assert bulk.maps().shape == (40, 4, 4)
    expected = visualize.gradcam(model, np.load(data)["images"][[7, 30], ..., None].astype("float32") / 255, layer="pool")
    drawn = bulk.attribution(["set.npz 7", "set.npz 30"], model=model)
    np.testing.assert_allclose(drawn.values, expected.values, atol=1e-6 * expected.values.max())
    np.testing.assert_allclose(drawn.images, expected.images, atol=1e-6)


def test_each_image_is_explained_for_its_own_label(model, data, tmp_path):
    bulk = run(model, data, tmp_path / "maps", target="label")
    assert bulk.array("targets", "saliency")[:].tolist() == (np.arange(40) % 4).tolist()
    assert set(run(model, data, tmp_path / "two", target=2).array("targets", "gradcam")[:].tolist()) == {2}


def test_the_table_alone_needs_no_extra(model, data, tmp_path, content):
    bulk = run(model, data, tmp_path / "maps", maps="none", table="csv")
    assert sorted({name.split("/")[0] for name in content(tmp_path / "maps")}) == [
        "manifest.json", "plan.json", "shards", "table", "table.csv",
    ]  # fmt: skip
    with_maps = run(model, data, tmp_path / "parquet")
    for name, column in bulk.table().items():
        np.testing.assert_array_equal(column, with_maps.table()[name], err_msg=name)
    with pytest.raises(InputError, match="it was made with maps='none'"):
        bulk.maps("gradcam")


def test_the_gap_of_integrated_gradients_is_in_the_table(model, data, tmp_path):
    bulk = run(model, data, tmp_path / "maps", {"integrated_gradients": {"steps": 8}, "saliency": {}})
    expected = visualize.integrated_gradients(model, np.load(data)["images"][..., None].astype("float32") / 255, steps=8)
    table = bulk.table()
    np.testing.assert_allclose(table["gap"][::2], expected.arrays["gap"], rtol=1e-3, atol=1e-5)
    assert np.isnan(table["gap"][1::2]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 1}, "a run with other target"),
        ({"methods": "gradcam"}, "a run with other methods, layouts"),
        ({"maps": "float32"}, "a run with other maps"),
        ({"resize": "fit"}, "a run with other framing"),
        ({"shard_size": 4}, "a run with other shard size"),
    ],
)
def test_a_folder_keeps_to_its_run(options, message, model, data, tmp_path):
    run(model, data, tmp_path / "maps", shard=(1, 5))
    with pytest.raises(InputError, match=message):
        run(model, data, tmp_path / "maps", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": "summary"}, "`methods` must be methods that explain images.*Received: 'summary'"),
        ({"methods": []}, "`methods` must name at least one method"),
        ({"methods": ["gradcam", "gradcam"]}, "each method once"),
        ({"methods": {"gradcam": {"samples": 3}}}, "`samples` is no option of gradcam"),
        ({"at": "layer"}, "`at` 'layer' needs class activation maps of one layer. Received: saliency"),
        ({"methods": "guided_gradcam", "at": "layer"}, "Received: guided_gradcam"),
        ({"maps": "int8"}, "`maps` must be 'float16'"),
        ({"shard": (4, 3)}, "`shard` must be NUMBER/OF"),
        ({"target": [1, 2]}, "`target` must be one class for all images"),
        ({"target": 9}, "`target` must be"),
        ({"shard": (1, 3), "workers": 2}, "exclude each other"),
    ],
)
def test_a_mistake_is_refused_and_leaves_no_plan(options, message, model, data, tmp_path):
    with pytest.raises(InputError, match=message):
        run(model, data, tmp_path / "maps", **options)
    assert not (tmp_path / "maps/plan.json").exists()


def test_a_folder_of_something_else_is_refused(model, data, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="`out` must be a new folder"):
        run(model, data, tmp_path)


def test_memory_does_not_grow_with_the_number_of_images(model, tmp_path, pictures):
    """What is held at a time: pieces of a few shards, however many there are."""
    held, most = [], []

    class Images:
        shape = (4000, 12, 12)

        def __len__(self):
            return 4000

        def __getitem__(self, rows):
            held.append(rows)
            most.append(len(range(*rows.indices(4000))))
            return np.zeros((len(range(*rows.indices(4000))), 12, 12), "uint8")

    bulk = run(model, Images(), tmp_path / "maps", "saliency", shard_size=1000, maps="none")
    assert len(bulk) == 4000
    assert max(most) <= 1000


def command(saved, data, out):
    arguments = ["bulk", "gradcam", saved("softmax"), "--method", "saliency", "--data", data, "--out", out]
    options = ["--shard-size", SHARD, "--input-range", 0, 1]
    return [sys.executable, "-m", "visualize", *map(str, [*arguments, *options])]


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bytes(saved, tmp_path, pictures, content):
    np.savez(tmp_path / "many.npz", images=pictures(1200), labels=np.arange(1200) % 4)
    data, folder, generator = tmp_path / "many.npz", tmp_path / "maps", random.Random(11)
    run(saved("softmax"), data, tmp_path / "whole", input_range=(0, 1))
    killed = 0
    for _ in range(5):
        before = len(list(folder.glob("shards/*.json")))
        process = subprocess.Popen(command(saved, data, folder), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list(folder.glob("shards/*.json"))) == before:
            time.sleep(0.002)
        time.sleep(generator.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed >= 3
    assert not visualize.open_bulk(folder).complete
    run(saved("softmax"), data, folder, input_range=(0, 1))
    assert content(folder) == content(tmp_path / "whole")


@pytest.mark.slow
def test_two_runs_at_once_on_one_folder_make_it_together(saved, data, tmp_path, content):
    folder = tmp_path / "maps"
    run(saved("softmax"), data, tmp_path / "whole", input_range=(0, 1))
    processes = [subprocess.Popen(command(saved, data, folder), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert content(folder) == content(tmp_path / "whole")


def test_several_runs_that_close_one_folder_at_once_do_not_sweep_away_what_the_others_write(model, data, tmp_path, content):
    path = tmp_path / "maps"
    run(model, data, path)
    whole = content(path)
    request = Request(model, data, METHODS, shard_size=SHARD)
    folder = Folder(path, plan_of(request))
    for _ in range(40):
        (path / "manifest.json").unlink()
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: folder.finish(), range(4))) == [True] * 4
        assert content(path) == whole
