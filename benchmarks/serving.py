"""What the server of models can do: beside a plain program with the same booster, and when a version is taken back.

python -m benchmarks.serving [throughput] [taken_back] [rest] [split] [drift]

Without a name all are measured, which takes some minutes.

Throughput: ``automl serve`` with all that is on by default (answers written, figures) and a token, and a FastAPI
program with a pydantic model and `lightgbm.Booster.predict`, one process of uvicorn each, in turns, asked by the same
client for the same rows, one a request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.serving.world import ANNA, DAG, ROW, Lake

TOKEN = "a-token-that-is-long-enough"  # noqa: S105
COLUMNS, TREES, LEAVES = 20, 200, 31
SECONDS, ROUNDS = 3.0, 3

PLAIN = """
import sys
import lightgbm, numpy, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, create_model

booster = lightgbm.Booster(model_file=sys.argv[1])
names = booster.feature_name()
Row = create_model("Row", **{name: (float, ...) for name in names})
app = FastAPI()

@app.post("/predict")
def predict(row: Row):
    values = numpy.asarray([[getattr(row, name) for name in names]])
    return {"probability": float(booster.predict(values, num_threads=1)[0])}

uvicorn.run(app, host="127.0.0.1", port=0, access_log=False)
"""


class BoosterLake(Lake):
    """A storage with a booster's model."""

    def offered(self, name: str = "churn", seed: int = 1) -> int:
        import lightgbm

        from automl_core import modelfile
        from automl_core.modelfile.exporting.lightgbm import from_lightgbm
        from automl_core.modelfile.scoring.values import Field, Schema
        from automl_core.models.life import Source

        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(5_000, COLUMNS))
        wanted = (rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=5_000) > 0).astype(int)
        names = [f"x{at}" for at in range(COLUMNS)]
        given = {"objective": "binary", "num_leaves": LEAVES, "verbose": -1, "num_threads": 1}
        booster = lightgbm.train(given, lightgbm.Dataset(rows, wanted, feature_name=names), TREES)
        booster.save_model(self.folder / "booster.txt")
        exported = from_lightgbm(booster)
        features = [{"step": "numbers", "columns": names, "fill": np.full(COLUMNS, np.nan)}]
        member = {"weight": 1.0, "features": features, "model": exported.model, "link": exported.link}
        self.runs += 1
        made = modelfile.write(
            self.folder / f"made-{self.runs}", members=[member], made={"seed": seed},
            schema=Schema([Field(each, "number", "number") for each in names]),
            problem={"kind": "binary", "target": "y", "classes": ["no", "yes"]},
            golden=[dict(zip(names, row, strict=True)) for row in rows[:5].tolist()],
        )  # fmt: skip
        prefix = f"{name}/r{self.runs}/best_model/model/"
        self.store.upload(made, prefix.rstrip("/"))
        source = Source(self.store.url, name, f"r{self.runs}", f"{name}/r{self.runs}/", 0, "auc", 0.9)
        return self.life(name).offer(source, (self.store, prefix), DAG).number


@contextmanager
def running(command: list[str], cwd: Path) -> Iterator[tuple[str, int]]:
    """A server, and where it listens."""
    log = (cwd / "log").open("w+")
    process = subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        for _ in range(600):
            found = re.search(r"running on http://([\d.]+):(\d+)", (cwd / "log").read_text())
            if found:
                yield found[1], int(found[2])
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError((cwd / "log").read_text())
    finally:
        process.terminate()
        process.wait(60)
        log.close()


@contextmanager
def served(lake: Lake, *options: str) -> Iterator[tuple[str, int]]:
    """``automl serve`` of a storage."""
    (lake.folder / "tokens").write_text(TOKEN)
    program = "import sys; from automl_core.cli import main; sys.exit(main())"
    command = [
        sys.executable, "-c", program, "serve", f"file://{lake.folder / 'lake'}", "--port", "0", "--tokens",
        str(lake.folder / "tokens"), "--cache", str(lake.folder / "machine"), *options,
    ]  # fmt: skip
    with running(command, lake.folder) as address:
        yield address


