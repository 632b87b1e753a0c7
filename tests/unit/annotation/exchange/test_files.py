"""Items out and labels in as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.exchange import Imported, NoSuchBatch, Opinion, export_tasks, import_labels
from automl_core.annotation.exchange.lines import read_lines
from automl_core.annotation.project import Chosen, Label, Person, Project, Source
from automl_core.spec.errors import Problem
from automl_core.storage import open_store
from tests.support.examples import examples

ANNA = Person("anna", "cli")
DOCUMENT = {"name": "intents", "labels": {"classes": ["order", "refund"]}, "items": {"columns": ["text"]}}


class Files:
    """A project with a batch, and files of labels for it."""

    def __init__(
        self, folder: Path, items: Sequence[Mapping[str, Any]] = ({"text": "a"}, {"text": "b"}, {"text": "c"}),
        document: Mapping[str, Any] = DOCUMENT, kinds: Sequence[str] = ("useful",) * 9, **more: Any,
    ) -> None:  # fmt: skip
        self.project = Project.open(open_store(f"file://{folder}"), "intents", sleep=lambda _: None)
        self.project.configure(document, ANNA)
        self.project.add_items(items, ANNA, source="here", **more)
        self.ids = [self.project.catalog.id_of(number) for number in range(len(items))]
        self.project.begin_round(1, ANNA)
        chosen = [Chosen(each, kind) for each, kind in zip(self.ids, kinds, strict=False)]
        self.batch = self.project.send(1, chosen, "files", 1, ANNA, price=0.05)

    def out(self, batch: int | None = None, **more: Any) -> list[dict[str, Any]]:
        return [json.loads(each) for each in export_tasks(self.project, batch, **more)]

    def bring(
        self, *lines: Any, source: Source = Source.PERSON, author: str = "ben", by: Person = ANNA
    ) -> Imported:  # fmt: skip
        texts = [each if isinstance(each, str | bytes) else json.dumps(each) for each in lines]
        return import_labels(self.project, texts, by, source, author=author, file="back.jsonl")

    def labels(self, place: int = 0) -> list[tuple[str, str]]:
        return [(each.author, each.label) for each in self.project.state.answers(place)]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


# --- out ----------------------------------------------------------------------------------------


def test_a_line_has_what_people_see_and_room_for_what_they_say(files: Files) -> None:
    first = files.out()[0]
    assert first == {
        "item": files.ids[0], "batch": 1, "content": {"text": "a"}, "shown": files.ids[0],
        "classes": ["order", "refund"], "label": None, "author": None, "seconds": None, "skipped": False,
    }  # fmt: skip
    assert [each["item"] for each in files.out(1)] == files.ids


def test_the_columns_that_people_see_with_the_sources_id(tmp_path: Path) -> None:
    document = {**DOCUMENT, "items": {"columns": ["text"], "show": ["text", "lang"]}}
    files = Files(tmp_path, [{"text": "ä"}], document, keys=["7"], beside=[{"lang": "de", "secret": "no"}])
    line = files.out()[0]
    assert (line["content"], line["key"]) == ({"text": "ä", "lang": "de"}, "7")
    assert files.bring({**line, "label": "order"}).labelled.new == 1
    assert "ä" in next(export_tasks(Files(tmp_path / "other", [{"text": "ä"}]).project))


def test_opinions_only_where_they_are_asked_for_and_lead_nobody(tmp_path: Path) -> None:
    files = Files(tmp_path, kinds=["useful", "stratum", "gold"])
    opinions = {each: Opinion("order", 0.91234, "trees 3") for each in files.ids}
    assert not any("opinion" in each for each in files.out())
    lines = files.out(opinions=opinions)
    assert [each.get("opinion") for each in lines] == [
        {"label": "order", "probability": 0.9123, "model": "trees 3"}, None, None,
    ]  # fmt: skip
    assert not any("kind" in each for each in lines)


def test_what_is_answered_or_retired_is_not_exported_again(files: Files) -> None:
    files.bring({"item": files.ids[0], "label": "order"})
    files.project.retire([files.ids[1]], "wrong", ANNA)
    assert [each["item"] for each in files.out()] == [files.ids[2]]
    with pytest.raises(NoSuchBatch, match="no batch 7: there are 1, from 1"):
        files.out(7)


# --- in -----------------------------------------------------------------------------------------


def test_an_exported_file_comes_back(files: Files) -> None:
    lines = files.out()
    lines[0] |= {"label": "order", "author": "carl", "seconds": 3.5}
    lines[1] |= {"skipped": True}
    told = files.bring(*lines)
    assert (told.labelled.new, told.unanswered, told.problems) == (2, 1, [])
    assert str(told) == "2 labels are new, 0 changed, 0 stood already, 1 lines say nothing"
    (first,) = files.project.state.answers(0)
    assert (first.author, first.label, first.seconds, first.price, first.where, first.batch) == (
        "carl", "order", 3.5, 0.05, "file", 1,
    )  # fmt: skip
    assert files.project.state.answers(1)[0].skipped
    assert files.project.state.progress(1) == (2, 3)


def test_the_same_file_twice_adds_nothing_and_undoes_nothing(files: Files) -> None:
    lines = [{"text": "a", "label": "order"}, {"text": "b", "label": "refund", "time": "2026-11-30T01:00:00Z"}]
    assert files.bring(*lines).labelled.new == 2
    assert files.bring(*lines).labelled.same == 2
    files.project.label([Label(files.ids[0], "refund", "ben", where="page")], ANNA)
    again = files.bring(*lines).labelled
    assert (again.new, again.changed, again.same) == (0, 0, 2)
    assert files.labels() == [("ben", "refund")]


def test_a_file_that_says_again_what_another_had_changed_counts_and_the_very_same_file_does_not(files: Files) -> None:
    first = [{"text": "a", "label": "order"}, {"text": "b", "label": "order"}]
    files.bring(*first)
    files.bring({"text": "a", "label": "refund"})
    assert files.bring({"text": "a", "label": "order"}, {"text": "c", "label": "order"}).labelled.changed == 1
    assert files.labels()[0] == ("ben", "order")
    files.bring({"text": "a", "label": "refund"}, {"text": "c", "label": "order"})
    seq = files.project.state.seq
    told = files.bring(*first)
    assert (told.labelled.changed, told.labelled.same, files.project.state.seq) == (0, 2, seq)
    assert files.labels()[0] == ("ben", "refund")
    (problem,) = told.problems
    assert "this very file was brought at 20" in str(problem)
    assert "ben has said otherwise since: that stands" in str(problem)
    assert "say `time`" in problem.suggestion
    assert problem.line == 1
    assert told.refused == []


def test_of_two_lines_of_one_file_the_later_counts_however_often_it_is_brought(files: Files) -> None:
    lines = [{"text": "a", "label": "order"}, {"text": "a", "label": "refund"}]
    files.bring(*lines)
    seq = files.project.state.seq
    files.bring(*lines)
    assert files.project.state.seq == seq
    files.bring(*lines, {"text": "b", "label": "order"})
    assert [vote.label for vote in files.project.state.history(0)] == ["order", "refund"]


def test_a_file_is_known_also_where_it_says_nothing_new(files: Files) -> None:
    files.project.label([Label(files.ids[0], "order", "ben", where="page")], ANNA)
    files.bring({"text": "a", "label": "order"})
    files.project.label([Label(files.ids[0], "refund", "ben", where="page")], ANNA)
    assert files.bring({"text": "a", "label": "order"}).labelled.changed == 0
    assert files.labels() == [("ben", "refund")]
    state = files.project.state
    assert type(state).decode(state.encode()).brought == state.brought != {}


# --- who ----------------------------------------------------------------------------------------


@pytest.fixture
def roles(tmp_path: Path) -> Files:
    """A project that a person and all of a role label."""
    return Files(tmp_path, document={**DOCUMENT, "people": {"who": ["Anna", "role:Op"]}})


def test_a_role_cannot_be_shown_in_a_file_so_whoever_brings_it_vouches(roles: Files) -> None:
    line = {"text": "a", "label": "order"}
    assert roles.bring({**line, "author": "anna"}, author="").problems == []
    told = roles.bring({**line, "author": "carl"}, author="")
    (problem,) = told.problems
    assert problem.severity == "error"
    assert "'carl' is none that `people.who` names, and has never labelled on the page" in str(problem)
    assert "whether they have role:Op only Airflow knows" in str(problem)
    assert problem.suggestion == "Vouch for them with --author carl, or write their name into `people.who`"
    assert problem.allowed == ("Anna",)
    told = roles.bring({**line, "author": "carl"}, {"text": "b", "label": "order"}, author="carl")
    assert told.labelled.new == 2
    (problem,) = told.problems
    assert problem.severity == "warning"
    assert "whether carl has role:Op can't be asked here: anna vouches" in str(problem)
    told = roles.bring({**line, "author": "eve"}, author="", by=Person("eve", "cli"))
    assert told.labelled.new == 1, "who brings them is known"


def test_who_has_labelled_on_the_page_was_asked_for_their_role_there(roles: Files) -> None:
    roles.project.label([Label(roles.ids[2], "order", "Dora", where="page")], ANNA)
    told = roles.bring({"text": "a", "label": "order", "author": "dora"}, author="")
    assert (told.labelled.new, told.problems) == (1, [])
    assert roles.labels()[0] == ("Dora", "order")


def test_nobody_is_called_as_a_role(roles: Files) -> None:
    assert roles.bring({"text": "a", "label": "order", "author": "role:Op"}, author="").refused


def test_the_simple_form(files: Files) -> None:
    told = files.bring({"text": "b", "label": "order", "author": "carl"}, {"content": {"text": "c"}, "label": "refund"})
    assert (told.labelled.new, told.problems) == (2, [])
    assert (files.labels(1), files.labels(2)) == ([("carl", "order")], [("ben", "refund")])


def test_the_simple_form_with_columns_that_people_see(tmp_path: Path) -> None:
    document = {**DOCUMENT, "items": {"columns": ["text", "n"], "show": ["text"]}}
    files = Files(tmp_path, [{"text": "a", "n": 1}, {"text": "b", "n": 1}, {"text": "b", "n": 2}], document)
    told = files.bring(
        {"text": "a", "label": "order"}, {"text": "b", "label": "order"}, {"text": "b", "n": 2.0, "label": "refund"},
        {"text": "a", "n": 1, "remark": "x", "label": "order"},
    )  # fmt: skip
    assert (told.labelled.new, told.labelled.same) == (2, 1)
    assert files.labels(2) == [("ben", "refund")]
    assert "2 items look like that" in str(told.problems[0])
    assert (told.problems[0].line, told.problems[0].path) == (2, ("content",))


def test_an_item_by_the_sources_id(tmp_path: Path) -> None:
    files = Files(tmp_path, [{"text": "a"}, {"text": "b"}], keys=["7", "8"])
    told = files.bring({"key": 7, "label": "order"}, {"key": "9", "label": "order"})
    assert files.labels() == [("ben", "order")]
    assert str(told.problems[0]) == "back.jsonl:2: key: no item of the project has the key '9'."


def test_a_label_of_another_text_is_refused(files: Files) -> None:
    lines = [
        {"item": files.ids[0], "content": {"text": "a, edited"}, "label": "order"},
        {"item": files.ids[0], "shown": files.ids[1], "label": "order"},
        {"item": files.ids[0], "content": {"text": "a"}, "shown": files.ids[0], "label": "order"},
    ]
    told = files.bring(*lines)
    assert told.labelled.new == 1
    assert [(each.line, each.path) for each in told.refused] == [(1, ("content",)), (2, ("shown",))]
    assert "it is another text than that of item" in str(told.problems[0])


def test_what_was_imported_is_nobodys_work(files: Files) -> None:
    files.bring({"text": "a", "label": "order"}, source=Source.IMPORTED, author="old system")
    (vote,) = files.project.state.answers(0)
    assert (vote.source, vote.author, vote.price) == (Source.IMPORTED, "old system", 0.0)


def test_whose_labels_are_taken(tmp_path: Path) -> None:
    files = Files(tmp_path, document={**DOCUMENT, "people": {"who": ["Anna", "ben"]}})
    told = files.bring(
        {"text": "a", "label": "order", "author": "anna"}, {"text": "b", "label": "order", "author": "bem"},
    )  # fmt: skip
    assert told.labelled.new == 1
    assert str(told.problems[0]) == (
        "back.jsonl:2: author: 'bem' is none of `people.who`. Allowed: Anna, ben. Did you mean 'ben'?"
    )
    again = files.bring({"text": "a", "label": "order", "author": "ANNA"})  # one person, however it is spelled
    assert (again.labelled.new, again.labelled.same) == (0, 1)
    assert files.labels() == [("Anna", "order")]
    assert files.bring({"text": "c", "label": "order"}, source=Source.IMPORTED, author="old").labelled.new == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text": "a", "label": }', "it is no JSON: Expecting value (column 24)."),
        ("a,order", "it is no JSON: Expecting value (column 1). Labels are JSON lines"),
        ("[1]", "a line is an object"),
        ('{"text": "a", "label": "order", "label": "refund"}', "label: 'label' stands there twice"),
        ('{"text": "a", "label": "order", "seconds": NaN}', "NaN is no value of JSON"),
        (b'{"text": "\xff"}', "it is no UTF-8 (byte 11)"),
        ('{"text": "a", "lable": "order"}', "label: there is no label: does 'lable' mean it?"),
        ('{"text": "a", "label": "ordr"}', "'ordr' is no class of this project. Allowed: order, refund. Did you mean"),
        ('{"text": "a", "label": ["order"]}', "label: a class is text"),
        ('{"text": "a", "label": true}', "label: a class is text"),
        ('{"text": "a", "label": "order", "skipped": true}', "it was skipped, and yet has a label"),
        ('{"text": "a", "label": "order", "skipped": 1}', "skipped: found something else than true or false"),
        ('{"text": "a", "label": "order", "seconds": -1}', "seconds: a number from 0 is wanted"),
        ('{"text": "a", "label": "order", "price": "5"}', "price: a number from 0 is wanted"),
        ('{"text": "a", "label": "order", "time": "today"}', "time: a time is wanted, such as"),
        ('{"text": "a", "label": "order", "time": 9e12}', "lies ahead"),
        ('{"text": "a", "label": "order", "author": 7}', "author: text is wanted"),
        ('{"item": 7, "label": "order"}', "item: an id is text"),
        ('{"item": "i7", "label": "order"}', "item: there is no item 'i7'"),
        ('{"item": "i7", "content": "a", "label": "order"}', "content: what was shown is an object of columns"),
        ('{"text": "z", "label": "order"}', "content: no item of the project has this content (columns: text)"),
        ('{"text": ["a"], "label": "order"}', "no item of the project has this content"),
        ('{"label": "order"}', "which item is meant?"),
        ('{"key": true, "label": "order"}', "key: the source's id is text or a whole number"),
        ("[" * 100_000, "nested too deeply"),
        ("x" * 2_000_001, "more than 2,000,000 bytes"),
        ('{"text": "a", "label": %s}' % ("1" * 5000), "a number of thousands of digits"),
        ('{"text": "a", "label": "order", "price": %s}' % ("1" * 400), "price: a number from 0 is wanted"),
        ('{"text": "a", "label": "order", "time": %s}' % ("1" * 400), "time: a time is wanted, such as"),
        ('{"text": "a", "label": "order", "author": "\\ud800"}', "author: a text that is no valid Unicode"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_field_and_keeps_no_other_out(
    files: Files, line: str | bytes, words: str
) -> None:
    told = files.bring("\ufeff" + '{"text": "b", "label": "refund"}\r\n', "", line, {"text": "c", "label": "order"})
    assert told.labelled.new == 2
    (problem,) = told.refused
    assert str(problem).startswith("back.jsonl:3: ")
    assert words in str(problem)
    assert files.labels() == []


def test_nobody_is_its_author(files: Files) -> None:
    told = files.bring({"text": "a", "label": "order"}, author="")
    assert str(told.problems[0]).startswith("back.jsonl:1: author: nobody is named as its author. Name who gave it")


def test_lines_that_contradict_each_other_and_fields_that_are_not_read(files: Files) -> None:
    told = files.bring(
        {"item": files.ids[0], "label": "order", "second": 3}, {"text": "a", "label": "refund"},
        {"text": "a", "label": "order", "author": "carl"},
    )  # fmt: skip
    assert [each.severity for each in told.problems] == ["warning", "warning"]
    assert str(told.problems[0]) == "back.jsonl:1: warning: not read: 'second'. Did you mean 'seconds'?"
    assert "ben says 'refund' of an item of which line 1 says 'order'; the later line counts" in str(told.problems[1])
    assert files.labels() == [("ben", "refund"), ("carl", "order")]


def test_classes_that_are_numbers(tmp_path: Path) -> None:
    files = Files(tmp_path, document={**DOCUMENT, "labels": {"classes": ["0", "1"]}})
    assert (
        files.bring({"text": "a", "label": 1}, {"text": "b", "label": 0.0}, {"text": "c", "label": 0.5}).labelled.new
        == 2
    )
    assert files.labels(1) == [("ben", "0")]


def test_a_retired_items_label_is_kept(files: Files) -> None:
    files.project.retire([files.ids[0]], "edited", ANNA)
    assert files.bring({"text": "a", "label": "order"}).labelled.new == 1


@settings(max_examples=examples(60))
@given(st.lists(st.text(max_size=40) | st.binary(max_size=40) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.dictionaries(st.sampled_from(["item", "label", "skipped", "content", "time", "price"]), inner),
    max_leaves=8,
).map(json.dumps), max_size=5))  # fmt: skip
def test_no_line_is_too_odd(lines: list[str | bytes]) -> None:
    for each in read_lines(lines, "odd.jsonl"):
        assert each.line if isinstance(each, Problem) else each.number


# --- another look ---------------------------------------------------------------------------------


def asked_again(files: Files) -> list[dict[str, Any]]:
    """A first batch that is answered, whose first item is asked about once more."""
    filled = [{**line, "label": "order", "author": "ben"} for line in files.out()]
    files.bring(*filled)
    files.project.end_round(1, {}, ANNA)
    files.project.begin_round(2, ANNA)
    files.project.send(2, [Chosen(files.ids[0], "suspect")], "files", 1, ANNA, price=0.05)
    return filled


def test_a_second_look_that_says_the_same_has_answered_by_the_batch_that_it_names(files: Files) -> None:
    before = asked_again(files)
    told = files.bring(*before)  # of the first batch, brought once more
    assert (told.labelled.same, told.problems, files.project.state.progress(2)) == (3, [], (0, 1))
    again = [{**line, "label": "order", "author": "ben"} for line in files.out()]
    assert [line["batch"] for line in again] == [2]
    for _ in range(2):
        assert files.bring(*again).problems == []
        assert files.project.state.progress(2) == (1, 1)
    assert [vote.batch for vote in files.project.state.history(0)] == [1, 2]


def test_a_second_look_that_names_no_batch_is_told_of(files: Files) -> None:
    asked_again(files)
    told = files.bring({"text": "a", "label": "order"}, {"text": "b", "label": "order"})
    (problem,) = told.problems
    assert (problem.severity, problem.line) == ("warning", 1)
    assert "batch 2 asks for another look" in str(problem)
    assert "say `batch: 2`" in str(problem)
    assert files.project.state.progress(2) == (0, 1)
    told = files.bring({"text": "a", "label": "order", "batch": 2})
    assert (told.problems, files.project.state.progress(2)) == ([], (1, 1))


@pytest.mark.parametrize("batch", [0, -1, "2", True, 1.5])
def test_a_batch_that_is_none_is_refused(files: Files, batch: Any) -> None:
    (problem,) = files.bring({"text": "a", "label": "order", "batch": batch}).problems
    assert problem.path == ("batch",)
    assert files.labels() == []


def test_a_batch_that_the_project_does_not_have_is_told_and_loses_no_label(files: Files) -> None:
    told = files.bring({"text": "a", "label": "order", "batch": 7})
    (problem,) = told.problems
    assert (problem.severity, problem.path) == ("warning", ("batch",))
    assert "there is no batch 7, of 1" in str(problem)
    assert files.labels() == [("ben", "order")]
