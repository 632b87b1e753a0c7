"""Rollouts over real servers: how soon all of them answer by a rollback, and whether they split requests alike.

python -m benchmarks.rollouts [local] [s3] [split]

Without a name all are measured. `local` and `s3` (a server on loopback that takes 20 ms for each request): three
processes of ``automl serve`` under load, a challenger with half of the requests whose processes are killed again and
again, and the guard looking every second, as the trigger of ``NAME.rollout`` does. From the first kill to the record in
the journal, and from there to the last answer of each server by the record before. `split`: 100,000 keys over HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from automl_core.models.rollout.guard import Guard
from automl_core.models.rollout.rules import Rules
from automl_core.storage import open_store
from benchmarks.serving import TOKEN, running
from tests.contract.object_servers import BUCKET, BucketServer, Script
from tests.unit.serving.world import DAG, ROW, Lake

SERVERS, TIMES, DELAY = 3, 5, 0.02
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Slow(Script):
    """Each request takes a while, before anything is done."""

    def meet(self, method: str, query: Any) -> Any:
        time.sleep(DELAY)
        return super().meet(method, query)


@contextmanager
def bucket() -> Iterator[str]:
    """A bucket on loopback, and its address."""
    with BucketServer("s3") as server:
        server.script = Slow()
        told = {
            "AWS_ENDPOINT_URL": server.address, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
        os.environ.update(told)
        yield f"s3://{BUCKET}/lake"
        for name in told:
            del os.environ[name]


@contextmanager
def serving(lake: Lake, count: int, *options: str) -> Iterator[list[str]]:
    """Processes of ``automl serve``, each with a machine folder of its own. Yields their addresses."""
    program = "import sys; from automl_core.cli import main; sys.exit(main())"
    with ExitStack() as stack:
        found = []
        for at in range(count):
            place = lake.folder / f"machine-{at}"
            place.mkdir(exist_ok=True)
            (place / "tokens").write_text(TOKEN)
            command = [
                sys.executable, "-c", program, "serve", lake.store.url, "--port", "0", "--tokens",
                str(place / "tokens"), "--cache", str(place), "--model", "churn", *options,
            ]  # fmt: skip
            host, port = stack.enter_context(running(command, place))
            found.append(f"http://{host}:{port}")
        yield found


def kill(folder: str) -> None:
    """Kill the processes that have a model's folder in their command, as crashes would."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"automl_core.serving.worker" in (told := each.read_bytes()) and folder.encode() in told:
                os.kill(int(each.parent.name), signal.SIGKILL)


def rollbacks(lake: Lake) -> dict[str, Any]:
    """See the module."""
    import aiohttp

    lake.in_use(seed=1)
    answers: list[tuple[float, int, int, int | None]] = []  # when, server, status, record
    rounds: list[dict[str, float]] = []

    async def ask(server: int, address: str, number: int) -> None:
        async with aiohttp.ClientSession(headers=HEADERS) as client:
            while True:
                number += 1
                asked = {"rows": [ROW], "keys": [f"{server}-{number}"]}
                async with client.post(f"{address}/models/churn/predict", json=asked) as found:
                    told = await found.json()
                    answers.append((time.time(), server, found.status, told.get("record")))
                await asyncio.sleep(0.01)

    def guarded(rollout: int, over: threading.Event) -> None:
        guard = Guard(lake.life(), rollout, Rules(least=10_000_000, p99=None))
        while not over.is_set() and not guard.look().ended:
            time.sleep(1.0)

    async def run(addresses: list[str]) -> None:
        asking = [
            asyncio.create_task(ask(at, each, 10_000_000 * some))
            for at, each in enumerate(addresses) for some in (1, 2)
        ]  # fmt: skip
        for seed in range(2, 2 + TIMES):
            rollout = await asyncio.to_thread(lambda number: lake.rolling(0.5, 1.0, seed=number), seed)
            begun = lake.life().state.shares[-1].seq
            while {each[1] for each in answers[-100:] if each[3] == begun} != set(range(SERVERS)):
                await asyncio.sleep(0.05)
            over = threading.Event()
            guarding = asyncio.create_task(asyncio.to_thread(guarded, rollout.id, over))
            await asyncio.sleep(3.0)
            copy, first = lake.life().state.version(rollout.version).model, time.time()
            while not guarding.done():
                await asyncio.to_thread(kill, copy.digest[:32])
                await asyncio.sleep(0.1)
            await guarding
            record = lake.life().state.shares[-1]
            assert record.cause == "taken_back", record
            await asyncio.sleep(3.0)
            late = [
                max((at for at, server, _, seq in answers if server == each and seq == begun), default=0.0)
                for each in range(SERVERS)
            ]  # fmt: skip
            assert all(any(seq == record.seq and each[1] == at for *each, seq in answers) for at in range(SERVERS))
            rounds.append({"journal": record.time - first, "servers": max(0.0, max(late) - record.time)})
        for each in asking:
            each.cancel()

    with serving(lake, SERVERS) as addresses:
        asyncio.run(run(addresses))
    bad = sum(status != 200 for _, _, status, _ in answers)
    return {
        "first kill to the journal": told([each["journal"] for each in rounds]),
        "journal to the last answer by the record before": told([each["servers"] for each in rounds]),
        "answers": len(answers), "not 200": bad, "rollbacks": len(rounds), "servers": SERVERS,
    }  # fmt: skip


