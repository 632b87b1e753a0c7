"""ask + tell against a journal with a thousand trials in it: latency on a folder, requests on S3.

Each ask and each tell opens the journal anew, as a task's process does.

    python -m benchmarks.journal --trials 1000 --store folder
    python -m benchmarks.journal --trials 1000 --store s3
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage import Credentials, open_store
from automl_core.storage.wrapper import StoreWrapper
from automl_core.study import Binding, Outcome, Study, StudyJournal

PREFIX = "benchmark/run/"


def experiment(trials: int) -> Experiment:
    """Six mixed parameters, curves of thirty epochs."""
    space = {
        "lr": {"type": "loguniform", "low": 1e-5, "high": 1},
        "momentum": {"type": "uniform", "low": 0, "high": 1},
        "layers": {"type": "int", "low": 1, "high": 8},
        "units": {"type": "logint", "low": 8, "high": 1024},
        "solver": {"type": "choice", "values": ["adam", "sgd", "lbfgs"]},
        "dropout": {"type": "uniform", "low": 0, "high": 0.9},
    }
    return Experiment.model_validate(
        {
            "name": "benchmark",
            "goal": {"metric": "accuracy", "direction": "maximize"},
            "search": {"algorithm": "random"},
            "space": space,
            "trials": {"max": trials, "concurrency": 8, "canary": False},
            "tasks": [{"name": "train", "command": ["true"]}],
        }
    )


class Counted:
    """Counts the requests that go to a boto3 client."""

    def __init__(self) -> None:
        self.requests = 0

    def __call__(self, **_: Any) -> None:
        self.requests += 1


@contextmanager
def s3_store() -> Iterator[tuple[Any, Counted]]:
    """A bucket on moto's server on loopback, and the counter of the requests that reach it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        login = "benchmark"
        key = Credentials(access_key=login, secret_key=login, endpoint_url=url, region="us-east-1")
        boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=login, aws_secret_access_key=login
        ).create_bucket(Bucket="benchmark")
        counter = Counted()

        def fresh() -> Any:
            store = open_store("s3://benchmark/runs", key)
            inner: Any = store
            while isinstance(inner, StoreWrapper):
                inner = inner.inner
            client = inner._client
            client.meta.events.register("before-send.s3", counter)
            return store

        yield fresh, counter
    finally:
        server.stop()


def measure(fresh: Any, trials: int, counter: Counted | None) -> list[tuple[float, int]]:
    """(seconds, requests) of each ask + tell, trial after trial."""
    Study.create(StudyJournal(fresh(), PREFIX), experiment(trials), "run", [])
    curve = tuple((epoch, 1 - 1 / (epoch + 2)) for epoch in range(30))
    rows = []
    for slot in range(trials):
        ask_store, tell_store = fresh(), fresh()
        before, started = counter.requests if counter else 0, time.perf_counter()
        answer = Study.load(StudyJournal(ask_store, PREFIX)).ask(slot)
        assert isinstance(answer, Binding)
        outcome = Outcome(TrialState.SUCCEEDED, value=0.5, step=29, metrics={"accuracy": 0.5, "loss": 1.0}, curve=curve)
        assert Study.load(StudyJournal(tell_store, PREFIX)).tell(answer, outcome).accepted
        rows.append((time.perf_counter() - started, (counter.requests if counter else 0) - before))
    return rows


def report(rows: list[tuple[float, int]]) -> None:
    """Print the figures of the first and the last fifth."""
    fifth = max(1, len(rows) // 5)
    for name, part in (("first fifth", rows[:fifth]), ("last fifth", rows[-fifth:]), ("all", rows)):
        seconds = sorted(1000 * s for s, _ in part)
        requests = sorted(r for _, r in part)
        p99 = int(0.99 * (len(part) - 1))
        print(
            f"{name:12} ask+tell ms: median {statistics.median(seconds):6.1f}  p99 {seconds[p99]:6.1f}   "
            f"requests: median {statistics.median(requests):g}  p99 {requests[p99]}  most {requests[-1]}"
        )


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--store", choices=["folder", "s3"], default="folder")
    options = parser.parse_args()
    if options.store == "folder":
        with tempfile.TemporaryDirectory() as folder:
            report(measure(lambda: open_store(folder), options.trials, None))
    else:
        with s3_store() as (fresh, counter):
            report(measure(fresh, options.trials, counter))


if __name__ == "__main__":
    main()
