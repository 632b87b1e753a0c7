"""Numbers at the ends of what can be written: a parameter works, or the file has a problem with its place."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.preview.checks import check_experiment
from automl_core.preview.preview import preview
from automl_core.search.bayesian.encoding import Encoding
from automl_core.space import Space
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.spec.schema import experiment_schema
from automl_core.spec.validation import validate

EXTREME: list[float] = [
    0, 1, -1, 2, 3, 32, 50, 0.1, 0.5, 1e-5, 1000, 1e-300, 5e-324, -5e-324, 1e-12, 1e12, 1e17, 1e300, 1.7e308, -1.7e308,
    1.7976931348623157e308, 2**53, 2**53 + 1, -(2**53), 2**63 - 1, 2**63, 2**63 + 5, -(2**63), 10**11, 10**30, 10**400,
    1 / 3,
    690, 1000, math.pi, 68719476736, 4096,
]  # fmt: skip
NUMBERS = st.sampled_from(EXTREME) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
SMALL = st.integers(-100, 100) | st.floats(-100, 100)
NUMBER = NUMBERS | SMALL
UNITS = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 1e-17, 1 - 1e-16])
RANGED = ("uniform", "loguniform", "quniform", "qloguniform", "int", "logint", "randint")
GAUSS = ("normal", "qnormal", "lognormal", "qlognormal")


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([*RANGED, *GAUSS, "choice", "fixed"]))
    if kind == "choice":
        values = draw(st.lists(NUMBER, min_size=1, max_size=4))
        weights = draw(st.none() | st.lists(NUMBER, min_size=len(values), max_size=len(values)))
        found: dict[str, Any] = {"type": kind, "values": values, "weights": weights}
        return found | draw(st.fixed_dictionaries({}, optional={"default": st.sampled_from(values) | NUMBER}))
    if kind == "fixed":
        return {"type": kind, "value": draw(NUMBER)}
    if kind in RANGED:
        ends = sorted([draw(NUMBER), draw(NUMBER)])
        found = {"type": kind, "low": ends[0], "high": ends[1]}
    else:
        found = {"type": kind, "mu": draw(NUMBER), "sigma": draw(NUMBER)}
    if kind.startswith("q"):
        found["q"] = draw(NUMBER)
    extra = {"multiple_of": NUMBER, "power_of": NUMBER, "default": NUMBER}
    return found | draw(st.fixed_dictionaries({}, optional=extra))


def experiment_of(**space: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "e", "goal": {"metric": "loss", "direction": "minimize"}, "space": space, "trials": {"max": 3},
        "search": {"algorithm": "random"}, "tasks": [{"name": "train", "command": ["true"]}],
    }  # fmt: skip


def works(experiment: Experiment, units: list[float]) -> None:
    """Preview, sampling, encoding and decoding: numbers within their limits, never NaN."""
    assert check_experiment(experiment) == []
    preview(experiment)
    space = Space.from_models(experiment.space)
    (parameter,) = space.parameters
    encoding = Encoding(space)
    for unit in units:
        params = space.at([unit] * len(space.dimensions))
        assert space.problem(params) is None
        json.dumps(params, allow_nan=False)
        back = space.units(params)
        assert all(0 <= u <= 1 for u in back)
        again = space.at(back)
        assert space.problem(again) is None
        rows = encoding.rows([params])
        assert np.isfinite(rows).all()
        assert space.problem(encoding.params(encoding.settle(rows)[0])) is None
    defaults = space.defaults()
    if defaults is not None:
        value, default = defaults[parameter.name], parameter.default
        assert value == default or math.isclose(float(value), float(default), rel_tol=1e-9)  # type: ignore[arg-type]


@given(parameters(), st.lists(UNITS, min_size=1, max_size=4))
def test_any_parameter_works_or_has_a_problem_at_its_place(parameter: dict[str, Any], units: list[float]) -> None:
    experiment, problems = validate(experiment_of(x=parameter))
    assert (experiment is None) == bool(problems)
    for problem in problems:
        assert problem.path[:2] == ("space", "x"), str(problem)
    if experiment is not None:
        works(experiment, units)


@pytest.mark.parametrize(
    ("parameter", "field"),
    [
        ("type: int, low: 0, high: 9223372036854775807", "high"),
        ("type: int, low: 9223372036854775808, high: 9223372036854775813", "low"),
        ("type: uniform, low: 0, high: 1, multiple_of: 1.0e-300", "multiple_of"),
        ("type: quniform, low: 0, high: 1, q: 1.0e-300", "q"),
        ("type: lognormal, mu: 1000, sigma: 1", "mu"),
        ("type: lognormal, mu: 0, sigma: 1000", "sigma"),
        ("type: normal, mu: 1.0e308, sigma: 1", "mu"),
        (f"type: fixed, value: {10**30}", "value"),
        (f"type: choice, values: [1, {10**30}]", "values"),
        ("type: int, low: 0, high: 320, multiple_of: 32, default: 50", "default"),
        ("type: uniform, low: 0, high: 1, multiple_of: 0.25, default: 0.3", "default"),
        ("type: quniform, low: 0, high: 1, q: 0.25, default: 0.3", "default"),
        ("type: qnormal, mu: 0, sigma: 1, q: 0.25, default: 0.3", "default"),
        ("type: lognormal, mu: 0, sigma: 1, default: -1", "default"),
        ("type: normal, mu: 0, sigma: 1, default: high", "default"),
        ("type: int, low: 1, high: 64, power_of: 2, default: 50", "default"),
        ("type: randint, low: 0, high: 5, default: 5", "default"),
        ("type: choice, values: [a, b], weights: [1, 0], default: b", "default"),
    ],
)
@pytest.mark.parametrize("algorithm", ["auto", "random"])
def test_what_can_not_be_is_told_at_its_line(parameter: str, field: str, algorithm: str) -> None:
    parameter_lines = "\n".join(f"    {part}" for part in parameter.split(", ") if "[" not in parameter)
    body = parameter_lines or f"    {{{parameter}}}"
    text = (
        f"name: e\ngoal: {{metric: loss, direction: minimize}}\nsearch: {{algorithm: {algorithm}}}\n"
        f'tasks: [{{command: ["true"]}}]\nspace:\n  x:\n{body}\n'
    )
    with pytest.raises(ValueError, match=r"x\.yaml") as caught:
        parse_experiment(text, "x.yaml")
    problem, *others = caught.value.problems  # type: ignore[attr-defined]
    assert not others or field == "low", "both limits are too large then"
    assert problem.path == ("space", "x", field), str(problem)
    if "[" not in parameter:
        assert problem.line == 1 + next(n for n, line in enumerate(text.splitlines()) if f"    {field}:" in line)


def test_a_warm_start_off_the_grid_is_a_problem_of_its_own() -> None:
    data = experiment_of(x={"type": "int", "low": 0, "high": 64, "multiple_of": 32},
                         c={"type": "choice", "values": ["a", "b"], "weights": [1, 0]})  # fmt: skip
    data["search"] = {"algorithm": "random", "warm_start": [{"x": 50}, {"c": "b"}, {"x": 32, "c": "a"}]}
    experiment, problems = validate(data)
    assert experiment is not None, problems
    found = check_experiment(experiment)
    assert [problem.path for problem in found] == [("search", "warm_start", 0, "x"), ("search", "warm_start", 1, "c")]
    assert "the nearest value is 64" in found[0].message


@pytest.mark.parametrize(
    ("parameter", "size", "some"),
    [
        ({"type": "int", "low": 0, "high": 68719476736, "multiple_of": 4096}, 2**24 + 1, {0: 0, 1: 4096, -1: 2**36}),
        ({"type": "uniform", "low": 0, "high": 1000, "multiple_of": 0.00001}, 10**8 + 1, {1: 1e-5, -1: 1000.0}),
        ({"type": "logint", "low": 4096, "high": 2**36, "multiple_of": 4096}, 2**24, {0: 4096, -2: 2**36 - 4096}),
        ({"type": "quniform", "low": 0.05, "high": 1e6, "q": 0.1}, 10**7 + 1, {0: 0.05, 1: 0.1, -1: 1e6}),
        ({"type": "int", "low": 0, "high": 2**53}, 2**53 + 1, {7: 7, -1: 2**53}),
        ({"type": "loguniform", "low": 0.001, "high": 1000, "power_of": 10}, 7, {0: 0.001, 2: 0.1, -1: 1000.0}),
    ],
)
def test_a_fine_grid_is_counted_and_never_listed(parameter: dict[str, Any], size: int, some: dict[int, Any]) -> None:
    experiment, problems = validate(experiment_of(x=parameter))
    assert experiment is not None, problems
    space = Space.from_models(experiment.space)
    (x,) = space.parameters
    values = x.values_within(-math.inf, math.inf)
    assert values is not None
    assert not isinstance(values, list)
    assert (x.size, len(values)) == (size, size)
    assert {index: values[index] for index in some} == some
    for index in (0, 1, size // 3, size - 1):
        value = values[index]
        unit = x.unit_of(value)
        assert x.value_at(unit) == pytest.approx(value, rel=1e-12)
    works(experiment, [0.0, 0.25, 1.0])


def test_grid_search_walks_a_fine_grid() -> None:
    data = experiment_of(x={"type": "uniform", "low": 0, "high": 1000, "multiple_of": 0.00001})
    data["search"] = {"algorithm": "grid"}
    experiment, problems = validate(data)
    assert experiment is not None, problems
    ahead = preview(experiment)
    assert [each.params["x"] for each in ahead.first] == [0.0, 1e-5, 2e-5]
    assert (ahead.size, ahead.note) == (None, "a grid of over 10000 combinations")


def test_the_schema_can_still_be_written() -> None:
    json.dumps(experiment_schema(), allow_nan=False)
