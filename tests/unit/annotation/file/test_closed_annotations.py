"""What a closed environment refuses of an annotation project's file: places, programs, other servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.file.closed import annotation_problems
from automl_core.closed.policy import Policy, read_policy
from automl_core.spec.errors import format_path
from tests.unit.annotation.file.files import PROGRAM, file_of

HOME = Path("/home/automl")


def policy(**changed: str) -> Policy:
    lists = {
        "closed": "True",
        "closed_data": "file:///home/automl/data, s3://lake",
        "closed_stores": "s3://lake/models",
    }
    return read_policy({**lists, **changed}.get)


def refused(lists: Policy | None = None, **groups: Any) -> list[str]:
    file = file_of(**{"output": {"storage": "s3://lake/models/x"}, "items": {"data": "data/x/"}, **groups})
    found = annotation_problems(file, lists or policy(), home=HOME, bundle=HOME / "dags")
    return [f"{format_path(each.path)}: {each.message}" for each in found]


def test_nothing_is_refused_where_it_is_not_closed() -> None:
    open_ = policy(closed="False")
    assert refused(open_, items={"data": "s3://elsewhere/x/"}) == []
    assert refused(open_, items={"data": "s3://elsewhere/x/"}, closed=True) != []


def test_what_lies_on_the_lists_is_taken() -> None:
    assert refused(items={"data": ["data/x/*.jsonl", "s3://lake/messages/"]}) == []
    assert refused(people={"where": "files"}) == []


@pytest.mark.parametrize(
    ("groups", "where"),
    [
        ({"items": {"data": "s3://elsewhere/x/"}}, "items.data"),
        ({"items": {"data": ["data/x/", {"place": "/etc/messages/"}]}}, "items.data[1].place"),
        ({"items": {"data": "file://${bundle_dir}/x/"}}, "items.data"),
        ({"output": {"storage": "s3://elsewhere/runs"}}, "output.storage"),
        ({"models": [{"experiment": "a"}, {"experiment": "b", "storage": "s3://other/x"}]}, "models[1].storage"),
        ({"models": [{"experiment": "a"}, PROGRAM]}, "models[1].command"),
        ({"people": {"where": "label-studio"}, "label_studio": {"connection": "x"}}, "people.where"),
        ({"closed": False}, "closed"),
    ],
)
def test_what_would_lead_out_is_refused_at_its_field(groups: dict[str, Any], where: str) -> None:
    found = refused(**groups)
    assert [each.partition(": ")[0] for each in found] == [where], found


def test_lists_that_cannot_be_read_refuse_everything() -> None:
    found = refused(policy(closed_network="nowhere at all"))
    assert found
    assert all("the lists of this closed environment can't be read" in each for each in found)
