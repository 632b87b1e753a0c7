"""Names, tags and comments of runs and trials: written once, seen everywhere, and nothing that the search looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.web.conftest import World, body_of, path

Fresh = Callable[..., tuple[str, str]]


def test_a_trial_is_given_a_name_tags_and_a_comment(world: World, fresh: Fresh) -> None:
    name, run = fresh(until=None, state="success")
    client = world.client()
    body = {"name": "  the   good one ", "tags": ["prod", " b ", "prod"], "comment": "try\nwith more data "}
    said = body_of(client.patch(path(name, run, "/trials/1/label"), json=body))
    assert (said["name"], said["tags"], said["comment"]) == ("the good one", ["b", "prod"], "try\nwith more data")
    page = body_of(client.get(path(name, run, "/trials/1")))
    assert page["trial"]["name"] == "the good one"
    assert page["labelled"]["by"] == "ann"
    table = body_of(client.get(path(name, run, "/trials"), params={"filter": "tags:prod,other"}))
    assert table["columns"]["number"] == [1]
    assert table["labelled"] is True
    assert body_of(client.get(path(name, run, "/trials"), params={"search": "good one"}))["matched"] == 1
    assert world.study(name, run).state.labels[1].tags == ("b", "prod")


def test_fields_that_are_left_out_stay_and_empty_ones_go(world: World, fresh: Fresh) -> None:
    name, run = fresh()
    client = world.client()
    body_of(client.patch(path(name, run, "/label"), json={"name": "first", "tags": ["a"]}))
    body_of(client.patch(path(name, run, "/label"), json={"comment": "why"}))
    before = world.study(name, run).state.seq
    label = body_of(client.patch(path(name, run, "/label"), json={"name": ""}))
    assert (label["name"], label["tags"], label["comment"]) == ("", ["a"], "why")
    assert body_of(client.get(path(name, run)))["label"] | {"time": 0} == {
        "name": "", "tags": ["a"], "comment": "why", "by": "ann", "time": 0,
    }  # fmt: skip
    again = body_of(client.patch(path(name, run, "/label"), json={"tags": ["a"]}))
    assert again["seq"] == before + 1  # what changes nothing is no record


def test_a_list_of_runs_shows_what_was_written_on_one_that_has_ended(world: World, fresh: Fresh) -> None:
    name, run = fresh(until=None, state="success")
    client = world.client()
    listed = f"/automl/api/v1/experiments/{name}/runs"
    assert body_of(client.get(listed))["runs"][0]["name"] == ""  # held from now on
    body_of(client.patch(path(name, run, "/label"), json={"name": "baseline", "tags": ["x"]}))
    found = body_of(client.get(listed))["runs"][0]
    assert (found["name"], found["tags"]) == ("baseline", ["x"])


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x" * 201}, {"tags": ["x" * 51]}, {"tags": [str(n) for n in range(21)]}, {"comment": "x" * 4001},
        {"tags": ["a,b"]}, {"colour": "red"}, {"tags": "a"},
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused_in_words(world: World, fresh: Fresh, body: dict[str, Any]) -> None:
    name, run = fresh()
    answer = world.client().patch(path(name, run, "/trials/0/label"), json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert world.study(name, run).state.labels == {}


def test_who_may_only_look_writes_nothing_and_is_told_why(world: World, fresh: Fresh) -> None:
    name, run = fresh()
    client = world.client("vic")
    assert client.patch(path(name, run, "/label"), json={"name": "x"}).status_code == 403
    assert client.patch(path(name, run, "/trials/0/label"), json={"name": "x"}).status_code == 403
    page = body_of(client.get(path(name, run, "/trials/0")))
    assert page["can"]["label"] is False
    assert "right" in page["why_not"]["label"]
    assert world.client().patch(path(name, run, "/trials/999/label"), json={"name": "x"}).status_code == 404
