"""The ledger in the REST API: the same figures however asked, single labels for those alone who may see data."""

from __future__ import annotations

import csv
import io
import json
import threading
from typing import Any

import pytest

from automl_airflow.web import held_ledgers
from automl_airflow.web.aside import PAGES
from automl_airflow.web.routes.annotation_ledger import _is_told
from automl_core.annotation.file import parse_annotation_document
from automl_core.annotation.ledger import Facts, ledger
from automl_core.annotation.project import Label, Person
from automl_core.storage.folder import FolderStore
from tests.unit.annotation.ledger.lived import Lived, live
from tests.unit.web.conftest import World, body_of

API = "/automl/api/v1/annotations"

FILE = """\
kind: annotation
name: {name}
output: {{storage: "file://{storage}"}}
items: {{data: "file://{storage}/parcels/*.jsonl", kind: text, columns: [text]}}
labels: {{classes: [order, refund, other]}}
models: [{{experiment: intents_linear}}, {{experiment: intents_trees}}]
people: {{where: page, votes: 2, price: 0.05, least_right: 85%}}
stop: {{money: 50, target: 95%}}
"""


def made(world: World, name: str, *, closed: bool = False) -> Lived:
    """A project that Airflow knows, and that has gone round three times."""
    text = FILE.format(name=name, storage=world.storage)
    world.know_project(text)
    document = {**parse_annotation_document(text, "x.yaml")[0].plain(), "closed": closed}
    return live(FolderStore(world.storage), name, document=document)


