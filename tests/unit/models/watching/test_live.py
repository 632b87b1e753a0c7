"""Regression tests asked of real servers on loopback, and what goes wrong on the way to them."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from automl_core.models.evaluation import tests as regression
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.unlabelled import logged_of
from automl_core.models.watching.answered import recent_answers
from automl_core.models.watching.endpoint import Endpoint, RefusedRows, Trouble, Way
from automl_core.models.watching.live import key_of, live_tests
from automl_core.storage import open_store
from tests.unit.cli.test_serve import TOKEN, certificate, server
from tests.unit.serving.world import ROW, Lake

ROWS = [{"age": 20.0 + 3 * place, "city": ("Bonn", "Ulm")[place % 2], "plan": 1 + place % 2} for place in range(20)]


class Real:
    """A server behind TLS and a token, that follows a storage with one version in use."""

    def __init__(self, lake: Lake, way: Way) -> None:
        self.lake, self.way = lake, way

    def ask(self, tests: list[dict[str, Any]], rows: Any = ROWS, **way: Any) -> dict[str, Any]:
        """What tests come to."""
        life = self.lake.life()
        folder = self.lake.store.local_path(life.state.version(life.state.champion or 0).model.prefix.rstrip("/"))
        endpoint = Endpoint(replace(self.way, **way), "churn")
        try:
            return live_tests(folder, endpoint, regression.tests_of(tests), rows, life.state, life.refresh)  # type: ignore[arg-type]
        finally:
            endpoint.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp("live")
    lake = Lake(folder)
    lake.in_use()
    tokens = folder / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    cert, key = certificate(folder, "server")
    options = ["--model", "churn", "--tokens", str(tokens), "--tls-cert", str(cert), "--tls-key", str(key)]
    with server(lake, *options) as (process, address):
        yield Real(lake, Way(address, TOKEN, ca=str(cert)))
        process.terminate()
        process.wait()


def test_the_same_tests_by_the_same_code_over_http(real: Real) -> None:
    model = real.lake.model(1)
    said = model.predict([ROW])[0]
    probability = float(model.predict_proba([ROW])[0][1])
    tests = [
        {"test": "golden"},
        {"test": "cases", "name": "right", "cases": [{"row": ROW, "expect": str(said)}]},
        {"test": "cases", "name": "wrong", "cases": [{"row": ROW, "least": {"yes": min(1.0, probability + 0.01)}}]},
        {"test": "invariant", "column": "city", "values": ["Bonn", "Ulm"]},
        {"test": "monotone", "column": "age", "direction": "increasing", "tolerance": 1.0},
        {"test": "metric", "metric": "accuracy", "at_least": 0.5},
        {"test": "cases", "name": "unreadable", "cases": [{"row": {**ROW, "age": "old"}, "expect": "yes"}]},
    ]
    found = real.ask(tests)
    assert (found["state"], found["version"], found["cause"]) == ("failed", 1, "")
    assert found["record"] == real.lake.life().state.shares[-1].seq
    results = {each["name"]: each for each in found["tests"]}
    assert results["golden rows"]["passed"] is True
    assert results["golden rows"]["checked"] == 4
    assert results["right"]["passed"] is True
    assert results["wrong"]["passed"] is False
    assert results["invariant to city"]["passed"] is False, "the city has a weight"
    assert results["increasing in age"]["passed"] is True
    assert results["accuracy at least 0.5"]["passed"] is None
    assert results["unreadable"]["passed"] is False
    assert "'age'" in results["unreadable"]["why"], "the server's own words"
    assert found["why"].startswith("3 of 6 failed: wrong: 1 of 1 cases; case 1: yes with at least")
    assert found["seconds"]["median"] > 0
    assert found["requests"] > 6


def test_without_tests_of_the_file_the_golden_rows_are_asked(real: Real) -> None:
    found = real.ask([])
    assert (found["state"], found["why"], found["other"]) == ("passed", "1 test passed", "")


def test_what_is_wrong_with_the_way_is_no_failed_model(real: Real, tmp_path: Path) -> None:
    def cause(**way: Any) -> tuple[str, str]:
        found = real.ask([], **way)
        assert (found["state"], found["tests"]) == ("not_told", [])
        return found["cause"], found["why"]

    which, why = cause(token="another-token-of-letters")
    assert which == "unauthorized"
    assert "wants another token (401): a bearer token is needed" in why
    assert "another-token" not in why
    which, why = cause(token=None)
    assert which == "unauthorized"
    assert "wants a token (401): name the Airflow connection" in why
    which, why = cause(ca=None)
    assert which == "tls"
    assert "certificate" in why
    which, why = cause(url=real.way.url.replace("https:", "http:"))
    assert which == "protocol"
    assert "does it speak https?" in why
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        which, why = cause(url=f"https://127.0.0.1:{free.getsockname()[1]}")
        assert which == "away"
        free.listen()  # takes connections, and says nothing
        which, why = cause(url=f"https://127.0.0.1:{free.getsockname()[1]}", timeout=0.2)
        assert which in ("slow", "away"), "silence before TLS is a connection that does not come about"
        which, why = cause(url=f"http://127.0.0.1:{free.getsockname()[1]}", timeout=0.2)
        assert (which, "has not answered within 0.2 s" in why) == ("slow", True)
    with pytest.raises(Trouble, match=r"tls\.ca: .* can't be used"):
        Endpoint(replace(real.way, ca=str(tmp_path / "none.pem")), "churn")


def test_its_answers_are_logged_as_the_watchs_own_and_a_look_reads_the_others(real: Real, tmp_path: Path) -> None:
    """What a real server has written down, as a look reads it: a customer's answers, and none of the watch's."""
    real.ask([])
    trusted, good = ssl.create_default_context(cafile=real.way.ca), {"Authorization": f"Bearer {TOKEN}"}
    body = {"rows": [ROW, {**ROW, "city": "Ulm"}], "id": "customer"}
    httpx.post(f"{real.way.url}/models/churn/predict", json=body, headers=good, verify=trusted).raise_for_status()
    lines = [line for path in (real.lake.folder / "machine").rglob("*.part") for line in path.open("rb")]
    lines += [line for path in (real.lake.folder / "lake").rglob("answers/*/*.jsonl") for line in path.open("rb")]
    now = time.time()
    path = tmp_path / f"_models/churn/answers/ds={datetime.fromtimestamp(now, UTC):%Y-%m-%d}/a-000001.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(lines))
    found = recent_answers(open_store(f"file://{tmp_path}"), "churn", 1, now - 3600, now + 3600)
    assert (found.rows, found.others, found.unread) == (2, {}, 0)
    assert found.watched >= 4, "the golden rows"
    rows = found.rows_of(10)
    assert [row["request_id"] for row in rows] == ["customer/0", "customer/1"]
    said = logged_of(real.lake.model(1), Rows.of(rows))
    assert said is not None
    assert said.outputs == pytest.approx(np.asarray(real.lake.model(1).predict_proba(body["rows"])))


# --- a server that answers as it likes -------------------------------------------------------------


def said(body: Any, status: int = 200, **more: Any) -> Endpoint:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=body, **more) if not isinstance(body, bytes) else httpx.Response(
            status, content=body, **more
        )  # fmt: skip

    return Endpoint(Way("http://models.example"), "churn", transport=httpx.MockTransport(answer))


GOOD = {"version": 1, "record": 9, "predictions": ["no"], "classes": ["no", "yes"], "probabilities": [[0.9, 0.1]]}


@pytest.mark.parametrize(
    ("body", "status", "cause", "words"),
    [
        ({"error": {"code": "unavailable", "message": "no version of churn is in use"}}, 503, "unavailable", "in use"),
        ({"error": {"code": "no_such_model", "message": "there is none"}}, 404, "no_model", "no model 'churn'"),
        (b"<html>gateway</html>", 502, "unavailable", "<html>gateway</html>"),
        (b"", 302, "refused", "where no token is sent to"),
        (b"<html>hello</html>", 200, "protocol", "no JSON"),
        ({"hello": 1}, 200, "protocol", "without what it must have"),
        ([], 200, "protocol", "without what it must have"),
        ({**GOOD, "predictions": ["no", "no"]}, 200, "protocol", "of another release"),
        ({"error": "x"}, 500, "refused", "answered 500: x"),
    ],
)
def test_every_other_answer_has_its_words(body: Any, status: int, cause: str, words: str) -> None:
    with pytest.raises(Trouble) as caught:
        said(body, status).ask([ROW])
    assert caught.value.cause == cause
    assert words in str(caught.value)


def test_what_can_not_be_unpacked_is_no_failed_look() -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))
    )
    endpoint = Endpoint(Way("http://models.example"), "churn", transport=transport)
    with pytest.raises(Trouble, match="can't be read") as caught:
        endpoint.ask([ROW])
    assert caught.value.cause == "protocol"


@pytest.mark.parametrize("token", ["a secret of two", "one-secret\nand-another", "geheim-ñ-secret"])
def test_a_token_that_can_not_be_sent_is_not_shown(token: str) -> None:
    """The library's own message quotes the header, and what a look has found out lies in the bucket."""
    with pytest.raises(Trouble) as caught:
        Endpoint(Way("http://models.example", token), "churn")
    assert caught.value.cause == "unauthorized"
    assert "secret" not in str(caught.value)
    assert "the token can't be sent" in str(caught.value)


