"""The small networks, against back-propagation and Rosenblatt's rule by hand."""

import keras
import numpy as np
import pytest

from kerasdemos.demos import forward_pass, perceptron, random_classes, two_layer_net, xor_backprop
from kerasdemos.demos._shared import batches, xor


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def backprop(hidden, output, *, factor, steps):
    """Steps of factor * error * slope, by hand; weights (nets, 3, 4) and (nets, 4, 1). Yields the errors."""
    for _ in range(steps):
        inner = sigmoid(xor.INPUTS @ hidden)
        answers = sigmoid(inner @ output)
        error = xor.TARGETS - answers
        yield error, hidden, output
        delta = factor * error * answers * (1 - answers)
        inner_delta = delta @ output.swapaxes(-1, -2) * inner * (1 - inner)
        hidden, output = hidden + xor.INPUTS.T @ inner_delta, output + inner.swapaxes(-1, -2) @ delta
    yield xor.TARGETS - sigmoid(sigmoid(xor.INPUTS @ hidden) @ output), hidden, output


def first_weights(low, high, seeds):
    drawn = []
    for seed in seeds:
        random = np.random.default_rng(seed)
        drawn.append((random.uniform(low, high, (3, 4)), random.uniform(low, high, (4, 1))))
    return tuple(np.array(each) for each in zip(*drawn, strict=True))


def last(iterator):
    for each in iterator:  # noqa: B007
        pass
    return each


@pytest.mark.parametrize(("demo", "low", "factor", "steps"), [(xor_backprop, -1, 1.0, 1000), (two_layer_net, 0, 2.0, 1500)])
def test_the_network_learns_as_back_propagation_by_hand_does(demo, low, factor, steps):
    model = demo.compute(steps=steps, seed=3).model
    hidden, output = first_weights(low, 1, [3])
    _, hidden, output = last(backprop(hidden, output, factor=factor, steps=steps))
    np.testing.assert_allclose(model.get_weights()[0], hidden[0], rtol=0, atol=1e-11)
    np.testing.assert_allclose(model.get_weights()[1], output[0], rtol=0, atol=1e-11)


def test_outputs_along_the_way_are_what_the_model_answers():
    model = xor.network(-1, 1, seed=2)
    hidden, output = model.get_weights()
    np.testing.assert_allclose(xor.outputs(hidden[None], output[None])[0], model(xor.INPUTS)[:, 0], rtol=1e-14)


def test_xor_backprop_prints_the_mean_absolute_error():
    outcome = xor_backprop.compute(steps=700, seed=1)
    wrong = np.abs(outcome.model(xor.INPUTS).numpy() - xor.TARGETS)
    assert outcome.measures["mean absolute error"] == pytest.approx(wrong.mean(), rel=1e-12)
    assert outcome.history["step"].tolist() == [0, 100, 200, 300, 400, 500, 600, 700]
    assert outcome.lines[6] == f"step   700: mean absolute error {wrong.mean():.6f}"


def test_two_layer_net_answers_near_the_medians_in_all_but_a_few_of_1000_seeds():
    losses, errors = [], None
    for errors, _, _ in backprop(*first_weights(0, 1, range(1000)), factor=2.0, steps=1500):
        losses.append((errors**2).sum(axis=(1, 2)))
    answers = (xor.TARGETS - errors)[:, :, 0]
    np.testing.assert_allclose(np.median(answers, axis=0), [0.0123, 0.9745, 0.9745, 0.0276], atol=0.001)
    right = ((answers > 0.5) == (xor.TARGETS[:, 0] > 0.5)).all(axis=1)
    assert right.mean() >= 0.996
    assert np.all(np.diff(losses, axis=0)[:, right] < 0)  # it falls at every step
    near = np.abs(answers - [0.0123, 0.9745, 0.9745, 0.0276]).max(axis=1) <= 0.02
    assert near.mean() >= 0.996


def test_two_layer_net_with_twice_the_step_does_not_always_fall():
    losses = [
        (errors**2).sum(axis=(1, 2)) for errors, _, _ in backprop(*first_weights(0, 1, range(100)), factor=4.0, steps=1500)
    ]
    assert (np.diff(losses, axis=0) >= 0).any(axis=0).mean() > 0.9


@pytest.mark.slow
def test_xor_backprop_answers_right_with_a_small_error_over_seeds():
    errors, _, _ = last(backprop(*first_weights(-1, 1, range(50)), factor=1.0, steps=60_000))
    assert np.abs(errors).max() < 0.5
    mean = np.abs(errors).mean(axis=(1, 2))
    assert mean.min() > 0.003
    assert mean.max() < 0.0056


def rosenblatt(weights, picks):
    for pick in picks:
        x, target = perceptron.INPUTS[pick], perceptron.TARGETS[pick]
        weights = weights + 0.2 * (target - float(weights @ x >= 0)) * x
    return weights


