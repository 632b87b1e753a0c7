"""Every route is for who has signed in and has the right; no other site can act; only the folder is handed out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.routing import Mount

from tests.unit.web.conftest import World, body_of, path

ACTS = frozenset({"POST", "PATCH", "PUT", "DELETE"})

MODEL = "churn-model"
"""The model of the fixture `churn`."""


PROJECT, ITEM = "messages", "i" + "0" * 20
"""The annotation project of the fixture `messages`, and an item that it doesn't have."""


def app_of(world: World) -> Any:
    return next(r.app for r in world.app.routes if isinstance(r, Mount) and r.path == "/automl")


def flat(routes: Any) -> list[Any]:
    found = []
    for route in routes:
        inner = getattr(route, "routes", None)
        found += flat(inner) if inner else [route]
    return found


def routes_of(world: World) -> list[tuple[str, str, Any]]:
    """Method, path and route of everything that the app answers."""
    app = app_of(world)
    return [(m, r.path, r) for r in app.routes for m in sorted(r.methods - {"HEAD", "OPTIONS"})]


def address(template: str, name: str, run: str) -> str:
    filled = {
        "dag_id": name, "run_id": run, "number": "0", "task_id": "trial", "map_index": "0", "path": "log.txt",
        "path:path": "log.txt", "what": "results", "name:path": "net", "model": MODEL, "version": "3", "rollout": "1",
        "name": PROJECT, "item": ITEM,
    }  # fmt: skip
    for key, value in filled.items():
        template = template.replace("{" + key + "}", quote(value, safe=""))
    assert "{" not in template, template
    return "/automl" + template


def calls_of(route: Any) -> set[Any]:
    """Every dependency of a route."""
    found, pending = set(), [route.dependant]
    while pending:
        dependant = pending.pop()
        found.add(dependant.call)
        pending += dependant.dependencies
    return found


def test_every_route_demands_a_right_of_airflows(world: World) -> None:
    from automl_airflow.web.access import ACCESS

    routes = routes_of(world)
    assert len(routes) > 30
    assert not [(m, p) for m, p, route in routes if not calls_of(route) & ACCESS]


def test_every_act_looks_where_it_comes_from(world: World) -> None:
    from automl_airflow.web.access import from_this_site

    acts = [(m, p, route) for m, p, route in routes_of(world) if m in ACTS]
    assert len(acts) >= 9
    assert not [(m, p) for m, p, route in acts if from_this_site not in calls_of(route)]


def test_looking_keeps_no_connection_to_the_database(world: World) -> None:
    """One held from step to step of a request starves the others: fifty viewers at once once stood still for it."""
    from airflow.api_fastapi.common.db.common import _get_session

    assert not [p for m, p, route in routes_of(world) if m == "GET" and _get_session in calls_of(route)]


def test_nobody_who_has_not_signed_in_gets_an_answer(
    world: World, ended: tuple[str, str], churn: str, messages: str
) -> None:  # fmt: skip
    client = world.client(None)
    for method, template, _ in routes_of(world):
        answer = client.request(method, address(template, *ended), json={} if method in ACTS else None)
        assert answer.status_code == 401, (method, template, answer.status_code)
        assert "accuracy" not in answer.text


def test_a_bad_token_is_refused(world: World, ended: tuple[str, str]) -> None:
    for token in ("x", world.tokens["ann"][:-3] + "abc", ""):
        answer = world.client(None, Authorization=f"Bearer {token}").get(path(*ended))
        assert answer.status_code in (401, 403)


def test_who_may_only_look_can_look_and_not_act(
    world: World, ended: tuple[str, str], churn: str, messages: str
) -> None:  # fmt: skip
    client = world.client("vic")
    for method, template, _ in routes_of(world):
        if template.endswith("/events"):
            continue  # read in a test of its own
        column = "params." if template.endswith("/scatter") else ""
        query = {
            "parameter": "lr",
            "x": f"{column}lr",
            "y": f"{column}units",
            "run": "/".join(ended),
            "parts": "overview",
            "key": "c-3",
        }
        body = {"text": world.spec("by-vic")} if template.endswith(("/validate", "/experiments", "/models")) else {}
        call = {"json": body} if method in ACTS else {"params": query}
        answer = client.request(method, address(template, *ended), **call)
        if template.endswith("/draft"):
            assert answer.status_code == 422, "it may be asked for; nothing was wanted"
        elif method in ACTS and not template.endswith("/validate"):
            assert answer.status_code == 403, (method, template, answer.text)
        else:
            assert answer.status_code in (200, 404), (method, template, answer.text)
            assert answer.status_code == 200 or template.endswith(("{path:path}", "/")) or "files" in template or (
                    "/templates/" in template) or (
                "archive" in template) or template.endswith(
                    ("/table/report", "/forecast/series", "/rollouts/{rollout}", "/items/{item}")) or (
                "{" not in template
            )  # fmt: skip


