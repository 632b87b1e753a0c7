"""Processes that ask and tell at once on one S3 server with a delay: requests, objects written, bytes a record.

Each ask and each tell opens the journal anew, as a task's process does. The server is moto's, with a wait before each
request. Another checkout of the product is measured beside this one, in turns.

    python -m benchmarks.crowd --processes 8 --beside /path/to/another/checkout
    python -m benchmarks.crowd --processes 8 --threads 8 --rounds 1 --beside /path/to/another/checkout
    python -m benchmarks.crowd --bytes 1000 --beside /path/to/another/checkout
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOGIN = "benchmark"

WORKER = """
import json, random, sys
from concurrent.futures import ThreadPoolExecutor
from automl_core.states import TrialState
from automl_core.storage import Credentials, open_store
from automl_core.study import Binding, Outcome, Study
from benchmarks.journal import experiment
import automl_core.study
Opened = getattr(automl_core.study, "StudyJournal", None) or automl_core.study.Journal  # as builds name it
url, bucket, number, count, rounds, trials, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
key = Credentials(access_key="benchmark", secret_key="benchmark", endpoint_url=url, region="us-east-1")
def fresh(requests):
    store = open_store(f"s3://{bucket}/runs", key)
    inner = store
    while not hasattr(inner, "_client"):
        inner = inner._inner
    inner._client.meta.events.register("before-send.s3", lambda **_: requests.append(1))
    return Opened(store, "benchmark/run/")
if number < 0:
    spec = experiment(trials)
    spec = spec.model_copy(update={"trials": spec.trials.model_copy(update={"concurrency": count})})
    Study.create(fresh([]), spec, "run", [])
    print("{}"); sys.exit()
def work(mine):
    noise, rows = random.Random(mine), []
    for turn in range(rounds):
        requests = []
        answer = Study.load(fresh(requests)).ask(mine + turn * count)
        assert isinstance(answer, Binding), answer
        curve = tuple((epoch, noise.random()) for epoch in range(30))
        outcome = Outcome(TrialState.SUCCEEDED, value=noise.random(), step=29,
                          metrics={"accuracy": noise.random(), "loss": noise.random()}, curve=curve)
        assert Study.load(fresh(requests)).tell(answer, outcome).accepted
        rows.append(len(requests))
    return rows
Study.load(fresh([]))  # imports are no part of this
print("ready", flush=True); sys.stdin.readline()
with ThreadPoolExecutor(threads) as pool:
    print(json.dumps(sum(pool.map(work, range(number * threads, (number + 1) * threads)), [])), flush=True)
"""


BYTES = """
import random, sys, tempfile
from automl_core.states import TrialState
from automl_core.storage import open_store
from automl_core.study import Outcome, Study
from benchmarks.journal import experiment
import automl_core.study
Opened = getattr(automl_core.study, "StudyJournal", None) or automl_core.study.Journal  # as builds name it
trials, noise, sizes = int(sys.argv[1]), random.Random(7), []
with tempfile.TemporaryDirectory() as folder:
    store = open_store(folder)
    class Counted:
        def __getattr__(self, name):
            return getattr(store, name)
        def put(self, key, data):
            sizes.append(len(data)); store.put(key, data)
        def create(self, key, data):
            sizes.append(len(data)); return store.create(key, data)
    study = Study.create(Opened(Counted(), "e/r/"), experiment(trials), "run", [])
    for slot in range(trials):
        if slot == int(trials * 0.9):
            start, seq = len(sizes), study.state.seq
        answer = study.ask(slot)
        curve = tuple((epoch, noise.random()) for epoch in range(30))
        study.tell(answer, Outcome(TrialState.SUCCEEDED, value=noise.random(), step=29, curve=curve,
                                   metrics={"accuracy": noise.random(), "loss": noise.random()}))
    print(sum(sizes[start:]) / (study.state.seq - seq))
