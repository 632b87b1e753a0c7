"""The web view of a closed environment: what is saved and begun, who may download, and the record of each download."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from sqlalchemy import select

from automl_core.audit import AuditRecord, read_records
from automl_core.results.publish import publish_study
from automl_core.storage.base import StorageUnavailable
from automl_core.storage.folder import FolderStore
from automl_core.study.layout import details_keys
from tests.unit.web.conftest import World, body_of, path
from tests.unit.web.test_rights import without

API = "/automl/api/v1"

DOWNLOADS = ("/results/controller.json", "/trials/0/files/metrics.json", "/archives/results", "/trials/0/archive")


@pytest.fixture(scope="module")
def ended(world: World) -> tuple[str, str]:
    """A run whose result was published."""
    text, run = world.spec("closed-ended"), "manual__2026-11-21T04:00:00+00:00"
    name = world.know(text)
    publish_study(world.simulate(text, run))
    world.begin(name, run, "success")
    return name, run


@pytest.fixture
def closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment is closed."""
    lists = {
        "closed": "True", "closed_stores": f"file://{world.storage}", "closed_images": "registry.example.com/ml/",
        "closed_network": "10.2.0.0/16:443", "closed_reachable": "10.2.0.1:443", "closed_forbidden": "198.51.100.7:443",
    }  # fmt: skip
    for option, value in lists.items():
        monkeypatch.setenv(f"AIRFLOW__AUTOML__{option.upper()}", value)
    monkeypatch.setenv("AIRFLOW__AUTOML__TRY_IN_WEB", "True")


def records(world: World) -> list[AuditRecord]:
    return list(read_records(FolderStore(world.storage)))


def in_pods(text: str, image: str = "registry.example.com/ml/train:3") -> str:
    pod = f"backend: kubernetes, image: '{image}', storage_mount: {{path: /mnt, host_path: STORAGE}}"
    made = text.replace('command: ["true"], cost_per_hour: 3600', pod)
    assert made != text
    return made


def test_a_file_that_is_refused_is_neither_valid_nor_saved(world: World, closed: None) -> None:
    client, text = world.client("ann"), world.spec("closed-local")
    body = body_of(client.post(f"{API}/validate", json={"text": text}))
    assert not body["ok"]
    assert [each["path"] for each in body["problems"]] == ["tasks[0].backend"]
    assert body["problems"][0]["line"] == 1 + text.splitlines().index(
        next(x for x in text.splitlines() if "train" in x)
    )
    answer = client.post(f"{API}/experiments", json={"text": text})
    assert answer.status_code == 422
    assert "local training" in answer.json()["detail"]
    assert not (world.files / "closed-local.yaml").exists()
    fine = in_pods(text).replace("STORAGE", str(world.storage))
    assert body_of(client.post(f"{API}/validate", json={"text": fine}))["ok"]
    other = in_pods(text, "evil.org/x").replace("STORAGE", str(world.storage))
    said = body_of(client.post(f"{API}/validate", json={"text": other}))["problems"]
    assert [each["path"] for each in said] == ["tasks[0].image"]
    assert said[0]["allowed"] == ["registry.example.com/ml/"]


def test_a_run_whose_conf_brings_another_image_is_refused(world: World, closed: None) -> None:
    text = in_pods(world.spec("closed-conf"), "${solver}").replace("STORAGE", str(world.storage))
    text = text.replace('[adam, sgd, "<b>&\\"\'"]', "[registry.example.com/ml/a, registry.example.com/ml/b]")
    text = text.replace("when: {solver: [sgd]}", "when: {solver: [registry.example.com/ml/b]}")
    name = world.know(text)
    client = world.client("ann")
    answer = client.post(
        f"{API}/experiments/{name}/runs",
        json={"conf": {"space": {"solver": {"values": ["registry.example.com/ml/b", "evil.org/x"]}}}},
    )
    assert answer.status_code == 422, answer.text
    assert "evil.org/x" in answer.json()["detail"]
    body_of(client.post(f"{API}/experiments/{name}/runs", json={"conf": {"max_trials": 3}}))


def test_nothing_is_tried_on_the_api_server(world: World, closed: None) -> None:
    answer = world.client("ann").post(f"{API}/try", json={"text": world.spec("closed-try")})
    assert answer.status_code == 403
    assert "this deployment is closed" in answer.json()["detail"]


