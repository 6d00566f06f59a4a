"""What a comparison costs is said as the methods count it themselves."""

import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest

from visualize import gradcam, integrated_gradients, occlusion, rise, saliency, smoothgrad
from visualize.attribution.comparison import COMPARED, name_of
from visualize.attribution.cost import cost_sentence, passes, seconds_per_pass


def test_passes_are_those_of_the_settings():
    counts = passes([rise, partial(rise, masks=512)], (64, 64))
    assert counts == {"rise": 512}  # one column for each name: the last
    assert passes([rise, smoothgrad, saliency, gradcam], (64, 64)) == {
        "rise": 2000, "smoothgrad": 3 * 25, "saliency": 3, "gradcam": 3,
    }  # fmt: skip
    assert passes([partial(integrated_gradients, steps=80)], (64, 64)) == {"integrated_gradients": 240}


def test_occlusion_takes_a_pass_for_each_position(build, images_for):
    model = build("softmax")
    result = occlusion(model, images_for(model), 0, patch=4, stride=3)
    count = len(result.settings["tops"]) * len(result.settings["lefts"])
    assert passes([partial(occlusion, patch=4, stride=3)], (12, 12)) == {"occlusion": count}


def test_a_comparison_takes_fewer_masks_than_rise_alone():
    assert "rise" in map(name_of, COMPARED)
    assert passes(COMPARED, (224, 224))["rise"] == 512 < passes([rise], (224, 224))["rise"]


def test_a_pass_is_timed(build, images_for):
    model = build("two_outputs")
    assert seconds_per_pass(build("softmax"), images_for(build("softmax"))) > 0
    assert seconds_per_pass(model, images_for(model), output="kind") > 0


def test_a_long_comparison_says_what_it_costs_and_a_short_one_nothing():
    counts = {"saliency": 3, "rise": 512, "occlusion": 121, "smoothgrad": 75}
    sentence = cost_sentence(counts, 2, 0.1)
    assert (
        sentence
        == "about 1,422 passes of the model (rise 512, occlusion 121, smoothgrad 75 for each map): 142 seconds or more."
    )
    assert cost_sentence(counts, 2, 0.001) == ""


@pytest.mark.slow
def test_the_command_line_says_it_before_it_begins(tmp_path):
    inputs = keras.Input((224, 224, 3))
    x = inputs
    for number in range(2):  # 12 billion multiplications: 2,000 passes take minutes on any machine
        x = keras.layers.Conv2D(96, 5, padding="same", activation="relu", name=f"conv_{number}")(x)
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(inputs, outputs).save(tmp_path / "slow.keras")
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((1, 224, 224, 3)).astype("float32"))
    chosen = ["compare", tmp_path / "slow.keras", "--data", tmp_path / "images.npy", "--input-range", 0, 1]
    chosen += ["--method", "rise", "--method", "smoothgrad", "--out", tmp_path / "out"]
    words = [sys.executable, "-m", "visualize", *map(str, chosen)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            notes = [next(iter(process.stderr))]
        finally:
            process.kill()  # it would compute for minutes
    assert notes[0].startswith("Note: about 2,075 passes of the model (rise 2,000, smoothgrad 75 for each map): ")
    assert not list(tmp_path.glob("out/compare*"))
