"""What a template may leave to an experiment: wider ranges, free values, parameters that are the program's; groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from automl_core.storage import open_store
from automl_core.templates import parse_experiment
from automl_core.templates.checking import check_template
from automl_core.templates.describing import describe, listed
from automl_core.templates.overriding import apply_overrides
from automl_core.templates.places import Places, Reference, parse_reference
from automl_core.templates.pulling import pull, split_address
from automl_core.templates.version import read_template
from tests.support.template_folders import make_template, places_in

LEFT = """\
template: own/net
version: 1
title: A network that reads what others wrote
unsearched: program
parameters:
  lr: {type: loguniform, low: 2.0e-6, high: 0.02, above: 0, default: 2.0e-4,
       search: true, bounds: {low: 0, high: 1}, description: "2e-06 to 0.02"}
  size: {type: int, low: 1, high: 8, default: 4, search: true, bounds: {low: 1}}
  queries: {type: int, low: 1, high: 600, default: 300, search: offered}
  select: {type: int, low: 1, high: 1000, default: 300, at_most: queries, search: true}
  solver: {type: choice, values: [adam, sgd], default: adam, search: offered}
  momentum: {type: uniform, low: 0, high: 1, default: 0.9, when: {solver: [sgd]}, search: offered}
  weights: {type: fixed, value: "", free: text, search: never}
  sizes: {type: fixed, value: [1, 2], free: list, search: never}
  clip: {type: fixed, value: null, free: number, search: never}
  seed: {type: int, low: 0, high: 10, default: 3, search: never}
goal: {metric: accuracy, direction: maximize}
spec_file: {format: yaml}
tasks:
  - {name: train, cwd: code, command: [python, train.py, --config, "${spec_file}"]}
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    make_template(tmp_path, LEFT)
    return places_in(tmp_path)


def made(places: Places, more: str = "") -> Experiment:
    return parse_experiment(f"name: e\ntemplate: own/net@1\n{more}", "e.yaml", places)


def told(places: Places, more: str) -> str:
    with pytest.raises(SpecError) as error:
        made(places, more)
    return str(error.value)


def test_such_a_template_is_valid_and_found_by_its_group(places: Places) -> None:
    folder = places.find(Reference("own/net", 1))
    assert not check_template(folder).problems
    assert places.names() == ["own/net"]
    assert parse_reference("own/net@1") == Reference("own/net", 1)
    assert listed(places)[0][0]["name"] == "own/net"
    assert describe(read_template(folder))["parameters"][0]["bounds"] == {"low": 0, "high": 1}


def test_what_is_not_searched_is_left_to_the_program_unless_a_searched_one_names_it(places: Places) -> None:
    space = made(places).space
    assert set(space) == {"lr", "size", "select", "queries"}
    assert space["queries"].value == 300, "it bounds select"
    space = made(places, "search: {add: [momentum]}\nset: {solver: sgd}\n").space
    assert space["solver"].value == "sgd"
    assert "momentum" not in made(places, "search: {remove: [lr]}\n").space
    assert "its condition" not in str(space)


@pytest.mark.parametrize(
    "more",
    ["space: {lr: {low: 1.0e-8, high: 1}}", "set: {lr: 1.0e-9}", "space: {size: {high: 512}}", "set: {size: 100000}"],
)
def test_a_range_may_be_widened_up_to_its_bounds(places: Places, more: str) -> None:
    made(places, more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("space: {lr: {high: 2}}", "2 lies outside the template's"),
        ("set: {lr: 0}", "0 lies outside"),
        ("space: {size: {low: 0}}", "0 lies outside the template's lowest of 1. Allowed: a whole number of at least 1"),
        ("space: {size: {low: 9, high: 3}}", "low"),
        ("space: {lr: {low: lots}}", "low"),
        ("space: {select: {high: 2000}}", "2000 lies outside the template's 1 to 1000"),
    ],
)
def test_and_no_farther(places: Places, more: str, message: str) -> None:
    assert message in told(places, more)


