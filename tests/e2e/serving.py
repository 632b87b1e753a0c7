"""Real servers of models (`automl serve`) and the requests that come to them, on loopback."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROW = {"a": 0.5, "b": -1.0, "city": "Bonn"}
"""A row that models of `Models.publish` read."""


class AutomlServer:
    """One `automl serve`, which may be killed and started again at the same address.

    Args:
        storage: folder of the models.
        folder: of its cache and its log.
        options: further ones.
    """

    def __init__(self, storage: Path, folder: Path, *options: str) -> None:
        self.storage, self.folder, self.options = storage, folder, options
        self.address = ""
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        port = self.address.rpartition(":")[2] or "0"
        program = "import sys; from automl_core.cli import main; sys.exit(main())"
        given = ["--open", "--cache", str(self.folder / "cache"), "--port", port, *self.options]
        command = [sys.executable, "-c", program, "serve", f"file://{self.storage}", *given]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            found = re.search(r"running on (http://\S+)", line)
            if found:
                self.address = found[1]
                threading.Thread(target=self._drain, args=(self._process,), daemon=True).start()
                return
        raise AssertionError(f"automl serve has not started: exit code {self._process.wait()}")

    def _drain(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with (self.folder / "log.txt").open("a") as log, process.stderr as lines:
            log.writelines(lines)

    def kill(self) -> None:
        """End it at once, as a machine that is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it, whatever it still does."""
        self._end(signal.SIGTERM, within=5)

    def _end(self, how: int, within: float = 30) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within)
        process.kill()
        process.wait()


@contextlib.contextmanager
def serving(storage: Path, folder: Path, *options: str) -> Iterator[AutomlServer]:
    """A server for as long as it is wanted."""
    server = AutomlServer(storage, folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Answered:
    """What came of the requests to one model.

    Attributes:
        versions: how often each version answered.
        failed: how many got no answer of a version, by what they got.
        last: the versions that answered last, the newest at the end.
    """

    versions: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    last: deque[int] = field(default_factory=lambda: deque(maxlen=200))


class Load(threading.Thread):
    """People who ask models one row at a time, each under a key of its own, in turns until it is left.

    Args:
        server: asked, whether it is there or not.
        models: their names.
        pause: seconds between two requests.
    """

    def __init__(self, server: AutomlServer, models: Sequence[str], pause: float = 0.005) -> None:
        super().__init__(daemon=True)
        self._server, self._models, self._pause = server, list(models), pause
        self._over = threading.Event()
        self.of = {name: Answered() for name in models}

    def run(self) -> None:
        """Ask on and on."""
        number = 0
        with httpx.Client(timeout=30) as client:
            while not self._over.is_set():
                number += 1
                for name in self._models:
                    self._ask(client, name, f"c{number}")
                    time.sleep(self._pause)

    def _ask(self, client: httpx.Client, name: str, key: str) -> None:
        found = self.of[name]
        try:
            body = {"rows": [ROW], "keys": [key]}
            answer = client.post(f"{self._server.address}/models/{name}/predict", json=body)
            if answer.status_code == 200:
                version = int(answer.json()["version"])
                found.versions[version] += 1
                found.last.append(version)
                return
            found.failed[str(answer.status_code)] += 1
        except httpx.TransportError as error:
            found.failed[type(error).__name__] += 1

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(60)
