"""The server over HTTP: what is asked and answered, what is refused and how."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from automl_core.models.rollout.tallies import list_tallies, read_tally
from automl_core.models.traffic.watched import WATCHED
from automl_core.serving.answers import ANSWERS, SHADOW, AnswerLog, Rule
from automl_core.serving.app import Door, Server
from automl_core.serving.exchange import AT_ONCE, LARGE, Call
from automl_core.serving.following import Follower, NoSuchModel
from automl_core.serving.requests import key_of, keys_of
from automl_core.serving.served import Given, Served
from automl_core.serving.tallying import Tallies
from automl_core.storage.base import StorageUnavailable
from tests.unit.serving.world import ANNA, DAG, ROW, Lake, together, until

TOKEN = "a-token-that-is-long-enough"
GOOD = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    found = Lake(tmp_path_factory.mktemp("served"))
    found.in_use(seed=1)
    found.in_use("quiet", seed=2)
    found.life("quiet").take_back(1, ANNA, "not wanted any more")
    found.in_use("rolled", seed=3)
    found.rolling(0.5, 1.0, name="rolled", seed=4, shadow=1.0)
    return found


@pytest.fixture(scope="module")
def talk(lake: Lake) -> Iterator[Callable[..., None]]:
    """Run a test with one server for all of them, without a socket; what it answered is in the bucket then."""
    loop = asyncio.new_event_loop()
    tallies = Tallies(lake.store, "here")
    served = Served(Follower(lake.store), lake.folder / "cache", every=0.05, tallies=tallies)
    answers = AnswerLog(lake.store, lake.folder / "answers", every=60, server="here")
    shadow = AnswerLog(lake.store, lake.folder / "shadow", every=60, server="here", where=SHADOW)
    server = Server(served, answers, shadow=shadow)
    app = server.app()
    life = app.router.lifespan_context(app)
    loop.run_until_complete(life.__aenter__())

    def run(
        test: Callable[[httpx.AsyncClient, Server], Awaitable[None]], rule: Rule | None = None, **door: Any
    ) -> None:
        server.door, answers.rule = Door((TOKEN,), **door), rule or Rule()

        async def asked() -> None:
            transport = httpx.ASGITransport(app=server.asgi(), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://server", headers=GOOD) as client:
                await test(client, server)
            for each in (answers, shadow):
                each._close(0.0)
                assert await each._bring(each._own)

        loop.run_until_complete(asyncio.wait_for(asked(), 60))

    yield run
    loop.run_until_complete(life.__aexit__(None, None, None))
    loop.close()


def written(lake: Lake, model: str = "churn", folder: str = ANSWERS) -> list[dict[str, Any]]:
    prefix = f"_models/{model}/{folder}"
    return [json.loads(line) for key in lake.store.list(prefix) for line in lake.store.get(key).splitlines()]


def test_rows_and_columns_get_the_same_answers_and_are_written_down(lake: Lake, talk: Callable[..., None]) -> None:
    rows = [ROW, {"age": None, "city": "Köln", "plan": 7}]
    model = lake.model(1)

    async def test(client: httpx.AsyncClient, server: Server) -> None:
        found = await client.post("/models/churn/predict", json={"rows": rows, "id": "r-1"})
        assert found.status_code == 200
        body = found.json()
        assert body["predictions"] == model.predict(rows).tolist()
        assert body["probabilities"] == model.predict_proba(rows).tolist()
        told = {name: body[name] for name in ("model", "version", "id", "classes")}
        assert told == {"model": "churn", "version": 1, "id": "r-1", "classes": ["no", "yes"]}
        assert body["record"] == lake.life().state.shares[-1].seq
        inputs = [
            {"name": "age", "shape": [2, 1], "datatype": "FP64", "data": [[30.0], [None]]},
            {"name": "city", "shape": [2], "datatype": "BYTES", "data": ["Bonn", "Köln"]},
            {"name": "plan", "shape": [2], "datatype": "INT64", "data": [1, 7]},
        ]
        v2 = (await client.post("/v2/models/churn/versions/1/infer", json={"inputs": inputs, "id": "r-2"})).json()
        assert (v2["model_name"], v2["model_version"], v2["id"]) == ("churn", "1", "r-2")
        assert v2["outputs"][0] | {"name": ""} == {
            "name": "", "shape": [2], "datatype": "BYTES", "data": body["predictions"],
        }  # fmt: skip
        assert v2["outputs"][1]["data"] == [chance for row in body["probabilities"] for chance in row]
        assert v2["outputs"][1]["shape"] == [2, 2]
        figures = (await client.get("/metrics")).text
        assert 'automl_rows_total{model="churn",version="1"} 4.0' in figures
        assert 'automl_share{model="churn",version="1"} 1.0' in figures

    talk(test)
    lines = written(lake)
    assert [line["request_id"] for line in lines] == ["r-1/0", "r-1/1", "r-2/0", "r-2/1"]
    assert lines[0]["city"] == "Bonn"
    assert {line["model_version"] for line in lines} == {1}
    assert lines[0]["prediction"] == model.predict([ROW])[0]
    assert lines[0]["probability_yes"] == model.predict_proba([ROW])[0, 1]
    assert all(line["answered_at"].endswith("+00:00") for line in lines)


def test_a_rollout_is_in_answers_lines_and_figures_and_its_shadow_has_lines_of_its_own(
    lake: Lake, talk: Callable[..., None]
) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        asked = {"rows": [ROW], "keys": ["a"], "id": "first"}
        found = await client.post("/models/rolled/predict", json=asked)
        assert (found.json()["version"], found.status_code) == (1, 200), "what the shadow says is not given"
        await until(lambda: not server.shadows.waiting)
        of_the_watch = await client.post("/models/rolled/predict", json=asked | {"id": f"{WATCHED}1f"})
        assert of_the_watch.json()["version"] == 1
        assert not server.shadows.waiting, "nothing is judged by what the watch asks"
        told = (await client.get("/models/rolled")).json()
        assert (told["rollout"], told["step"], told["shadow"], told["shares"]) == (1, 0, {"2": 1.0}, {"1": 1.0})
        figures = (await client.get("/metrics")).text
        for line in (
            'automl_rollout{model="rolled",step="0"} 1.0', 'automl_shadow_share{model="rolled",version="2"} 1.0',
            'automl_shadow_requests_total{model="rolled",version="2"} 1.0', "automl_tallies_behind_seconds 0.0",
        ):  # fmt: skip
            assert line in figures
        lake.life("rolled").step_rollout(1, 2, DAG)
        await until(lambda: server.served.active["rolled"].route.step == 2)
        found = await client.post("/models/rolled/predict", json=asked | {"id": "second"})
        assert found.json()["version"] == 2
        await until(lambda: any(list_tallies(lake.store, "rolled", 1)))

    talk(test)
    assert {line["request_id"]: (line["rollout"], line["model_version"]) for line in written(lake, "rolled")} == {
        "first": (1, 1), f"{WATCHED}1f": (1, 1), "second": (1, 2)
    }  # fmt: skip
    (line,) = written(lake, "rolled", SHADOW)
    assert (line["request_id"], line["model_version"], line["given_version"], line["rollout"]) == ("first", 2, 1, 1)
    assert line["agrees"] is (line["prediction"] == line["given_prediction"])
    found = [read_tally(lake.store, each.key) for each in list_tallies(lake.store, "rolled", 1)]
    assert together((each for each in found if each is not None), 1).answers == 1, "of customers alone"


def test_no_request_that_is_refused_for_its_own_fault_counts_for_a_version(
    lake: Lake, talk: Callable[..., None]
) -> None:
    lake.in_use("judged", seed=3)
    lake.rolling(0.5, 1.0, name="judged", seed=4)
    path = "/models/judged/predict"

    async def test(client: httpx.AsyncClient, server: Server) -> None:
        async def status(where: str = path, **asked: Any) -> int:
            return (await client.post(where, **asked)).status_code

        for key in map(str, range(8)):  # of both versions
            of = {"X-AutoML-Key": key}
            assert (
                await status(json={"rows": [ROW]}, headers={"Authorization": "Bearer another-token-of-theirs"}) == 401
            )
            assert await status("/models/nobody/predict", json={"rows": [ROW]}, headers=of) == 404
            assert await status("/v2/models/judged/versions/9/infer", json={"inputs": []}, headers=of) in (400, 404)
            assert await status(content=b" " * 2000, headers=of) == 413
            assert await status(content=b"rows", headers=of | {"Content-Type": "text/csv"}) == 415
            assert await status(content=b"{", headers=of) == 400
            assert await status(json={"rows": [ROW | {"age": "old"}]}, headers=of) == 422
            assert await status(json={"rows": [ROW | {"prediction": "no"}]}, headers=of) == 422
            assert await status(json={"rows": [ROW | {"probability_no": 1}]}, headers=of) == 422
        for key in map(str, range(8)):
            assert await status(json={"rows": [ROW]}, headers={"X-AutoML-Key": key}) == 200
        lake.life("judged").step_rollout(1, 1, DAG)  # which closes the tally
        await until(lambda: any(list_tallies(lake.store, "judged", 1)))

    talk(test, body=1000)
    found = [each for key in list_tallies(lake.store, "judged", 1) if (each := read_tally(lake.store, key.key))]
    counts = [together(found, version) for version in (1, 2)]
    assert (sum(each.answers for each in counts), sum(each.errors for each in counts)) == (8, 0)
    assert all(each.answers for each in counts), "both were asked"


@pytest.mark.parametrize("name", ["rollout", "prediction", "request_id", "probability_yes"])
def test_a_column_with_the_name_of_one_of_a_lines_own_is_refused_and_never_lost(
    lake: Lake, talk: Callable[..., None], name: str
) -> None:
    async def refused(client: httpx.AsyncClient, server: Server) -> None:
        rows = [ROW, ROW | {name: "theirs"}]
        found = await client.post("/models/churn/predict", json={"rows": rows})
        assert (found.status_code, found.json()["error"]["code"]) == (422, "bad_rows")
        assert f"row 1: the column {name!r} has the name of one" in found.json()["error"]["message"]

    async def answered(client: httpx.AsyncClient, server: Server) -> None:
        found = await client.post("/models/churn/predict", json={"rows": [ROW | {name: "theirs"}], "id": f"r-{name}"})
        assert found.status_code == 200, found.text

    talk(refused)
    talk(answered, rule=Rule(columns=("age",)))
    (line,) = [line for line in written(lake) if line["request_id"] == f"r-{name}"]
    assert line.get(name) != "theirs"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
def test_every_route_but_health_wants_a_token(lake: Lake, headers: dict[str, str], talk: Callable[..., None]) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        client.headers.pop("Authorization")
        for route in server.app().routes:
            path = str(getattr(route, "path", "")).replace("{model}", "churn").replace("{version}", "1")
            for method in getattr(route, "methods", ()) or ():
                found = await client.request(method, path, headers=headers)
                open_to_all = path.startswith("/v2/health/") or path == "/openapi.json"
                assert (found.status_code == 401) is not open_to_all, (method, path, found.status_code)

    talk(test)


REFUSED = [
    (b"{", 400, "no request of rows"),
    (b'{"rows": [{"age": Infinity}, {"age": NaN}]}', 400, "no request of rows"),
    (b'{"rows": []}', 400, "there is no row"),
    (b'{"rows": [{"age": [1]}]}', 400, "rows"),
    (b'{"rows": [{"age": 1}], "kys": []}', 400, "kys"),
    (b'{"rows": [{"age": 1}], "keys": []}', 400, "keys: there are 0 for 1 rows"),
    (b'{"rows": [{"age": 1}], "id": "\xc3\x28"}', 400, "the body is no request of rows"),
    (b'{"rows": [{"age": 1, "city": "\xff"}]}', 400, "the body is no request of rows"),
    (b'{"rows": ' + b"[" * 19_000, 400, "the body is no request of rows"),
    (b'{"rows": [{"age": 1}], "id": "' + b"x" * 1_001 + b'"}', 400, "length <= 1000 - at `$.id`"),
    (b'{"rows": [{"age": 1}], "keys": ["' + b"x" * 1_001 + b'"]}', 400, "length <= 1000 - at `$.keys"),
    (b'{"rows": [{"age": "old", "city": "Bonn", "plan": 1}]}', 422, "'old' is no number"),
    (b'{"rows": [{"city": "Bonn", "plan": 1}]}', 422, "no column 'age'"),
    (b'{"rows": [' + b'{"age": 1},' * 2000 + b'{"age": 1}]}', 413, "at most 20,000 bytes"),
]


def test_what_is_wrong_with_a_request_is_said(lake: Lake, talk: Callable[..., None]) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        json_kind = {"Content-Type": "application/json"}
        for body, status, words in REFUSED:
            found = await client.post("/models/churn/predict", content=body, headers=json_kind)
            assert (found.status_code, words in found.json()["error"]["message"]) == (status, True), found.text
        found = await client.post("/models/churn/predict", content=b"x", headers={"Content-Type": "text/csv"})
        assert found.status_code == 415
        found = await client.post("/models/chrun/predict", json={"rows": [ROW]})
        assert (found.status_code, found.json()["error"]["code"]) == (404, "no_such_model")
        found = await client.post("/models/quiet/predict", json={"rows": [ROW]})
        assert (found.status_code, found.headers["retry-after"]) == (503, "1")
        assert "no version of quiet is in use" in found.json()["error"]["message"]
        for path in ("/v2/models/quiet", "/v2/models/quiet/ready"):
            found = await client.get(path)
            assert (found.status_code, found.json()["error"]) == (503, "no version of quiet is in use"), path
        found = await client.post("/models/churn/predict", json={"rows": [ROW | {"age": 10**30}]})
        assert (found.status_code, found.json()["error"]["code"]) == (422, "bad_rows")
        found = await client.post("/models/a%2Fb/predict", json={"rows": [ROW]})
        assert (found.status_code, found.json()["error"]["code"]) == (404, "no_such_route")
        found = await client.get("/v2/models/churn/infer")
        assert found.status_code == 405
        assert "Method Not Allowed" in found.json()["error"]
        for name in ("chu.rn", "%2e%2e", "50%25", "ch%00urn", "K%C3%B6ln", "x" * 3000):
            found = await client.post(f"/models/{name}/predict", json={"rows": [ROW]})
            assert found.status_code == 404, (name, found.text)
        found = await client.post("/v2/models/churn/versions/7/infer", json={"inputs": _inputs()})
        assert (found.status_code, found.json()["error"]) == (404, "version 7 of churn is not in use (in use: 1)")

        async def slow() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(60)

        found = await client.post("/models/churn/predict", content=slow(), headers=json_kind)
        assert (found.status_code, found.json()["error"]["code"]) == (408, "too_slow")

    talk(test, body=20_000, seconds=0.5)


def test_columns_that_are_no_request_are_the_clients_fault_whatever_they_are(
    lake: Lake, talk: Callable[..., None]
) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        deep = b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": ' + b"[" * 100_000
        header = "Inference-Header-Content-Length"
        for body, headers in (
            (deep, {}),
            (b'{"inputs": [], "id": "\xff"}', {}),
            (deep, {header: str(len(deep))}),
            (b'{"inputs": [], "id": "\xff"}', {header: "12"}),
            (b"{}", {header: "9" * 5_000}),
        ):
            kind = {"Content-Type": "application/json", **headers}
            found = await client.post("/v2/models/churn/infer", content=body, headers=kind)
            assert (found.status_code, list(found.json())) == (400, ["error"]), found.text
        for key, words in (({"a": 1}, "parameters.key: a text"), ("x" * 1_001, "1,000 letters at most")):
            asked = {"inputs": _inputs(), "parameters": {"key": key}}
            found = await client.post("/v2/models/churn/infer", json=asked)
            assert (found.status_code in (400, 422), words in found.json()["error"]) == (True, True), found.text
        found = await client.post("/models/churn/predict", json={"rows": [ROW]}, headers={"X-AutoML-Key": "x" * 1_001})
        assert (found.status_code, found.json()["error"]["code"]) == (422, "bad_rows")

    talk(test)


def test_of_large_requests_as_many_wait_as_memory_is_meant_for(
    lake: Lake, talk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        go, inside = asyncio.Event(), list[int]()

        async def slow(*_: Any, **__: Any) -> Given:
            inside.append(1)
            await go.wait()
            return Given(9, [1], ["no"], [[0.8, 0.2]], ["no", "yes"], None, 0.1)

        monkeypatch.setattr(server.served, "predict", slow)
        rows = {"rows": [ROW | {"city": "x" * LARGE}]}
        inputs = {"inputs": _inputs(), "parameters": {"note": "x" * LARGE}}
        asked = [asyncio.ensure_future(client.post("/models/churn/predict", json=rows)) for _ in range(AT_ONCE // 2)]
        more = AT_ONCE - len(asked)
        asked += [asyncio.ensure_future(client.post("/v2/models/churn/infer", json=inputs)) for _ in range(more)]
        await until(lambda: len(inside) == len(asked))
        for path, body in (("/models/churn/predict", rows), ("/v2/models/churn/infer", inputs)):
            found = await client.post(path, json=body)
            assert (found.status_code, found.headers["Retry-After"]) == (503, "1"), found.text
        few = asyncio.ensure_future(client.post("/models/churn/predict", json={"rows": [ROW]}))
        await until(lambda: len(inside) == len(asked) + 1)
        go.set()
        assert {each.status_code for each in await asyncio.gather(few, *asked)} == {200}
        assert server.held.bytes == 0

    talk(test, body=LARGE + 1_000)


def test_a_key_is_the_same_one_by_both_protocols() -> None:
    for key, text in (("007", "007"), (7, "7"), (True, "true"), (2.5, "2.5")):
        assert key_of({"key": key}) == text == keys_of([{"key": key}], "key", None, None, "id")[0]
    assert key_of({}) is None


def test_who_names_a_version_gets_no_other_ones_answer(
    lake: Lake, talk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        async def other(*_: Any, check: Callable[[Given], None], **more: Any) -> Given:
            given = Given(9, [2], ["no"], [[0.8, 0.2]], ["no", "yes"], None, 0.1)
            check(given)
            return given

        monkeypatch.setattr(server.served, "predict", other)  # version 1 was taken back while it was asked
        found = await client.post("/v2/models/churn/versions/1/infer", json={"inputs": _inputs()})
        assert (found.status_code, found.json()["error"]) == (404, "version 1 of churn is not in use any more")

    talk(test)


def _inputs(**changed: Any) -> list[dict[str, Any]]:
    age = {"name": "age", "shape": [1], "datatype": "FP64", "data": [30.0], **changed}
    city = {"name": "city", "shape": [1], "datatype": "BYTES", "data": ["Bonn"]}
    return [age, city, {"name": "plan", "shape": [1], "datatype": "INT64", "data": [1]}]


MLSERVER = """{"parameters":{"content_type":"pd"},"inputs":[
{"name":"age","shape":[2,1],"datatype":"FP64","data":[30.5,null]},
{"name":"city","shape":[2,1],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["Bonn","Ulm"]},
{"name":"plan","shape":[2,1],"datatype":"INT64","data":[1,2]}]}"""
"""What PandasCodec of mlserver 1.7.1 makes of two rows, the city as a column of objects (pandas 3.1.1)."""

WRONG_INPUTS = [
    # a column of numbers and texts, by mlserver's PandasCodec
    ({"datatype": "BYTES", "data": ["1"], "parameters": {"content_type": "pd_json"}}, "content_type is 'pd_json'"),
    ({"datatype": "FP65"}, "there is no datatype 'FP65'"),
    ({"shape": [2]}, "its shape says 2 values, and there are 1"),
    ({"shape": [1, 2]}, "a column is [n] or [n, 1]"),
    ({"data": ["1"]}, "is no number, which FP64 are"),
    ({"datatype": "INT8", "data": [300]}, "is beyond INT8 (-128 to 127)"),
    ({"datatype": "INT64", "data": [None]}, "send such a column as FP64"),
    ({"datatype": "INT64", "data": [True]}, "is no whole number"),
    ({"datatype": "BOOL", "data": ["false"]}, "neither true nor false"),
    ({"name": "city"}, "'city' stands there twice"),
    ({"shape": [2], "data": [1.0, 2.0]}, "different numbers of values: age has 2, city has 1"),
    ({"data": None}, "inputs.age: it has no data"),
    ({"data": None, "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 8}}, "no shared memory"),
    ({"datatype": "BYTES", "data": ["MzA="], "parameters": {"content_type": "base64"}}, "content_type is 'base64'"),
]


def test_a_request_as_mlserver_writes_a_table(lake: Lake, talk: Callable[..., None]) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        found = await client.post(
            "/v2/models/churn/infer", content=MLSERVER, headers={"Content-Type": "application/json"}
        )
        assert found.status_code == 200, found.text
        rows = [{"age": 30.5, "city": "Bonn", "plan": 1}, {"age": None, "city": "Ulm", "plan": 2}]
        prediction, chances = found.json()["outputs"]
        assert prediction["data"] == lake.model(1).predict(rows).tolist()
        assert (prediction["shape"], chances["shape"]) == ([2], [2, 2])

    talk(test)


def test_columns_are_what_they_say(lake: Lake, talk: Callable[..., None]) -> None:
    async def test(client: httpx.AsyncClient, server: Server) -> None:
        for changed, words in WRONG_INPUTS:
            found = await client.post("/v2/models/churn/infer", json={"inputs": _inputs(**changed)})
            assert found.status_code == 400
            assert words in found.json()["error"], found.text
        found = await client.post(
            "/v2/models/churn/infer", json={"inputs": _inputs(), "outputs": [{"name": "prediction"}]}
        )
        assert [each["name"] for each in found.json()["outputs"]] == ["prediction"]
        # what may be left out is null where a client's classes are written whole (Pydantic, Java)
        nothing = {"parameters": None, "outputs": None, "id": None}
        found = await client.post("/v2/models/churn/infer", json={"inputs": _inputs(parameters=None), **nothing})
        assert len(found.json()["outputs"]) == 2, found.text
        asked = {"inputs": _inputs(), "outputs": [{"name": "prediction", "parameters": None}]}
        assert (await client.post("/v2/models/churn/infer", json=asked)).status_code == 200
        # Triton's client, and whoever writes JSON by Python alone, write NaN for a missing number
        missing = json.dumps({"inputs": _inputs(data=[float("nan")])})
        assert "NaN" in missing
        of = {"Content-Type": "application/json"}
        found = await client.post("/v2/models/churn/infer", content=missing, headers=of)
        null = await client.post("/v2/models/churn/infer", json={"inputs": _inputs(data=[None])})
        assert found.json()["outputs"] == null.json()["outputs"]
        row = json.dumps({"rows": [{**ROW, "age": float("nan"), "city": "NaN"}]})
        found = await client.post("/models/churn/predict", content=row, headers=of)
        assert found.json()["predictions"] == lake.model(1).predict([{**ROW, "age": None, "city": "NaN"}]).tolist()
        beyond = row.replace("NaN,", "1e400,", 1).replace('"NaN"', "NaN")  # too large for a number is not missing
        found = await client.post("/models/churn/predict", content=beyond, headers=of)
        assert (found.status_code, beyond.count("NaN"), beyond.count("1e400")) == (400, 1, 1), found.text
        endless = json.dumps({"inputs": _inputs(data=[float("-inf")])})
        for torn in (endless, '{"inputs": [NaN', '{"inputs": NaN}', '{"n": NaN, "m": 1' + "0" * 5000 + "}"):
            assert (await client.post("/v2/models/churn/infer", content=torn, headers=of)).status_code == 400
        for unmet in ({"classification": 1}, {"shared_memory_region": "r"}):
            asked["outputs"] = [{"name": "probabilities", "parameters": unmet}]
            found = await client.post("/v2/models/churn/infer", json=asked)
            assert found.status_code == 400
            assert found.json()["error"].startswith(f"outputs.probabilities: {next(iter(unmet))}: "), found.text
        told = (await client.get("/v2/models/churn")).json()
        assert told["inputs"] == [
            {"name": "age", "shape": [-1], "datatype": "FP64"}, {"name": "city", "shape": [-1], "datatype": "BYTES"},
            {"name": "plan", "shape": [-1], "datatype": "BYTES"},
        ]  # fmt: skip

    talk(test)


def test_answers_may_be_written_without_the_rows_or_for_some_requests_alone(
    lake: Lake, talk: Callable[..., None]
) -> None:
    before = len(written(lake))

    async def test(client: httpx.AsyncClient, server: Server) -> None:
        for number in range(40):
            await client.post("/models/churn/predict", json={"rows": [ROW], "id": f"s-{number}"})

    talk(test, rule=Rule(0.5, ("city",)))
    lines = written(lake)[before:]
    assert 8 <= len(lines) <= 32
    assert all("age" not in line and line["city"] == "Bonn" for line in lines)


def test_what_a_killed_server_had_written_comes_with_the_next_one(lake: Lake) -> None:
    dead = lake.folder / "left" / "dead" / "churn" / "ds=2026-11-29"
    dead.mkdir(parents=True)
    (dead.parent.parent / "lock").touch()
    (dead / "dead-000001.part").write_bytes(b'{"request_id": "before"}\n{"request_id": "tor')
    (dead / "dead-000002.jsonl").write_bytes(b'{"request_id": "closed"}\n')

    async def run() -> None:
        log = AnswerLog(lake.store, lake.folder / "left", every=60, server="next")
        log.start()
        await until(lambda: not dead.parent.parent.exists())
        await log.stop()

    asyncio.run(run())
    found = [line["request_id"] for line in written(lake)]
    assert {"before", "closed"} <= set(found)


def test_while_the_store_is_away_answers_stay_on_the_machine(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_core.storage.base import StorageUnavailable

    log = AnswerLog(lake.store, lake.folder / "away", every=60, server="alone")

    def refuse(*_: Any) -> None:
        raise StorageUnavailable("away")

    async def run() -> None:
        log.start()
        log._file("churn").write(b'{"request_id": "kept"}\n')
        with monkeypatch.context() as patch:
            patch.setattr(type(lake.store), "upload_file", refuse)
            assert await log.stop(patience=0.0) == 1

    asyncio.run(run())
    assert list((lake.folder / "away").rglob("*.jsonl"))


def test_whatever_fails_answers_are_brought_by_a_later_try(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    log, tries = AnswerLog(lake.store, lake.folder / "flaky", every=0.05, server="flaky"), list[int]()
    upload = type(lake.store).upload_file

    def flaky(*args: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise PermissionError("a folder of the machine")
        upload(*args)

    monkeypatch.setattr(type(lake.store), "upload_file", flaky)

    async def run() -> None:
        log.start()
        assert log._write("churn", bytearray(b'{"request_id": "brought-late"}\n')) == ""
        await until(lambda: len(tries) >= 3)
        assert await log.stop() == 0

    asyncio.run(run())
    assert "brought-late" in {line["request_id"] for line in written(lake)}
    assert not (lake.folder / "flaky" / "flaky").exists(), "nothing is left of a server that ended well"


def test_a_full_disk_leaves_no_torn_line_and_fails_no_request(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AnswerLog(lake.store, lake.folder / "full", server="full")
    given = Given(7, [1], ["no"], [[0.8, 0.2]], ["no", "yes"], None, 0.1)
    log.add("churn", given, [ROW], ["k"], "first")
    file = log._files["churn"]
    whole = Path(file.name).read_bytes()

    class Full:
        name, fileno = file.name, file.fileno

        def write(self, lines: bytes) -> int:
            return int(file.write(lines[:20]))

    log._files["churn"] = Full()
    log.add("churn", given, [ROW], ["k"], "torn")
    assert (Path(file.name).read_bytes(), log.lost) == (whole, 1)

    def none(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Full, "write", none)
    log.add("churn", given, [ROW], ["k"], "none")
    assert (Path(file.name).read_bytes(), log.lost) == (whole, 2)
    file.close()


def test_a_server_is_ready_once_it_can_answer_and_no_image_that_can_not_load_the_version_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_core.serving.served.AGAIN", (0.05,))
    lake = Lake(tmp_path)
    lake.in_use(seed=1)
    lake.offered("new")
    copy = lake.life().state.version(1).model
    key = f"{copy.prefix}scorer.json"
    whole = lake.store.get(key)
    lake.store.put(key, b"{}")

    async def asked(*names: str) -> Server:
        server = Server(Served(Follower(lake.store), lake.folder / "cache", every=0.05))
        server.preload = names
        await server.served.start(names)
        return server

    async def test() -> None:
        server = await asked("churn")
        status = [(await server._ready(Call({"type": "http", "path": "/", "headers": []}, no_body))).status]
        both, quiet = await asked("churn", "new"), await asked("new")
        assert not both.ready, "of those with something in use none answers"
        assert quiet.ready, "nothing is in use, and nothing keeps it from the first version"
        lake.store.put(key, whole)
        await until(lambda: server.ready)
        following = lake.accepted(seed=2)
        lake.store.put(f"{lake.life().state.version(following).model.prefix}scorer.json", b"{}")
        lake.life().put_in_use(following, DAG)
        await until(lambda: ("churn", following) in server.served.failures)
        assert server.ready, "the version before goes on"
        server.end()
        assert (status, server.ready) == ([503], False)
        for each in (server, both, quiet):
            await each.served.stop()

    asyncio.run(asyncio.wait_for(test(), 60))


async def no_body() -> dict[str, Any]:
    return {"type": "http.disconnect"}


@pytest.mark.parametrize("lost", [False, True])
def test_a_start_that_fails_says_what_a_person_can_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lost: bool
) -> None:
    lake, told = Lake(tmp_path), list[Any]()
    served = Served(Follower(lake.store), lake.folder / "cache")
    if lost:

        def away(*_: Any, **__: Any) -> Any:
            raise StorageUnavailable("the store is away")

        monkeypatch.setattr(served.follower, "look", away)
    server = Server(served)
    server.preload = ("chrun",)

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        told.append(message)

    async def test() -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        with pytest.raises((NoSuchModel, StorageUnavailable)):
            await server.asgi()(scope, receive, send)
        await served.stop()

    asyncio.run(test())
    why = "the store is away" if lost else f"there is no model 'chrun' in {lake.store.url}"
    assert told == [{"type": "lifespan.startup.failed", "message": f"this server can't be started: {why}"}]
