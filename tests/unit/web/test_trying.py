"""Trying a file from the web view: off by default, with rights, bounded, and nothing of it outlives its request."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import stretched
from tests.support.template_folders import NET, make_template
from tests.unit.web.conftest import World, body_of

TRY = "/automl/api/v1/try"

TRAIN = """\
import os, sys, tempfile
print("values", sys.argv[1:], flush=True)
print("secrets", sorted(n for n in os.environ if n.startswith("AIRFLOW") or "SECRET" in n), flush=True)
print("temporary", tempfile.gettempdir(), flush=True)
for step in range(3):
    print(f"epoch={step} accuracy={step / 2}", flush=True)
"""

SLEEPER = """\
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
print("epoch=0 accuracy=0.25", flush=True)
time.sleep(600)
"""

CHOSEN = "${run_id} is no template here, \U0001f600"


def file_of(world: World, name: str, command: list[str]) -> str:
    """An experiment file whose only training task is a command."""
    text = world.spec(name).replace('command: ["true"]', f"command: {json.dumps(command)}")
    return text.replace("values: [adam, sgd, ", f"values: [adam, sgd, {json.dumps(CHOSEN, ensure_ascii=False)}, ")


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A deployment that allows tries; whatever a try leaves on this machine lies below its folder."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("AIRFLOW__AUTOML__TRY_IN_WEB", "True")
    monkeypatch.setenv("AUTOML_HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (home / "train.py").write_text(TRAIN)
    (home / "sleeper.py").write_text(SLEEPER)
    yield home
    assert not list(temporary.glob("automl-try-*")), "what a try leaves goes with it"


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(part.removeprefix("data: ")) for part in text.split("\n\n") if part]


def tried(world: World, body: dict[str, Any], user: str = "ann") -> tuple[list[str], dict[str, Any]]:
    """The lines of a try and its end."""
    answer = world.client(user).post(TRY, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert events[-1]["ended"] is True
    return [line for event in events for line in event.get("lines", ())], events[-1]


def test_nothing_is_run_unless_the_deployment_says_so(world: World, tmp_path: Path) -> None:
    text = file_of(world, "not-allowed", ["touch", str(tmp_path / "was-run")])
    answer = world.client().post(TRY, json={"text": text})
    assert answer.status_code == 403
    assert "AIRFLOW__AUTOML__TRY_IN_WEB" in answer.text
    assert not (tmp_path / "was-run").exists()
    assert body_of(world.client().get("/automl/api/v1/me"))["try"]["allowed"] is False


def test_a_try_tells_its_lines_and_its_result_and_sees_nothing_of_airflows(
    world: World, allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET", "s3://key:word@")
    command = ["python", "train.py", "${lr}", "${solver}"]
    assert body_of(world.client().get("/automl/api/v1/me"))["try"] == {"allowed": True, "reason": "", "longest": 600}
    lines, end = tried(world, {"text": file_of(world, "tried", command), "set": {"lr": 0.02, "solver": CHOSEN}})
    result = end["result"]
    assert end["problem"] == ""
    assert f"  | values ['0.02', {CHOSEN!r}]" in lines
    assert "  | secrets []" in lines
    assert any(line.startswith(f"  | temporary {allowed.parent}/tmp/automl-try-") for line in lines)
    assert result["ok"] is True
    assert result["judged"]["value"] == 1.0
    (task,) = result["tasks"]
    assert task["cwd"] == str(allowed)
    assert [(m["name"], m["count"]) for m in task["metrics"]] == [("accuracy", 3)]


def test_a_file_from_a_template_of_the_deployment_is_tried(
    world: World, allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_template(tmp_path / "ours", NET.replace("template: net", "template: ours-alone"))
    monkeypatch.setenv("AUTOML_TEMPLATES", str(tmp_path / "ours"))
    (allowed / "a.csv").write_text("x,y\n1,2\n")
    text = "name: from-ours\ntemplate: ours-alone@1\ndata: {train: a.csv}\ncolumns: {target: y}\n"
    _, end = tried(world, {"text": text})
    assert end["problem"] == ""
    assert end["result"]["ok"] is True


def test_each_try_is_in_airflows_audit_log(world: World, allowed: Path) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    tried(world, {"text": file_of(world, "audited", ["python", "train.py"]), "set": {"lr": 0.03}})
    with create_session() as session:
        (entry,) = session.scalars(select(Log).where(Log.event == "automl_try", Log.dag_id == "audited"))
        owner, extra = entry.owner, json.loads(entry.extra or "")
    assert owner == "ann"
    assert extra["params"]["lr"] == 0.03
    assert "train.py" in extra["commands"]["train"]


def test_what_is_wrong_is_told(world: World, allowed: Path) -> None:
    _, end = tried(world, {"text": file_of(world, "no-program", ["no-such-program-here"])})
    assert end["result"]["ok"] is False
    assert "no-such-program-here" in end["problem"]
    lines, end = tried(world, {"text": file_of(world, "no-metric", ["echo", "nothing to read"])})
    assert "  | nothing to read" in lines
    assert "accuracy" in end["problem"]


def test_a_long_training_is_ended_at_its_limit_and_what_was_seen_is_told(world: World, allowed: Path) -> None:
    command = ["python", "sleeper.py", str(allowed / "pids")]
    _, end = tried(world, {"text": file_of(world, "limited", command), "seconds": 8})
    assert end["result"]["tasks"][0]["metrics"][0]["last"] == 0.25
    assert "as asked" in end["result"]["tasks"][0]["ended"]
    assert all_gone(allowed / "pids")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"seconds": 601}, 422, "seconds"),
        ({"seconds": 0}, 422, "seconds"),
        ({"set": {"lrr": 1}}, 422, "lrr"),
        ({"set": {"lr": 7}}, 422, "lr"),
        ({"text": "name: x"}, 422, "goal"),
        ({"command": ["id"]}, 422, "command"),
    ],
)
def test_what_can_not_be_tried_is_refused(
    world: World, allowed: Path, body: dict[str, Any], status: int, words: str
) -> None:
    answer = world.client().post(TRY, json={"text": file_of(world, "refused", ["true"]), **body})
    assert answer.status_code == status, answer.text
    assert words in answer.text


def test_what_runs_elsewhere_is_refused_as_by_the_command(world: World, allowed: Path) -> None:
    text = world.spec("in-pods").replace("{name: train, ", "{name: train, backend: kubernetes, image: x, ")
    text = text.replace(f"file://{world.storage}", "s3://bucket/runs")
    answer = world.client().post(TRY, json={"text": text})
    assert answer.status_code == 409, answer.text
    assert "tasks.train runs in a pod" in answer.text


def test_it_needs_the_right_to_save_the_file_and_the_right_to_start_it(
    world: World, allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    before = manager.is_authorized_dag
    body = {"text": file_of(world, "of-others", ["touch", str(allowed / "was-run")])}
    assert world.client("vic").post(TRY, json=body).status_code == 403
    for method, of_runs in (("PUT", False), ("POST", True)):

        def is_authorized(*, _method: str = method, _of_runs: bool = of_runs, **call: Any) -> bool:
            details, entity = call.get("details"), call.get("access_entity")
            this = details is not None and details.id == "of-others"
            if this and call["method"] == _method and (entity is not None) is _of_runs:
                return False
            return bool(before(**call))

        monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
        answer = world.client().post(TRY, json=body)
        assert answer.status_code == 403, answer.text
        assert "of-others" in answer.text
    assert not (allowed / "was-run").exists()


def all_gone(file: Path) -> bool:
    """Whether the processes whose ids a file names have ended."""
    return not [pid for pid in file.read_text().split() if is_there(int(pid))]


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + stretched(120)
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def test_it_ends_with_all_that_it_started_when_the_browser_goes_away(world: World, allowed: Path) -> None:
    """And as long as it runs its user has no other, and the machine one place less."""
    pids = allowed / "pids"
    body = json.dumps({"text": file_of(world, "left", ["python", "sleeper.py", str(pids)]), "seconds": 600}).encode()
    others = {"text": file_of(world, "second", ["echo", "accuracy=1"])}

    async def asked() -> None:
        gone, started = asyncio.Event(), asyncio.Event()
        sent = []

        async def receive() -> dict[str, Any]:
            if not started.is_set():
                started.set()
                return {"type": "http.request", "body": body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = {
            "authorization": f"Bearer {world.tokens['ann']}", "x-automl-request": "1", "host": "testserver",
            "content-type": "application/json", "content-length": str(len(body)),
        }  # fmt: skip
        scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
                 "method": "POST", "scheme": "http", "path": TRY, "raw_path": TRY.encode(), "query_string": b"",
                 "root_path": "", "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
                 "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}  # fmt: skip
        request = asyncio.create_task(world.app(scope, receive, send))
        await until(lambda: pids.exists() or request.done())
        assert pids.exists(), sent
        assert all(is_there(int(pid)) for pid in pids.read_text().split())
        refused = await asyncio.to_thread(world.client().post, TRY, json=others)
        assert refused.status_code == 429, refused.text
        assert "of yours" in refused.text
        lines, end = await asyncio.to_thread(tried, world, others, "oli")
        assert end["result"]["ok"] is True, lines
        gone.set()
        await asyncio.wait_for(request, stretched(60))

    asyncio.run(asked())
    assert all_gone(pids)
    assert tried(world, others)[1]["result"]["ok"] is True  # and the place is free


def test_a_machine_has_two_places_and_a_user_one(world: World, allowed: Path) -> None:
    from automl_airflow.web import trying
    from automl_core.spec.loader import parse_experiment

    text = file_of(world, "crowded", ["true"])
    made: list[trying.Trying] = []

    def one(user: str) -> None:
        made.append(trying.Trying(parse_experiment(text, "x.yaml"), text, {}, 5, user))

    try:
        one("a")
        with pytest.raises(trying.TooMany, match="of yours"):
            one("a")
        one("b")
        with pytest.raises(trying.TooMany, match="2 tries"):
            one("c")
        made.pop(0).close()
        one("c")
    finally:
        for each in made:
            each.close()


def test_a_folder_for_locks_that_others_may_write_to_is_not_trusted(world: World, allowed: Path) -> None:
    from automl_airflow import machine

    folder = allowed.parent / "tmp" / f"automl-tries-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="of this user alone"):
        machine.lock_folder("tries")
    answer = world.client().post(TRY, json={"text": file_of(world, "no-locks", ["touch", str(allowed / "was-run")])})
    assert answer.status_code == 503
    assert not (allowed / "was-run").exists()


def test_it_holds_no_connection_to_the_database_while_it_trains(world: World) -> None:
    from airflow.api_fastapi.common.db.common import _get_session

    from tests.unit.web.test_access import calls_of, routes_of

    (route,) = [route for method, place, route in routes_of(world) if (method, place) == ("POST", "/api/v1/try")]
    assert _get_session not in calls_of(route)


def test_a_metric_that_is_no_number_is_told(world: World, allowed: Path) -> None:
    _, end = tried(world, {"text": file_of(world, "not-a-number", ["echo", "epoch=0 accuracy=nan loss=inf"])})
    assert end["result"]["ok"] is False
    assert "accuracy" in end["problem"]


def test_much_output_is_counted_and_not_sent(world: World, allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_airflow.web.trying.MOST_LINES", 50)
    (allowed / "loud.py").write_text("for n in range(500): print('line', n)\nprint('accuracy=0.5')\n")
    lines, end = tried(world, {"text": file_of(world, "loud", ["python", "loud.py"])})
    assert len(lines) == 50
    assert end["left_out"] > 450
    assert end["result"]["judged"]["value"] == 0.5
