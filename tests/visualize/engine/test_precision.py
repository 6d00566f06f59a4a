"""A float32 model traced in bfloat16, and left as it was."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import visualize
from visualize import InputError
from visualize.engine.precision import Support, choose, lowered, settled, support

METHODS = [
    visualize.saliency,
    visualize.gradcam,
    visualize.occlusion,
    visualize.smoothgrad,
    visualize.integrated_gradients,
    visualize.rise,
    visualize.scorecam,
]


def policies(model):
    return [layer.dtype_policy.name for layer in model._flatten_layers()]


@pytest.mark.parametrize("method", METHODS[:3])
def test_a_map_in_bfloat16_is_nearly_the_map(method, build, images_for):
    check(method, build("softmax"), images_for)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS[3:])
def test_a_map_in_bfloat16_is_nearly_the_map_of_any_method(method, build, images_for):
    check(method, build("softmax"), images_for)


def check(method, model, images_for):
    images, before = images_for(model), policies(model)
    plain, fast = method(model, images, 1), method(model, images, 1, precision="bfloat16")
    assert not np.array_equal(plain.values, fast.values)  # it did compute otherwise
    correlation = np.corrcoef(plain.values.ravel(), fast.values.ravel())[0, 1]
    assert correlation > 0.98, correlation
    assert (plain.settings["precision"], fast.settings["precision"]) == ("float32", "bfloat16")
    assert policies(model) == before
    np.testing.assert_array_equal(method(model, images, 1).values, plain.values)


def test_all_layers_but_the_last_with_weights_compute_in_bfloat16(build, images_for):
    model = build("softmax")
    seen = {}
    for layer in model.layers:
        original = layer.call
        layer.call = lambda *args, name=layer.name, call=original, **kwargs: (
            (seen.setdefault(name, args[0].dtype.name) and None) or call(*args, **kwargs)
        )
    visualize.saliency(model, images_for(model), 1, precision="bfloat16")
    assert seen == {
        **dict.fromkeys(["conv", "conv_2", "norm", "relu", "pool", "dropout", "flatten"], "bfloat16"),
        "preds": "float32",
    }


def test_policies_are_put_back_after_an_exception(build):
    model = build("nested")
    before = policies(model)
    with contextlib.suppress(ZeroDivisionError), lowered(model, "bfloat16"):
        assert "mixed_bfloat16" in policies(model)
        raise ZeroDivisionError
    assert policies(model) == before


def test_float32_changes_no_policy(build):
    model = build("softmax")
    with lowered(model, "float32"):
        assert set(policies(model)) == {"float32"}


def test_bfloat16_of_a_model_that_computes_in_it_already_is_refused(build, images_for):
    model = build("mixed_bfloat16")
    with pytest.raises(InputError) as caught:
        visualize.saliency(model, images_for(model), 1, precision="bfloat16")
    assert str(caught.value) == (
        "`precision` must be 'float32' here: no layer but the last computes in float32. Received: 'bfloat16'."
    )


def test_auto_is_one_of_the_two_and_the_record_says_which(build, images_for):
    chosen = settled("auto")
    assert chosen in ("float32", "bfloat16")
    model = build("softmax")
    assert visualize.saliency(model, images_for(model), 1, precision="auto").settings["precision"] == chosen


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError) as caught:
        settled("float16")
    assert str(caught.value) == "`precision` must be 'float32', 'bfloat16' or 'auto'. Received: 'float16'."


def test_the_users_policy_stays():
    before = keras.config.dtype_policy().name
    with lowered(keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.Conv2D(2, 1)]), "bfloat16"):
        assert keras.config.dtype_policy().name == before
    assert tf.constant(1.0).dtype == tf.float32


# Which machine is fast in bfloat16.

EPYC = """processor\t: 0
model name\t: AMD EPYC 9R14
flags\t\t: fpu vme avx2 avx512f avx512_vnni avx512_bf16 rdpid
bugs\t\t: sysret_ss_attrs

"""
XEON = EPYC.replace("AMD EPYC 9R14", "Intel Xeon Platinum 8488C").replace("rdpid", "rdpid amx_bf16 amx_tile")
SKYLAKE = EPYC.replace(" avx512_bf16", "")
NAMED = SKYLAKE.replace("AMD EPYC 9R14", "flags: avx512_bf16 amx_bf16")
LONGER = "processor\t: 0\nflags\t\t: avx512_bf16_not amx_bf16x\n"


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        (EPYC, Support(True, "this CPU has AVX512-BF16")),
        (XEON, Support(True, "this CPU has AMX")),
        (SKYLAKE, Support(False, "this CPU has neither AVX512-BF16 nor AMX")),
        (NAMED, Support(False, "this CPU has neither AVX512-BF16 nor AMX")),
        (LONGER, Support(False, "this CPU has neither AVX512-BF16 nor AMX")),
        ("", Support(False, "no /proc/cpuinfo says what this CPU has")),
    ],
)
def test_a_cpu_is_fast_by_its_flags_and_by_nothing_else_it_says(processor, expected):
    assert support(machine="x86_64", processor=processor, gpus=[], environment={}) == expected


def test_a_cpu_of_another_architecture_is_not_taken_for_fast():
    arm = "processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\nflags\t: avx512_bf16\n"
    result = support(machine="aarch64", processor=arm, gpus=[], environment={})
    assert result == Support(False, "only x86 CPUs are known to be fast in bfloat16, and this one is aarch64")


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"compute_capability": (9, 0)}, Support(True, "this GPU of compute capability 9.0 has bfloat16")),
        ({"compute_capability": (8, 0)}, Support(True, "this GPU of compute capability 8.0 has bfloat16")),
        ({"compute_capability": (7, 5)}, Support(False, "this GPU of compute capability 7.5 lacks bfloat16")),
        ({}, Support(False, "this GPU does not say whether it has bfloat16")),
    ],
)
def test_where_there_is_a_gpu_it_counts_and_the_cpu_does_not(details, expected):
    assert (
        support(machine="x86_64", processor=EPYC, gpus=[details, {"compute_capability": (3, 0)}], environment={}) == expected
    )


def test_a_tensorflow_that_is_kept_from_the_instructions_is_not_fast():
    result = support(machine="x86_64", processor=EPYC, gpus=[], environment={"TF_ENABLE_ONEDNN_OPTS": "0"})
    assert result == Support(False, "this CPU has AVX512-BF16, but TF_ENABLE_ONEDNN_OPTS=0 keeps TensorFlow from it")
    assert support(machine="x86_64", processor=EPYC, gpus=[], environment={"TF_ENABLE_ONEDNN_OPTS": "1"}).bfloat16


@pytest.mark.parametrize(
    ("asked", "fast", "line"),
    [
        ("auto", True, "Precision: bfloat16 (WHY)."),
        ("auto", False, "Precision: float32 (WHY)."),
        ("bfloat16", True, "Precision: bfloat16 (as asked)."),
        ("bfloat16", False, "Precision: bfloat16 (as asked, but slow: WHY)."),
        ("float32", True, "Precision: float32 (as asked)."),
        ("float32", False, "Precision: float32 (as asked)."),
    ],
)
def test_auto_takes_what_the_machine_is_fast_in_and_says_why(asked, fast, line):
    assert str(choose(asked, Support(fast, "WHY"))) == line
