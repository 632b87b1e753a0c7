"""Each route needs just the rights that docs/security.md says; files are saved in their own team's folder alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sources import ROOT
from tests.unit.web.conftest import World, body_of, forget_teams, of_team, path
from tests.unit.web.lives import life_of, model_text
from tests.unit.web.test_access import ACTS, ITEM, MODEL, PROJECT, address, routes_of
from tests.unit.web.test_annotation_files import text_of

API = "/automl/api/v1"

Right = tuple[str, str | None]
"""Method and entity, as an auth manager is asked."""

RUN = "/experiments/{dag_id}/runs/{run_id}"

NAMES = {"dag_id": "e", "run_id": "r", "number": "n", "name:path": "name", "model": "m", "version": "v"}
"""Parameters of paths in the code, and in docs/security.md."""


def documented() -> dict[Right, set[tuple[str, str]]]:
    """Right → routes that need it, from the table in docs/security.md; a path that ends with … stands for all below."""
    text = (ROOT / "docs" / "security.md").read_text().split("### Which route needs which right")[1].split("\n\n")[2]
    found: dict[Right, set[tuple[str, str]]] = {}
    for row in text.splitlines()[2:]:
        right, routes = row.strip("|").split(" | ", 1)
        method, *entity = re.findall(r"`([A-Z_]+)`", right)
        names, verb = set(), "GET"
        for quoted in re.findall(r"`([^`]+)`", routes.replace("`GET` of the pages", "`GET pages`")):
            word, _, place = quoted.rpartition(" ")
            if word:
                verb = word
            if place.startswith("/") or place.startswith("…") or place == "pages":
                names.add((verb, place))
        found[method, entity[0] if entity else None] = names
    return found


def needs(docs: dict[Right, set[tuple[str, str]]], right: Right, method: str, template: str, api: bool) -> bool:
    """Whether a route needs a right, by the table."""
    if not api:
        return (method, "pages") in docs[right]
    place = template.removeprefix("/api/v1")
    for name, short in {
        "dag_id": "e",
        "run_id": "r",
        "number": "n",
        "name:path": "name",
        "model": "m",
        "version": "v",
    }.items():
        place = place.replace("{" + name + "}", "{" + short + "}")
    names = {place, place.replace("/experiments/{e}/runs/{r}", "…/runs/{r}")}
    names |= {
        place.replace("/experiments/{e}/runs/{r}", "…"),
        place.replace("/experiments/{e}/readiness", "…/readiness"),
    }
    if place.startswith("/experiments/{e}/runs"):
        names.add("…/runs…")
    for start in ("/models/{m}", "/annotations/{name}"):
        if place.startswith(start):
            names.add(f"{start}…")
    return any((method, name) in docs[right] for name in names)


@contextmanager
def without(right: Right | None, patch: pytest.MonkeyPatch) -> Iterator[set[Right]]:
    """An auth manager that knows rights one by one, and allows all but one; yields those that it is asked for."""
    from airflow.api_fastapi.app import get_auth_manager

    asked: set[Right] = set()

    def allowed(*, method: str, access_entity: Any = None, **_: Any) -> bool:
        wanted = method, access_entity.name if access_entity else None
        asked.add(wanted)
        return wanted != right

    with patch.context() as inner:
        manager = get_auth_manager()
        inner.setattr(manager, "is_authorized_dag", allowed)
        inner.setattr(manager, "is_authorized_custom_view", lambda **_: False)
        inner.setattr(manager, "is_authorized_connection", lambda **_: False)
        yield asked


def request_of(world: World, method: str, template: str, run: tuple[str, str]) -> dict[str, Any]:
    """What a route takes so that it looks at rights and then does nothing: what it is asked can't be done."""
    text = world.spec(run[0])
    pods = text.replace('command: ["true"], cost_per_hour: 3600', "backend: kubernetes, image: x")
    assert pods != text
    bodies = {
        "/api/v1/validate": {"text": text},
        "/api/v1/experiments": {"text": text},
        "/api/v1/try": {"text": pods},
        "/api/v1/gc": {"experiments": [run[0]]},
        "/api/v1/gc/apply": {"experiments": [run[0]], "plan": "1.abc"},
        "/api/v1/experiments/{dag_id}/runs": {"conf": {"nonsense": 1}},
        f"/api/v1{RUN}/clone": {"conf": {"nonsense": 1}},
        f"/api/v1{RUN}/extend": {"trials": {"max": -1}},
        f"/api/v1{RUN}": {"trials": {"max": -1}},
        "/api/v1/models": {"text": model_text(world, MODEL, run[0])},
        "/api/v1/models/{model}/offer": {"experiment": run[0], "run": "none"},
        "/api/v1/models/{model}/versions/{version}/accept": {"digest": "0" * 64},
        "/api/v1/models/{model}/versions/{version}/reject": {"digest": "0" * 64},
        "/api/v1/models/{model}/take-back": {"version": 1, "why": "it was replaced"},
        **{
            f"/api/v1/models/{{model}}/rollout/{act}": {"rollout": 1, "step": 7}
            for act in ("step", "hold", "release", "promote")
        },
        "/api/v1/annotations": {"text": text_of(world, PROJECT, run[0])},
        "/api/v1/annotations/{name}/tasks": {"many": 0},
        "/api/v1/annotations/{name}/labels": {"labels": [{"item": ITEM, "label": "order"}]},
        "/api/v1/annotations/{name}/release": {"items": []},
        "/api/v1/models/{model}/retrain": {"reason": "none", "experiment": run[0]},
        "/api/v1/models/{model}/score": {"interval": "none", "why": "none"},
    }
    if method in ACTS:
        return {"json": bodies.get(template, {})}
    column = "params." if template.endswith("/scatter") else ""
    query = {
        "parameter": "lr",
        "x": f"{column}lr",
        "y": f"{column}units",
        "run": "/".join(run),
        "parts": "overview",
        "key": "c-3",
    }
    return {"params": {**query, "key": "c-3"}}


