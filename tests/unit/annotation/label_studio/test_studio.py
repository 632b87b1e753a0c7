"""A batch goes to Label Studio, labels come back: over a project's journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.loading import parse_annotation_document
from automl_core.annotation.label_studio import studio as studio_module
from automl_core.annotation.label_studio import tasks as tasks_module
from automl_core.annotation.label_studio.errors import StudioAway, StudioError
from automl_core.annotation.label_studio.studio import Collected, Studio, Synced
from automl_core.annotation.label_studio.tasks import ITEM, Prediction
from automl_core.annotation.project import Chosen, Person, Project, Source
from automl_core.storage import open_store
from tests.unit.annotation.label_studio.stand_in import LEGACY, PERSONAL, Killed, StandIn, choice, refusal

ANNA = Person("anna", "cli")
TEXT = """\
kind: annotation
name: intents
items: {data: examples/*.jsonl, columns: [text], kind: text}
labels: {classes: [order, refund], hints: {order: "wants something"}}
models: [{experiment: trees}, {experiment: dense}]
people: {where: label-studio, price: 0.05}
label_studio: {connection: label_studio}
"""


def file_of(*lines: str, instead: tuple[str, str] = ("", "")) -> AnnotationFile:
    return parse_annotation_document(TEXT.replace(*instead) + "\n".join(lines), "intents.annotation.yaml")[0]


class Room:
    """A project with a batch in Label Studio."""

    def __init__(self, folder: Path, many: int = 3, *, file: AnnotationFile | None = None, votes: int = 1) -> None:
        self.studio, self.file = StandIn(), file or file_of()
        self.store = open_store(f"file://{folder}")
        self.project = self.opened()
        self.project.configure(self.file.plain(), ANNA)
        self.project.add_items([{"text": f"text {number}"} for number in range(many)], ANNA, source="here")
        self.ids = [self.project.catalog.id_of(number) for number in range(many)]
        self.project.begin_round(1, ANNA)
        self.batch = self.send("useful", votes=votes)

    def opened(self) -> Project:
        return Project.open(
            self.store, "intents", clock=lambda: self.studio.now.timestamp() if hasattr(self, "studio") else 0.0,
            sleep=lambda _: None,
        )  # fmt: skip

    def send(self, kind: str, votes: int = 1, round: int = 1) -> int:
        chosen = [Chosen(each, kind) for each in self.ids]
        return self.project.send(round, chosen, "label-studio", votes, ANNA, price=0.05).number

    def sync(self, predictions: Any = None, token: str = LEGACY, **transport: Any) -> Synced:
        with Studio(
            "http://ls.example", token, transport=self.studio.transport(**transport), sleep=lambda _: None
        ) as s:
            return s.sync(self.opened(), self.file, self.batch, predictions)

    def collect(self, since: float | None = None, **transport: Any) -> Collected:
        with Studio(
            "http://ls.example", LEGACY, transport=self.studio.transport(**transport), sleep=lambda _: None
        ) as s:
            found = s.collect(self.project, self.file, since=since)
        self.project.refresh()
        return found

    def task(self, place: int = 0) -> int:
        return next(number for number, each in self.studio.tasks.items() if each["data"][ITEM] == self.ids[place])

    def labels(self, place: int = 0) -> list[tuple[str, str, bool]]:
        return [(each.author, each.label, each.skipped) for each in self.project.state.answers(place)]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_there_and_back_again(room: Room) -> None:
    told = room.sync()
    assert (told.made, len(told.sent.new)) == (True, 3)
    assert told.link == "http://ls.example/projects/1/data"
    assert str(told).endswith("3 tasks are new, 0 were there")
    assert room.sync(token=PERSONAL).sent.known == room.ids
    room.studio.annotate(room.task(), "order", seconds=3.25)
    found = room.collect()
    assert (found.labelled.new, found.read, found.problems, found.notes) == (1, 1, [], [])
    (vote,) = room.project.state.answers(0)
    assert (vote.author, vote.label, vote.seconds, vote.price, vote.kind, vote.where, vote.source) == (
        "ben@example.com", "order", 3.25, 0.05, "useful", "label-studio", Source.PERSON,
    )  # fmt: skip
    assert vote.time == pytest.approx(room.studio.now.timestamp(), abs=0.01)
    again = room.collect()
    assert (again.labelled.new, again.labelled.changed, again.labelled.same) == (0, 0, 1)
    assert room.project.state.progress(room.batch) == (1, 3)


def test_the_configuration_is_that_of_the_file(room: Room) -> None:
    room.sync()
    asked = room.studio.projects[1]
    assert '<Choice value="order" hotkey="1" hint="wants something"/>' in asked["label_config"]
    assert (asked["title"], asked["maximum_annotations"]) == ("intents", 1)


def test_a_configuration_of_ones_own_shows_what_it_names(tmp_path: Path) -> None:
    own = (
        '  config: <View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="order"/>'
        '<Choice value="refund"/></Choices></View>'
    )
    room = Room(tmp_path, file=file_of(own, instead=("{connection: label_studio}", "\n  connection: label_studio")))
    room.sync({room.ids[0]: Prediction("order", 0.9, "trees 1")})
    task = room.studio.tasks[room.task()]
    assert task["data"]["text"] == "text 0"
    assert (task["predictions"][0]["result"][0]["from_name"], task["predictions"][0]["result"][0]["to_name"]) == (
        "c",
        "t",
    )
    room.studio.annotate(room.task(), [choice("refund", "c", "t")])
    assert room.collect().labelled.new == 1


def test_predictions_lead_nobody_whose_answer_measures_somebody(tmp_path: Path) -> None:
    for place, (kind, shown) in enumerate([("useful", 1), ("stratum", 0), ("gold", 0), ("bad case", 0), ("audit", 0)]):
        room = Room(tmp_path / str(place), 1)
        room.project.end_round(1, {}, ANNA)
        room.project.begin_round(2, ANNA)
        room.batch = room.send(kind, round=2)
        room.sync({room.ids[0]: Prediction("order", 0.9, "trees 1")})
        assert len(room.studio.tasks[1]["predictions"]) == shown, kind


def test_no_predictions_where_the_file_says_so_and_none_of_unknown_classes(tmp_path: Path) -> None:
    quiet = file_of(instead=("{connection: label_studio}", "{connection: label_studio, predictions: false}"))
    for place, (file, label) in enumerate([(quiet, "order"), (file_of(), "older")]):
        room = Room(tmp_path / str(place), 1, file=file)
        room.sync({room.ids[0]: Prediction(label, 0.9, "trees 1")})
        assert room.studio.tasks[1]["predictions"] == []


def test_skipped_ones_several_annotators_and_changed_ones(tmp_path: Path) -> None:
    room = Room(tmp_path, votes=2)
    room.sync()
    room.studio.annotate(room.task(), "order", 2)
    room.studio.annotate(room.task(), None, 1, cancelled=True)
    mine = room.studio.annotate(room.task(1), "order", 2)
    assert room.collect().labelled.new == 3
    assert room.labels() == [("ben@example.com", "order", False), ("owner@example.com", "", True)]
    room.studio.change(mine, "refund", 2)
    assert room.collect().labelled.changed == 1
    assert room.labels(1) == [("ben@example.com", "refund", False)]
    assert [each.label for each in room.project.state.history(1)] == ["order", "refund"]


def test_a_label_that_somebody_else_changed_counts_once(room: Room) -> None:
    room.sync()
    mine = room.studio.annotate(room.task(), "order", 2)
    room.collect()
    room.studio.change(mine, "refund", 1)
    found = room.collect()
    assert "owner@example.com changed the label of ben@example.com" in found.notes[0]
    assert sorted(room.labels()) == [("ben@example.com", "", True), ("owner@example.com", "refund", False)]
    again = room.collect()
    assert (again.labelled.new, again.labelled.changed, again.notes) == (0, 0, [])


def test_of_a_person_who_labels_twice_the_last_one_counts_however_often_it_is_read(room: Room) -> None:
    room.sync()
    for label in ("order", "refund"):
        room.studio.annotate(room.task(), label)
    for _ in range(3):
        room.collect()
    assert [each.label for each in room.project.state.history(0)] == ["refund"]


def test_what_is_said_on_the_page_since_is_not_undone(room: Room) -> None:
    from automl_core.annotation.project import Label

    room.sync()
    room.studio.annotate(room.task(), "order")
    room.collect()
    room.studio.tick()
    room.project.label([Label(room.ids[0], "refund", "ben@example.com", where="page")], ANNA)
    room.collect()
    assert room.labels() == [("ben@example.com", "refund", False)]


def test_a_task_that_shows_something_else_gives_no_label(room: Room) -> None:
    room.sync()
    room.studio.annotate(room.task(), "order")
    room.studio.tasks[room.task()]["data"]["text"] = "another text"
    found = room.collect()
    assert found.labelled.new == 0
    assert "the task was changed in Label Studio" in found.problems[0]
    assert room.ids[0] in found.problems[0]


def test_an_items_text_is_edited_after_it_was_sent(tmp_path: Path) -> None:
    """Case N: the label belongs to the text that was shown; the new text is a new item; the old one's label is kept."""
    room = Room(tmp_path, 1)
    room.project.end_round(1, {}, ANNA)
    room.project.add_items([{"text": "as it was"}], ANNA, source="orders", keys=["7"])
    room.ids = [room.project.catalog.id_of(1)]
    room.project.begin_round(2, ANNA)
    room.batch = room.send("useful", round=2)
    room.sync()
    room.project.add_items([{"text": "as it is now"}], ANNA, source="orders", keys=["7"])
    room.studio.annotate(room.task(), "order")
    assert room.collect().labelled.new == 1
    assert room.labels(1) == [("ben@example.com", "order", False)]
    assert room.labels(2) == []
    assert 1 in room.project.state.retired


def test_what_can_not_be_taken_is_told_and_keeps_no_other_out(tmp_path: Path) -> None:
    room = Room(
        tmp_path, 4, file=file_of(instead=("price: 0.05", "price: 0.05, who: [BEN@example.com, owner@example.com]"))
    )
    room.sync()
    room.studio.annotate(room.task(0), "ordr")
    room.studio.annotate(room.task(1), "order", 7)
    room.studio.annotate(room.task(2), [choice("order"), choice("refund")])
    room.studio.annotate(room.task(3), "refund")
    found = room.collect()
    assert (found.labelled.new, found.read, len(found.problems)) == (1, 4, 3)
    assert "its class 'ordr' is none of the file's" in found.problems[0]
    assert "user 7 is none of `people.who`" in found.problems[1]
    assert str(found) == "1 labels are new, 0 changed, 0 stood already, 3 can't be taken"
    assert room.labels(3) == [("BEN@example.com", "refund", False)]  # who came in two spellings would be two people


def test_a_look_reads_only_what_has_changed(room: Room) -> None:
    room.sync()
    room.studio.annotate(room.task(), "order")
    first = room.collect()
    room.studio.tick(3600)
    room.studio.annotate(room.task(1), "refund")
    second = room.collect(first.until)
    assert (first.read, second.read, second.labelled.new) == (1, 2, 1)  # looks overlap
    room.studio.tick(3600)
    room.studio.annotate(room.task(2), "refund")
    third = room.collect(second.until)
    assert (third.read, third.labelled.new) == (2, 1)  # the first one is read no more
    assert third.until is not None
    assert room.collect(third.until).until == third.until


def test_nothing_is_made_by_who_collects(room: Room) -> None:
    with pytest.raises(StudioError, match="has no project of intents yet"):
        room.collect()
    assert not room.studio.projects


def test_tasks_that_people_are_not_asked_about_any_more_go(room: Room) -> None:
    room.sync()
    room.studio.annotate(room.task(), "order")
    room.project.end_round(1, {}, ANNA)
    room.project.add_items([{"text": "new"}], ANNA, source="here")
    room.project.begin_round(2, ANNA)
    room.ids.append(room.project.catalog.id_of(3))
    chosen = [Chosen(room.ids[3])]
    room.batch = room.project.send(2, chosen, "label-studio", 1, ANNA).number
    assert len(room.sync().sent.removed) == 2
    assert {each["data"][ITEM] for each in room.studio.tasks.values()} == {room.ids[0], room.ids[3]}
    assert room.collect().labelled.new == 1  # what came after the round


def test_deleted_labels_are_kept_and_told(room: Room) -> None:
    room.sync()
    room.studio.annotate(room.task(), "order")
    room.collect()
    room.studio.annotations.clear()
    assert room.collect().notes == ["1 labels that came from Label Studio are not there any more; they are kept"]
    assert room.labels() == [("ben@example.com", "order", False)]


@pytest.mark.parametrize("later", [True, False])
def test_a_kill_anywhere_loses_no_label_and_doubles_none(
    tmp_path: Path, later: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_module, "_WHOLE", 2)
    monkeypatch.setattr(studio_module, "TOGETHER", 2)
    monkeypatch.setattr(tasks_module, "TOGETHER", 2)
    room = Room(tmp_path, 5)

    def to_the_end(act: Callable[..., Any]) -> None:
        deaths = 0
        while True:
            try:
                return void(act(dies_at=deaths, later=later))
            except Killed:
                deaths += 1

    to_the_end(room.sync)
    room.studio.settle()
    room.sync()
    for place in range(5):
        room.studio.annotate(room.task(place), "order" if place % 2 else "refund")
    to_the_end(room.collect)
    assert [room.labels(place) for place in range(5)] == [
        [("ben@example.com", "order" if place % 2 else "refund", False)] for place in range(5)
    ]
    assert len(room.project.state.votes) == 5
    used = min(room.studio.projects)
    assert len([each for each in room.studio.tasks.values() if each["project"] == used]) == 5


def void(_: Any) -> None:
    """Nothing of it is of interest."""


def test_a_server_that_is_away_while_labels_are_looked_for(room: Room) -> None:
    room.sync()
    room.studio.annotate(room.task(), "order")
    room.studio.faults.append(lambda method, path, work: refusal(503, "upgrading"))
    with pytest.raises(StudioAway, match=r"fails \(503\): upgrading"):
        room.collect()
    room.studio.faults.clear()
    assert room.collect().labelled.new == 1


def test_a_batch_that_is_none(room: Room) -> None:
    room.batch = 7
    with pytest.raises(StudioError, match="intents has no batch 7"):
        room.sync()