def test_a_description_of_a_range_goes_with_the_range(places: Places) -> None:
    assert made(places).space["lr"].description == "2e-06 to 0.02"
    assert made(places, "space: {lr: {high: 0.5}}").space["lr"].description == ""
    assert made(places, "set: {lr: 0.5}").space["lr"].description == ""


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [("set: {weights: /x}", "weights", "/x"), ("set: {sizes: [5]}", "sizes", [5]), ("set: {clip: 0.5}", "clip", 0.5)],
)
def test_a_free_parameter_takes_any_value_of_its_kind(places: Places, more: str, name: str, value: Any) -> None:
    assert made(places, more).space[name].value == value


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("set: {weights: 3}", "found 3. Allowed: text"),
        ("set: {clip: true}", "found true. Allowed: a number"),
        ("set: {sizes: [{a: 1}]}", "a mapping, or a list of such, goes into spec_file.base"),
        ("search: {add: [weights]}", "the template never searches 'weights'"),
    ],
)
def test_and_no_other(places: Places, more: str, message: str) -> None:
    assert message in told(places, more)


def test_the_search_begins_where_the_base_is(places: Places) -> None:
    space = made(places, "spec_file: {base: {lr: 0.01, queries: 100, solver: sgd, other: {x: 1}}}\n").space
    assert space["lr"].default == 0.01
    assert space["queries"].value == 100
    assert space["select"].default == 100, "300 is more than there are queries"
    space = made(places, "spec_file: {base: {lr: 0.5, size: much}}\n").space
    assert space["lr"].default is None, "within the bounds, and outside of what is searched"
    assert space["size"].default == 4, "what is no value of it is no beginning"
    searched = made(places, "search: {add: [queries]}\nspec_file: {base: {queries: 100}}\n").space
    assert (searched["queries"].default, searched["select"].default) == (100, 100)


def test_the_base_may_be_a_file_beside_the_experiment(places: Places, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("lr: 0.01\nqueries: 100\n")
    file = tmp_path / "e.yaml"
    text = "name: e\ntemplate: own/net@1\nspec_file: {base: own.yaml}\n"
    file.write_text(text)
    space = parse_experiment(text, str(file), places).space
    assert (space["lr"].default, space["queries"].value) == (0.01, 100)
    (tmp_path / "own.yaml").write_text("[")
    assert parse_experiment(text, str(file), places).space["queries"].value == 300, "the run says what is wrong with it"


def test_a_search_over_nothing_is_told(places: Places) -> None:
    message = told(places, "search: {remove: [lr, size, select]}\n")
    assert "nothing of own/net@1 is searched" in message
    assert "Name parameters: search: {add: […]}" in message


def test_a_runs_conf_goes_as_far_as_a_file(places: Places) -> None:
    experiment = made(places)
    wider = apply_overrides(experiment, {"space": {"size": {"high": 64}}}, places).experiment
    assert wider.space["size"].high == 64
    with pytest.raises(SpecError, match="reaches beyond the template's"):
        apply_overrides(experiment, {"space": {"lr": {"high": 2}}}, places)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bounds: {low: 1}", "bounds: {low: 2}", "it leaves out some of 1 to 8, which is searched"),
        ("bounds: {low: 1}", "bounds: [1]", "a mapping with low, high or both is wanted"),
        ("bounds: {low: 1}", "bounds: {low: x}", "low and high are numbers"),
        ("values: [adam, sgd]", "values: [adam, sgd], bounds: {low: 1}", "goes with a range"),
        ("free: text", "free: texts", "'texts' is not known"),
        ("low: 0, high: 10, default: 3", "low: 0, high: 10, free: number, default: 3", "goes with type fixed"),
        ("unsearched: program", "unsearched: programs", "program"),
    ],
)
def test_what_is_wrong_in_a_template(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = tmp_path / "own" / "net" / "1"
    folder.mkdir(parents=True)
    assert old in LEFT
    (folder / "template.yaml").write_text(LEFT.replace(old, new))
    assert message in " ".join(str(problem) for problem in check_template(folder).problems)


def test_a_version_of_a_group_lies_in_the_groups_folder(tmp_path: Path) -> None:
    folder = tmp_path / "net" / "1"
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text(LEFT)
    with pytest.raises(SpecError, match="the folder of its versions is called"):
        read_template(folder)


def test_a_network_is_pulled_from_a_store_with_its_group(tmp_path: Path) -> None:
    assert split_address("s3://b/templates/tao/dino/3") == ("s3://b/templates", "tao/dino", 3)
    assert split_address("s3://b/templates/mlp/3") == ("s3://b/templates", "mlp", 3)
    make_template(tmp_path / "store", LEFT.replace("own/net", "tao/net"))
    done = pull(open_store(str(tmp_path / "store")), "tao/net", 1, tmp_path / "to")
    assert done.label == "tao/net@1"
    assert (tmp_path / "to" / "tao" / "net" / "1" / "template.yaml").is_file()