class Client(asyncio.Protocol):
    """One connection that asks again and again: bytes in, bytes out, as little else as can be."""

    def __init__(self, requests: list[bytes], until: float) -> None:
        self.requests, self.until, self.at, self.data = requests, until, 0, b""
        self.took: list[float] = []
        self.wrong = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.requests[self.at % len(self.requests)])
        self.at += 1

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
        if len(body) < length:
            return
        self.took.append(time.perf_counter() - self.began)
        self.wrong += not head.startswith(b"HTTP/1.1 200")
        self.data = b""
        if time.perf_counter() > self.until:
            self.transport.close()
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def posts(path: str, bodies: list[bytes]) -> list[bytes]:
    return [
        f"POST {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n".encode()
        + body
        for body in bodies
    ]


def asked(address: tuple[str, int], requests: list[bytes], connections: int, seconds: float) -> list[float]:
    """Ask from some connections at once. Returns the seconds of each answer."""
    import uvloop

    async def run() -> list[float]:
        until = time.perf_counter() + seconds
        loop = asyncio.get_running_loop()
        found = [await loop.create_connection(lambda: Client(requests, until), *address) for _ in range(connections)]
        await asyncio.gather(*(client.done for _, client in found))
        wrong = sum(client.wrong for _, client in found)
        if wrong:
            raise RuntimeError(f"{wrong} requests were not answered")
        return [each for _, client in found for each in client.took]

    return uvloop.run(run())


def throughput(folder: Path) -> dict[str, Any]:
    """Answers a second and their seconds, ours and a plain program's in turns."""
    lake = BoosterLake(folder)
    lake.in_use()
    plain = folder / "plain"
    plain.mkdir()
    (plain / "plain.py").write_text(PLAIN)
    rows = [dict(zip([f"x{at}" for at in range(COLUMNS)], row, strict=True))
            for row in np.random.default_rng(9).normal(size=(200, COLUMNS)).round(4).tolist()]  # fmt: skip
    ours = posts("/models/churn/predict", [json.dumps({"rows": [row]}).encode() for row in rows])
    theirs = posts("/predict", [json.dumps(row).encode() for row in rows])
    found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    command = [sys.executable, str(plain / "plain.py"), str(folder / "booster.txt")]
    with served(lake, "--model", "churn") as here, running(command, plain) as there:
        for round_ in range(ROUNDS + 1):
            for connections in (1, 8, 32):
                for name, address, requests in (("ours", here, ours), ("plain", there, theirs)):
                    took = np.asarray(asked(address, requests, connections, SECONDS if round_ else 0.5))
                    if round_:
                        middle, high = np.quantile(took, [0.5, 0.99]) * 1000
                        rate = len(took) / SECONDS
                        found.setdefault((name, connections), []).append((rate, float(middle), float(high)))
    told = {}
    for (name, connections), values in found.items():
        rate, middle, high = (statistics.median(column) for column in zip(*values, strict=True))
        told[f"{name}, {connections} connections"] = f"{rate:.0f} a second, {middle:.2f} ms, p99 {high:.2f} ms"
    for connections in (1, 8, 32):
        ratio = statistics.median(
            a[0] / b[0] for a, b in zip(found["ours", connections], found["plain", connections], strict=True)
        )
        told[f"ratio, {connections} connections"] = round(ratio, 2)
    return told


def taken_back(folder: Path) -> dict[str, Any]:
    """Seconds from the record that takes a version back to the end of its last answer, under load."""
    import aiohttp

    lake = Lake(folder)
    lake.in_use(seed=1)
    answers: list[tuple[float, int, int | None]] = []

    async def ask(address: str, number: int) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            while number >= 0:
                async with client.post(address, json={"rows": [ROW]}) as found:
                    told = await found.json()
                    answers.append((time.time(), found.status, told.get("version")))

    async def run(host: str, port: int) -> list[float]:
        asking = [asyncio.create_task(ask(f"http://{host}:{port}/models/churn/predict", at)) for at in range(8)]
        seconds = []
        for seed in range(2, 12):
            version = await asyncio.to_thread(lake.in_use, "churn", seed)
            while not answers or answers[-1][2] != version:
                await asyncio.sleep(0.02)
            await asyncio.to_thread(lambda number: lake.life().take_back(number, ANNA, "worse"), version)
            back = time.time()
            await asyncio.sleep(1.5)
            seconds.append(max(0.0, max(at for at, _, said in answers if said == version) - back))
        for each in asking:
            each.cancel()
        return seconds

    with served(lake, "--model", "churn") as (host, port):
        seconds = asyncio.run(run(host, port))
    refused = sum(status != 200 for _, status, _ in answers)
    return {
        "median": round(statistics.median(seconds), 2), "largest": round(max(seconds), 2), "of": len(seconds),
        "answers": len(answers), "not 200": refused,
    }  # fmt: skip