def test_what_a_user_may_not_read_does_not_appear(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        details = call.get("details")
        hidden = details is not None and details.id == ended[0] and call["user"].get_name() == "vic"
        return False if hidden else bool(allowed(**call))

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
    client = world.client("vic")
    listed = body_of(client.get("/automl/api/v1/experiments"))
    assert ended[0] not in [each["experiment"] for each in listed["experiments"]]
    for rest in ("", "/trials", "/trials/0", "/history", "/events", "/trials/0/files/log.txt", "/results"):
        assert client.get(path(*ended, rest)).status_code == 403
    compared = client.get("/automl/api/v1/compare", params={"run": "/".join(ended)})
    assert compared.status_code == 403
    assert ended[0] in [
        e["experiment"] for e in body_of(world.client().get("/automl/api/v1/experiments"))["experiments"]
    ]


def test_a_session_cookie_is_as_good_as_a_token(world: World, ended: tuple[str, str]) -> None:
    assert body_of(world.browser("vic").get(path(*ended)))["state"] == "FINISHED"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 403),
        ({"Content-Type": "application/json", "X-AutoML-Request": "0"}, 403),
        ({"Content-Type": "application/json", "X-AutoML-Request": "1", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "X-AutoML-Request": "1", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "application/json", "X-AutoML-Request": "1", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "application/json", "X-AutoML-Request": "1", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "X-AutoML-Request": "1", "Origin": "http://testserver.evil"}, 403),
        ({"Content-Type": "text/plain", "X-AutoML-Request": "1"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded", "X-AutoML-Request": "1"}, 415),
        ({"X-AutoML-Request": "1"}, 415),
    ],
)
def test_another_site_can_not_act(world: World, going: tuple[str, str], headers: dict[str, str], status: int) -> None:
    before = world.study(*going).state.seq
    for rest in ("/stop", "/trials/0/stop", "/trials/2/rerun", "/extend", "/clone"):
        answer = world.browser("ann").post(path(*going, rest), content="{}", headers=headers)
        assert answer.status_code == status, (rest, answer.text)
    assert world.browser("ann").patch(path(*going), content="{}", headers=headers).status_code == status
    for rest in ("/validate", "/experiments", f"/experiments/{going[0]}/runs"):
        answer = world.browser("ann").post(f"/automl/api/v1{rest}", content="{}", headers=headers)
        assert answer.status_code == status, (rest, answer.text)
    assert world.study(*going).state.seq == before


def test_an_act_of_airflows_own_pages_is_let_through(world: World, ended: tuple[str, str]) -> None:
    headers = {"X-AutoML-Request": "1", "Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    answer = world.browser("ann").post(path(*ended, "/stop"), json={}, headers=headers)
    assert answer.status_code == 409  # it has ended: the act itself says so


TRAVERSALS = (
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd",
    "model/../../../../../../etc/passwd", "..\\..\\secret", "model/%00", "....//....//etc/passwd", "%252e%252e/x",
    "%2e%2e/experiment_1/metrics.json", "%2e%2e/journal/0000000001.json", "%2e", "%2e%2e", "link", "folder-link/passwd",
    "journal/0000000001.json", "journal-snapshot.json.gz", "journal-segments/0123456789abcdef0123456789abcdef",
)  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSALS)
def test_a_download_never_leaves_its_folder(world: World, ended: tuple[str, str], name: str) -> None:
    folder = next((world.storage / ended[0]).iterdir()) / "experiment_0"
    link_out(folder)
    for rest in ("/trials/0/files/", "/results/"):
        answer = world.client().get(path(*ended, rest) + name)
        assert answer.status_code in (404, 422), name
        assert "root:" not in answer.text
        assert '"seq"' not in answer.text


def link_out(folder: Path) -> None:
    """What a training process may leave: links to files and folders of the machine."""
    for link, target in (("link", "/etc/passwd"), ("folder-link", "/etc")):
        if not (folder / link).is_symlink():
            (folder / link).symlink_to(target)


def test_a_download_is_never_shown_as_a_page(world: World, ended: tuple[str, str]) -> None:
    folder = next((world.storage / ended[0]).iterdir()) / "experiment_0" / "model"
    link_out(folder.parent)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'a "b";ü.html').write_text("<script>alert(1)</script>")
    listed = body_of(world.client().get(path(*ended, "/trials/0/files")))["files"]
    entry = next(each for each in listed if each["path"].endswith(".html"))
    assert entry["size"] == 25
    assert "passwd" not in str(listed)
    assert "link" not in [each["path"] for each in listed]
    answer = world.client().get(entry["href"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_pages_load_nothing_from_elsewhere(world: World) -> None:
    answer = world.browser("vic").get("/automl/", headers={"Accept": "text/html"})
    assert answer.status_code in (200, 404)  # the pages may not be built
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"


def test_who_opens_a_page_without_signing_in_is_shown_where_to(world: World) -> None:
    answer = world.client(None).get("/automl/experiments/x", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert "Sign in to Airflow" in answer.text
    assert "/auth/login" in answer.text


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "index.html", "nope.js", "%00"])
def test_assets_are_files_of_the_pages_only(world: World, name: str) -> None:
    assert world.client().get(f"/automl/static/{name}").status_code == 404


HOSTILE = ("<script>", "a b", "%", "..", "'; DROP TABLE dag; --", "\u202e", "é", "x" * 300, "~", "-", "*")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_not_found(world: World, ended: tuple[str, str], name: str) -> None:
    quoted = quote(name, safe="") if name != ".." else "%2e%2e"
    for place in (
        f"/automl/api/v1/experiments/{quoted}", f"/automl/api/v1/experiments/{quoted}/runs/{quoted}",
        f"/automl/api/v1/experiments/{ended[0]}/runs/{quoted}", path(*ended, f"/slice?parameter={quoted}"),
        path(*ended, f"/trials?sort={quoted}"), path(*ended, f"/trials?filter={quoted}"),
    ):  # fmt: skip
        answer = world.client().get(place)
        assert answer.status_code in (404, 422, 403), (place, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.content)
