"""A real server on a bucket, in a rollout: ended, killed, started again; no answer and no block of counts is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from automl_core.models.rollout.tallies import list_tallies, read_tally
from automl_core.storage import open_store
from tests.contract.object_servers import BUCKET, BucketServer
from tests.unit.cli.test_serve import server
from tests.unit.serving.world import ANNA, DAG, ROW, Lake, together


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with BucketServer("s3") as bucket:
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        found = Lake(tmp_path)
        found.store = open_store(f"s3://{BUCKET}/lake")
        found.in_use(seed=1)
        yield found


def answered(lake: Lake) -> dict[str, dict[str, Any]]:
    keys = lake.store.list("_models/churn/answers/")
    lines = [json.loads(line) for each in keys for line in lake.store.get(each).splitlines()]
    assert len({line["request_id"] for line in lines}) == len(lines), "none is there twice"
    return {line["request_id"]: line for line in lines}


def counted(lake: Lake) -> tuple[int, int]:
    """Answers of both versions in the tallies, and servers that counted."""
    places = list(list_tallies(lake.store, "churn", 1))
    found = [each for place in places if (each := read_tally(lake.store, place.key)) is not None]
    return sum(together(found, version).answers for version in (1, 2)), len({each.server for each in places})


def ask(address: str, begin: int, count: int) -> list[int]:
    with httpx.Client(base_url=address, timeout=60) as client:
        found = [
            client.post("/models/churn/predict", json={"rows": [ROW], "id": f"r-{number}"})
            for number in range(begin, begin + count)
        ]
    assert {each.status_code for each in found} == {200}
    return [each.json()["version"] for each in found]


def until_it_says(address: str, **wanted: Any) -> None:
    """Wait until the versions answer that are wanted.

    A server that has just started lets nobody wait for a challenger longer than an answer may take: on a busy machine
    its champion answers all until the other one is loaded, and it has no rollout till then.
    """
    while True:
        told = httpx.get(f"{address}/models/churn").json()
        if all(told[name] == value for name, value in wanted.items()):
            return
        time.sleep(0.05)


def test_a_server_in_a_rollout_is_ended_killed_and_started_again(lake: Lake) -> None:
    rollout = lake.rolling(0.5, 1.0)

    def ended(process: subprocess.Popen[str], number: signal.Signals) -> None:
        process.send_signal(number)
        process.wait(120)

    with server(lake, "--model", "churn", "--open", "--grace", "60") as (process, address):
        until_it_says(address, rollout=rollout.id)
        first = ask(address, 0, 60)
        assert set(first) == {1, 2}
        ended(process, signal.SIGTERM)
    assert {name: line["model_version"] for name, line in answered(lake).items()} == {
        f"r-{number}": version for number, version in enumerate(first)
    }
    assert {line["rollout"] for line in answered(lake).values()} == {1}
    assert counted(lake) == (60, 1), "what was counted is written at the end"

    with server(lake, "--model", "churn", "--open") as (process, address):
        until_it_says(address, rollout=rollout.id)
        assert ask(address, 0, 60) == first, "a restart chooses alike"
        while counted(lake) != (120, 2):
            time.sleep(0.05)
        killed = ask(address, 60, 20)
        ended(process, signal.SIGKILL)
    assert counted(lake)[0] <= 140, "its last block may be lost"

    with server(lake, "--model", "churn", "--open") as (process, address):
        lake.life().step_rollout(rollout.id, 1, DAG)
        until_it_says(address, step=1)
        assert ask(address, 100, 5) == [2] * 5
        lake.life().take_back(2, ANNA, "worse")
        until_it_says(address, rollout=None)
        assert ask(address, 200, 5) == [1] * 5
        ended(process, signal.SIGTERM)
    keys = lake.store.list("_models/churn/answers/")
    lines = [json.loads(line) for each in keys for line in lake.store.get(each).splitlines()]
    found = [(line["request_id"], line["model_version"]) for line in lines]
    wanted = [(f"r-{number}", version) for number, version in enumerate(first)] * 2
    wanted += [(f"r-{60 + number}", version) for number, version in enumerate(killed)]
    wanted += [(f"r-{number}", 2) for number in range(100, 105)] + [(f"r-{number}", 1) for number in range(200, 205)]
    assert sorted(found) == sorted(wanted), "what the killed server had answered was brought by the next one"
