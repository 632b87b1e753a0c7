"""The port that says whether a server is well, and certificates that are renewed while it goes on."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from automl_core.serving.certificates import Renewing
from automl_core.serving.health import Health


async def asked(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    await writer.drain()
    if not text.endswith(b"\r\n\r\n"):
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_it_says_whether_the_server_is_well_and_nothing_else() -> None:
    ready = True

    async def all_of_it() -> None:
        nonlocal ready
        health = Health("127.0.0.1", 0, lambda: ready)
        await health.start()

        async def status(line: str) -> bytes:
            return (await asked(health.port, f"{line}\r\nHost: x\r\n\r\n".encode())).split(b"\r\n")[0]

        assert await status("GET /v2/health/live HTTP/1.1") == b"HTTP/1.1 200 OK"
        assert await status("GET /v2/health/ready?x=1 HTTP/1.1") == b"HTTP/1.1 200 OK"
        ready = False
        assert await status("GET /v2/health/ready HTTP/1.1") == b"HTTP/1.1 503 Service Unavailable"
        assert await status("GET /v2/health/live HTTP/1.1") == b"HTTP/1.1 200 OK"
        assert await status("GET /models HTTP/1.1") == b"HTTP/1.1 404 Not Found"
        assert await status("POST /v2/health/live HTTP/1.1") == b"HTTP/1.1 405 Method Not Allowed"
        assert await status("nonsense") == b"HTTP/1.1 400 Bad Request"
        whole = await asked(health.port, b"GET /v2/health/live HTTP/1.1\r\n\r\n")
        head, _, body = whole.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert await asked(health.port, b"GET /v2/hea") == b"", "half a request gets no answer"
        assert await asked(health.port, b"x" * 20_000) == b""
        await health.stop()
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.1", health.port)

    asyncio.run(all_of_it())


def made(number: int) -> tuple[bytes, bytes]:
    """A certificate with that number, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    cert = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(number).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return cert.public_bytes(pem), plain


class Files:
    """A certificate where a kubelet has a Secret's: behind links, which are exchanged at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        (folder / "tls.crt").symlink_to("..data/tls.crt")
        (folder / "tls.key").symlink_to("..data/tls.key")
        self.renew()

    def renew(self, key: bytes | None = None) -> None:
        self.number += 1
        place = self.folder / f"..{self.number}"
        place.mkdir()
        cert, own = made(self.number)
        (place / "tls.crt").write_bytes(cert)
        (place / "tls.key").write_bytes(key or own)
        (self.folder / "new").symlink_to(place.name)
        (self.folder / "new").replace(self.folder / "..data")


def shown(context: ssl.SSLContext) -> int:
    """The number of the certificate that a new connection is shown."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = trusting.wrap_bio(one, two), context.wrap_bio(two, one, server_side=True)
    over = 0
    while over < 2:
        over = 0
        for side in (client, server):
            try:
                side.do_handshake()
                over += 1
            except ssl.SSLWantReadError:
                pass
    found = client.getpeercert(binary_form=True)
    assert found is not None
    return x509.load_der_x509_certificate(found).serial_number


def test_a_renewed_certificate_is_shown_to_who_connects_from_then_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    files = Files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    renewing = Renewing(context, tmp_path / "tls.crt", tmp_path / "tls.key")
    assert not renewing.look()
    assert shown(context) == 1

    files.renew(key=made(9)[1])  # of another certificate
    assert not renewing.look()
    assert not renewing.look()
    assert sum("can't be used" in each.message for each in caplog.records) == 1, "told once"
    assert shown(context) == 1

    files.renew()
    assert renewing.look()
    assert shown(context) == 3
    assert not renewing.look()

    (tmp_path / "..data").unlink()  # between two states of the files
    assert not renewing.look()
    assert shown(context) == 3


def test_the_port_is_told_where_it_is_taken() -> None:
    async def start() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(OSError, match="address already in use"):
                await Health("127.0.0.1", taken.getsockname()[1], lambda: True).start()

    asyncio.run(start())
