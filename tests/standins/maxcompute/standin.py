"""The stand-in as a fixture: a server on loopback, in a thread."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import uvicorn

from tests.standins.maxcompute.app import build_app
from tests.standins.maxcompute.auth import Account
from tests.standins.maxcompute.faults import Faults
from tests.standins.maxcompute.service import Service, Settings

if TYPE_CHECKING:
    from odps import ODPS

PROJECT = "standin"
ACCOUNT = Account("standin-id", "standin-secret")


class MaxComputeStandIn:
    """A MaxCompute on loopback.

    Use it as a context manager; ``odps()`` gives a client, ``faults`` makes things go wrong.

    Args:
        port: 0 for any that is free.
        folder: Where the tables lie; None for memory.
        project: The project that clients enter by default; ``other_projects`` exist besides.
        accounts: Who may ask; the first is the one that ``odps()`` uses.
        quota: Instances that may run at once.
        run_seconds: How long every instance pretends to run.
    """

    def __init__(
        self,
        port: int = 0,
        folder: Path | None = None,
        project: str = PROJECT,
        other_projects: tuple[str, ...] = (),
        accounts: tuple[Account, ...] = (ACCOUNT,),
        quota: int = 64,
        threads: int = 2,
        run_seconds: float = 0.0,
        long_poll: float = 5.0,
    ) -> None:
        self.project = project
        self.account = accounts[0]
        self.service = Service(
            Settings((project, *other_projects), accounts, folder, quota, threads, run_seconds, long_poll)
        )
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            build_app(self.service), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="maxcompute-standin", daemon=True
        )

    @property
    def address(self) -> str:
        """``http://127.0.0.1:<port>``; the tunnel's end point, and where ``/_standin/`` lies."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def endpoint(self) -> str:
        """The end point for clients."""
        return f"{self.address}/api"

    @property
    def faults(self) -> Faults:
        return self.service.faults

    def start(self) -> MaxComputeStandIn:
        """Starts to answer. Requests that come before are kept waiting by the open socket."""
        self._socket.listen(1024)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends all that runs, and the server."""
        self.service.scheduler.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.service.engine.close()

    def odps(self, account: Account | None = None, **options: Any) -> ODPS:
        """A client of this stand-in."""
        from odps import ODPS
        from odps.accounts import StsAccount

        who = account or self.account
        if who.sts_token is not None:
            options["account"] = StsAccount(who.access_id, who.secret, who.sts_token)
            keys: tuple[str, ...] = ()
        else:
            keys = (who.access_id, who.secret)
        options = {"project": self.project, "endpoint": self.endpoint, "overwrite_global": False, **options}
        return ODPS(*keys, **options)

    def __enter__(self) -> MaxComputeStandIn:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
