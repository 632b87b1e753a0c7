"""What annotations say."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.annotation.label_studio.answers import Answer, Unread, answer, newest
from automl_core.annotation.label_studio.configuration import configuration
from tests.unit.annotation.label_studio.stand_in import StandIn, choice

ASKS = configuration("text", ["text"], ["order", "refund", "old"])
PEOPLE = {1: "owner@example.com", 2: "ben@example.com"}


def studio() -> StandIn:
    made = StandIn()
    made.make_project({}, {"title": "intents", "label_config": ASKS.text})
    made.bring(1, {}, [{"data": {"text": "a", "automl_item": "i0"}}])
    return made


def read(found: StandIn, number: int = 1) -> Answer | Unread:
    return answer(found.annotations[number], 1, "i0", "d", ASKS, ["order", "refund"], PEOPLE)


def test_a_class_with_author_time_and_seconds() -> None:
    found = studio()
    found.annotate(1, "order", seconds=3.25)
    told = read(found)
    assert isinstance(told, Answer)
    assert (told.label, told.author, told.seconds, told.skipped, told.instead_of) == (
        "order", "ben@example.com", 3.25, False, None,
    )  # fmt: skip
    assert told.time == pytest.approx(found.now.timestamp(), abs=0.01)


@pytest.mark.parametrize("seconds", [None, True, -1, "3"])
def test_seconds_that_nobody_knows(seconds: Any) -> None:
    found = studio()
    found.annotate(1, "order", seconds=seconds)
    told = read(found)
    assert isinstance(told, Answer)
    assert told.seconds is None


@pytest.mark.parametrize(("label", "cancelled"), [(None, True), ("order", True), (None, False)])
def test_a_skipped_task_is_an_answer_without_a_class(label: str | None, cancelled: bool) -> None:
    found = studio()
    found.annotate(1, label, cancelled=cancelled)
    told = read(found)
    assert isinstance(told, Answer)
    assert (told.skipped, told.label) == (True, "")


def test_a_label_that_somebody_else_changed_is_theirs() -> None:
    found = studio()
    found.annotate(1, "order", 2)
    found.change(1, "refund", 1)
    told = read(found)
    assert isinstance(told, Answer)
    assert (told.label, told.author, told.instead_of) == ("refund", "owner@example.com", "ben@example.com")


def test_a_label_that_its_author_changed_is_the_authors() -> None:
    found = studio()
    found.annotate(1, "order", 2)
    found.change(1, "refund", 2)
    told = read(found)
    assert isinstance(told, Answer)
    assert (told.label, told.author, told.instead_of) == ("refund", "ben@example.com", None)


def test_a_label_that_was_sent_in_somebodys_name_is_theirs() -> None:
    """By the API: completed_by is believed, and updated_by is who sent it, in the same moment."""
    found = studio()
    found.annotate(1, "order", 2)
    found.annotations[1]["updated_by"] = 1
    told = read(found)
    assert isinstance(told, Answer)
    assert (told.author, told.instead_of) == ("ben@example.com", None)


@pytest.mark.parametrize(("user", "author"), [(7, "user 7"), (None, "deleted user (annotation 1)")])
def test_no_label_is_without_an_author(user: int | None, author: str) -> None:
    found = studio()
    found.annotate(1, "order", user)
    told = read(found)
    assert isinstance(told, Answer)
    assert told.author == author


def test_a_user_may_stand_there_whole() -> None:
    found = studio()
    found.annotate(1, "order")
    found.annotations[1]["completed_by"] = {"id": 2, "email": "ben@example.com"}
    told = read(found)
    assert isinstance(told, Answer)
    assert told.author == "ben@example.com"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ([choice("ordr")], r"its class 'ordr' is none of the file's: order, refund\. Did you mean 'order'"),
        ([choice("old")], "its class 'old' is none of the file's"),
        ([choice("order"), choice("refund")], "2 classes"),
        ([choice("order", "other")], "asks for one by 'label', it has other"),
        ([{"from_name": "label", "value": {}}], "has no choices"),
        ([7], "none that Label Studio's classes have"),
        ([{"from_name": "label", "value": {"choices": ["order", "refund"]}}], "2 classes"),
    ],
)
def test_what_gives_no_label_is_told(result: list[Any], words: str) -> None:
    import re

    found = studio()
    found.annotate(1, result)
    told = read(found)
    assert isinstance(told, Unread)
    assert re.search(words, str(told))
    assert str(told).startswith("task 1, annotation 1 (item i0): ")


def test_beside_boxes_a_class_is_read() -> None:
    found = studio()
    found.annotate(1, [choice("x", "boxes"), choice("order")])
    told = read(found)
    assert isinstance(told, Answer)
    assert told.label == "order"


def test_of_a_person_who_annotated_twice_the_last_one_counts() -> None:
    found = studio()
    for label, user in (("order", 2), ("refund", 2), ("order", 1)):
        found.annotate(1, label, user)
    read_all = [each for number in (1, 2, 3) if isinstance(each := read(found, number), Answer)]
    assert [(each.author, each.label) for each in newest(reversed(read_all))] == [
        ("ben@example.com", "refund"), ("owner@example.com", "order"),
    ]  # fmt: skip
