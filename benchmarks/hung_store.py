"""A store that accepts and never answers, under a triggerer and under Airflow's API server.

The store is a real server on loopback that takes connections and says nothing, asked by boto3. In the triggerer
slots wait for runs in it while trials of another store are watched; at the API server requests for its runs come at
once, while Airflow's health and another experiment's page are asked for on. Another checkout is measured after it.

    python -m benchmarks.hung_store --seconds 60 --beside /path/to/another/checkout
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOGIN = "benchmark"


@contextmanager
def silence() -> Iterator[str]:
    """A server that accepts and never answers; its address."""
    server = socket.create_server(("127.0.0.1", 0), backlog=512)
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(server.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()


def credentials(url: str) -> dict[str, str]:
    """The environment in which every bucket is at an address."""
    return {
        "AWS_ACCESS_KEY_ID": LOGIN, "AWS_SECRET_ACCESS_KEY": LOGIN, "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip


def serve(folder: Path, port: int) -> None:
    """Airflow's API server with one good experiment and one in the silent bucket; run with a checkout's code."""
    from benchmarks.web.server import settings

    settings(folder)
    os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(Path.cwd() / "plugins")
    import uvicorn
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils import db

    from benchmarks.web.server import RUN
    from benchmarks.web.studies import make_experiment
    from tests.unit.web.conftest import World

    db.initdb()
    app = create_app(apps="core")
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role="ADMIN"))
    files = folder / "dags" / "experiments"
    files.mkdir(parents=True, exist_ok=True)
    world = World(app, {"ann": token}, folder / "runs", files)
    text = make_experiment("good", 50, world.storage, RUN)
    world.know(text)
    world.begin("good", RUN, "success")
    hung = text.replace("name: good", "name: hung", 1).replace(f"file://{world.storage}", "s3://hung/runs")
    hung = hung.replace(str(world.storage), "s3://hung/runs")
    world.know(hung)
    world.begin("hung", RUN)
    (folder / "token.json").write_text(json.dumps([token, RUN]))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


def viewers(checkout: Path, url: str, requests: int, seconds: float) -> dict[str, Any]:
    """How Airflow's health and another experiment's page are answered meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        path = os.pathsep.join([str(checkout), str(checkout / "plugins")])
        environment = {**os.environ, **credentials(url), "PYTHONPATH": path}
        command = [sys.executable, __file__, "--serve", home, "--port", str(port)]
        server = subprocess.Popen(command, env=environment, cwd=checkout, start_new_session=True)
        try:
            until = time.time() + 120
            while not (folder / "token.json").exists() and server.poll() is None and time.time() < until:
                time.sleep(0.2)
            token, run = json.loads((folder / "token.json").read_text())
            return asyncio.run(_viewed(f"http://127.0.0.1:{port}", token, run, requests, seconds))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


async def _viewed(base: str, token: str, run: str, requests: int, seconds: float) -> dict[str, Any]:
    import httpx

    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {token}"}
    runs = "/automl/api/v1/experiments/{}/runs/" + run
    answers: Counter[int | str] = Counter()
    took: list[float] = []
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=90, limits=limits, trust_env=False) as client:

        async def answered(path: str, most: float) -> float:
            """Seconds until an answer, `most` where none came by then."""
            began = time.monotonic()
            try:
                answer = await client.get(path, timeout=most)
                assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
            except httpx.TimeoutException:
                return most
            return time.monotonic() - began

        for _ in range(100):
            try:
                await client.get("/api/v2/monitor/health", timeout=5)
                break
            except httpx.TransportError:
                await asyncio.sleep(0.2)
        await answered("/api/v2/monitor/health", 20)
        await answered(runs.format("good"), 20)

        async def one(number: int) -> None:
            parts = ("", "/trials", "/history", "/curves", "/events")
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                began = time.monotonic()
                try:
                    answer = await client.get(runs.format("hung") + parts[number % len(parts)])
                    answers[answer.status_code] += 1
                except httpx.TimeoutException:
                    answers["no answer"] += 1
                took.append(time.monotonic() - began)
                await asyncio.sleep(max(0.0, 1.0 - took[-1]))

        askers = [asyncio.create_task(one(number)) for number in range(requests)]
        await asyncio.sleep(1.0)
        health, pages = [], []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            health.append(await answered("/api/v2/monitor/health", 20.0))
            pages.append(await answered(runs.format("good"), 20.0))
            await asyncio.sleep(0.2)
        await asyncio.gather(*askers)
    return {
        "health, at most s": round(max(health), 2), "another experiment's page, at most s": round(max(pages), 2),
        "asked": len(health), "answers of the hung one": dict(answers), "in at most s": round(max(took), 1),
    }  # fmt: skip


def main() -> None:
    """Measure this checkout, and another beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=45, help="asked for again and again at once")
    parser.add_argument("--waiting", type=int, default=20, help="slots that wait")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=["triggerer", "viewers"])
    parser.add_argument("--beside", type=Path, help="another checkout of the product")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port)
        return
    from benchmarks.watched import run_beside

    checkouts = {"this": ROOT} | ({"beside": options.beside.resolve()} if options.beside else {})
    with silence() as url:
        for name, checkout in checkouts.items():
            if options.only != "viewers":
                os.environ.update(credentials(url))
                found = run_beside(
                    checkout, "hung", "--waiting", options.waiting, "--seconds", options.seconds, "--patience", 60,
                    seconds=options.seconds + 300,
                )  # fmt: skip
                print(f"{name:7} triggerer", "   ".join(f"{key}: {value}" for key, value in found.items()), flush=True)
            if options.only != "triggerer":
                found = viewers(checkout, url, options.requests, options.seconds)
                print(f"{name:7} viewers  ", "   ".join(f"{key}: {value}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        sys.path.pop(0)  # this folder, whose files have names of libraries
    main()
