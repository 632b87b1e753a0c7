"""Publishing into a bucket and reading from it, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automl_core.results import leaderboard, publish
from automl_core.storage import Credentials, open_store
from tests.contract.object_servers import BUCKET, BucketServer
from tests.unit.results.lab import START, Lab


@pytest.fixture(params=["s3", "oss"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Credentials]]:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with BucketServer(request.param) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield f"{request.param}://{BUCKET}/automl", Credentials("AKIDEXAMPLE", "secret", None, server.endpoint, "test")


def test_a_result_in_a_bucket_is_whole_and_found_by_its_address(bucket: tuple[str, Credentials]) -> None:
    url, credentials = bucket
    store = open_store(url, credentials)
    Lab(store=store, run="older")
    lab = Lab(store=store, run="new", now=START + 100)
    lab.trial(0.5)
    store.put(f"{lab.prefix}experiment_0/model/old.bin", b"0")
    publish(store, lab.prefix, lab.spec, lab.state, algorithm_state=None)
    lab.trial(0.9)
    lab.stop()
    published = publish(store, lab.prefix, lab.spec, lab.state, algorithm_state=None)

    assert published.folder == f"{url}/digits/new"
    assert store.list(f"{lab.prefix}best_model/model/") == [f"{lab.prefix}best_model/model/weights.bin"]
    assert store.get(f"{lab.prefix}best_model/model/weights.bin") == b"weights of slot 1"
    assert not store.list(f"{lab.prefix}experiment_0/model/")

    for address in ("digits", "digits/new/", "digits/new/controller.json"):
        board = leaderboard(f"{url}/{address}", credentials=credentials)
        assert (board.run, [row.trial for row in board.rows]) == ("new", [1, 0])
    with pytest.raises(LookupError, match="found the folders digits"):
        leaderboard(url, credentials=credentials)