@pytest.mark.parametrize("seed", range(5))
def test_the_perceptron_learns_by_rosenblatts_rule(seed):
    random = np.random.default_rng(seed)
    weights, picks = random.uniform(0, 1, 3), random.integers(0, 4, 100)
    outcome = perceptron.compute(steps=100, seed=seed)
    np.testing.assert_allclose(outcome.model.get_weights()[0][:, 0], rosenblatt(weights, picks), rtol=1e-14)
    assert outcome.measures["rows answered right"] == 4


def test_a_sum_of_zero_is_answered_with_one():
    model = perceptron.neuron(np.zeros(3))
    assert perceptron.learn(model, np.array([3])).tolist() == [[0, 0, 0], [0, 0, 0]]  # 1 or 1: right, no change
    model = perceptron.neuron(np.zeros(3))
    assert perceptron.learn(model, np.array([0])).tolist() == [[0, 0, 0], [0, 0, -0.2]]  # 0 or 0: wrong


def test_the_perceptron_has_all_four_right_in_5000_of_5000_seeds():
    randoms = [np.random.default_rng(seed) for seed in range(5000)]
    weights = np.array([random.uniform(0, 1, 3) for random in randoms])
    picks = np.array([random.integers(0, 4, 100) for random in randoms])
    for pick in picks.T:
        x, targets = perceptron.INPUTS[pick], perceptron.TARGETS[pick]
        answers = (weights * x).sum(axis=1) >= 0
        weights = weights + 0.2 * (targets - answers)[:, None] * x
    assert ((weights @ perceptron.INPUTS.T >= 0) == perceptron.TARGETS).all(axis=1).sum() == 5000


def test_the_forward_pass_is_the_articles_arithmetic():
    measures = forward_pass.compute(steps=0, seed=0).measures
    assert measures["first hidden node"] == 2 * 1 + 3 * 1
    assert measures["second hidden node"] == 2 * -1 + 3 * 1
    assert measures["output"] == 5 * 2 + 1 * -1
    assert measures["output with tanh"] == pytest.approx(2 * np.tanh(5) - np.tanh(1), rel=1e-14)
    assert f"{measures['output with tanh']:.6f}" == "1.238224"
    assert [measures[f"output with ReLU of {c}"] for c in ("(3, 5)", "(1, -1)", "(0, 0)", "(8, 4)")] == [
        (2 * 3 + 4 * 5) * 2,  # the second node is negative and stays out
        (4 * 1 + 5 * 1) * 7,  # the first one is
        0,
        (2 * 8 + 4 * 4) * 2 + (4 * 8 - 5 * 4) * 7,
    ]


def test_random_classes_gets_random_labels_and_fresh_rows():
    x, labels = random_classes.random_rows(0)
    fresh, _ = random_classes.random_rows((0, 1))
    assert x.shape == fresh.shape == (1000, 100)
    assert 0 <= x.min() <= x.max() < 1
    assert np.bincount(labels).shape == (10,)
    assert not np.isin(fresh[:, 0], x[:, 0]).any()


def test_random_classes_first_weights_differ_between_layers_and_seeds():
    first, second = random_classes.build(0).get_weights()[0], random_classes.build(1).get_weights()[0]
    assert not np.allclose(first, second)
    limit = np.sqrt(6 / 200)  # Glorot: 100 in, 100 out
    assert 0.98 * limit < np.abs(first).max() <= limit


@pytest.mark.slow
def test_random_classes_memorizes_and_knows_nothing_over_seeds():
    for seed in range(1, 4):
        measures = random_classes.compute(steps=100, seed=seed).measures
        assert 0.815 <= measures["training accuracy"] <= 0.915
        assert 0.07 <= measures["accuracy on fresh rows"] <= 0.13


def test_every_epoch_has_every_row_once_in_another_order():
    x = np.arange(10, dtype=np.float32)
    pairs = [(a.numpy(), b.numpy()) for a, b in batches.shuffled_batches(x, -x, batch=4, epochs=3, seed=0)]
    assert [len(a) for a, _ in pairs] == [4, 4, 2] * 3
    assert batches.batches_in(10, 4) == 3
    epochs = np.concatenate([a for a, _ in pairs]).reshape(3, 10)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), [x, x, x])
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3
    assert all((a == -b).all() for a, b in pairs)


def test_the_order_of_batches_depends_on_the_seed_alone():
    def order(seed):
        x = np.arange(50)
        return np.concatenate([a for a, _ in batches.shuffled_batches(x, x, batch=8, epochs=2, seed=seed)]).tolist()

    first = order(0)
    keras.utils.set_random_seed(99)
    assert order(0) == first
    assert order(1) != first
