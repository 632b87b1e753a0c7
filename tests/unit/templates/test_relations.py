"""Whatever is added, taken out, set and narrowed: a valid experiment that keeps the template's relations, or a refusal.

Templates are drawn too: parameters of several types with conditions on and bounds by those before them.
"""

from __future__ import annotations

import random
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from automl_core.space import Space
from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from automl_core.spec.validation import validate
from automl_core.templates import parse_experiment
from automl_core.templates.checking import check_template
from automl_core.templates.overriding import apply_overrides, violations
from automl_core.templates.version import Template
from tests.support.examples import examples
from tests.support.template_folders import make_template, places_in

NAMES = ("a", "b", "c", "d", "e")


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Parameters of a template; most are valid together."""
    found: dict[str, dict[str, Any]] = {}
    for name in NAMES[: draw(st.integers(2, 5))]:
        kind = draw(
            st.sampled_from(["int", "int", "uniform", "choice", "ordinal", "stepped", "text", "subset", "sorted_list"])
        )
        low = draw(st.integers(0, 4))
        high = low + draw(st.integers(1, 6))
        if kind in ("choice", "ordinal", "subset"):
            values = sorted(draw(st.sets(st.integers(0, 9), min_size=2, max_size=4)))
            one: dict[str, Any] = {"type": kind, "values": values}
            default: Any = draw(st.sampled_from(values))
            if kind == "subset":
                one["max"], default = draw(st.sampled_from([2, None])), values[:2]
        elif kind == "sorted_list":
            one = {"type": "sorted_list", "low": low, "high": high, "whole": True, "max_length": 2, "min_length": 1}
            default = [draw(st.integers(low, high))]
        elif kind == "text":
            one = {"type": "choice", "values": ["x", "y", "z"], "weights": [1, 2, 0]}
            default = draw(st.sampled_from(["x", "y"]))
        elif kind == "stepped":
            one = {"type": "int", "low": low * 2, "high": high * 2, "multiple_of": 2}
            default = 2 * draw(st.integers(low, high))
        else:
            one = {"type": kind, "low": low, "high": high}
            default = draw(st.integers(low, high))
        one["default"] = default
        one["search"] = draw(st.sampled_from([True, "offered", "never"]))
        before = list(found)
        numbers = [other for other in before if isinstance(found[other]["default"], int)]
        choices = [other for other in before if found[other]["type"] != "sorted_list"]
        if choices and draw(st.booleans()):
            parent = draw(st.sampled_from(choices))
            options = found[parent].get("values") or list(range(found[parent]["low"], found[parent]["high"] + 1))
            one["when"] = {parent: draw(st.lists(st.sampled_from(options), min_size=1, max_size=3, unique=True))}
        for field in ("at_least", "at_most"):
            strict = (
                {"at_least": "above", "at_most": "below"}[field] if kind in ("int", "uniform", "stepped") else field
            )
            if "low" in one and numbers and draw(st.integers(0, 2)) == 0:
                first, second = draw(st.sampled_from(numbers)), draw(st.sampled_from(numbers))
                forms = [
                    "{0}",
                    "{0}",
                    "min({0}, {1} + 1)",
                    "{0} + {1}",
                    "max({0}, 2)",
                    "2 * {0} - {1}",
                    "min({0}, {1})",
                ]
                one[draw(st.sampled_from([field, strict]))] = draw(st.sampled_from(forms)).format(first, second)
        found[name] = one
    return found


def a_value(draw: st.DrawFn, one: dict[str, Any]) -> Any:
    """A value of a parameter, mostly one that it can have."""
    if one["type"] == "subset":
        return draw(st.lists(st.sampled_from(one["values"]), max_size=3, unique=True))
    if one["type"] == "sorted_list":
        return sorted(draw(st.lists(st.integers(one["low"], one["high"]), max_size=2, unique=True)))
    if "values" in one:
        return draw(st.sampled_from([*one["values"], "x"]))
    return draw(st.integers(one["low"], one["high"]))


@st.composite
def asked(draw: st.DrawFn, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What an experiment file asks for."""
    body: dict[str, Any] = {}
    add, remove = [], []
    for name, one in known.items():
        match draw(st.sampled_from(["", "", "add", "remove", "set", "narrow", "add narrow"])):
            case "remove":
                remove.append(name)
            case "set":
                body.setdefault("set", {})[name] = a_value(draw, one)
            case word:
                if "add" in word:
                    add.append(name)
                if "narrow" in word and "values" in one:
                    some = draw(st.lists(st.sampled_from(one["values"]), min_size=1, unique=True))
                    body.setdefault("space", {})[name] = {"values": some}
                elif "narrow" in word:
                    limits = sorted(draw(st.tuples(*2 * [st.integers(one["low"], one["high"])])))
                    body.setdefault("space", {})[name] = dict(zip(("low", "high"), limits, strict=True))
    if add or remove:
        body["search"] = {"add": add, "remove": remove}
    return body


