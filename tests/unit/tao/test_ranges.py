"""Each rule by which metadata become a range (docs/tao.md, "How metadata are read")."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automl_core.space import Space
from automl_core.tao.conditions import condition_of
from automl_core.tao.ranges import range_of
from automl_core.tao.schema import Leaf
from automl_core.templates.within import model_of
from tests.sources import ROOT

INF = math.inf


def leaf(
    kind: str, default: Any = None, low: Any = None, high: Any = None, condition: str = "", name: str = "x"
) -> Leaf:
    return Leaf(name, kind, default, low, high, condition=condition)


def searched(*arguments: Any, **more: Any) -> dict[str, Any]:
    parameter = range_of(leaf(*arguments, **more)).parameter
    assert parameter is not None
    return parameter


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # spans decades: logarithmic, a hundredth to a hundred times the default, inside what is given
        (("float", 2e-4, 0.0, 1.0), {"type": "loguniform", "low": 2e-6, "high": 0.02, "default": 2e-4}),
        (("float", 0.01, 0.01, 1.0), {"type": "loguniform", "low": 0.01, "high": 1.0, "default": 0.01}),
        (("int", 11, 1, 10_000), {"type": "logint", "low": 1, "high": 1100, "default": 11}),
        # doesn't: as given
        (("float", 0.9, 1e-10, 0.99), {"type": "uniform", "low": 1e-10, "high": 0.99, "default": 0.9}),
        (("float", 0.9, 0.0, 1.0), {"type": "uniform", "low": 0.0, "high": 1.0, "default": 0.9}),
        (("float", 0.1, 0.0, 1.0), {"type": "uniform", "low": 0.0, "high": 1.0, "default": 0.1}),
        (("int", 384, 32, 1024), {"type": "int", "low": 32, "high": 1024, "default": 384}),
        (("float", 0.0, 0.0, 0.5), {"type": "uniform", "low": 0.0, "high": 0.5, "default": 0.0}),
        # open upward: ten times the default, twice a whole one
        (("float", 5e-4, 0.0, INF), {"type": "loguniform", "low": 5e-6, "high": 5e-3, "default": 5e-4}),
        (("int", 4, 1, INF), {"type": "int", "low": 1, "high": 8, "default": 4}),
        (("int", 6, 1), {"type": "int", "low": 1, "high": 12, "default": 6}),
        (("float", 0.0, 0.0, INF), {"type": "uniform", "low": 0.0, "high": 1.0, "default": 0.0}),
        (("int", 0, 0, INF), {"type": "int", "low": 0, "high": 100, "default": 0}),
        # open downward: a tenth, or half; the side that is given holds
        (("float", 0.3, None, 0.5), {"type": "uniform", "low": 0.03, "high": 0.5, "default": 0.3}),
        (("int", 8, None, 9), {"type": "int", "low": 4, "high": 9, "default": 8}),
        (("float", 2.0, 1.5), {"type": "uniform", "low": 1.5, "high": 20.0, "default": 2.0}),
        (("int", 5, 4), {"type": "int", "low": 4, "high": 10, "default": 5}),
        # no bounds
        (("float", 0.5), {"type": "loguniform", "low": 0.05, "high": 5.0, "default": 0.5}),
        (("int", 8), {"type": "int", "low": 4, "high": 16, "default": 8}),
        (("float", -2.0), {"type": "uniform", "low": -20.0, "high": -0.2, "default": -2.0}),
        # a share by its name, open upward
        (("float", 0.9, 0.0, INF, "", "train.optim.momentum"),
         {"type": "uniform", "low": 0.0, "high": 1.0, "default": 0.9}),
        # one that stands for "all of it" below what is counted
        (("int", -1, -1, INF), {"type": "int", "low": -1, "high": 100, "default": -1}),
        # one value
        (("int", 8, 8, 8), {"type": "fixed", "value": 8}),
    ],
)  # fmt: skip
def test_sides_and_scale(given: tuple[Any, ...], expected: dict[str, Any]) -> None:
    assert searched(*given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # `> 0` holds: of whole numbers the next one, with a blank or without
        (("int", 11, 0, 20, "> 0"), {"type": "int", "low": 1, "high": 20, "default": 11}),
        (("int", 11, 0, 20, ">0"), {"type": "int", "low": 1, "high": 20, "default": 11}),
        (("float", 0.3, 0.0, 2.0, "> 0.0"), {"type": "uniform", "low": 0.0, "high": 2.0, "above": 0.0, "default": 0.3}),
        (("float", 0.3, 0.0, 2.0, ">= 0.1"), {"type": "uniform", "low": 0.1, "high": 2.0, "default": 0.3}),
        (("float", 0.5, None, None, "> 0.0 <= 1.0"),
         {"type": "uniform", "low": 0.0, "high": 1.0, "above": 0.0, "default": 0.5}),
        (("int", 1, 1, INF, "<20"), {"type": "int", "low": 1, "high": 19, "default": 1}),
        (("float", 0.5, 0.0, 1.0, "< 1"), {"type": "uniform", "low": 0.0, "high": 1.0, "below": 1.0, "default": 0.5}),
        # its own default is left a value
        (("float", 0.0, 0.0, 0.5, "> 0.0"), {"type": "uniform", "low": 0.0, "high": 0.5, "default": 0.0}),
        # not equal: on the side of the default
        (("int", -1, -2, INF, "!= 0"), {"type": "int", "low": -2, "high": 100, "below": 0.0, "default": -1}),
        (("int", 3, -2, 9, "!= 0"), {"type": "int", "low": -2, "high": 9, "above": 0.0, "default": 3}),
        (("int", 3, 1, 9, "!= 0"), {"type": "int", "low": 1, "high": 9, "default": 3}),
        # powers from the first on, and multiples inside the bounds
        (("int", 8, 1, 256, "^ 2"), {"type": "logint", "low": 2, "high": 256, "power_of": 2, "default": 8}),
        (("int", 256, 64, 1024, "/ 8"), {"type": "int", "low": 64, "high": 1024, "multiple_of": 8, "default": 256}),
        (("int", 128, 100, 250, "/ 32"), {"type": "int", "low": 100, "high": 250, "multiple_of": 32, "default": 128}),
        (("int", 128, 100, 250, "x 32"), {"type": "int", "low": 100, "high": 250, "multiple_of": 32, "default": 128}),
        # what is tried first must be a value
        (("int", 9, 1, 256, "^ 2"), {"type": "logint", "low": 2, "high": 256, "power_of": 2}),
        (("int", 18888, 49152, 65535), {"type": "int", "low": 49152, "high": 65535}),
    ],
)  # fmt: skip
def test_conditions(given: tuple[Any, ...], expected: dict[str, Any]) -> None:
    assert searched(*given) == expected


def test_multiples_stay_inside_where_the_package_goes_beyond() -> None:
    space = Space.from_models({"x": model_of(searched("int", 128, 100, 250, "/ 32"))})
    rng = random.Random(0)
    assert {space.sample(rng)["x"] for _ in range(300)} == {128, 160, 192, 224}


def test_most_draws_of_a_learning_rate_are_near_its_size() -> None:
    space = Space.from_models({"x": model_of(searched("float", 2e-4, 0.0, 1.0, "> 0.0"))})
    rng = random.Random(0)
    drawn = [float(str(space.sample(rng)["x"])) for _ in range(1000)]
    assert 0.45 < sum(each <= 2e-4 for each in drawn) / 1000 < 0.55, "half of them below the default"


def test_what_was_done_is_said() -> None:
    assert range_of(leaf("float", 2e-4, 0.0, 1.0)).notes == [
        "searched logarithmically around its default, 2e-06 to 0.02; the metadata give 0 to 1"
    ]
    assert range_of(leaf("int", 4, 1, INF)).notes == ["searched 1 to 8, by its default; the metadata give from 1"]
    assert range_of(leaf("int", 4)).notes == ["searched 2 to 8, by its default; the metadata give no bounds"]
    assert range_of(leaf("float", 0.9, 0.0, 1.0)).notes == []
    assert range_of(leaf("float", 0.9, 0.0, 1.0, "~ 3")).notes == ["'~ 3' in math_cond is not known"]


def test_the_page_of_the_space_names_conditions_that_metadata_have() -> None:
    """It once cited `x 32`, which no metadata of TAO have today: multiples are told by `/ 32`."""
    page = (ROOT / "docs" / "search-space.md").read_text()
    rows = [row.split(" | ") for row in page.splitlines() if "math_cond" in row and row.startswith("| `")]
    cited = {row[0].strip("|` "): re.findall(r'"([^"]+)"', row[2]) for row in rows}
    assert cited.keys() == {"multiple_of", "power_of", "at_least", "at_most", "above", "below"}
    assert cited["multiple_of"] == ["/ 32"]
    for field, conditions in cited.items():
        for condition in conditions:
            found = condition_of(leaf("int", condition=condition))
            assert not found.unread, condition
            assert found.parent == field or getattr(found, field, None) is not None, condition


def test_an_experiment_may_go_as_far_as_the_metadata() -> None:
    assert range_of(leaf("float", 2e-4, 0.0, 1.0)).bounds == {"low": 0.0, "high": 1.0}
    assert range_of(leaf("int", 4, 1, INF)).bounds == {"low": 1}
    assert range_of(leaf("float", 0.5)).bounds == {}
    assert range_of(leaf("float", 0.9, 0.0, 1.0)).bounds is None


@pytest.mark.parametrize("given", [("float",), ("int", None, 1, INF), ("float", "0.1", 0.0)])
def test_without_default_and_two_bounds_there_is_no_range(given: tuple[Any, ...]) -> None:
    assert range_of(leaf(*given)).parameter is None


def test_without_default_two_bounds_are_a_range() -> None:
    assert searched("int", None, 1, 3) == {"type": "int", "low": 1, "high": 3}


NUMBERS = st.one_of(
    st.floats(-1e9, 1e9, allow_nan=False), st.floats(1e-9, 1e9), st.sampled_from([0.0, -1.0, 1.0, 1e-4, 0.5])
)
CONDITIONS = st.sampled_from(
    [
        "",
        "> 0",
        ">0",
        ">= 1",
        "< 20",
        "!= 0",
        "^ 2",
        "/ 8",
        "x 32",
        "> 0 <= 1",
        "> depends_on",
        "nonsense",
        "/ 0",
        "^ 1",
    ]
)


# what is unequal to 0 and lies just above it is not searched from -1
@example(whole=False, default=1e-9, low=-1.0, width=None, condition="!= 0")
@example(whole=False, default=-1e-9, low=None, width=None, condition="!= 0")
# with so wide a range, numbers that have to be below 20 end at 1
@example(whole=False, default=1.0, low=-18_999_981.0, width=None, condition="< 20")
@given(
    whole=st.booleans(), default=st.none() | NUMBERS, low=st.none() | NUMBERS | st.just(-INF),
    width=st.none() | st.floats(0, 1e6) | st.just(INF), condition=CONDITIONS,
)  # fmt: skip
def test_whatever_the_metadata_say_the_range_is_valid_and_keeps_the_sides_that_are_given(
    whole: bool, default: float | None, low: float | None, width: float | None, condition: str
) -> None:
    def number(each: float | None) -> float | None:
        return round(each) if whole and each is not None and math.isfinite(each) else each

    high = None if width is None else INF if low in (None, -INF) else number(low + width)
    stated = leaf("int" if whole else "float", number(default), number(low), high, condition)
    try:
        found = range_of(stated)
    except ValueError as error:
        raise AssertionError(stated) from error
    if found.parameter is None or found.parameter["type"] == "fixed":
        return
    model_of(found.parameter)  # valid, its default included
    if low is not None and math.isfinite(low):
        assert found.parameter["low"] >= number(low)
    if high is not None and math.isfinite(high):
        assert found.parameter["high"] <= high
