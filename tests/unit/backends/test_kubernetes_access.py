"""How a cluster is reached: kubeconfigs with what they may hold, read by the official client elsewhere."""

from __future__ import annotations

import asyncio
import base64
import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from automl_core.backends.kubernetes import access as module
from automl_core.backends.kubernetes.access import Access, Cluster
from automl_core.backends.remote import Unreachable
from automl_core.extras import MissingExtra


@pytest.fixture(autouse=True)
def clusters_read_here() -> None:
    """Here they are read in a process of their own, as the product does."""


def config(user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:9/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def loaded(cluster: Cluster) -> Access:
    access = Access(cluster)
    asyncio.run(access.load())
    return access


def pair() -> tuple[bytes, bytes]:
    """A certificate and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"username": "anna", "password": "secret"}, "Basic " + base64.b64encode(b"anna:secret").decode()),
        ({}, None),
    ],
)
def test_a_user_of_a_kubeconfig_is_let_in(user: dict[str, Any], header: str | None) -> None:
    access = loaded(Cluster(kubeconfig=config(user)))
    assert access.url == "https://127.0.0.1:9"
    assert asyncio.run(access.headers()) == ({"Authorization": header} if header else {})


def test_a_program_that_logs_in_is_asked_and_asked_again_where_its_token_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "login"
    program.write_text(
        "#!/bin/sh\n"
        f"echo x >> {tmp_path}/count\n"
        'printf \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
        f'"status": {{"token": "t%s"}}}}\' $(wc -l < {tmp_path}/count)\n'
    )
    program.chmod(0o755)
    execute = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}

    async def main() -> None:
        access = Access(Cluster(kubeconfig=config({"exec": execute})))
        await access.load()
        first = await access.headers()
        await access.load()
        assert await access.headers() == first
        await access.load(refused=access.readings)
        assert await access.headers() != first

    asyncio.run(main())


def test_certificates_in_the_kubeconfig_itself_become_a_tls_context() -> None:
    certificate, key = (base64.b64encode(each).decode() for each in pair())
    authority = base64.b64encode("# Autorité\n".encode() + pair()[0]).decode()
    user = {"client-certificate-data": certificate, "client-key-data": key}
    access = loaded(Cluster(kubeconfig=config(user, **{"certificate-authority-data": authority})))
    assert not isinstance(access.tls, bool)
    assert access.tls.cert_store_stats()["x509"] == 1  # that authority, and none of the machine
    assert access.tls.check_hostname

    open_to_all = loaded(Cluster(kubeconfig=config({}, **{"insecure-skip-tls-verify": True})))
    assert not isinstance(open_to_all.tls, bool)
    assert not open_to_all.tls.check_hostname


def test_files_beside_a_kubeconfig_are_found_and_its_context_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file")
    told = config({"tokenFile": "token"})
    told["contexts"].append({"name": "other", "context": {"cluster": "k", "user": "v"}})
    told["users"].append({"name": "v", "user": {"token": "of-v"}})
    (tmp_path / "config").write_text(yaml.safe_dump(told))
    path = str(tmp_path / "config")
    assert asyncio.run(loaded(Cluster(kubeconfig_path=path)).headers()) == {"Authorization": "Bearer from-a-file"}
    other = loaded(Cluster(kubeconfig_path=path, context="other"))
    assert asyncio.run(other.headers()) == {"Authorization": "Bearer of-v"}
    with pytest.raises(Unreachable, match="nowhere"):
        loaded(Cluster(kubeconfig_path=path, context="nowhere"))


def test_a_pods_token_is_read_again_as_it_is_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, now = tmp_path / "token", [1000.0]
    token.write_text("new")
    told = {
        "host": "http://k", "authorization": "Bearer old", "token_file": str(token), "ca": None, "cert": None,
        "key": None, "verify": True, "strict": True, "server_name": None, "proxy": None,
    }  # fmt: skip
    monkeypatch.setattr(module, "read_configuration", lambda cluster: told)
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    access = loaded(Cluster(in_cluster=True))
    assert asyncio.run(access.headers()) == {"Authorization": "Bearer old"}
    now[0] += 61
    assert asyncio.run(access.headers()) == {"Authorization": "Bearer new"}
    token.unlink()
    assert asyncio.run(access.headers()) == {"Authorization": "Bearer new"}
    now[0] += 61
    with pytest.raises(Unreachable, match="token can't be read"):
        asyncio.run(access.headers())


def test_who_lacks_the_client_is_told_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "reading.py"
    script.write_text('print(\'{"missing": "kubernetes_asyncio"}\')')
    monkeypatch.setattr(module, "_READING", script)
    with pytest.raises(MissingExtra, match=r"automl-core\[kubernetes\]"):
        loaded(Cluster(kubeconfig=config({})))


def test_a_reader_that_dies_is_said_and_its_secrets_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "reading.py"
    script.write_text("import sys; sys.exit('out of memory')")
    monkeypatch.setattr(module, "_READING", script)
    with pytest.raises(Unreachable, match="exit code 1: out of memory") as found:
        loaded(Cluster(kubeconfig=config({"token": "hidden-token"})))
    assert "hidden-token" not in str(found.value)


def test_the_clients_package_stays_out_of_a_process_that_asks_a_cluster() -> None:
    code = (
        "import asyncio, sys\n"
        "from automl_core.backends.kubernetes.access import Access, Cluster\n"
        f"asyncio.run(Access(Cluster(kubeconfig={config({'token': 'a'})!r})).load())\n"
        "print([name for name in sys.modules if name.startswith('kubernetes')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