MODELS = 1_000
"""That one server follows at rest."""


def rest(folder: Path) -> dict[str, Any]:
    """Requests to the store a second while nothing happens to many models, and what following them takes."""
    import resource

    from automl_core.serving.following import Follower
    from automl_core.serving.served import EVERY
    from automl_core.storage.wrapper import StoreWrapper
    from benchmarks.guards import begun
    from tests.support.memory_store import MemoryStore

    calls: list[str] = []

    class Counted(StoreWrapper):
        def _call(self, operation, key, call):  # type: ignore[no-untyped-def]
            found = call()
            pages = -(-len(found) // 1_000) if operation == "list" else 1  # a bucket lists a thousand names at once
            calls.extend([operation] * max(1, pages))
            return found

    store, models = MemoryStore(), [f"model-{at}" for at in range(MODELS)]
    for name in models:
        begun(store, name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    follower = Follower(Counted(store))
    for name in models:
        follower.read(name)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    looks = 200
    calls.clear()
    began = time.process_time()
    for _ in range(looks):
        follower.look()
    return {
        "models": MODELS, "requests a second": len(calls) / looks / EVERY,
        "CPU ms a look": (time.process_time() - began) / looks * 1000,
        "KB a model at most": (after - before) / len(models), "kinds": sorted(set(calls)),
    }  # fmt: skip


def split(folder: Path) -> dict[str, Any]:
    """How far a share of 100,000 keys is from what was asked for, in points, over shares and rollouts."""
    from automl_core.models.traffic.split import place_of

    worst = 0.0
    for rollout in range(20):
        places = np.asarray([place_of(f"customer-{at}", "churn", str(rollout)) for at in range(100_000)])
        worst = max(worst, *(abs(float((places < share).mean()) - share) for share in (0.01, 0.05, 0.25, 0.5, 0.9)))
    return {"largest distance, points": round(worst * 100, 3), "rollouts": 20}


def drift(folder: Path) -> dict[str, Any]:
    """The watch of a table of 20 columns, 500 rows an hour: false alarms of a month, and what is found in a day."""
    from automl_core.modelfile.scoring.values import Field, Schema
    from automl_core.models.drift.comparing import table_drift
    from automl_core.models.drift.rates import per_look
    from automl_core.models.drift.reference import reference_of

    rng = np.random.default_rng(12)
    schema = Schema([Field(f"x{at}", "number", "number") for at in range(20)])
    alpha, alarms, found, months, days = per_look(720), [], [], 12, 200

    def rows(count: int, shift: float = 0.0) -> Any:
        values = rng.normal(size=(count, 20))
        values[:, 7] += shift
        return schema.read({f"x{at}": values[:, at] for at in range(20)})

    for _ in range(months):
        reference = reference_of(schema, rows(5_000))
        alarms.append(sum(bool(table_drift(reference, schema, rows(500), alpha=alpha).drifted) for _ in range(720)))
    for day in range(days):
        if day % 20 == 0:
            reference = reference_of(schema, rows(5_000))
        hours = (bool(table_drift(reference, schema, rows(500, 0.3), alpha=alpha).drifted) for _ in range(24))
        found.append(any(hours))
    return {
        "false alarms a month": sum(alarms) / months, "months": months,
        "found within a day": sum(found) / days, "days": days,
    }  # fmt: skip


def main() -> int:
    """Measure what is named, all without a name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every: dict[str, Callable[[Path], dict[str, Any]]] = {
        each.__name__: each for each in (throughput, taken_back, rest, split, drift)
    }
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(every))
    for name in parser.parse_args().what or every:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({name: every[name](Path(folder)), "load": os.getloadavg()[0]}, indent=1), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
