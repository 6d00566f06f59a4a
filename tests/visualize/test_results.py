"""Results: what is saved is what is loaded."""

import zipfile

import numpy as np
import pytest

from visualize import Attribution, InputError, Structure, Tiles, load, save


def attribution(seed=0, **more):
    numbers = np.random.default_rng(seed)
    return Attribution(
        values=numbers.standard_normal((2, 4, 5)).astype("float32"),
        images=numbers.random((2, 4, 5, 1)).astype("float32"),
        targets=np.array([1, -1], "int32"),
        scores=np.array([0.25, np.nan], "float32"),
        method="saliency",
        settings={"unit": "score", "class_names": ["猫", "$x$"], "input_range": None, "modifier": None, **more},
        arrays={"predicted": np.array([1, 0], "int32"), "names": np.array(["a.png", "b c.png"])},
    )


def tiles(**more):
    numbers = np.random.default_rng(1)
    pictures = numbers.random((3, 4, 4, 1)).astype("float32")
    return Tiles(pictures, ("one", "two", "three"), False, "maximize", {"input_range": [0, 1], "columns": 2}, **more)


def structure():
    rows = ({"path": "a", "kind": "Input", "shape": [None, 4], "parameters": 0, "depth": 0},)
    return Structure(rows, (("a", "b"), ("b", "c")), "summary", {"name": "model"})


def assert_same(one, other):
    assert type(one) is type(other)
    for name, value in vars(one).items():
        again = getattr(other, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, again)
            assert value.dtype == again.dtype
        elif name == "arrays":
            assert value.keys() == again.keys()
            for key in value:
                np.testing.assert_array_equal(value[key], again[key])
        else:
            assert value == again
            assert type(value) is type(again)


@pytest.mark.parametrize(
    "results",
    [
        [attribution()],
        [attribution(0), attribution(1, modifier="guided")],
        [tiles()],
        [tiles(frames=np.ones((2, 3, 4, 4, 1)), source=np.zeros((8, 8, 3)))],
        [structure()],
        [tiles(), attribution(), structure()],
        [attribution(number) for number in range(12)],
    ],
)
def test_what_was_saved_is_loaded(results, tmp_path):
    path = save(tmp_path / "results.npz", results)
    loaded = load(path)
    assert len(loaded) == len(results)
    for one, other in zip(results, loaded, strict=True):
        assert_same(one, other)


def test_one_result_need_not_stand_in_a_list(tmp_path):
    assert_same(load(save(tmp_path / "one.npz", tiles()))[0], tiles())


def test_the_same_results_give_the_same_bytes(tmp_path):
    first = save(tmp_path / "first.npz", [attribution()]).read_bytes()
    assert save(tmp_path / "again.npz", [attribution()]).read_bytes() == first
    assert save(tmp_path / "other.npz", [attribution(2)]).read_bytes() != first


def test_a_file_of_results_holds_no_pickle(tmp_path):
    path = save(tmp_path / "results.npz", [attribution(), tiles(), structure()])
    with np.load(path, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind != "O" for name in arrays.files)


def test_one_image_of_a_batch_keeps_all_that_is_known_of_it():
    whole, second = attribution(), attribution().of(1)
    np.testing.assert_array_equal(second.values, whole.values[1:])
    np.testing.assert_array_equal(second.images, whole.images[1:])
    assert second.targets.tolist() == [-1]
    assert second.arrays["names"].tolist() == ["b c.png"]
    assert second.settings == whole.settings


def junk(tmp_path):
    good = save(tmp_path / "good.npz", attribution()).read_bytes()
    yield "empty", b""
    yield "text", b"hello"
    yield "cut", good[: len(good) // 2]
    with zipfile.ZipFile(tmp_path / "good.npz") as archive:
        entry = archive.getinfo("values.npy")
    damaged = bytearray(good)
    damaged[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 0xFF
    yield "damaged", bytes(damaged)
    for name, arrays in {
        "arrays of others": {"x": np.ones(3)},
        "no JSON": {"results": np.array("hello")},
        "no list": {"results": np.array("3")},
        "unknown type": {"results": np.array('[{"type": "Path"}]')},
        "fields missing": {"results": np.array('[{"type": "Tiles", "method": "filters"}]')},
        "fields too many": {"results": np.array('[{"type": "Structure", "rows": [], "edges": [], "spam": 1}]')},
        "pickled": {"results": np.array([{}], dtype=object)},
    }.items():
        np.savez(tmp_path / "made.npz", **arrays)
        yield name, (tmp_path / "made.npz").read_bytes()
    np.save(tmp_path / "made.npy", np.ones(3))
    yield "one array", (tmp_path / "made.npy").read_bytes()


def test_what_is_no_file_of_results_is_refused(tmp_path):
    path = tmp_path / "junk.npz"
    for name, content in junk(tmp_path):
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            load(path)
        assert str(caught.value) == f"`file` must be a .npz that visualize wrote. Received: {path}, another kind of file.", (
            name
        )


def test_a_file_of_results_that_is_not_there_is_told_so(tmp_path):
    path = tmp_path / "no.npz"
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value) == f"`file` must be a .npz that visualize wrote. Received: {path}, which does not exist."


def test_numpy_reads_the_arrays_of_one_result_by_name(tmp_path):
    result = attribution()
    with np.load(save(tmp_path / "one.npz", result)) as arrays:
        np.testing.assert_array_equal(arrays["values"], result.values)
    with np.load(save(tmp_path / "two.npz", [attribution(1), result])) as arrays:
        np.testing.assert_array_equal(arrays["1.values"], result.values)


def test_a_file_of_one_result_with_a_number_is_read(tmp_path):
    with np.load(save(tmp_path / "one.npz", attribution())) as arrays:
        numbered = {name if name == "results" else f"0.{name}": array for name, array in arrays.items()}
    np.savez(tmp_path / "old.npz", **numbered)
    (again,) = load(tmp_path / "old.npz")
    assert_same(again, attribution())
