"""What the time of one request is made of: HTTP, what the server does with it, a version's process, the row.

python -m benchmarks.serving_parts

The model and the rows are those of `benchmarks.serving`, one row a request, one request at a time; medians in
microseconds. The server is asked without a socket, and HTTP is measured by a program that does nothing else.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving import COLUMNS, TOKEN, BoosterLake, asked, posts, running

TIMES = 2_000

NOTHING = """
import uvicorn
body = b"x" * 180
start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"180")]}

async def app(scope, receive, send):
    while scope["type"] == "lifespan":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
    await receive()
    await send(start)
    await send({"type": "http.response.body", "body": body})

uvicorn.run(app, host="127.0.0.1", port=0, access_log=False, server_header=False)
"""


def median(call: Callable[[int], Any]) -> float:
    """Of one call, microseconds."""
    found = []
    for at in range(TIMES):
        began = time.perf_counter()
        call(at)
        found.append(time.perf_counter() - began)
    return round(statistics.median(found) * 1e6, 1)


async def median_of(call: Callable[[int], Awaitable[Any]]) -> float:
    """As `median`."""
    found = []
    for at in range(TIMES):
        began = time.perf_counter()
        await call(at)
        found.append(time.perf_counter() - began)
    return round(statistics.median(found) * 1e6, 1)


def scored(folder: Path, rows: list[dict[str, float]]) -> dict[str, float]:
    """A row by itself, in this process."""
    from automl_core.modelfile.model import load

    scorer = load(folder).scorer

    def by_numpy(count: int) -> float:
        return median(lambda at: scorer.ensemble.outputs(scorer.schema.read(rows[:count])))

    found = {f"numpy, {count} rows": by_numpy(count) for count in (1, 16, 32)}
    began = time.perf_counter()
    scorer.prepare()
    prepared = time.perf_counter() - began
    return {**found, "Python, 1 row": median(lambda at: scorer.few([rows[at % 200]])), "prepared, ms": prepared * 1000}


async def inside(lake: BoosterLake, rows: list[dict[str, float]], bodies: list[bytes]) -> dict[str, float]:
    """The server without HTTP: all of it, its version's process alone, and all but that."""
    from automl_core.serving.answers import AnswerLog
    from automl_core.serving.app import Door, Server
    from automl_core.serving.following import Follower
    from automl_core.serving.served import Served

    served = Served(Follower(lake.store), lake.folder / "cache")
    server = Server(served, AnswerLog(lake.store, lake.folder / "answers"), Door((TOKEN,)))
    server.preload = ("churn",)
    ask = server.asgi()

    async def one(at: int) -> None:
        body = bodies[at % len(bodies)]
        scope = {
            "type": "http", "method": "POST", "path": "/models/churn/predict",
            "headers": [(b"host", b"here"), (b"authorization", b"Bearer " + TOKEN.encode()),
                        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message.get("status", 200) != 200:
                raise RuntimeError(str(message))

        await ask(scope, receive, send)

    app = server.app()
    async with app.router.lifespan_context(app):
        await one(0)
        process: Any = served.versions.processes["churn", 1]
        found = {"the server, without HTTP": await median_of(one)}
        found["a version's process, to it and back"] = await median_of(lambda at: process.predict([rows[at % 200]]))
        answer = await process.predict(rows[:1])

        async def at_once(*_: Any) -> Any:
            return answer

        process.predict = at_once
        found["the server, without HTTP and process"] = await median_of(one)
        del process.predict
    return found


def main() -> int:
    """Measure all."""
    import uvloop

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = BoosterLake(folder)
        lake.in_use()
        names = [f"x{at}" for at in range(COLUMNS)]
        values = np.random.default_rng(9).normal(size=(200, COLUMNS)).round(4).tolist()
        rows = [dict(zip(names, row, strict=True)) for row in values]
        bodies = [json.dumps({"rows": [row]}).encode() for row in rows]
        told: dict[str, Any] = scored(folder / "made-1", rows)
        told |= uvloop.run(inside(lake, rows, bodies))
        (folder / "nothing.py").write_text(NOTHING)
        with running([sys.executable, str(folder / "nothing.py")], folder) as address:
            took = asked(address, posts("/", bodies), 1, 1.0)
            told["HTTP and the client alone"] = round(statistics.median(took) * 1e6, 1)
    print(json.dumps({"microseconds": told, "load": os.getloadavg()[0]}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
