"""What an annotation project's file says once it is read: every group, and what is meant where it says nothing."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.agreement import Promise
from automl_core.annotation.file import AnnotationFile, load_annotation_file, parse_annotation_document
from automl_core.annotation.file.select import OF_TWO, Select
from automl_core.annotation.selection import Rules, Stopping
from automl_core.annotation.selection.rules import BY, COLD, DIVERSITY
from automl_core.spec.errors import SpecError
from automl_core.spec.shapes import fields_of
from tests.support.examples import examples
from tests.unit.annotation.file.files import PROGRAM, WHOLE, file_of, text_of, write


def test_every_group_is_read(tmp_path: Path) -> None:
    file = load_annotation_file(write(tmp_path, "intents.annotation.yaml", WHOLE))
    assert (file.name, file.owner, file.tags, file.output.connection) == ("intents", "anna", ["support"], "minio")
    assert [(each.place, each.connection, each.format) for each in file.data_sets] == [
        ("s3://lake/messages/*.jsonl", "minio", None),
        ("s3://other/ds=${ds}/", "own", "csv"),
    ]
    assert file.items.apart == ("id", "intent", "checked")
    assert file.show == ["text", "channel", "sender"]
    assert [each.title for each in file.experiments] == ["trees"]
    assert (file.experiments[0].storage, file.experiments[0].connection) == ("s3://elsewhere/runs", "theirs")
    program = file.programs[0]
    assert (program.title, program.family, program.timeout, program.env) == ("engine-a", "ctc", 600, {"SEED": "1"})
    assert (file.people.within, file.people.enough, file.people.gold) == (3 * 86400, 0.9, 0.1)
    assert file.promise is not None
    assert file.promise.promise() == Promise(accuracy=0.98, confidence=0.9)
    assert file.select.rules() == Rules(
        by="disagreement", diversity="k-centre", cold="random", multiple=3, random_share=0.4, stratum_share=0.3,
        bad_share=0.1,
    )  # fmt: skip
    assert file.stop.stopping() == Stopping(target=0.95, alpha=0.1, flat=0.005, money=500, rounds=30)
    assert file.dag_ids == ("intents.annotation",)
    assert file.cron == "@daily"
    assert file.newest == "s3://bucket/automl/_annotation/intents/newest/train.csv"
    assert file.alerts is not None
    assert file.alerts.on == ["labels"]


def test_what_is_meant_where_nothing_is_said() -> None:
    file = file_of()
    assert file.output.storage == "file://./runs"
    assert (file.items.kind, file.items.columns, file.show, file.items.apart) == (None, None, None, ())
    assert file.promise is not None
    assert (file.promise.accuracy, file.promise.confidence) == (0.97, 0.95)
    people = file.people
    assert (people.where, people.who, people.votes, people.lease, people.price) == ("page", None, 1, 900, 0)
    assert (file.stop.target, file.stop.flat, file.stop.money, file.stop.rounds) == (None, None, None, 30)
    assert (file.label_studio, file.schedule, file.cron, file.alerts) == (None,) * 4
    assert file.suspects.back
    assert not file.closed
    assert file.labels.keyboard == {"1": "order", "2": "refund", "3": "other"}
    assert file.experiments[1].storage == "file://./runs"


def test_it_is_the_same_file_when_it_is_written_as_it_was_read() -> None:
    """What the journal keeps of a file can be read as one again."""
    for text in (yaml.safe_dump(WHOLE), text_of(), text_of(agree="off", models=[{"experiment": "a"}])):
        file, _ = parse_annotation_document(text, "f")
        assert parse_annotation_document(yaml.safe_dump(file.plain()), "f")[0] == file


def test_nothing_is_promised_where_it_is_off() -> None:
    file = file_of(agree="off", models=[{"experiment": "a"}])
    assert file.promise is None
    assert parse_annotation_document(text_of().replace("name: intents", "name: intents\nagree: off"), "f")[0].agree == (
        "off"
    )


def test_what_may_be_chosen_by_is_what_selection_has() -> None:
    for field, known in (("by", BY), ("diversity", DIVERSITY), ("cold", COLD)):
        assert fields_of(Select)[field].annotation.__args__ == known  # type: ignore[union-attr]
    assert set(OF_TWO) < set(BY)
    assert Select(bad_share=0).rules().bad_share == 0


@pytest.mark.parametrize(
    ("items", "address"),
    [
        ({"kind": "image", "columns": ["url"]}, "url"),
        ({"kind": "audio", "columns": ["url", "speaker"], "address": "url"}, "url"),
        ({"kind": "image", "address": "url"}, "url"),
        ({"kind": "text", "columns": ["text"]}, None),
    ],
)
def test_the_column_with_an_address(items: dict[str, Any], address: str | None) -> None:
    assert file_of(items={"data": "x.csv", **items}).items.address_column == address


def test_classes_that_are_numbers_are_text() -> None:
    labels = file_of(labels={"classes": [0, 1, "2"], "keys": {"1": 9}}).labels
    assert labels.classes == ["0", "1", "2"]
    assert labels.keyboard == {"1": "0", "9": "1", "2": "2"}


_CLASSES = st.lists(st.text(string.ascii_letters, min_size=1, max_size=6), min_size=2, max_size=60, unique=True)


@settings(max_examples=examples(40))
@given(_CLASSES, st.data())
def test_each_key_is_one_class_s_and_no_given_one_is_lost(classes: list[str], data: st.DataObject) -> None:
    keys = dict(zip(
        data.draw(st.lists(st.sampled_from(classes), max_size=5, unique=True)), data.draw(st.permutations("1oaXz")),
        strict=False,
    ))  # fmt: skip
    labels = file_of(labels={"classes": classes, "keys": keys}).labels
    keyboard = labels.keyboard
    assert len(set(keyboard.values())) == len(keyboard)
    assert {name: key.lower() for name, key in keys.items()}.items() <= {b: a for a, b in keyboard.items()}.items()
    assert len(keyboard) == min(len(classes), 36)
    assert list(keyboard.values()) == [each for each in classes if each in keyboard.values()]


def test_a_program_brings_one_model_and_two_families_two() -> None:
    file = file_of(models=[{"experiment": "a", "families": 2}])
    assert [each.models for each in file.models] == [2]
    assert [each.models for each in file_of(models=[PROGRAM, {"experiment": "a"}]).models] == [1, 1]


def test_a_folder_lends_its_connection_to_no_other() -> None:
    file = file_of(output={"storage": "s3://bucket/x", "connection": "minio"})
    assert [file.connection_for(each) for each in ("s3://o/x", "oss://o/x", "x.csv")] == ["minio", None, None]
    assert file_of(output={"storage": "file://./runs", "connection": "x"}).connection_for("data/x.csv") is None


@settings(max_examples=examples(40))
@given(st.floats(0.0001, 0.9999))
def test_a_share_is_the_same_as_percent_and_as_a_number(share: float) -> None:
    percent = f"{100 * share:.10f}%"
    assert file_of(stop={"target": percent}).stop.target == pytest.approx(file_of(stop={"target": share}).stop.target)


@given(st.text(max_size=300))
def test_whatever_stands_in_a_file_is_a_file_or_problems(text: str) -> None:
    assert _file_or_problems(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=8), st.sampled_from(sorted(WHOLE)))  # fmt: skip
def test_whatever_a_group_holds_is_told_or_taken(value: Any, key: str) -> None:
    assert _file_or_problems(text_of(**{key: value}))


@st.composite
def _changed(draw: st.DrawFn) -> dict[str, Any]:
    """A whole file with one value somewhere in a group taken by another."""
    group = draw(st.sampled_from(sorted(key for key, value in WHOLE.items() if isinstance(value, dict))))
    field = draw(st.sampled_from(sorted(WHOLE[group])))
    value = draw(st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(
        ["", "5%", "0%", "100%", "off", "${ds}", "order", "text", "id", "s3://bucket/x", "1h"]
    ) | st.lists(st.sampled_from(["text", "order", "anna", 1]), max_size=3) | st.just({}))  # fmt: skip
    return {**WHOLE, group: {**WHOLE[group], field: value}}


@settings(max_examples=examples(40))
@given(_changed())
def test_whatever_a_field_holds_is_told_at_it_or_taken(data: dict[str, Any]) -> None:
    for each in _file_or_problems(yaml.safe_dump(data, sort_keys=False)):
        assert ":" in each or each == "intents"


def _file_or_problems(text: str) -> list[str]:
    try:
        file: AnnotationFile = parse_annotation_document(text, "f")[0]
    except SpecError as error:
        return [str(problem) for problem in error.problems]
    assert parse_annotation_document(yaml.safe_dump(file.plain()), "f")[0] == file
    return [file.name]
