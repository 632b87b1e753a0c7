"""What the demonstration of annotation stands on: its messages, its made-up people, and two engines that hear."""

from __future__ import annotations

import csv
import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.file import load_annotation_file
from automl_core.annotation.project import Project
from automl_core.annotation.rounds import Reach, collect, find_models, predict, predictions
from automl_core.journal import Person
from automl_core.storage import open_store
from examples import annotate, make_intents
from examples.speech import engine, make_commands
from tests.sources import ROOT

SPEECH = ROOT / "examples" / "speech"


def test_the_messages_that_are_shipped_are_those_that_are_made() -> None:
    made = list(make_intents.messages())
    shipped = (make_intents.FOLDER / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in shipped] == [each for each, _ in made]
    assert make_intents.truth() == {each["text"]: intent for each, intent in made}
    counts = Counter(intent for _, intent in made)
    assert counts.keys() == make_intents.SHARES.keys()
    assert min(counts.values()) > 0.08 * len(made)
    assert all("intent" not in json.loads(line) for line in shipped), "what is labelled has no label"


def test_the_file_of_the_demonstration_fits_its_messages_and_its_experiments() -> None:
    file = load_annotation_file(ROOT / "experiments" / "intents.annotation.yaml")
    assert set(file.labels.classes) == set(make_intents.SHARES)
    assert {each.experiment for each in file.experiments} == {"intents_linear", "intents_trees"}


def test_messages_of_a_later_day_are_others(tmp_path: Path) -> None:
    path = make_intents.arrive(30, 21, tmp_path)
    later = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(later) == 30
    before = {each["id"] for each, _ in make_intents.messages()}
    assert before.isdisjoint(each["id"] for each in later)