def test_every_route_needs_just_the_rights_that_are_written_down(
    world: World, ended: tuple[str, str], churn: str, messages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A route is asked once with every right, and once without each that it has looked at: no other can refuse it."""
    monkeypatch.setenv("AIRFLOW__AUTOML__TRY_IN_WEB", "True")
    docs = documented()
    assert len(docs) == 9
    routes = [each for each in routes_of(world) if not each[1].endswith("/events")]
    before, life = world.study(*ended).state.seq, life_of(world, churn).seq
    client, wrong = world.client("ann"), []

    def ask(method: str, template: str) -> Any:
        wanted = address(template, *ended).replace("/trials/0/rerun", "/trials/9999/rerun")
        return client.request(method, wanted, **request_of(world, method, template, ended))

    looked_at: dict[tuple[str, str], set[Right]] = {}
    with without(None, monkeypatch) as asked:
        for method, template, _ in routes:
            asked.clear()
            answer = ask(method, template)
            looked_at[method, template] = set(asked)
            if answer.status_code == 403:
                wrong.append((None, method, template, 403, answer.text[:200]))
    refused = 0
    for right in docs:
        with without(right, monkeypatch):
            for method, template, route in routes:
                told = needs(docs, right, method, template, route.include_in_schema)
                if right not in looked_at[method, template]:
                    if told:
                        wrong.append((right, method, template, None, "is not looked at"))
                    continue
                answer = ask(method, template)
                if (answer.status_code == 403) != told:
                    wrong.append((right, method, template, answer.status_code, answer.text[:200]))
                refused += told
    assert not wrong
    assert refused >= len(routes)
    assert world.study(*ended).state.seq == before, "a request that was to be refused did something"
    assert life_of(world, churn).seq == life


def test_the_live_stream_needs_what_reading_the_run_does(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with without(("GET", "RUN"), monkeypatch):
        assert world.client("ann").get(path(*ended, "/events")).status_code == 403


def test_who_may_start_runs_can_not_write_what_they_run(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simple auth manager's role user: may edit DAGs and start them, and once had any command run by saving one."""
    monkeypatch.setenv("AIRFLOW__AUTOML__TRY_IN_WEB", "True")
    for user in ("uma", "vic"):
        client = world.client(user)
        for replace in (False, True):
            text = world.spec(ended[0] if replace else f"by-{user}").replace('["true"]', '["touch", "/tmp/x"]')
            answer = client.post(f"{API}/experiments", json={"text": text, "replace": replace})
            assert answer.status_code == 403
            assert "edit DAG code" in answer.json()["detail"]
            assert client.post(f"{API}/try", json={"text": text}).status_code == 403
        me = body_of(client.get(f"{API}/me"))
        assert not me["create"]["allowed"]
        assert "role op" in me["create"]["reason"]
        assert not me["try"]["allowed"]
        assert not body_of(client.get(f"{API}/experiments/{ended[0]}"))["can"]["edit_file"]
        assert not (world.files / f"by-{user}.yaml").exists()
    assert body_of(world.client("oli").get(f"{API}/me"))["create"]["allowed"]


def test_an_auth_manager_that_knows_single_rights_needs_no_role(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with without(None, monkeypatch):
        body_of(world.client("uma").post(f"{API}/experiments", json={"text": world.spec("by-right")}))
    assert (world.files / "by-right.yaml").exists()


def test_a_file_is_saved_by_the_team_of_its_folder_alone(world: World, teams: Path) -> None:
    mine = of_team(world, "OP", "red")
    body_of(mine.post(f"{API}/experiments", json={"text": world.spec("reds")}))
    for other in (of_team(world, "OP", "blue"), of_team(world, "OP"), of_team(world, "USER", "red")):
        for name, replace in (("blues", False), ("reds", True)):
            body = {"text": world.spec(name), "replace": replace}
            assert other.post(f"{API}/experiments", json=body).status_code == 403
        assert not body_of(other.get(f"{API}/me"))["create"]["allowed"]


def test_a_file_never_takes_the_place_of_one_in_another_bundle(world: World, teams: Path) -> None:
    """Both lie at experiments/<name>.yaml below their bundles: the name alone doesn't say which file it is."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    text = world.spec("theirs")
    (teams / "theirs.yaml").write_text(text)
    (world.files / "theirs.yaml").write_text(text)
    with create_session() as session:
        session.merge(
            DagModel(dag_id="theirs", bundle_name="blue-bundle", is_stale=False, fileloc=str(teams / "theirs.yaml"),
                     relative_fileloc="experiments/theirs.yaml")
        )  # fmt: skip
    forget_teams()
    body = {"text": world.spec("theirs", 13), "replace": True}
    assert of_team(world, "OP", "red").post(f"{API}/experiments", json=body).status_code == 403
    answer = world.client("ann").post(f"{API}/experiments", json=body)
    assert answer.status_code == 409
    assert "blue-bundle" in answer.json()["detail"]
    assert (teams / "theirs.yaml").read_text() == (world.files / "theirs.yaml").read_text() == text


def test_a_folder_of_no_bundle_is_nobodys_where_there_are_teams(
    world: World, teams: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "experiments"
    place.mkdir()
    monkeypatch.setenv("AIRFLOW__AUTOML__EXPERIMENTS_FOLDER", str(place))
    answer = world.client("ann").post(f"{API}/experiments", json={"text": world.spec("nobodys")})
    assert answer.status_code == 403
    assert "dag_bundle_config_list" in answer.json()["detail"]
    assert not list(place.iterdir())
