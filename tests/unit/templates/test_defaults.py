"""Defaults of a template beside values that bound them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.spec.errors import SpecError
from automl_core.templates import parse_experiment
from automl_core.templates.overriding import apply_overrides
from automl_core.templates.places import Places

TEMPLATE = """
template: net
version: 1
title: A network
description: For tests
kind: image
unsearched: program
parameters:
  queries: {type: int, low: 1, high: 600, default: 300, search: true}
  classes: {type: int, low: 1, high: 1000, default: 91, search: offered}
  select:
    {type: int, low: 1, high: 600, default: 300, search: true, at_most: "max(1, min(queries, queries * classes - 1))"}
  shown: {type: int, low: 1, high: 600, default: 300, search: true, at_most: select}
  least: {type: uniform, low: 0.0, high: 1.0, default: 0.1, search: true}
  most: {type: uniform, low: 0.0, high: 2.0, default: 0.5, search: true, above: least}
goal: {metric: loss, direction: minimize}
tasks: [{name: train, command: [python3, train.py, "-e", "${spec_file}"]}]
spec_file: {format: yaml}
"""


def space(root: Path, more: str) -> dict[str, Any]:
    folder = root / "net" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "train.py").write_text("")
    found = parse_experiment(f"name: e\ntemplate: net@1\n{more}", "e.yaml", Places((root,)))
    return found.space


def defaults(root: Path, more: str) -> dict[str, Any]:
    return {name: getattr(model, "default", None) for name, model in space(root, more).items()}


@pytest.mark.parametrize(
    ("more", "select", "shown"),
    [
        ("", 300, 300),
        ("set: {queries: 100}", 100, 100),
        ("set: {classes: 1}", 299, 299),
        ("set: {classes: 1, queries: 1}", 1, 1),
        ("space: {queries: {default: 100}}", 100, 100),
        ("spec_file: {base: {queries: 100}}", 100, 100),
        ("spec_file: {base: {queries: 400}}", 300, 300),
    ],
)
def test_a_default_that_a_value_leaves_out_is_the_nearest_one(
    tmp_path: Path, more: str, select: int, shown: int
) -> None:
    found = defaults(tmp_path, f"search: {{baseline: true}}\n{more}\n")
    assert (found["select"], found["shown"]) == (select, shown)


def test_what_the_base_begins_with_is_not_moved(tmp_path: Path) -> None:
    found = defaults(tmp_path, "spec_file: {base: {select: 500}}\n")
    assert (found["select"], found["queries"]) == (500, None)


def test_a_number_has_no_nearest_one_above_a_limit(tmp_path: Path) -> None:
    assert defaults(tmp_path, "set: {least: 0.7}\n")["most"] is None


def test_what_is_taken_out_keeps_its_bound(tmp_path: Path) -> None:
    """Left to the program it would have 300, whatever the trial's queries are."""

    def kept(more: str) -> Any:
        found = space(tmp_path, more)
        return {name: (model.low if hasattr(model, "low") else model.value) for name, model in found.items()}

    assert "select" not in kept("search: {remove: [select, queries, shown]}")
    found = kept("search: {remove: [select, shown]}\nset: {queries: 100}\n")
    assert (found["select"], found["shown"], found["queries"]) == (100, 100, 100)
    found = kept("search: {remove: [select, shown]}\n")
    assert (found["select"], found["queries"]) == (300, 300), "fewer queries would leave less than it has"
    found = kept("search: {remove: [select, shown]}\nspec_file: {base: {select: 50}}\n")
    assert (found["select"], found["queries"]) == (50, 50)


def test_a_value_bounds_what_is_searched(tmp_path: Path) -> None:
    found = space(tmp_path, "set: {select: 50}\n")
    assert (found["queries"].low, found["select"].value) == (50, 50)
    found = space(tmp_path, "space: {select: {low: 20}}\n")
    assert (found["queries"].low, found["select"].low) == (20, 20)


def test_a_value_that_leaves_no_room_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Narrow queries under space:, or set it"):
        space(tmp_path, "set: {select: 50, classes: 1}\nspace: {queries: {high: 50}}\n")


@pytest.mark.parametrize(
    ("wanted", "select", "shown"),
    [
        ({"queries": {"type": "fixed", "value": 100}}, 100, 100),
        ({"queries": {"default": 100}}, 100, 100),
        ({"queries": {"high": 500}}, 300, 300),
        ({"select": {"default": 50}}, 50, 50),
    ],
)
def test_a_run_moves_them_too(tmp_path: Path, wanted: dict[str, Any], select: int, shown: int) -> None:
    """Its conf narrows the space of a file that is right; the defaults that follow are the template's, not its own."""
    folder = tmp_path / "net" / "1"
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "train.py").write_text("")
    places = Places((tmp_path,))
    text = "name: e\ntemplate: net@1\nsearch: {baseline: true, add: [classes]}\n"
    found = apply_overrides(parse_experiment(text, "e.yaml", places), {"space": wanted}, places).experiment.space
    assert (found["select"].default, found["shown"].default) == (select, shown)
