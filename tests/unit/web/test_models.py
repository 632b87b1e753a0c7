"""Models in the REST API: what is in use, versions, evidence, history; by who may read them, bounded and patient."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from automl_core.storage.base import StorageUnavailable
from automl_core.storage.folder import FolderStore
from tests.support.patience import stretched
from tests.unit.web.conftest import World, body_of
from tests.unit.web.lives import HOSTILE, Author, evidence, life_of, model_text
from tests.unit.web.watched import watch

API = "/automl/api/v1/models"


def get(world: World, path: str, user: str = "vic", **query: Any) -> Any:
    return body_of(world.client(user).get(f"{API}{path}", params=query))


def test_models_are_listed_with_what_is_in_use_and_who_is_waited_for(world: World, churn: str) -> None:
    found = next(each for each in get(world, "")["models"] if each["model"] == churn)
    assert found["in_use"]["version"] == 3
    assert found["in_use"]["accepted"]["by"] == {"name": "ann", "how": "airflow"}
    (waiting,) = found["waiting"]
    assert (waiting["version"], waiting["whom"], waiting["late"]) == (5, ["ann", "ben"], False)
    assert found["newest"]["state"] == "ASKED"
    assert found["newest"]["verdict"]["ok"] is True
    assert found["next_interval"] is not None
    assert found["problem"] is None
    assert HOSTILE.replace('"', "'") in found["description"]


def test_a_models_dags_are_no_experiments_and_experiments_no_models(world: World, churn: str) -> None:
    experiments = body_of(world.client().get("/automl/api/v1/experiments"))["experiments"]
    assert not [each for each in experiments if each["experiment"].startswith(churn)]
    assert "ended-one" not in [each["model"] for each in get(world, "")["models"]]
    assert world.client().get(f"{API}/ended-one").status_code == 404
    assert world.client().get(f"/automl/api/v1/experiments/{churn}.rollout").status_code == 404


def test_lists_are_searched_sorted_and_paged(world: World, churn: str) -> None:
    names = {world.know_model(model_text(world, f"paged-{n}", "ended-one")) for n in range(3)}
    found = get(world, "", search="paged-", sort="-name", limit=2)
    assert [each["model"] for each in found["models"]] == ["paged-2", "paged-1"]
    assert (found["matched"], found["offset"], found["limit"]) == (3, 0, 2)
    assert [each["model"] for each in get(world, "", search="paged-", offset=2)["models"]] == ["paged-2"]
    assert churn in [each["model"] for each in get(world, "", waiting="true")["models"]]
    assert not names & {each["model"] for each in get(world, "", waiting="true")["models"]}
    used = [each["in_use"] is not None for each in get(world, "", sort="since")["models"]]
    assert used == sorted(used, reverse=True), "what was never in use comes last"
    assert world.client().get(API, params={"sort": "nonsense"}).status_code == 422


def test_one_model_tells_what_is_in_use_its_shares_and_its_file(world: World, churn: str) -> None:
    found = get(world, f"/{churn}", "ann")
    assert found["counts"] == {"REPLACED": 1, "REJECTED": 1, "IN_USE": 1, "TAKEN_BACK": 1, "ASKED": 1}
    assert [each["champion"] for each in found["shares"]] == [1, 3, 4, 3]
    assert found["scored"] == {"intervals": 4, "rows": 4000, "open": 0}
    assert set(found["dags"]) == {"rollout", "score"}
    assert found["experiments"] == ["ended-one"]
    assert found["source"].startswith("kind: model")
    assert found["accept"]["by"] == "anybody"
    assert found["can"]["take_back"]


def test_what_was_in_use_at_a_time_is_told_with_who_accepted_it_on_what(world: World, churn: str) -> None:
    life = life_of(world, churn)
    first, second, third, _ = life.shares
    assert get(world, f"/{churn}/in-use", at=first.time - 1)["in_use"] is None
    for record, version in ((first, 1), (second, 3), (third, 4)):
        found = get(world, f"/{churn}/in-use", at=record.time + 1)["in_use"]
        assert (found["version"], found["since"]) == (version, record.time)
        assert found["evidence"] == life.versions[version].evidence[-1].digest
        assert found["accepted"]["by"]["name"] == "ann"
    assert get(world, f"/{churn}/in-use")["in_use"]["version"] == 3


def test_versions_are_filtered_and_sorted(world: World, churn: str) -> None:
    assert [each["version"] for each in get(world, f"/{churn}/versions", sort="-version")["versions"]] == [
        5,
        4,
        3,
        2,
        1,
    ]
    assert [each["version"] for each in get(world, f"/{churn}/versions", state="in_use,asked")["versions"]] == [3, 5]
    assert get(world, f"/{churn}/versions", limit=2, offset=1)["versions"][0]["version"] == 2
    refused = world.client().get(f"{API}/{churn}/versions", params={"state": "USED"})
    assert refused.status_code == 422
    assert "IN_USE" in refused.json()["detail"]


def test_one_version_tells_where_it_comes_from_and_what_was_decided(world: World, churn: str) -> None:
    found = get(world, f"/{churn}/versions/4")
    assert (found["model"], found["state"]) == (churn, "TAKEN_BACK")
    assert HOSTILE in found["note"]
    assert found["source"]["run"] == "run-4"
    assert found["copy"]["files"] == 1
    assert [each["what"] for each in found["decisions"]] == ["accepted"]
    assert [each["state"] for each in found["moves"]][-2:] == ["IN_USE", "TAKEN_BACK"]
    missing = world.client().get(f"{API}/{churn}/versions/99")
    assert missing.status_code == 404
    assert "1 to 5" in missing.json()["detail"]


def test_evidence_is_told_whole_as_a_page_and_with_its_rows_apart(world: World, churn: str) -> None:
    digest = life_of(world, churn).versions[3].evidence[-1].digest
    found = get(world, f"/{churn}/versions/3/evidence")
    assert found["digest"] == digest
    assert found["difference"]["value"] == pytest.approx(0.03)
    assert "row" not in found["cases"]
    rows = get(world, f"/{churn}/versions/3/evidence/rows", digest=digest)
    assert {each["state"] for each in rows["cases"]} == {"fixed", "still", "regressed", "unseen"}
    page = world.client("vic").get(f"{API}/{churn}/versions/3/evidence.md")
    assert page.headers["content-type"].startswith("text/markdown")
    assert HOSTILE not in page.text, "text of data is no markup in Markdown either"
    assert page.headers["x-content-type-options"] == "nosniff"
    other = life_of(world, churn).versions[4].evidence[-1].digest
    assert world.client().get(f"{API}/{churn}/versions/3/evidence", params={"digest": other}).status_code == 404
    assert world.client().get(f"{API}/{churn}/versions/3/evidence", params={"digest": "../x"}).status_code == 422


def test_evidence_that_somebody_has_changed_is_not_shown(world: World, churn: str) -> None:
    author = Author(world.storage, "tampered", "ended-one")
    world.know_model(model_text(world, "tampered", "ended-one"))
    digest = author.evaluate(author.offer("run-1"))
    store = FolderStore(world.storage)
    key = next(each for each in store.list("_models/tampered/evidence/") if each.endswith(f"{digest}.json"))
    body = json.loads(store.get(key))
    body["verdict"]["ok"] = False
    store.put(key, json.dumps(body).encode())
    answer = world.client().get(f"{API}/tampered/versions/1/evidence")
    assert answer.status_code == 409
    assert "digest" in answer.json()["detail"]


def test_history_and_what_was_scored_are_paged(world: World, churn: str) -> None:
    whole = get(world, f"/{churn}/history")
    kinds = [each["kind"] for each in whole["events"]]
    assert {"offered", "evaluated", "accepted", "rejected", "in_use", "taken_back", "retraining", "scored"} <= set(
        kinds
    )
    times = [each["time"] for each in whole["events"]]
    assert times == sorted(times)
    later = get(world, f"/{churn}/history", since=times[5], until=times[8])
    assert later["matched"] == sum(times[5] <= each <= times[8] for each in times)
    assert get(world, f"/{churn}/history", offset=2, limit=1)["events"] == whole["events"][2:3]
    scored = get(world, f"/{churn}/intervals")
    assert [each["version"] for each in scored["intervals"]] == [3, 1, 1, 1]
    assert len(scored["missing"]) == 1, "the day that nobody has scored"
    assert get(world, f"/{churn}/intervals", limit=1, offset=3)["intervals"] == scored["intervals"][3:]


def test_bad_cases_are_followed_from_version_to_version(world: World, churn: str) -> None:
    assert [each["version"] for each in get(world, f"/{churn}/cases")["versions"]] == [2, 3, 4, 5]
    found = get(world, f"/{churn}/cases/rows", key="c-1")
    assert found["versions"] == [{"version": n, "state": "fixed"} for n in (2, 3, 4, 5)]
    assert found["row"]["note"] == HOSTILE
    assert world.client().get(f"{API}/{churn}/cases/rows", params={"key": "nobody"}).status_code == 404


def test_efficiency_tells_waiting_for_people_apart(world: World, churn: str) -> None:
    found = get(world, f"/{churn}/efficiency")
    third = next(each for each in found["versions"] if each["version"] == 3)
    people = {each["name"]: each["seconds"] for each in third["stages"] if each["people"]}
    assert people == {"waiting for people": 3600}
    assert sum(each["offered"] for each in found["months"]) == 5
    assert [each["version"] for each in get(world, f"/{churn}/quality")["points"]] == [1, 3, 4]
    assert get(world, f"/{churn}/retrainings")["retrainings"][0]["reason"] == {"by_hand": "new prices"}


def test_who_has_an_answer_is_not_sent_it_again(world: World, churn: str) -> None:
    client = world.client("vic")
    parts = ("", "/versions", "/history", "/intervals", "/cases", "/efficiency", "/versions/3", "/versions/3/evidence")
    for part in parts:
        first = client.get(f"{API}/{churn}{part}")
        again = client.get(f"{API}/{churn}{part}", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304, part


def test_a_model_that_this_user_may_not_read_does_not_appear(
    world: World, churn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        details = call.get("details")
        hidden = details is not None and details.id == f"{churn}.rollout" and call["user"].get_name() == "vic"
        return False if hidden else bool(allowed(**call))

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
    assert churn not in [each["model"] for each in get(world, "")["models"]]
    for part in (
        "",
        "/versions",
        "/versions/3",
        "/versions/3/evidence",
        "/versions/3/evidence/rows",
        "/history",
        "/in-use",
    ):
        assert world.client("vic").get(f"{API}/{churn}{part}").status_code == 403


def test_a_store_that_is_away_leaves_the_model_as_it_was(
    world: World, churn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(world, f"/{churn}")

    def listed() -> Any:
        return next(each for each in get(world, "")["models"] if each["model"] == churn)

    ends = time.monotonic() + stretched(20)
    while listed()["problem"] is not None:  # the list has to have been read once, too
        assert time.monotonic() < ends

    def away(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("the bucket is away")

    monkeypatch.setattr(FolderStore, "list", away)
    monkeypatch.setattr("automl_airflow.web.held_journals.READ_EVERY", 0.0)
    monkeypatch.setattr("automl_airflow.web.aside.seconds", lambda place, patience: 0.5)
    answer = world.client("vic").get(f"{API}/{churn}")
    assert body_of(answer)["in_use"]["version"] == 3
    assert int(answer.headers["age"]) >= 0
    assert str(world.storage) in answer.headers["x-automl-stale"]
    last = listed()
    assert "as it was" in last["problem"]
    assert last["in_use"]["version"] == 3
    world.know_model(model_text(world, "never-read", "ended-one"))
    unread = next(each for each in get(world, "")["models"] if each["model"] == "never-read")
    assert unread["seq"] is None
    assert world.client("vic").get(f"{API}/never-read").status_code == 503
    assert world.client("vic").get(f"{API}/{churn}/versions/3/evidence").status_code == 503


def test_a_journal_is_read_once_however_many_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "read-once"  # of its own: a page that an earlier test no longer waits for may still read its model
    world.know_model(model_text(world, name, "ended-one"))
    author = Author(world.storage, name, "ended-one")
    author.use(author.offer("run-1"), author.evaluate(1))
    monkeypatch.setattr("automl_airflow.web.held_journals.READ_EVERY", 3600.0)
    counted = []
    listing = FolderStore.list

    def count(self: Any, prefix: str = "", *rest: Any, **more: Any) -> Any:
        counted.append(prefix)
        return listing(self, prefix, *rest, **more)

    monkeypatch.setattr(FolderStore, "list", count)
    assert get(world, f"/{name}")["in_use"]["version"] == 1
    journal = f"_models/{name}/journal/"
    first = counted.count(journal)
    assert first > 0
    for _ in range(5):
        get(world, f"/{name}")
        get(world, f"/{name}/versions")
    assert counted.count(journal) == first


def test_few_models_are_held(world: World, churn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.web.held_models import held_models

    monkeypatch.setattr(held_models, "capacity", 2)
    for n in range(4):
        world.know_model(model_text(world, f"held-{n}", "ended-one"))
        get(world, f"/held-{n}")
    assert len(held_models) == 2


def test_a_closed_model_gives_rows_to_who_may_download_and_records_it(world: World) -> None:
    name = "closed-model"
    world.know_model(model_text(world, name, "ended-one"))
    author = Author(world.storage, name, "ended-one")
    author.life.configure({"closed": True}, author.person())
    author.use(author.offer("run-1"), author.evaluate(1))
    author.evaluate(author.offer("run-2"), 0.01)
    client = world.client("uma")
    for part in ("/versions/2/evidence/rows", "/cases/rows?key=c-1"):
        answer = client.get(f"{API}/{name}{part}")
        assert answer.status_code == 403
        assert "edit task logs" in answer.json()["detail"]
    told = get(world, f"/{name}/versions/2/evidence", "uma")
    assert told["cases"]["counts"]["fixed"] == 40
    assert "c-1" not in json.dumps(told), "keys of rows are data"
    assert not get(world, f"/{name}/versions/2", "uma")["data_rows"]["allowed"]
    before = len(FolderStore(world.storage).list("_audit/"))
    assert get(world, f"/{name}/versions/2/evidence/rows", "oli")["cases"]
    records = FolderStore(world.storage).list("_audit/")
    assert len(records) == before + 1
    assert b'"oli"' in FolderStore(world.storage).get(records[-1])
    assert "c-1" in json.dumps(get(world, f"/{name}/versions/2/evidence", "oli"))


def test_evidence_of_a_first_version_has_nothing_beside_it(world: World, churn: str) -> None:
    found = get(world, f"/{churn}/versions/1/evidence")
    assert found["champion"] is None
    assert found["difference"] is None
    assert found == {"digest": found["digest"], **evidence(1, None, 0.02)}
    answer = world.client("vic").get(f"{API}/{churn}/versions/1/evidence/rows")
    assert answer.status_code == 404


def test_quality_is_told_measured_estimated_and_tested_live_and_drift_by_column(world: World) -> None:
    name = world.know_model(model_text(world, "watched", "ended-one") + "watch: {every: 1h}\n")
    author = Author(world.storage, name, "ended-one")
    author.use(author.offer("run-1"), author.evaluate(1))
    before = get(world, f"/{name}/drift")
    assert (before["columns"], before["looks"], before["newest"]) == ([], [], None)
    watch(author.store, name, 1, author.clock.now)
    found = get(world, f"/{name}/quality")
    assert [each["value"] for each in found["points"]][:2] == [0.87, 0.87]
    assert found["estimate"]["metric"] == found["metric"] == "roc_auc"
    assert len(found["estimate"]["points"]) == 12
    assert found["estimate"]["points"][-1]["low"] < found["estimate"]["points"][-1]["value"]
    assert [each["state"] for each in found["live"]["looks"]].count("failed") == 1
    assert HOSTILE in found["live"]["newest"]["tests"][1]["name"]
    drift = get(world, f"/{name}/drift")
    assert drift["columns"][0]["name"] == "age", "the furthest first"
    assert len(drift["columns"][0]["points"]) == 12
    assert drift["looks"][-1]["drifted"] == ["age", "probability of yes"]
    assert drift["newest"]["attribution"]["columns"][0]["share"] == 0.87
    answer = world.client("vic").get(f"{API}/{name}/drift")
    again = world.client("vic").get(f"{API}/{name}/drift", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    watch(author.store, name, 1, author.clock.now + 86400, 1)
    news = world.client("vic").get(f"{API}/{name}/drift", headers={"If-None-Match": answer.headers["etag"]})
    assert len(body_of(news)["looks"]) == 13