ORDERS = {
    "at_least": lambda a, b: a >= b, "above": lambda a, b: a > b, "at_most": lambda a, b: a <= b,
    "below": lambda a, b: a < b,
}  # fmt: skip


def fulfils(value: Any, some: list[Any]) -> bool:
    return any(each in some for each in value) if isinstance(value, list) else value in some


def template_of(folder: str, known: dict[str, dict[str, Any]]) -> Template:
    head = {
        "template": "t", "version": 1, "title": "T", "parameters": known,
        "goal": {"metric": "m", "direction": "maximize"}, "tasks": [{"command": ["train"]}],
    }  # fmt: skip
    return make_template(Path(folder), yaml.safe_dump(head, sort_keys=False))


def bounds_by(text: str | None, params: dict[str, Any]) -> list[float]:
    """What a bound of `parameters` comes to, where all that it names is there; of a minimum, what there is."""
    if text is None or not any(f"{name}" in params for name in NAMES if name in text.replace("max", "")):
        return []
    known = {name: value for name, value in params.items() if isinstance(value, int | float)}
    inside = text.removeprefix("min(").removesuffix(")").split(", ") if text.startswith("min(") else [text]
    found = []
    for each in inside:
        with suppress(NameError):
            found.append(float(eval(each, {"max": max}, dict(known))))
    return [min(found)] if found else []


def hold(known: dict[str, dict[str, Any]], experiment: Experiment) -> None:
    """Every combination that can be drawn keeps the template's conditions and bounds."""
    space = Space.from_models(experiment.space)
    rng = random.Random(1)
    for _ in range(20):
        params = space.sample(rng)
        for name, one in known.items():
            if name not in experiment.space:
                continue
            conditions = one.get("when", {})
            exists = all(parent in params and fulfils(params[parent], some) for parent, some in conditions.items())
            assert (name in params) == exists, f"{name} beside {params}"
            if not exists:
                continue
            values = params[name] if isinstance(params[name], list) else [params[name]]
            for field, in_order in ORDERS.items():
                for bound in bounds_by(one.get(field), params):
                    assert all(in_order(value, bound) for value in values), f"{name} {field} {one[field]}: {params}"
            for value in values:
                if "values" in one:
                    assert value in one["values"]
                else:
                    assert one["low"] <= value <= one["high"]
                    assert "multiple_of" not in one or value % one["multiple_of"] == 0
            if one["type"] == "subset":
                assert len(values) <= (one["max"] or len(one["values"]))


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_a_valid_experiment_or_a_refusal(data: st.DataObject) -> None:
    known = data.draw(parameters())
    with tempfile.TemporaryDirectory() as folder:
        try:
            template = template_of(folder, known)
        except SpecError:
            assume(False)
        assume(not check_template(template.folder).problems)
        body = data.draw(asked(known))
        text = yaml.safe_dump({"name": "x", "template": "t@1", **body}, sort_keys=False)
        try:
            experiment = parse_experiment(text, "x.yaml", places_in(Path(folder)))
        except SpecError as error:
            for problem in error.problems:
                assert problem.file == "x.yaml", f"{problem}\n{text}\n{yaml.safe_dump(known)}"
                assert problem.line is not None
                assert len(problem.message) > 10
            return
        again, wrong = validate(experiment.model_dump(mode="json"))
        assert not wrong
        assert again == experiment
        assert not list(violations(template, experiment))
        for name, value in body.get("set", {}).items():
            assert experiment.space[name].value == value
        removed = set(body.get("search", {}).get("remove", []))
        assert all(experiment.space[name].type == "fixed" for name in removed if name in experiment.space)
        hold(known, experiment)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_a_run_stays_within_the_template(data: st.DataObject) -> None:
    known = data.draw(parameters())
    with tempfile.TemporaryDirectory() as folder:
        try:
            template = template_of(folder, known)
        except SpecError:
            assume(False)
        checked = check_template(template.folder)
        assume(not checked.problems and checked.experiments)
        places = places_in(Path(folder))
        try:
            experiment = parse_experiment("name: x\ntemplate: t@1\n", "x.yaml", places)
        except SpecError:
            return
        name = data.draw(st.sampled_from(sorted(experiment.space)))
        limits = sorted(data.draw(st.tuples(*2 * [st.integers(0, 12)])))
        given_one: dict[str, Any] = data.draw(
            st.sampled_from(
                [
                    {"type": "fixed", "value": limits[0]},
                    {"low": limits[0], "high": limits[1], "default": None},
                    {"type": "int", "low": limits[0], "high": limits[1]},
                    {"type": "choice", "values": list(range(limits[0], limits[1] + 1))},
                    {"when": {}, "default": None},
                    {"at_least": None, "at_most": None},
                ]
            )
        )
        try:
            changed = apply_overrides(experiment, {"space": {name: given_one}}, places).experiment
        except SpecError:
            return
        hold(known, changed)