"""


class Server:
    """moto's S3 behind a wait; counts requests, and what is written below journal/."""

    def __init__(self, delay: float) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        app = DomainDispatcherApplication(create_backend_app)
        self.delay, self.puts, self.asked = delay, Counter[str](), 0
        self._lock = threading.Lock()

        def delayed(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            time.sleep(self.delay)
            self.asked += 1
            path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
            if method == "PUT" and "/run/journal" in path:
                with self._lock:
                    self.puts[path.split("/")[1]] += 1
            answer: Iterable[bytes] = app(environ, start)
            return answer

        self._server = make_server("127.0.0.1", 0, delayed, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def bucket(self, name: str) -> None:
        """Make a bucket."""
        import boto3

        boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=LOGIN, aws_secret_access_key=LOGIN
        ).create_bucket(Bucket=name)

    def records(self, bucket: str) -> int:
        """How many records a bucket's journal has."""
        import boto3

        client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=LOGIN, aws_secret_access_key=LOGIN
        )
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="runs/benchmark/run/journal/")
        return sum(len(page.get("Contents", [])) for page in pages)

    def close(self) -> None:
        """End it."""
        self._server.shutdown()


@contextmanager
def serving(delay: float) -> Iterator[Server]:
    """A server while it is needed."""
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = Server(delay)
    try:
        yield server
    finally:
        server.close()


def worker(checkout: Path, *args: object) -> subprocess.Popen[str]:
    """A process of a checkout's code with this environment's libraries."""
    path = os.pathsep.join([str(checkout), str(checkout / "plugins")])
    command = [sys.executable, "-c", WORKER, *map(str, args)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, cwd=checkout, env={**os.environ, "PYTHONPATH": path}
    )


def crowd(
    checkout: Path, server: Server, bucket: str, processes: int, rounds: int, threads: int = 1
) -> dict[str, float]:
    """Requests an ask + tell and objects a record, of processes that work at once."""
    server.bucket(bucket)
    writers = processes * threads
    worker(checkout, server.url, bucket, -1, writers, 0, writers * rounds, 1).communicate()
    crew = [worker(checkout, server.url, bucket, n, writers, rounds, 0, threads) for n in range(processes)]
    for each in crew:
        assert each.stdout is not None
        assert each.stdout.readline().strip() == "ready"
    puts, records, started = server.puts[bucket], server.records(bucket), time.perf_counter()
    for each in crew:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    rows = sorted(requests for each in crew for requests in json.loads(each.communicate()[0].strip().splitlines()[-1]))
    seconds, written = time.perf_counter() - started, server.records(bucket) - records
    assert written == 2 * writers * rounds, (written, writers, rounds)
    return {
        "requests, median": statistics.median(rows), "requests, p99": rows[int(0.99 * (len(rows) - 1))],
        "requests, sum": sum(rows), "objects a record": (server.puts[bucket] - puts) / written, "seconds": seconds,
    }  # fmt: skip


def bytes_a_record(checkout: Path, trials: int) -> dict[str, float]:
    """Bytes written a record over the last tenth of an experiment's trials."""
    path = os.pathsep.join([str(checkout), str(checkout / "plugins")])
    command = [sys.executable, "-c", BYTES, str(trials)]
    done = subprocess.run(
        command, text=True, cwd=checkout, env={**os.environ, "PYTHONPATH": path}, check=True, stdout=-1
    )
    return {"bytes a record": float(done.stdout)}


def main() -> None:
    """Measure this checkout, and another beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1, help="writers a process")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--delay", type=float, default=0.02, help="seconds before each request")
    parser.add_argument(
        "--bytes", type=int, default=0, metavar="TRIALS", help="bytes a record at so many trials instead"
    )
    parser.add_argument("--beside", type=Path, help="another checkout of the product")
    parser.add_argument("--turns", type=int, default=1)
    options = parser.parse_args()
    checkouts = {"this": ROOT} | ({"beside": options.beside.resolve()} if options.beside else {})
    with serving(options.delay) as server:
        for turn in range(options.turns):
            for name, checkout in checkouts.items():
                bucket = f"{name}-{turn}"
                if options.bytes:
                    found = bytes_a_record(checkout, options.bytes)
                else:
                    found = crowd(checkout, server, bucket, options.processes, options.rounds, options.threads)
                print(f"{name:7}", "   ".join(f"{key}: {value:.4g}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
