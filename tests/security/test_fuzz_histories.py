"""Histories and points of every wrong form: read and drawn, or refused in one line."""

import random

import numpy as np
import pytest

from kerasdemos.demos._shared.points import read_points
from visualize.cli.main import main
from visualize.data.history import read_history

CELLS = (
    *("1", "0", "-1", "0.5", "1e308", "-1e308", "1e400", "1e-320", "inf", "-inf", "nan", "NaN", "1" * 400, "0x10", "1_000"),
    *("", " ", "a", "None", "true", '"1"', '"', '"1\n2"', "1;2", "'1'", "=1+1", "\0", "1\0", "\u202e1", "\uff11", "\ud800"),
    "x" * 200_000,
)
COLUMNS = (
    *("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "val_", "", " ", "epoch ", "loss", "$x^{$", "<b>", "\x1b[31m"),
    *("\0", "\u202e", "n" * 10_000, '"a,b"', '"', "损失", "%s", "val_val_loss", "1", "_", "-", "seconds"),
)


def history(chance):
    """The bytes of a history that is right but for one thing or two."""
    count = chance.choice([1, 2, 5, 5, 300])
    names, rows = ["epoch", "loss", "val_loss"], [[str(epoch + 1), "0.5", "1e-3"] for epoch in range(count)]
    separator, end, encoding = ",", "\n", "utf-8"
    for how in sorted(chance.sample(range(10), chance.choice([1, 1, 2]))):
        row = chance.choice(rows)
        if how <= 2:
            row[chance.randrange(3)] = chance.choice(CELLS)
        elif how == 3:
            row[1:] = [f"{chance.choice('+-')}1e{chance.randrange(320)}" for _ in row[1:]]
        elif how == 4:
            names = chance.choices(COLUMNS, k=chance.choice([1, 3, 3, 30]))
            rows = [[str(epoch), *["0.5"] * (len(names) - 1)] for epoch in range(count)]
        elif how == 5:
            row[:] = chance.choice([[], row[1:], row * 2, row * 100])
        elif how == 6:
            separator = chance.choice([";", "\t", " ", ", ", ",,", "|"])
        elif how == 7:
            end = chance.choice(["\r\n", "\r", "\n\n", "\n\r", "\0\n", "\u2028", "\v", ""])
        elif how == 8:
            encoding = chance.choice(["utf-8-sig", "utf-16", "utf-32", "utf-7"])
        else:
            rows = chance.choice([rows[::-1], rows * 2, [], [[]] * 5])
    return end.join(separator.join(row) for row in [names, *rows]).encode(encoding, "surrogatepass")


def test_any_history_is_read_or_refused(refused, mutated, rounds, tmp_path):
    chance, outcomes = random.Random("histories"), []
    path = tmp_path / "history.csv"
    for number in rounds(300):
        content = mutated(history(chance)[:3000], chance) if number % 3 == 0 else history(chance)
        path.write_bytes(chance.randbytes(300) if number % 20 == 1 else content)
        outcomes.append(refused(lambda: read_history(path), content))
        if not outcomes[-1]:
            found = read_history(path)
            assert {len(values) for values in found.measures.values()} == {len(found.epochs)} != {0}
            assert np.isfinite(found.epochs).all()
    assert 0.05 < np.mean(outcomes) < 0.95


@pytest.mark.slow
def test_any_history_is_drawn_or_refused_in_one_line(outcome, mutated, rounds, tmp_path):
    chance, outcomes = random.Random("curves"), set()
    for number in rounds(30):
        content = history(chance) if number % 3 else mutated(history(chance)[:3000], chance)
        (tmp_path / "history.csv").write_bytes(content)
        arguments = ["curves", tmp_path / "history.csv", "--out", tmp_path / "out.png"]
        outcomes.add(outcome(main, arguments, content))
    assert outcomes == {0, 2}


def test_any_points_are_read_or_refused(refused, mutated, rounds, tmp_path):
    chance, outcomes, path = random.Random("points"), [], tmp_path / "points.csv"
    for _ in rounds(200):
        lines = [f"{chance.random()},{chance.random()}" for _ in range(5)]
        if chance.random() < 0.7:
            lines[chance.randrange(5)] = ",".join(chance.choices(CELLS, k=chance.choice([1, 2, 2, 2, 3])))
        content = "\n".join(lines).encode("utf-8", "surrogatepass")
        content = mutated(content[:300], chance) if chance.random() < 0.5 else content
        path.write_bytes(content)
        outcomes.append(refused(lambda: read_points(path), content))
        if not outcomes[-1]:
            assert np.isfinite(read_points(path)).all()
    assert 0.05 < np.mean(outcomes) < 0.95
