"""``automl serve``: answers for the models of a storage, as their journals have it."""

from __future__ import annotations

import math
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from socket import socket
    from types import FrameType

    import uvicorn

    from automl_core.serving.answers import Rule
    from automl_core.serving.app import Server


def serve(
    storage: Annotated[
        str, typer.Argument(metavar="STORAGE", help="Model storage path: file://folder, s3://bucket/prefix, oss://…")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="Answer for this model alone, loaded at once; may be repeated. "
                                                     "Left out: for all of the storage, each when it is asked for."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0: a free one.")] = 8080,
    tokens: Annotated[
        Path | None, typer.Option("--tokens", metavar="FILE", help="Bearer tokens, one a line; each is good.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE", help="Its certificates (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key (PEM).")] = None,
    tls_clients: Annotated[
        Path | None,
        typer.Option("--tls-clients", metavar="FILE", help="Mutual TLS: clients must have a certificate of these."),
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option("--health-port", min=0, max=65535, help="Port that says in plain HTTP, to anybody, whether the "
                                                             "server is well: for clusters, with --tls-clients."),
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Answer without tokens and without clients' certificates.")
    ] = False,
    answers: Annotated[
        str, typer.Option("--answers", metavar="SHARE", help="Write answers to the bucket: on, off, or a share (0.1).")
    ] = "on",
    columns: Annotated[
        str, typer.Option("--columns", metavar="NAMES", help="Columns of the rows that are written: all, none, or "
                                                             "names separated by commas.")
    ] = "all",
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="FOLDER", help="For models' files, and answers that aren't in the bucket yet."),
    ] = None,
    memory: Annotated[str, typer.Option("--memory", help="Memory of a version's process, as 2Gi.")] = "2Gi",
    cache_size: Annotated[
        str, typer.Option("--cache-size", help="Models' files that stay in --cache, as 10Gi; what runs stays anyway.")
    ] = "10Gi",
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0.01, help="Seconds that an answer may take, waiting for others' rows included."),
    ] = 10.0,
    grace: Annotated[
        float,
        typer.Option("--grace", min=1.0, help="Seconds for the end (SIGTERM): requests are answered, answers brought."),
    ] = 30.0,
    most: Annotated[int, typer.Option("--most", min=1, help="Versions that are loaded at the same time.")] = 32,
    body: Annotated[str, typer.Option("--body", help="Bytes of a request at most, as 8Mi.")] = "8Mi",
    trust: Annotated[
        list[str] | None, typer.Option("--trust", metavar="TYPE", help="Trust a type that models' estimators need.")
    ] = None,
) -> None:  # fmt: skip
    """Serve models: follow their journals, answer by the version in use, write down what was answered.

    Nothing is pushed here and nothing restarts: what is accepted, released or taken back is read from the storage.
    """
    from automl_core.cli.places import UserError
    from automl_core.extras import needed_by

    if not (tokens or tls_clients or open_to_all):
        raise UserError(
            "nobody's requests are answered unasked: give --tokens FILE, or --tls-clients FILE, or say --open"
        )
    if (tls_cert is None) != (tls_key is None):
        raise UserError("--tls-cert and --tls-key belong together")
    if tls_clients is not None and tls_cert is None:
        raise UserError("--tls-clients needs the server's own --tls-cert and --tls-key")
    with needed_by("`automl serve`", "serving"):
        import uvicorn

        from automl_core.serving.answers import SHADOW, AnswerLog, server_name
        from automl_core.serving.app import Door, Server
        from automl_core.serving.following import Follower
        from automl_core.serving.process import Limits
        from automl_core.serving.served import Served
        from automl_core.serving.tallying import Tallies
    from automl_core.cli.places import home
    from automl_core.storage import open_store
    from automl_core.storage.folder import FolderStore

    rule = _rule(answers, columns)
    limits, largest = Limits(seconds=timeout, memory=_bytes("--memory", memory)), _bytes("--body", body)
    store = open_store(storage, base=home())
    if isinstance(store, FolderStore):
        store.stay()
    folder = cache or Path.home() / ".cache" / "automl-serve"
    names, this = frozenset(model) if model else None, server_name()
    served = Served(
        Follower(store, names), folder / "models", limits=limits, most=most, trusted=trust or (),
        kept=_bytes("--cache-size", cache_size), tallies=Tallies(store, this),
    )  # fmt: skip
    written = AnswerLog(store, folder / "answers", rule, server=this) if rule is not None else None
    aside = AnswerLog(store, folder / "shadow", rule, server=this, where=SHADOW) if rule is not None else None
    server = Server(served, written, Door(_tokens(tokens), largest), shadow=aside, grace=grace)
    server.preload = tuple(model or ())
    import ssl

    config = uvicorn.Config(
        server.asgi(), host=host, port=port, access_log=False, log_level="info", lifespan="on", server_header=False,
        timeout_graceful_shutdown=math.ceil(grace / 2), ssl_certfile=tls_cert, ssl_keyfile=tls_key,
        ssl_ca_certs=str(tls_clients) if tls_clients else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls_clients else ssl.CERT_NONE,
    )  # fmt: skip
    running = _ending(config, server, health_port, tls_clients)
    running.run()
    if not running.started:
        raise UserError(f"the server could not be started at {host}:{port}; its log says why")