def test_the_end_of_the_line_is_no_part_of_a_token(real: Real) -> None:
    assert real.ask([{"test": "golden"}], token=f"{TOKEN}\n")["state"] == "passed"


def test_rows_that_the_model_refuses_are_no_trouble_with_the_way() -> None:
    with pytest.raises(RefusedRows, match="row 0"):
        said({"error": {"code": "bad_rows", "message": "row 0: column 'age'"}}, 422).ask([ROW])


def test_an_answer_by_a_version_that_the_journal_does_not_name_is_said(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.in_use()
    life = lake.life()
    folder = lake.store.local_path(life.state.version(1).model.prefix.rstrip("/"))
    golden = json.loads((folder / "golden.json").read_text())  # type: ignore[operator]
    predictions = ["yes" if row[1] >= row[0] else "no" for row in golden["outputs"]]
    body = {**GOOD, "version": 7, "predictions": predictions, "probabilities": golden["outputs"]}
    found = live_tests(folder, said(body), [], [], life.state, life.refresh)  # type: ignore[arg-type]
    assert (found["state"], found["cause"], found["failed"]) == ("not_told", "version", 0)
    assert "version 7 answered, and by the journal it is 1 that does" in found["why"]
    good = live_tests(folder, said({**body, "version": 1}), [], [], life.state, life.refresh)  # type: ignore[arg-type]
    assert (good["state"], good["version"], good["record"]) == ("passed", 1, 9)
    turned = {**body, "version": 1, "probabilities": [[b, a] for a, b in golden["outputs"]]}
    bad = live_tests(folder, said(turned), [], [], life.state, life.refresh)  # type: ignore[arg-type]
    assert (bad["state"], bad["failed"]) == ("failed", 1)


def test_in_a_rollout_the_champion_is_asked_by_a_key_that_is_its_own(tmp_path: Path) -> None:
    from automl_core.models.life import Step
    from automl_core.models.traffic.split import taken
    from tests.unit.serving.world import ANNA

    lake = Lake(tmp_path)
    lake.in_use()
    life = lake.life()
    assert key_of(life.state, "churn") is None
    second, life = lake.offered(seed=2), lake.life()
    life.accept(second, life.evaluated(second, lake.evidence(second, 1)), ANNA)
    rollout = life.begin_rollout(second, ANNA, [Step(0.9, 60.0), Step(1.0, 60.0)])
    key = key_of(life.state, "churn")
    assert key is not None
    assert not taken(key, "churn", f"rollout-{rollout.id}", 0.9)
    life.step_rollout(rollout.id, 1, ANNA)
    assert key_of(life.state, "churn") is None, "the challenger answers all: no key is the champion's"
