"""CPU of the API server while many people look at one running experiment.

    python -m benchmarks.web.viewers [--viewers 50] [--seconds 60]

Each viewer asks what the page asks while its first tab is open: it listens to the events, and after one, at most every
1.5 seconds, gets the overview and the history, and at most every three the curves. The experiment is a simulation in
the server's own process, so its CPU without viewers is measured before and taken off.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import httpx

from benchmarks.web.pages import free_port, process, wait_for
from benchmarks.web.server import GOING

PAUSE, CURVES = 1.5, 3.0


class Viewer:
    """One page that is open."""

    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        self.client, self.path = client, path
        self.seq = self.seen = 0
        self.requests = 0
        self.events = 0
        self.tags: dict[str, str] = {}

    async def get(self, rest: str) -> None:
        """Get, as a browser does: only if it is new."""
        headers = {"If-None-Match": self.tags[rest]} if rest in self.tags else {}
        joint = "&" if "?" in rest else "?"
        answer = await self.client.get(f"{self.path}{rest}{joint}seq={self.seq}", headers=headers)
        if answer.status_code not in (200, 304):
            answer.raise_for_status()
        if "etag" in answer.headers:
            self.tags[rest] = answer.headers["etag"]
        self.requests += 1

    async def listen(self) -> None:
        """Take events."""
        async with self.client.stream("GET", f"{self.path}/events", timeout=None) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    self.seq = json.loads(line[5:])["seq"]
                    self.events += 1

    async def refresh(self) -> None:
        """Show what is new."""
        curves = 0.0
        while True:
            if self.seq > self.seen:
                self.seen = self.seq
                await self.get("")
                await self.get("/history")
                if time.monotonic() - curves > CURVES:
                    curves = time.monotonic()
                    await self.get("/curves?top=40&points=100")
                    await self.get("/trials?state=EARLY_STOPPED&sort=-ended&limit=30")
            await asyncio.sleep(PAUSE)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def look(url: str, token: str, viewers: int, seconds: float, pid: int) -> tuple[float, int, int]:
    """CPU of the server as a share of a core, requests and events, while so many look."""
    run = await asyncio.to_thread(lambda: _run(url, token))
    path = f"/automl/api/v1/experiments/{GOING}/runs/{quote(run, safe='')}"
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, limits=limits) as client:
        made = [Viewer(client, path) for _ in range(viewers)]
        tasks = []
        for viewer in made:
            tasks += [asyncio.create_task(viewer.listen()), asyncio.create_task(viewer.refresh())]
            await asyncio.sleep(PAUSE / max(1, viewers))
        await asyncio.sleep(5)
        before, requests, started = cpu_seconds(pid), sum(v.requests for v in made), time.monotonic()
        await asyncio.sleep(seconds)
        share = (cpu_seconds(pid) - before) / (time.monotonic() - started)
        counted = sum(v.requests for v in made) - requests
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        failed = [each for each in ends if isinstance(each, Exception)]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(tasks)} viewers failed, the first with {failed[0]!r}")
        return share, counted, sum(v.events for v in made)


def _run(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    runs = httpx.get(f"{url}/automl/api/v1/experiments/{GOING}/runs", headers=headers, timeout=60).json()["runs"]
    return str(runs[0]["run"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--folder", type=Path, help="keeps what the server writes")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token.json").unlink(missing_ok=True)
        port = free_port()
        serve = [sys.executable, "-m", "benchmarks.web.server", str(folder), str(port)]
        server = stack.enter_context(process(serve, folder / "server.log"))
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        token = json.loads((folder / "token.json").read_text())
        time.sleep(10)
        for viewers in (0, given.viewers):
            share, requests, events = asyncio.run(look(url, token, viewers, given.seconds, server.pid))
            print(
                f"{viewers} viewers: {share:.2f} of a core, {requests / given.seconds:.1f} requests a second, "
                f"{events} events",
                flush=True,
            )


if __name__ == "__main__":
    main()