def _ending(
    config: uvicorn.Config, server: Server, health_port: int | None, clients: Path | None
) -> uvicorn.Server:  # fmt: skip
    """A uvicorn that is over within the server's grace once it was told to end, whatever hangs then.

    Beside it: the port that says whether it is well, and the look at certificates that are renewed.
    """
    import uvicorn

    from automl_core.cli.places import UserError
    from automl_core.serving.certificates import Renewing
    from automl_core.serving.health import Health

    class Ending(uvicorn.Server):
        beside: list[Health | Renewing]

        async def startup(self, sockets: list[socket] | None = None) -> None:
            self.beside = []
            if health_port is not None:  # first: it lives while it loads its models, and is not ready then
                health = Health(config.host, health_port, lambda: self.started and server.ready)
                try:
                    await health.start()
                except OSError as error:
                    raise UserError(f"--health-port: {config.host}:{health_port} can't be had: {error}") from None
                self.beside.append(health)
            await super().startup(sockets)
            if self.started and config.ssl is not None and config.ssl_certfile and config.ssl_keyfile:
                renewing = Renewing(config.ssl, Path(config.ssl_certfile), Path(config.ssl_keyfile), clients)
                await renewing.start()
                self.beside.append(renewing)

        async def shutdown(self, sockets: list[socket] | None = None) -> None:
            await super().shutdown(sockets)
            for each in self.beside:
                await each.stop()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if not server.ending:
                server.end()
                last = threading.Timer(server.grace, _over, (server.grace,))
                last.daemon = True
                last.start()
            super().handle_exit(sig, frame)

    return Ending(config)


def _over(grace: float) -> None:
    """End this process: a store or a client that answers no more must not keep it."""
    print(
        f"not all was over within {grace:g} s (--grace): answers that aren't in the bucket lie in --cache, and the "
        "next server brings them", file=sys.stderr, flush=True,
    )  # fmt: skip
    os._exit(1)


def _bytes(option: str, text: str) -> int:
    """Bytes, as Kubernetes writes them.

    Raises:
        UserError: it is no such quantity.
    """
    from automl_core.cli.places import UserError
    from automl_core.spec.quantities import parse_quantity

    try:
        return int(parse_quantity(text))
    except ValueError:
        raise UserError(f"{option}: found {text!r}; allowed: bytes, such as 512Mi or 2Gi") from None


def _tokens(path: Path | None) -> tuple[str, ...]:
    """The tokens of a file.

    Raises:
        UserError: it can't be read, or has none.
    """
    from automl_core.cli.places import UserError

    if path is None:
        return ()
    try:
        found = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--tokens: {path} can't be read: {error}") from None
    short = next((place for place, each in enumerate(found, 1) if len(each) < 16), None)
    if not found or short is not None:
        raise UserError(
            f"--tokens: {path} {'has none' if not found else f'has one of fewer than 16 letters: {short}.'}"
        )
    return found


def _rule(answers: str, columns: str) -> Rule | None:
    """What is written down.

    Raises:
        UserError: it is no share.
    """
    from automl_core.cli.places import UserError
    from automl_core.serving.answers import NameTaken, Rule, check_columns

    if answers == "off":
        return None
    try:
        share = 1.0 if answers == "on" else float(answers)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise UserError(f"--answers: found {answers!r}; allowed: on, off, or a share above 0, up to 1")
    names = tuple(each.strip() for each in columns.split(",") if each.strip())
    try:
        check_columns(() if columns in ("all", "none") else names)
    except NameTaken as error:
        raise UserError(f"--columns: {error}") from None
    return Rule(share, "all" if columns == "all" else () if columns == "none" else names)
