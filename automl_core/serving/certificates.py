"""A certificate that is renewed while the server goes on: its files are read again when they have changed.

What renews certificates (cert-manager and the kubelet behind a Secret, certbot) writes files and tells nobody; a server
that has read them once serves an expired one some weeks later.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path

log = logging.getLogger(__name__)


class Renewing:
    """Looks at the files of a server's TLS context, and takes over what is new. Belongs to the server's event loop."""

    def __init__(
        self, context: ssl.SSLContext, cert: Path, key: Path, clients: Path | None = None, *, every: float = 10.0
    ) -> None:
        """Look at nothing yet.

        Args:
            context: of the server; connections from now on use what it has then.
            cert, key: its files (PEM).
            clients: authorities of clients' certificates; new ones are added, and those before stay until a restart.
            every: seconds between two looks.
        """
        self._context, self._cert, self._key, self._clients, self._every = context, cert, key, clients, every
        self._seen = self._stamp()
        self._refused: object = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> bool:
        """Take over what has changed. Returns whether anything was; files that don't fit are looked at again."""
        stamp = self._stamp()
        if stamp is None or stamp in (self._seen, self._refused):
            return False
        try:
            # first in a context of its own: one that fails in the server's would leave half a pair there
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._cert, self._key)
            self._context.load_cert_chain(self._cert, self._key)
            if self._clients is not None:
                self._context.load_verify_locations(self._clients)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            log.error("the certificate %s has changed and can't be used, the one before goes on: %s", self._cert, error)
            self._refused = stamp
            return False
        log.info("the certificate %s was renewed", self._cert)
        self._seen = stamp
        return True

    def _stamp(self) -> tuple[tuple[int, int, int], ...] | None:
        """What tells these files from other ones; None while one is not there: they are exchanged one by one."""
        found = []
        for path in (self._cert, self._key, self._clients):
            if path is None:
                continue
            try:
                stat = os.stat(path)  # through links: a Secret's files are links to links
            except OSError:
                return None
            found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            self.look()
