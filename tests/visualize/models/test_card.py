"""Cards: what they may say, and in which words they are refused."""

import json

import pytest

from visualize import InputError
from visualize.models.card import Card, read_card


def written(tmp_path, text):
    path = tmp_path / "model.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_where_there_is_no_card_nothing_is_known(tmp_path):
    assert read_card(tmp_path / "model.json") == Card(None, ())
    (tmp_path / "folder.json").mkdir()
    assert read_card(tmp_path / "folder.json") == Card()


def test_a_card_tells_range_and_names_and_may_say_more(tmp_path):
    said = {"input_range": [-1, 1], "class_names": ["cat", "狗"], "article": "2", "results": [{"accuracy": 0.99}]}
    assert read_card(written(tmp_path, json.dumps(said))) == Card((-1.0, 1.0), ("cat", "狗"))
    framing = {**said, "resize": "crop", "resize_share": 0.875}
    assert read_card(written(tmp_path, json.dumps(framing))) == Card((-1.0, 1.0), ("cat", "狗"), "crop", 0.875)
    assert read_card(written(tmp_path, b"\xef\xbb\xbf" + json.dumps(said).encode())) == Card((-1.0, 1.0), ("cat", "狗"))


def test_what_a_card_leaves_out_or_leaves_open_is_not_known(tmp_path):
    assert read_card(written(tmp_path, "{}")) == Card()
    assert read_card(written(tmp_path, '{"input_range": null, "class_names": null}')) == Card()


RANGE = "`input_range` of the card {path} must be [low, high], low < high. Received: "
NAMES = "`class_names` of the card {path} must be a list of strings. Received: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "The card {path} must be a JSON object. Received: something that is not JSON."),
        (b"\xff\xfe", "The card {path} must be a JSON object. Received: something that is not JSON."),
        ("[" * 100_000, "The card {path} must be a JSON object. Received: something that is not JSON."),
        ("[0, 1]", "The card {path} must be a JSON object. Received: a list."),
        ("1", "The card {path} must be a JSON object. Received: a number."),
        ("null", "The card {path} must be a JSON object. Received: null."),
        ('{"input_range": [1, 0]}', RANGE + "[1, 0]."),
        ('{"input_range": [1, 1]}', RANGE + "[1, 1]."),
        ('{"input_range": [0, NaN]}', RANGE + "[0, nan]."),
        ('{"input_range": [0, Infinity]}', RANGE + "[0, inf]."),
        ('{"input_range": [0, 1e400]}', RANGE + "[0, inf]."),
        ('{"input_range": [0]}', RANGE + "[0]."),
        ('{"input_range": "0 1"}', RANGE + "'0 1'."),
        ('{"input_range": [false, true]}', RANGE + "[False, True]."),
        ('{"class_names": "cat"}', NAMES + "'cat'."),
        ('{"resize": "squash"}', "`resize` of the card {path} must be one of crop, fit, stretch. Received: 'squash'."),
        ('{"resize": ["crop"]}', "`resize` of the card {path} must be one of crop, fit, stretch. Received: ['crop']."),
        ('{"resize_share": 0}', "`resize_share` of the card {path} must be above 0 and at most 1. Received: 0."),
        ('{"resize_share": 1.5}', "`resize_share` of the card {path} must be above 0 and at most 1. Received: 1.5."),
        ('{"resize_share": true}', "`resize_share` of the card {path} must be above 0 and at most 1. Received: True."),
        ('{"class_names": ["cat", 2]}', NAMES + "['cat', 2]."),
        ('{"class_names": {"0": "cat"}}', NAMES + "{{'0': 'cat'}}."),
    ],
)
def test_a_file_that_is_not_a_card_is_refused(text, message, tmp_path):
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_card(path)
    assert str(caught.value) == message.format(path=path)


def test_a_number_beyond_float32_is_no_end_of_a_range(tmp_path):
    with pytest.raises(InputError, match="must be \\[low, high\\]"):
        read_card(written(tmp_path, '{"input_range": [0, 1' + "0" * 400 + "]}"))


@pytest.mark.parametrize("name", ["anything", "input_range", "class_names"])
@pytest.mark.parametrize("form", ["lists", "objects"])
def test_a_card_is_nested_32_deep_at_most(name, form, tmp_path):
    opening, closing = ("[", "]") if form == "lists" else ('{"a":', "}")

    def card(levels):
        inner = levels - 2
        return written(tmp_path, f'{{"{name}": {opening * inner}{"[]"}{closing * inner}}}')

    card(900)
    with pytest.raises(InputError, match=r"The card .* must be "):  # Python's own limit depends on who calls
        read_card(tmp_path / "model.json")
    message = f"The card {tmp_path / 'model.json'} must be nested at most 32 deep. Received: a deeper one."
    for levels in (33, 300):
        with pytest.raises(InputError) as caught:
            read_card(card(levels))
        assert str(caught.value) == message
    if name == "anything":
        assert read_card(card(32)) == Card()
    else:
        with pytest.raises(InputError, match=f"`{name}` of the card .* Received: "):
            read_card(card(32))
