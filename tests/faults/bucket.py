"""A bucket in a process of its own that survives SIGKILL: its objects are files, its keys can be changed.

``python -m tests.faults.bucket FOLDER PORT KEYS``: speaks S3 on loopback (`tests.contract.object_servers`). Objects lie
below FOLDER as ``key`` says, so that a test looks at them past the server. KEYS is a file with the access key ids that
are let in, one a line, read anew at each request.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from automl_airflow.processes import die_with_parent, free_port
from tests.contract.object_servers import BUCKET, BucketServer
from tests.sources import ROOT
from tests.support.patience import stretched


class KeptObjects(dict[str, bytes]):
    """Objects in memory and, before anybody hears of them, in files: what was answered is there after a SIGKILL."""

    def __init__(self, folder: Path) -> None:
        """Read what a server before this one has left."""
        self._folder = folder
        self._drafts = folder.with_name(f"{folder.name}.drafts")
        self._drafts.mkdir(exist_ok=True)
        found = [path for path in folder.rglob("*") if path.is_file()]
        super().__init__({path.relative_to(folder).as_posix(): path.read_bytes() for path in found})

    def __setitem__(self, key: str, data: bytes) -> None:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=self._drafts)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(draft, path)
        super().__setitem__(key, data)

    def __delitem__(self, key: str) -> None:
        (self._folder / key).unlink(missing_ok=True)
        super().__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:
        """As a dict's, the file too."""
        (self._folder / key).unlink(missing_ok=True)
        return super().pop(key, *default)


class LastingServer(BucketServer):
    """A `BucketServer` over `KeptObjects`, whose access keys stand in a file."""

    request_queue_size = 128  # while it stands still the kernel goes on accepting, as a hung server's does

    def __init__(self, folder: Path, port: int, keys: Path) -> None:
        """Listen on loopback."""
        self._keys = keys
        super().__init__("s3", port)
        self.objects = KeptObjects(folder)

    @property
    def access_keys(self) -> frozenset[str]:  # type: ignore[override]
        """Those that the file has now."""
        return frozenset(self._keys.read_text().split())

    @access_keys.setter
    def access_keys(self, ids: frozenset[str]) -> None:
        """What the server begins with is of no interest: the file says it."""


class Bucket:
    """The process of a `LastingServer`: started, killed, stopped in its tracks and started again."""

    def __init__(self, folder: Path) -> None:
        """Lay out the folder; `start` starts the process."""
        self.folder = folder
        self.folder.mkdir(parents=True)
        self._keys = folder.with_name("bucket-keys")
        self.allow("first")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def allow(self, *ids: str) -> None:
        """Let in these access keys and no other from now on."""
        draft = self._keys.with_name("bucket-keys.new")
        draft.write_text("\n".join(ids))
        os.replace(draft, self._keys)

    def start(self) -> None:
        """Start it on its port, with what its folder holds, and wait until it answers."""
        log = self.folder.with_name("bucket.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.bucket", self.folder, str(self.port), self._keys],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins")))},
            )  # fmt: skip
        deadline = time.monotonic() + stretched(30)
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None, f"the bucket ended; see {log.name}"
            time.sleep(0.1)
        raise AssertionError("the bucket never listened")

    def kill(self) -> None:
        """SIGKILL; requests under way are cut off, done or not."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def hang(self) -> None:
        """Stand still: connections are accepted, nothing is answered; what arrived is done when it goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a `hang`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it for good."""
        if self._process is not None:
            self.kill()


def main(folder: str, port: str, keys: str) -> None:
    """Serve until killed."""
    with contextlib.closing(LastingServer(Path(folder), int(port), Path(keys))) as server:
        server.serve_forever(0.05)


__all__ = ["BUCKET", "Bucket", "KeptObjects", "LastingServer"]

if __name__ == "__main__":
    main(*sys.argv[1:])
