"""What a user may say of series, and what is said back."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.forecasting.options import LEVELS, Options
from automl_core.training.problems import TrainingError

ASKED: dict[str, Any] = {"target": "y", "time": "t", "horizon": 3}


def test_one_name_or_number_stands_for_a_list_of_one() -> None:
    options = Options.of(**ASKED, series="shop", known="price", season=7, levels=0.9)
    assert (options.series, options.known, options.season, options.levels) == (("shop",), ("price",), (7,), (0.9,))


def test_what_is_left_out_is_the_default_and_a_duration_may_be_text() -> None:
    options = Options.of(**ASKED, zone=None, deadline="2m")
    assert (options.levels, options.zone, options.deadline) == (LEVELS, None, 120.0)


def test_plain_data_and_back() -> None:
    options = Options.of(**ASKED, series=["a", "b"], levels=[0.5, 0.8], blocked="theta", test=False, deadline=60)
    assert Options.from_json(options.as_json()) == options
    assert "zone" not in options.as_json()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"horizn": 3}, "did you mean 'horizon'"),
        ({"levels": [90]}, "did you mean 0.9?"),
        ({"levels": [1.0]}, "between 0 and 1"),
        ({"levels": []}, "at least one"),
        ({"horizon": 0}, "allowed: 1 to"),
        ({"horizon": True}, "horizon: found True"),
        ({"known": "y"}, "can't be both target and known"),
        ({"series": ["a", "a"]}, "named twice"),
        ({"season": [7, 7]}, "lengths that differ"),
        ({"season": 0}, "season: found 0"),
        ({"duplicates": "avg"}, "duplicates: found 'avg'"),
        ({"deadline": "-3s"}, "deadline"),
        ({"target": ""}, "target: found ''"),
    ],
)
def test_what_is_not_allowed_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said.replace("?", r"\?")):
        Options.of(**{**ASKED, **given})


@pytest.mark.parametrize("name", ["target", "time", "horizon"])
def test_what_is_needed_is_asked_for(name: str) -> None:
    with pytest.raises(TrainingError, match=f"{name}: is needed"):
        Options.of(**{each: value for each, value in ASKED.items() if each != name})
