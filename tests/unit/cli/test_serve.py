"""``automl serve``: a real server on loopback, from its start to its graceful end."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from automl_core.cli import main
from automl_core.cli import serve as serving
from tests.unit.serving.world import ROW, Lake

TOKEN = "a-token-that-is-long-enough"


@contextmanager
def server(lake: Lake, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port, and its address."""
    command = [sys.executable, "-c", "import sys; from automl_core.cli import main; sys.exit(main())", "serve"]
    cache = ["--cache", str(lake.folder / "machine"), "--port", "0"]
    process = subprocess.Popen([*command, lake.store.url, *cache, *options], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r"running on (https?://\S+)", line)
            if found:
                yield process, found[1]
                return
        raise AssertionError(f"it has not started: exit code {process.wait()}")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for loopback that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    files[1].write_bytes(private)
    return files


def test_it_answers_behind_mutual_tls_and_a_token_and_ends_without_losing_an_answer(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.in_use()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    cert, key = certificate(tmp_path, "server")
    theirs, their_key = certificate(tmp_path, "client")
    tls = ["--tls-cert", str(cert), "--tls-key", str(key), "--tls-clients", str(theirs)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        health = free.getsockname()[1]
    tls += ["--health-port", str(health)]
    with server(lake, "--model", "churn", "--tokens", str(tokens), *tls) as (process, address):
        good = {"Authorization": f"Bearer {TOKEN}"}
        well = httpx.get(f"http://127.0.0.1:{health}/v2/health/ready", trust_env=False)
        assert (well.status_code, well.json()) == (200, {"ready": True}), "a cluster that has no certificate may ask"
        trusted = ssl.create_default_context(cafile=str(cert))
        with httpx.Client(base_url=address, verify=trusted) as nobody, pytest.raises(httpx.TransportError):
            nobody.get("/v2/health/ready")
        trusted.load_cert_chain(str(theirs), str(their_key))
        with httpx.Client(base_url=address, verify=trusted, headers=good) as client:
            assert client.get("/v2/health/ready").json() == {"ready": True}
            found = client.post("/models/churn/predict", json={"rows": [ROW], "id": "kept"})
            assert found.json()["predictions"] == lake.model(1).predict([ROW]).tolist()
            refused = client.post("/models/churn/predict", json={"rows": [ROW]}, headers={"Authorization": ""})
            assert refused.status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
    keys = lake.store.list("_models/churn/answers/")
    lines = [json.loads(line) for each in keys for line in lake.store.get(each).splitlines()]
    assert [line["request_id"] for line in lines] == ["kept"]


def test_a_server_that_is_told_to_end_is_over_in_its_time_whatever_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same process ends itself: what hangs may be a thread in a call of a store, which nobody can end otherwise."""
    import uvicorn

    began, ended = list[tuple[float, Callable[..., None], Any]](), list[int]()

    class Timer:
        daemon = False

        def __init__(self, *arguments: Any) -> None:
            self.arguments = arguments

        def start(self) -> None:
            assert self.daemon, "which keeps nobody who is done in time"
            began.append(self.arguments)  # type: ignore[arg-type]

    class Server:
        ending, grace = False, 7.0

        def end(self) -> None:
            self.ending = True

    monkeypatch.setattr(serving.threading, "Timer", Timer)
    monkeypatch.setattr(serving.os, "_exit", ended.append)
    server = Server()
    running = serving._ending(uvicorn.Config(lambda: None), server, None, None)  # type: ignore[arg-type]
    for _ in range(2):
        running.handle_exit(signal.SIGTERM, None)
    assert (server.ending, running.should_exit, len(began)) == (True, True, 1)
    after, over, arguments = began[0]
    over(*arguments)
    assert (after, ended) == (7.0, [1])


def test_what_was_typed_wrongly_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = f"file://{tmp_path}"
    short = tmp_path / "short"
    short.write_text("abc\n")
    for options, words in (
        ([], "give --tokens FILE, or --tls-clients FILE, or say --open"),
        (["--tokens", str(tmp_path / "none")], "can't be read"),
        (["--tokens", str(short)], "has one of fewer than 16 letters: 1."),
        (["--open", "--tls-cert", "x"], "belong together"),
        (["--tls-clients", "x"], "needs the server's own"),
        (["--open", "--answers", "2"], "found '2'; allowed: on, off, or a share"),
        (["--open", "--columns", "age,prediction"], "--columns: 'prediction' is the name of a column that the log"),
        (["--open", "--cache-size", "lots"], "--cache-size: found 'lots'; allowed: bytes"),
        (["--open", "--memory", "lots"], "--memory: found 'lots'; allowed: bytes, such as 512Mi or 2Gi"),
    ):
        assert main(["serve", lake, *options]) == 1
        assert words in capsys.readouterr().err