@pytest.fixture(scope="module")
def lived(world: World) -> Lived:
    return made(world, "ledger-project")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers see what is new at once."""
    monkeypatch.setattr("automl_airflow.web.held_journals.READ_EVERY", 0.0)


def get(world: World, path: str, user: str = "vic", **query: Any) -> Any:
    return body_of(world.client(user).get(f"{API}/ledger-project{path}", params=query))


def test_figures_are_told_and_add_up(world: World, lived: Lived) -> None:
    found = get(world, "/ledger")
    assert (found["project"], found["currency"], found["budget"], found["target"]) == (
        "ledger-project",
        "EUR",
        50,
        0.95,
    )
    total = found["cost"]["total"]
    votes = [vote for vote in lived.project.state.votes if vote.source == "person"]
    assert total["cost"] == pytest.approx(sum(vote.price for vote in votes))
    for part in ("author", "source", "round", "where", "kind"):
        rows = found["cost"][f"by_{part}"]
        assert sum(each["labels"] for each in rows) == total["labels"], part
        assert sum(each["cost"] for each in rows) == pytest.approx(total["cost"])
    assert sum(each["labels"] for each in found["use"]["standings"]) == total["labels"]
    assert [each["set"] for each in found["use"]["sets"]] == [1, 2, 3]
    assert found["use"]["sets"][0]["trained"][0]["model"] == {"name": "intents", "version": 1}
    assert [each["author"] for each in found["right"]["authors"]] == ["anna", "ben"]
    assert [each["round"] for each in found["brought"]["rounds"]] == [1, 2, 3]
    ids = lived.project.catalog.ids_of(range(240))
    assert not any(each in json.dumps(found) for each in ids), "figures name no item"


def test_who_has_the_ledger_is_not_sent_it_again(world: World, lived: Lived) -> None:
    client = world.client("vic")
    for part in ("ledger", "rounds", "cases"):
        first = client.get(f"{API}/ledger-project/{part}")
        again = client.get(f"{API}/ledger-project/{part}", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304, part


def test_the_ledger_is_made_anew_once_there_are_labels_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_ledgers, "FOR_AS_LONG", 0.0)
    lived = made(world, "ledger-grows")
    url = f"{API}/ledger-grows/ledger"
    before = body_of(world.client().get(url))
    item = lived.project.catalog.id_of(230)
    lived.project.label([Label(item, "order", "anna", where="cli")], Person("anna", "cli"))
    after = body_of(world.client().get(url))
    assert after["cost"]["total"]["labels"] == before["cost"]["total"]["labels"] + 1
    monkeypatch.setattr(held_ledgers, "FOR_AS_LONG", 1e9)
    lived.project.label([Label(item, "refund", "ben", where="cli")], Person("ben", "cli"))
    assert body_of(world.client().get(url))["seq"] == after["seq"], "it is shown for as long as making it is dear"
    newest = lived.project.state.seq
    assert body_of(world.client().get(url, params={"seq": newest}))["seq"] == newest


def test_no_other_page_waits_while_a_ledger_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made(world, "ledger-threads")
    monkeypatch.setattr(held_ledgers, "FOR_AS_LONG", 0.0)
    making, threads = held_ledgers.ledger, []

    def noted(facts: Any) -> Any:
        threads.append(threading.current_thread().name)
        return making(facts)

    monkeypatch.setattr(held_ledgers, "ledger", noted)
    body_of(world.client().get(f"{API}/ledger-threads/ledger"))
    (name,) = threads
    assert " ledger" in name
    assert not name.startswith(PAGES.name)


def test_ledgers_that_are_too_many_are_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    making = held_ledgers.ledger
    monkeypatch.setattr(held_ledgers, "ledger", lambda facts: counted.append(facts.name) or making(facts))
    monkeypatch.setattr(held_ledgers, "MOST_ANSWERS", 1)
    for name in ("ledger-one", "ledger-two"):
        made(world, name)
    for name in ("ledger-one", "ledger-one", "ledger-two", "ledger-one"):
        body_of(world.client().get(f"{API}/{name}/ledger"))
    assert counted == ["ledger-one", "ledger-two", "ledger-one"]


def test_what_those_who_label_may_not_know() -> None:
    found = ledger(Facts("p", gold={1: "order"}, asked={2}))
    assert [_is_told(item, found) for item in (1, 2, 3)] == [False, False, True]


def test_every_label_is_a_line_of_the_csv_file(world: World, lived: Lived) -> None:
    answer = world.client("vic").get(f"{API}/ledger-project/ledger.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="ledger-project-ledger.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == int(answer.headers["x-automl-matched"]) == len(lived.project.state.votes) + 90
    cost = sum(float(each["price"]) for each in rows)
    assert cost == pytest.approx(get(world, "/ledger")["cost"]["total"]["cost"])
    some = world.client("vic").get(f"{API}/ledger-project/ledger.csv", params={"offset": 5, "limit": 3})
    assert list(csv.DictReader(io.StringIO(some.text))) == rows[5:8]
    assert {each["models"] for each in rows if each["sets"] == "3"} == {"intents 3;intents_linear/annotation-3"}


def test_labels_are_paged_as_columns(world: World, lived: Lived) -> None:
    page = get(world, "/ledger/labels", offset=100, limit=7)
    assert page["matched"] == len(lived.project.state.votes) + 90
    assert {len(column) for column in page["columns"].values()} == {7}
    whole = get(world, "/ledger/labels", limit=10000)
    assert whole["columns"]["item"][100:107] == page["columns"]["item"]


def test_known_answers_and_open_tasks_are_told_to_nobody_who_may_label(world: World) -> None:
    from automl_core.annotation.project import Chosen
    from tests.unit.annotation.ledger.lived import DAG

    lived = made(world, "ledger-open")
    project = lived.project
    ids = project.catalog.ids_of(range(240))
    free = [each for each in ids if each not in {ids[n] for n in project.state.closed()}][:2]
    project.begin_round(4, DAG)
    project.send(4, [Chosen(each) for each in free], "page", 2, DAG)
    project.label([Label(free[0], "order", "anna", where="page")], Person("anna", "rest"))
    rows = body_of(world.client().get(f"{API}/ledger-open/ledger/labels", params={"limit": 10000}))["columns"]
    told = [(item, label, who) for item, label, who in zip(rows["item"], rows["label"], rows["author"], strict=True)]
    assert (free[0], None, "anna") in told
    assert told[-6:] == [("", None, "answers.csv")] * 6, "known answers come last"
    assert rows["time"][-6:] == [None] * 6
    assert set(rows["kind"]) == set(rows["standing"]) == {""}
    assert not [each for each in told[:-6] if each[0] == ""], "an answer without its item would be known by its time"
    figures = body_of(world.client().get(f"{API}/ledger-open/ledger"))
    assert {each["kind"] for each in figures["cost"]["by_kind"]}.isdisjoint({"gold"})
    assert figures["right"]["people"]["of"] == 0
    assert "once no batch is open" in figures["right"]["hidden"]
    project.end_round(4, {}, DAG)
    figures = body_of(world.client().get(f"{API}/ledger-open/ledger", params={"seq": project.state.seq}))
    assert figures["right"]["people"]["of"] > 0


def test_who_does_not_label_is_told_why_each_item_was_asked_for(world: World, lived: Lived) -> None:
    rows = get(world, "/ledger/labels", limit=10000)["columns"]
    assert {"stratum", "useful", "gold"} <= set(rows["kind"])
    assert [item for item, kind in zip(rows["item"], rows["kind"], strict=True) if kind == "gold"] == [""] * 18


def test_rounds_and_bad_cases(world: World, lived: Lived) -> None:
    rounds = get(world, "/rounds")["rounds"]
    assert [each["round"] for each in rounds] == [1, 2, 3]
    assert rounds[1]["brought"]["gain"]["items"] == 12
    assert rounds[0]["models"][0]["model"] == "intents_trees 1"
    cases = get(world, "/cases")
    assert cases["total"] == sum(cases["counts"].values()) == len(lived.project.state.cases)
    assert sum(each["open"] for each in cases["rounds"]) == cases["total"]
    rows = get(world, "/cases/rows", state="open", limit=2)
    assert rows["matched"] == cases["counts"]["open"]
    assert len(rows["cases"]) == 2
    assert rows["cases"][0]["content"]["text"].startswith("where is my parcel")
    assert rows["cases"][0]["label"] in ("order", "refund", "other")
    assert rows["cases"][0]["moves"][0]["state"] == "open"
    assert world.client().get(f"{API}/ledger-project/cases/rows", params={"state": "lost"}).status_code == 422


def test_suspects_come_with_their_items(world: World, lived: Lived) -> None:
    found = get(world, "/suspects")
    assert found["matched"] == 3
    assert found["suspects"][0]["suggested"] == "refund"
    assert found["suspects"][0]["item"].startswith("i")
    assert get(world, "/suspects", offset=2)["suspects"] == found["suspects"][2:]


def test_there_is_no_ledger_of_nothing_nor_of_a_model(world: World, churn: str) -> None:
    for name in ("nothing", churn):
        for part in ("ledger", "ledger.csv", "ledger/labels", "rounds", "cases", "cases/rows", "suspects"):
            assert world.client().get(f"{API}/{name}/{part}").status_code == 404, (name, part)


def test_in_a_closed_environment_figures_are_for_all_and_rows_for_who_may_see_data(world: World) -> None:
    made(world, "ledger-closed", closed=True)
    url = f"{API}/ledger-closed"
    for part in ("ledger", "rounds", "cases"):
        assert world.client("vic").get(f"{url}/{part}").status_code == 200, part
    standing = body_of(world.client("vic").get(f"{url}/ledger/standing"))
    assert not standing["rows"]["allowed"]
    assert "closed environment" in standing["rows"]["reason"]
    for part in ("ledger.csv", "ledger/labels", "cases/rows", "suspects"):
        refused = world.client("vic").get(f"{url}/{part}")
        assert refused.status_code == 403, part
        assert "rows of data" in refused.json()["detail"]
    store = FolderStore(world.storage)
    before = set(store.list("_audit/"))
    assert body_of(world.client("oli").get(f"{url}/ledger/standing"))["rows"]["allowed"]
    assert world.client("oli").get(f"{url}/ledger.csv").status_code == 200
    assert world.client("oli").get(f"{url}/suspects").status_code == 200
    records = [json.loads(store.get(key)) for key in sorted(set(store.list("_audit/")) - before)]
    assert [(each["annotation"], each["files"]) for each in records] == [
        ("ledger-closed", ["ledger.csv"]),
        ("ledger-closed", ["suspects"]),
    ]
