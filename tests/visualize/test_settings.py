"""The records of how results were made."""

import pytest

from visualize.settings import AttributionSettings


def test_an_old_key_is_read_with_a_warning():
    settings = AttributionSettings.of({"explained": "picture"})
    assert settings["input_name"] == "picture"
    with pytest.warns(FutureWarning, match="input_name"):
        assert settings["explained"] == "picture"
