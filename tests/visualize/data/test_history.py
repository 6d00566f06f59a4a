"""Histories: what a CSV file of a training may hold, and what is refused in one line."""

import numpy as np
import pytest

from visualize import InputError, draw
from visualize.data.history import read_history
from visualize.plotting import write_png


def written(tmp_path, *epochs, loss="1"):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n" + "".join(f"{epoch},{loss}\n" for epoch in epochs))
    return path


@pytest.mark.parametrize("epochs", [("1", "2", "3"), ("0", "1"), ("5",), ("1", "10", "100")])
def test_epochs_have_the_numbers_of_the_file(tmp_path, epochs):
    assert read_history(written(tmp_path, *epochs)).epochs.tolist() == [float(epoch) for epoch in epochs]


@pytest.mark.parametrize(
    "epochs",
    [("1e400", "2"), ("1", "1" + "0" * 5000), ("-1e308", "1e308"), ("1e300",), ("nan", "1"), ("3", "2", "1"), ("1", "1")],
)
def test_epochs_that_are_huge_or_do_not_ascend_are_refused_in_one_line(tmp_path, epochs):
    path = written(tmp_path, *epochs)
    with pytest.raises(InputError) as refused:
        read_history(path)
    assert str(refused.value) == (
        f"`history` must number its epochs in ascending order, at most 2147483647. Received: {path}, which does not."
    )


@pytest.mark.parametrize("loss", ["1e308", "1.7e308", "-1e308", "1e400", "inf", "nan", "1" + "0" * 5000, "1e-320"])
def test_measures_that_no_float32_has_are_gaps_in_the_curve(tmp_path, loss):
    path = written(tmp_path, 1, loss=loss)
    path.write_text(f"{path.read_text()}2,-1e308\n3,0.5\n4,0.25\n")
    figure = draw(read_history(path))
    (line,) = figure.axes[0].get_lines()
    is_drawn = abs(float(loss)) < 1
    np.testing.assert_array_equal(line.get_ydata(), [float(loss) if is_drawn else np.nan, np.nan, 0.5, 0.25])
    assert write_png(figure, tmp_path / "curves.png").is_file()


def test_of_two_columns_of_one_name_none_is_dropped(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,loss\n1,2,3\n")
    with pytest.raises(InputError, match="must have a line of names"):
        read_history(path)


LIMITS = "`history` must have at most 1,000,000 epochs and 1,000 measures."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("loss\n" + "1\n" * 1_000_002, LIMITS),
        (",".join(map(str, range(1001))) + "\n" + ",".join("1" * 1001), LIMITS),
        ("loss\n" + "\n" * (64 << 20), "`history` must have at most 67,108,864 bytes."),
    ],
    ids=["epochs", "measures", "bytes"],
)
def test_more_than_can_be_drawn_is_refused_before_it_fills_the_memory(tmp_path, content, message):
    path = tmp_path / "history.csv"
    path.write_text(content)
    with pytest.raises(InputError) as refused:
        read_history(path)
    assert str(refused.value).startswith(f"{message} Received: {path}, ")


def test_a_thousand_measures_are_read_in_their_columns(tmp_path):
    path = tmp_path / "history.csv"
    rows = np.random.default_rng(0).random((3, 1000))
    path.write_text(
        "\n".join([",".join(f"m{column}" for column in range(1000)), *(",".join(map(repr, row)) for row in rows.tolist())])
    )
    measures = read_history(path).measures
    np.testing.assert_array_equal(np.array([measures[f"m{column}"] for column in range(1000)]).T, rows)