def test_a_run_is_told_what_the_template_allows(tmp_path: Path) -> None:
    make_template(tmp_path)
    places = places_in(tmp_path)
    head = "name: x\ntemplate: net@1\ndata: {train: a.csv}\ncolumns: {target: y}\n"
    experiment = parse_experiment(head + "search: {add: [width]}\n", "x.yaml", places)

    def refused(space: dict[str, Any]) -> str:
        with pytest.raises(SpecError) as caught:
            apply_overrides(experiment, {"space": space}, places)
        return str(caught.value)

    changed = apply_overrides(experiment, {"space": {"lr": {"low": 1e-4}, "width": {"low": 64}}}, places).experiment
    assert changed.space["lr"].low == 1e-4
    assert "reaches beyond the template's 1e-05 to 1" in refused({"lr": {"high": 2}})
    assert "net@1 has no parameter 'depth'" in refused({"depth": {"type": "fixed", "value": 1}})
    assert "Did you mean 'width'?" in refused({"widht": {"high": 64}}), "not that a type is missing"
    assert "space: found 3" in refused(3)  # type: ignore[arg-type]
    assert "the template never searches 'seed'" in refused({"seed": {"type": "int", "low": 0, "high": 9}})
    assert "'momentum' exists only with some values of 'solver'" in refused({"momentum": {"when": None}})
    assert "multiple_of is null, and the template's is 8" in refused({"width": {"multiple_of": None}})
    narrow = {"lr": {"low": 0.01}, "solver": {"values": ["sgd"], "weights": None}}
    narrower = apply_overrides(experiment, {"space": narrow}, places).experiment
    assert narrower.space["lr"].default is narrower.space["solver"].default is None, "as in a file that narrows so"
    assert "default (0.001) lies outside" in refused({"lr": {"low": 0.01, "default": 0.001}})
    stated = parse_experiment(head + "space: {lr: {default: 0.5}}\n", "x.yaml", places)
    with pytest.raises(SpecError, match="default"):
        apply_overrides(stated, {"space": {"lr": {"high": 0.1}}}, places)
    with pytest.raises(SpecError) as caught:
        apply_overrides(experiment, {"trials": {"max": 0}}, places)
    assert "trials.max: 0 is too low" in str(caught.value)


DETECTOR = """\
template: detector
version: 1
title: Queries and what is taken of them
data: {train: {required: false}}
parameters:
  queries: {type: int, low: 10, high: 900, default: 300, search: offered}
  classes: {type: int, low: 2, high: 91, default: 91, search: never}
  select: {type: int, low: 1, high: 900, default: 300, at_most: "min(queries, queries * classes - 1)", search: true}
  batch: {type: int, low: 1, high: 512, power_of: 2, default: 16, at_most: data.train.rows, search: true}
goal: {metric: map, direction: maximize}
tasks:
  - {name: train, command: [python, train.py]}
"""


def test_bounds_that_are_expressions_hold_whatever_is_set(tmp_path: Path) -> None:
    make_template(tmp_path, DETECTOR)
    places = places_in(tmp_path)
    assert not check_template(tmp_path / "detector" / "1").problems
    head = "name: x\ntemplate: detector@1\n"

    def space(text: str) -> dict[str, Any]:
        return dict(parse_experiment(head + text, "x.yaml", places).space)

    found = space("search: {add: [queries]}\ndata: {train: a.csv}\n")
    assert found["select"].at_most == "min(queries, queries * classes - 1)"
    assert found["batch"].at_most == "data.train.rows"
    assert space("")["batch"].at_most is None, "there is no such data set"
    few = space("set: {queries: 100}\n")
    assert few["select"].default == 100, "the nearest that is left"
    assert 100 in {Space.from_models(few).sample(random.Random(n))["select"] for n in range(400)}
    one_class = space("set: {queries: 10, classes: 2}\n")
    assert max(Space.from_models(one_class).sample(random.Random(n))["select"] for n in range(99)) == 10  # type: ignore[type-var]
    many = space("search: {add: [queries]}\nset: {select: 200}\n")
    assert many["queries"].low == 200
    with pytest.raises(SpecError, match="'select' is 300 here, 'queries' 100"):
        space("set: {select: 300, queries: 100}\n")


def test_a_run_does_not_take_such_a_bound_away(tmp_path: Path) -> None:
    make_template(tmp_path, DETECTOR)
    places = places_in(tmp_path)
    experiment = parse_experiment("name: x\ntemplate: detector@1\nsearch: {add: [queries]}\n", "x.yaml", places)
    with pytest.raises(SpecError, match=r"'select' has to be at most 'min\(queries, queries \* classes - 1\)'"):
        apply_overrides(experiment, {"space": {"select": {"at_most": None}}}, places)
    with pytest.raises(SpecError, match="which may be 10"):
        apply_overrides(experiment, {"space": {"select": {"type": "fixed", "value": 300}}}, places)
    apply_overrides(experiment, {"space": {"select": {"high": 5, "default": None}}}, places)
    high = {"queries": {"low": 500, "default": None}, "select": {"type": "fixed", "value": 300}}
    apply_overrides(experiment, {"space": high}, places)