def told(seconds: list[float]) -> str:
    """Seconds for people."""
    return f"median {statistics.median(seconds):.2f} s, {max(seconds):.2f} s at most"


def local(folder: Path) -> dict[str, Any]:
    """On a folder of this machine."""
    return rollbacks(Lake(folder))


def s3(folder: Path) -> dict[str, Any]:
    """On a bucket whose requests take 20 ms."""
    with bucket() as url:
        lake = Lake(folder)
        lake.store = open_store(url)
        return rollbacks(lake)


def split(folder: Path) -> dict[str, Any]:
    """Which version each of 100,000 keys gets from three servers, and from one that was started again."""
    import httpx

    lake = Lake(folder)
    lake.in_use(seed=1)
    rollout = lake.rolling(0.05, 0.25, 1.0)
    keys = [f"customer-{number}" for number in range(100_000)]

    def versions(address: str) -> list[int]:
        found: list[int] = []
        with httpx.Client(base_url=address, headers=HEADERS, timeout=120) as client:
            for begin in range(0, len(keys), 5_000):
                part = keys[begin : begin + 5_000]
                body = client.post("/models/churn/predict", json={"rows": [ROW] * len(part), "keys": part}).json()
                found += body.get("versions") or [body["version"]] * len(part)
        return found

    points = {}
    with serving(lake, SERVERS, "--answers", "off") as addresses:
        first = [versions(each) for each in addresses]
        lake.life().step_rollout(rollout.id, 1, DAG)
        time.sleep(3.0)
        second = [versions(each) for each in addresses]
    lake.life().step_rollout(rollout.id, 0, DAG)
    with serving(lake, 1, "--answers", "off") as (address,):
        again = versions(address)
    for share, found in ((0.05, first[0]), (0.25, second[0])):
        points[f"{share:.0%}"] = round(abs(found.count(rollout.version) / len(keys) - share) * 100, 3)
    return {
        "keys": len(keys), "points off": points,
        "three servers alike": first.count(first[0]) == second.count(second[0]) == SERVERS,
        "5 % within 25 %": all(one != 2 or two == 2 for one, two in zip(first[0], second[0], strict=True)),
        "the same after going back and a restart": again == first[0],
    }  # fmt: skip


def main() -> int:
    """Measure what is named, all without a name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every: dict[str, Callable[[Path], dict[str, Any]]] = {each.__name__: each for each in (local, s3, split)}
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(every))
    for name in parser.parse_args().what or every:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({name: every[name](Path(folder)), "load": os.getloadavg()[0]}, indent=1), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