class Desk:
    """Tasks as a server hands them out, and answers as it gets them."""

    def __init__(self, items: Mapping[str, str]) -> None:
        self.waiting = dict(items)
        self.given: list[Mapping[str, Any]] = []

    def claim(self, many: int) -> list[dict[str, Any]]:
        some = [self.waiting.popitem() for _ in range(min(many, len(self.waiting)))]
        return [{"item": item, "content": {"text": text}, "shown": f"shown {item}"} for item, text in some]

    def label_many(self, labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        some = list(labels)
        self.given += some
        return {"new": len(some), "refused": []}


def test_a_made_up_person_is_wrong_as_often_as_is_stated_and_says_what_was_shown() -> None:
    truth = {f"text {number}": ("a", "b", "c")[number % 3] for number in range(1000)}
    items = {f"i{number}": f"text {number}" for number in range(1000)}
    desk = Desk(items)
    person = annotate.Annotator("anna", annotate.reader_of(truth), ("a", "b", "c"), error=0.1, seconds=4.0)
    assert person.work(annotate.RestDesk(desk), wanted=lambda: bool(desk.waiting)) == 1000
    wrong = sum(each["label"] != truth[items[each["item"]]] for each in desk.given)
    assert 60 <= wrong <= 140
    assert all(each["shown"] == f"shown {each['item']}" for each in desk.given)
    assert 3.6 < sum(each["seconds"] for each in desk.given) / 1000 < 4.4
    again = annotate.Annotator("anna", annotate.reader_of(truth), ("a", "b", "c"), error=0.1)
    task = annotate.Task("i7", {"text": "text 7"})
    assert person.answer(task).label == again.answer(task).label, "of the same item always the same"
    waits: list[float] = []
    slow = replace(again, pace=1.0, sleep=waits.append)
    desk = Desk({"i7": "text 7"})
    slow.work(annotate.RestDesk(desk), wanted=lambda: not waits)
    assert waits == [desk.given[0]["seconds"]]


@pytest.mark.parametrize("wrong", [{"error": 1.5}, {"seconds": 0.0}, {"pace": -1.0}])
def test_shares_and_times_that_are_none(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="error is from 0 to 1"):
        annotate.Annotator("anna", str, ("a", "b"), **wrong)


def test_two_engines_hear_the_same_audio_in_a_round(tmp_path: Path) -> None:
    """The documented example, as its file says it: audio by address, programs of two families, probabilities back."""
    make_commands.make(40, tmp_path / "commands")
    (tmp_path / "commands" / "audio" / "c0007.wav").write_bytes(b"no audio")
    file = load_annotation_file(SPEECH / "commands.annotation.yaml")
    items = file.items.model_copy(update={"data": f"{tmp_path}/commands/list.csv"})
    project = Project.open(open_store(str(tmp_path / "runs")), file.name)
    by, said = Person("test", "cli"), list[str]()
    reach = Reach(lambda name: project.store, home=tmp_path, folder=SPEECH, say=said.append)
    file = file.model_copy(update={"items": items})
    assert collect(project, file, reach, by).new == 40
    models = find_models(file, {}, reach, tmp_path / "models")
    done = predict(project, file, 1, models, reach, tmp_path / "work")
    assert done.models == ("crossings", "spectrum")
    assert any("says nothing of 1 of 40 items" in note for note in done.notes)
    table = predictions.read(project.store, str(done.key))
    with (tmp_path / "commands" / "truth.csv").open(newline="") as rows:
        truth = {row["id"]: row["command"] for row in csv.DictReader(rows)}
    right, sure = [0, 0], []
    usable = table.usable()
    for number, row in table.rows.items():
        address = str(project.catalog.content(project.catalog.id_of(number))["audio"])
        command = truth[Path(address).stem]
        heard = [table.classes[int(table.outputs[model, row].argmax())] for model in (0, 1)]
        for model in (0, 1):
            right[model] += bool(usable[model, row]) and heard[model] == command
        if usable[:, row].all() and heard[0] == heard[1] and table.outputs[:, row].max(axis=1).min() > 0.8:
            sure.append(heard[0] == command)
    assert right[1] > 0.9 * 39 > right[0] > 0.5 * 39, "the one is better than the other"
    assert len(sure) > 20
    assert sum(sure) >= 0.95 * len(sure), "what both are sure of is right"


def test_an_engine_says_what_is_wrong_with_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "items.jsonl").write_text('{"id": "i1", "item": {"audio": "file:///nowhere.wav"}}\n')
    assert engine.main(["spectrum", str(tmp_path / "items.jsonl"), str(tmp_path / "out.jsonl")]) == 0
    assert (tmp_path / "out.jsonl").read_text() == ""
    assert capsys.readouterr().out.startswith("i1: [Errno 2]")


def test_the_page_is_asked_as_whoever_signs_in() -> None:
    asked: list[tuple[str, Any, str | None]] = []
    tasks = [{"item": "i1", "content": {"text": "Where is my parcel."}, "shown": "i1"}]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, body, self.headers.get("authorization")))
            answers = {
                "/auth/token": {"access_token": "t"},
                "/automl/api/v1/annotations/my%20intents/tasks": {"tasks": tasks},
                "/automl/api/v1/annotations/my%20intents/labels": {"new": 1, "refused": []},
            }
            ours = self.path == "/auth/token" or self.headers.get("x-automl-request") == "1"
            self.send_response(200 if ours else 403)
            self.end_headers()
            self.wfile.write(json.dumps(answers[self.path]).encode())

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        page = annotate.Page(f"http://127.0.0.1:{server.server_port}/", "my intents", "anna", "secret")
        desk = annotate.RestDesk(page)
        person = annotate.Annotator("anna", lambda shown: "delivery", ("delivery", "order"))
        assert desk.give([person.answer(each) for each in desk.take(5)]) == 1
        server.shutdown()
    assert asked[0] == ("/auth/token", {"username": "anna", "password": "secret"}, None)
    assert [token for _, _, token in asked[1:]] == ["Bearer t", "Bearer t"]
    (answer,) = asked[2][1]["labels"]
    assert (answer["item"], answer["label"], answer["shown"]) == ("i1", "delivery", "i1")
