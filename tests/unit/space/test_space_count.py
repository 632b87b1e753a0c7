"""Combinations are counted without being listed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from automl_core.space import Space
from automl_core.spec.loader import parse_experiment


def build(lines: list[str]) -> Space:
    text = "name: x\ngoal: {metric: a, direction: maximize}\ntasks: [{command: [x]}]\nspace:\n"
    return Space.from_models(parse_experiment(text + "".join(f"  {line}\n" for line in lines), "x.yaml").space)


@st.composite
def spaces(draw: st.DrawFn) -> list[str]:
    lines: list[str] = []
    for index in range(draw(st.integers(1, 6))):
        more = ""
        if index and draw(st.booleans()):
            other = draw(st.integers(0, index - 1))
            more = f", when: {{p{other}: [{draw(st.sampled_from(['1', '1, 2', '2']))}]}}"
        elif index and draw(st.booleans()):
            more = f", {draw(st.sampled_from(['at_least', 'at_most']))}: p{draw(st.integers(0, index - 1))}"
        lines.append(f"p{index}: {{type: int, low: 1, high: 3{more}}}")
    return lines


@given(spaces(), st.sampled_from([None, 2, 5]), st.sampled_from([1, 10, 100_000]))
def test_as_many_are_counted_as_are_listed(lines: list[str], resolution: int | None, limit: int) -> None:
    space = build(lines)
    listed: list[Any] = list(space.combinations(resolution))
    assert space.count(resolution, limit) == min(len(listed), limit + 1)
    assert len({Space.key(params) for params in listed}) == len(listed)
    assert all(space.problem(params) is None for params in listed)
    assert all(space.on_grid(params, resolution) for params in listed)


def test_a_thousand_parameters_are_listed_and_counted() -> None:
    space = build([f"p{i}: {{type: choice, values: [1, 2]}}" for i in range(1000)])
    first = next(space.combinations())
    assert set(first.values()) == {1}
    assert space.count(None, 10**6) == 10**6 + 1
    assert space.size() is None
