"""A real Label Studio: it answers as the stand-in does, and kills lose no task and no label, double none."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from automl_core.annotation.project import Chosen, Person, Project
from automl_core.storage import open_store
from tests.heavy.label_studio_worker import FILE, class_of
from tests.sources import ROOT
from tests.unit.annotation.label_studio.stand_in import LEGACY, StandIn, choice

TASKS = int(os.environ.get("LABEL_STUDIO_TASKS", "10000"))
KILLS = int(os.environ.get("LABEL_STUDIO_KILLS", "20"))
LONGEST = {"sync": 8.0, "collect": 20.0}
"""Seconds at work after which a process is killed, at most."""

ANNA = Person("anna", "cli")
OWNER, BEN = "owner@example.com", "ben@example.com"
CONFIGURATION = (
    '<View><Text name="shown" value="$text"/><Choices name="label" toName="shown"><Choice value="order"/>'
    '<Choice value="refund"/></Choices></View>'
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = Path(os.environ.get("LABEL_STUDIO") or ROOT / ".venv-label-studio" / "bin" / "label-studio")
    assert program.exists(), f"there is no {program}: `make test-heavy` makes it"
    place = tmp_path_factory.mktemp("label-studio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(place), "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LATEST_VERSION_CHECK": "0", "COLLECT_ANALYTICS": "0", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "",
    }  # fmt: skip
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port),
             "--username", OWNER, "--password", "only-on-loopback", "--user-token", LEGACY],
            cwd=place, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=os.environ | settings,
        )  # fmt: skip
        try:
            for _ in range(1200):  # a first start makes its database
                assert process.poll() is None, (place / "log").read_text()
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success:
                        break
                except httpx.HTTPError:
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def asked(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"authorization": f"Token {LEGACY}"}, timeout=600, trust_env=False)


def shape(found: Any) -> Any:
    """Names and kinds, without values."""
    if isinstance(found, dict):
        return {name: shape(each) for name, each in found.items()}
    if isinstance(found, list):
        return [shape(each) for each in found[:1]]
    return type(found).__name__


def within(small: Any, large: Any) -> bool:
    """Whether all that the stand-in answers is answered by the real one."""
    if isinstance(small, dict):
        return isinstance(large, dict) and all(name in large and within(small[name], large[name]) for name in small)
    if isinstance(small, list):
        return isinstance(large, list) and all(within(a, b) for a, b in zip(small, large, strict=False))
    return bool(small == large or "NoneType" in (small, large))


@pytest.mark.timeout(900)
def test_the_stand_in_answers_as_the_real_one(studio: str) -> None:
    data = {"data": {"text": "a", "automl_item": "i0"}}
    query = '{"filters": {"conjunction": "and", "items": [%s]}}'
    after = '{"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": 0}'
    some = '{"filter": "filter:tasks:annotations_ids", "operator": "empty", "type": "Unknown", "value": false}'
    changed = '{"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": %s}'
    since = changed % '"2020-01-01T00:00:00.000000Z"'
    with StandIn().serve() as there, asked(studio) as real, asked(there) as stand_in:
        both = {"real": real, "stand-in": stand_in}
        ids: dict[str, dict[str, int]] = {name: {} for name in both}
        for name, each in both.items():
            made = each.post("/api/projects", json={"title": "probe", "label_config": CONFIGURATION}).json()
            ids[name]["project"] = made["id"]
            each.post(f"/api/projects/{made['id']}/import", json=[data, data])
            rows = each.get("/api/tasks", params={"project": made["id"]}).json()["tasks"]
            ids[name].update(task=rows[0]["id"], other=rows[1]["id"])
        real.post(
            f"/api/tasks/{ids['real']['task']}/annotations/", json={"result": [choice("order")], "lead_time": 2.5}
        )
        requests: list[tuple[str, str, dict[str, Any]]] = [
            ("GET", "/api/users/", {}),
            ("GET", "/api/projects", {"params": {"include": "id,title,description", "page_size": 100, "page": 1}}),
            ("GET", "/api/projects", {"params": {"page_size": 100, "page": 7}}),
            ("GET", "/api/projects/{project}/", {}),
            ("GET", "/api/projects/999999/", {}),
            ("POST", "/api/projects", {"json": {"title": "ab", "label_config": CONFIGURATION}}),
            ("POST", "/api/projects", {"json": {"title": "a" * 51, "label_config": CONFIGURATION}}),
            ("PATCH", "/api/projects/{project}/", {"json": {"maximum_annotations": 2}}),
            ("POST", "/api/projects/{project}/import", {"json": [data]}),
            ("POST", "/api/projects/{project}/import", {"json": [data, {"data": {"txt": "a"}}]}),
            ("POST", "/api/projects/{project}/import", {"json": []}),
            ("GET", "/api/tasks", {"params": {
                "project": "{project}", "page_size": 2, "query": query % after, "resolve_uri": "false",
                "include": "id,data,total_annotations,cancelled_annotations"}}),
            ("GET", "/api/tasks", {"params": {"project": "{project}", "query": query % after.replace("0", "999999")}}),
            ("GET", "/api/tasks", {"params": {
                "project": "{project}", "fields": "all", "query": query % f"{some}, {since}"}}),
            ("GET", "/api/tasks/{task}/", {"params": {"resolve_uri": "false"}}),
            ("DELETE", "/api/tasks/{other}/", {}),
            ("DELETE", "/api/tasks/{other}/", {}),
            ("GET", "/api/tasks/{other}/", {}),
            ("POST", "/api/token/refresh/", {"json": {"refresh": "a.b.c"}}),
        ]  # fmt: skip
        for method, path, more in requests:
            answers = {}
            for name, each in both.items():
                params = {key: str(value).replace("{project}", str(ids[name]["project"]))
                          for key, value in more.get("params", {}).items()}  # fmt: skip
                body = {"json": more["json"]} if "json" in more else {}
                answers[name] = each.request(method, path.format(**ids[name]), params=params, **body)
            found, said = answers["real"], answers["stand-in"]
            assert found.status_code == said.status_code, (method, path, found.text[:300])
            if said.content:
                assert within(shape(said.json()), shape(found.json())), (method, path, said.json(), found.json())
                if said.status_code >= 400:
                    assert said.json()["detail"] == found.json()["detail"]
                if "tasks" in said.json():
                    assert len(said.json()["tasks"]) in (len(found.json()["tasks"]), 0)


@pytest.mark.timeout(3600)
def test_kills_lose_no_task_and_no_label(studio: str, tmp_path: Path) -> None:
    project = Project.open(open_store(f"file://{tmp_path}"), "intents")
    project.add_items([{"text": f"text {number}"} for number in range(TASKS)], ANNA, source="here")
    ids = [project.catalog.id_of(number) for number in range(TASKS)]
    project.begin_round(1, ANNA)
    project.send(1, [Chosen(each) for each in ids], "label-studio", 1, ANNA)
    with asked(studio) as real:
        killed = [worked("sync", tmp_path, studio, LEGACY, KILLS // 2)]
        number = next(each["id"] for each in real.get("/api/projects").json()["results"] if each["title"] == "intents")
        assert items(real, number) == dict.fromkeys(ids, 1)

        ben = real.post("/api/users/", json={"email": BEN, "username": "ben"}).json()["id"]
        own = [
            each["id"] for each in real.get("/api/tasks", params={"project": number, "page_size": 20}).json()["tasks"]
        ]
        for place, each in enumerate(own):
            body = {"result": [choice("refund")], "completed_by": ben, "lead_time": 2.5}
            skip = {"result": [], "was_cancelled": True, "completed_by": ben}
            assert (
                real.post(f"/api/tasks/{each}/annotations/", json=skip if place % 5 == 0 else body).status_code == 201
            )
        real.post(
            "/api/dm/actions", params={"id": "predictions_to_annotations", "project": number},
            json={"selectedItems": {"all": True, "excluded": own}},
        ).raise_for_status()  # fmt: skip

        token = real.post("/api/token/", json={}).json()["token"]
        killed.append(worked("collect", tmp_path, studio, token, KILLS - KILLS // 2))
        assert items(real, number) == dict.fromkeys(ids, 1)
    assert killed == [KILLS // 2, KILLS - KILLS // 2]
    state = project.refresh()
    texts = {each: str(project.catalog.content(each)["text"]) for each in ids}
    assert len(state.votes) == TASKS
    assert Counter(vote.author for vote in state.votes) == {OWNER: TASKS - len(own), BEN: len(own)}
    assert sum(vote.skipped for vote in state.votes) == 4
    for place, each in enumerate(ids):
        (vote,) = state.answers(place)
        if vote.author == OWNER:
            assert vote.label == class_of(texts[each])
    assert state.progress(1) == (TASKS, TASKS)


def worked(act: str, folder: Path, url: str, token: str, kills: int) -> int:
    """Do a step to its end, through so many kills. Returns how many met a process that was at work."""
    moments, done = random.Random(act), 0
    command = [sys.executable, str(Path(__file__).with_name("label_studio_worker.py")), act, str(folder), url]
    env = os.environ | {"LABEL_STUDIO_TOKEN": token, "PYTHONPATH": str(ROOT)}
    while done < kills:
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        try:
            said, _ = process.communicate(timeout=moments.uniform(0.1, LONGEST[act]))
            assert process.returncode == 0, said
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            done += 1
    ended = subprocess.run(command, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    print(ended.stdout)
    return done


def items(real: httpx.Client, project: int) -> Counter[str]:
    """How often each item is there, by pages of Label Studio's own."""
    found: Counter[str] = Counter()
    page = 1
    while True:
        params: dict[str, str | int] = {"project": project, "page": page, "page_size": 1000, "include": "id,data"}
        answer = real.get("/api/tasks", params=params)
        if answer.status_code == 404:
            return found
        found.update(each["data"]["automl_item"] for each in answer.json()["tasks"])
        page += 1


def test_the_workers_file_is_one() -> None:
    from automl_core.annotation.file.loading import parse_annotation_document

    assert parse_annotation_document(FILE, "intents.annotation.yaml")[0].name == "intents"