def test_a_file_that_closes_itself_is_not_tried_either(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__AUTOML__TRY_IN_WEB", "True")
    text = world.spec("closes-itself") + "closed: true\n"
    answer = world.client("ann").post(f"{API}/try", json={"text": text})
    assert answer.status_code == 409
    assert "this experiment is closed" in answer.json()["detail"]


def test_downloads_need_a_right_of_their_own(world: World, ended: tuple[str, str], closed: None) -> None:
    before = len(records(world))
    for user in ("uma", "vic"):
        client = world.client(user)
        for each in DOWNLOADS:
            answer = client.get(path(*ended, each))
            assert answer.status_code == 403, (user, each)
            assert "can_edit` on `Task Logs" in answer.json()["detail"]
        listed = body_of(client.get(path(*ended, "/results")))
        assert listed["files"]
        assert {each["href"] for each in listed["files"]} == {None}
        assert not listed["downloads"]["allowed"]
    assert len(records(world)) == before
    assert body_of(world.client("oli").get(path(*ended, "/results")))["downloads"] == {"allowed": True, "reason": ""}


ROWS = ("/trials/0/details/rows", "/conclude/details/rows")


def test_pages_show_rows_of_data_to_who_may_download_and_record_that(
    world: World, ended: tuple[str, str], closed: None
) -> None:
    study = world.study(*ended)
    for stage in ("", "conclude/"):
        key = f"{study.journal.prefix}{stage}{details_keys(0)[1]}"
        study.journal.store.put(key, b'{"groups": ["a row"]}')
        study.journal.store.put(f"{study.journal.prefix}{stage}{details_keys(0)[0]}", b'{"kind": "classification"}')
    before = len(records(world))
    for each in ROWS:
        refused = world.client("uma").get(path(*ended, each))
        assert refused.status_code == 403
        assert "a row" not in refused.text
        body_of(world.client("uma").get(path(*ended, each.removesuffix("/rows"))))  # the summary has none
    assert len(records(world)) == before
    for each in ROWS:
        assert body_of(world.client("oli").get(path(*ended, each))) == {"groups": ["a row"]}
    assert [each.more["files"] for each in records(world)[before:]] == [
        [details_keys(0)[1]], ["conclude/" + details_keys(0)[1]],
    ]  # fmt: skip


def test_of_a_manager_that_knows_single_rights_just_that_one_counts(
    world: World, ended: tuple[str, str], closed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without(("PUT", "TASK_LOGS"), monkeypatch):
        assert world.client("ann").get(path(*ended, DOWNLOADS[0])).status_code == 403
    with without(("PUT", "CODE"), monkeypatch):
        assert world.client("vic").get(path(*ended, DOWNLOADS[0])).status_code == 200


def test_each_download_is_recorded_before_it_is_sent(world: World, ended: tuple[str, str], closed: None) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session

    before, client = len(records(world)), world.client("oli")
    for each in DOWNLOADS:
        assert client.get(path(*ended, each)).status_code == 200
    found = records(world)[before:]
    assert [each.by for each in found] == ["oli"] * 4
    assert {each.what for each in found} == {"download"}
    assert [list(each.more["files"])[:1] for each in found][:2] == [["controller.json"], ["experiment_0/metrics.json"]]
    assert {each.more["run"] for each in found} == {ended[1]}
    assert all(each.more["address"] for each in found)
    archive = zipfile.ZipFile(io.BytesIO(client.get(path(*ended, "/trials/0/archive")).content))
    assert records(world)[-1].more["count"] == len(archive.namelist())
    with create_session() as session:
        noted = session.scalars(select(Log).where(Log.event == "automl_download", Log.dag_id == ended[0])).all()
        assert [each.owner for each in noted if found[-1].key in str(each.extra)] == ["oli"]
    assert client.get(path(*ended, "/results/nothing.json")).status_code == 404
    assert len(records(world)) == before + 5


def test_without_a_record_nothing_is_sent(
    world: World, ended: tuple[str, str], closed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> bool:
        raise StorageUnavailable("it does not answer")

    monkeypatch.setattr("automl_airflow.web.downloads.record", away)
    for each in DOWNLOADS:
        answer = world.client("oli").get(path(*ended, each))
        assert answer.status_code == 503, each
        assert "can't be recorded now" in answer.json()["detail"]
    body_of(world.client("oli").get(path(*ended, "/results")))  # pages don't wait for records


def test_elsewhere_all_is_as_it_was(world: World, ended: tuple[str, str]) -> None:
    before = len(records(world))
    for each in DOWNLOADS:
        assert world.client("vic").get(path(*ended, each)).status_code == 200
    assert len(records(world)) == before


def test_a_store_that_is_not_on_the_list_is_not_looked_into(
    world: World, fresh: Any, closed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_STORES", "s3://lake")
    from automl_airflow import stores

    monkeypatch.setattr(stores, "_viewed", stores.Stores(stores._open_viewed))
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED", "")
    name, run = fresh()
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED", "True")
    answer = world.client("ann").get(path(name, run))
    assert answer.status_code == 503
    assert "is not on the list of this closed environment" in answer.json()["detail"]
