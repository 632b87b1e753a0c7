"""How a cluster is reached: the same choices as Airflow's Kubernetes connection, read by the official client.

The client reads in a process of its own (`reading.py`), for it would cost each process that asks a cluster 60 MB, and
nothing else of it is needed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from automl_core.backends.remote import Unreachable
from automl_core.extras import MissingExtra, advice

DEFAULT_NAMESPACE = "default"
_IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_READING = Path(__file__).with_name("reading.py")
_LONGEST_READING = 120.0
"""Seconds that reading a configuration may take: a program that logs in may ask another system."""
_TOKEN_FILE_EVERY = 60.0
"""Seconds after which a pod's token, which is exchanged as it gets old, is read from its file again."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which cluster, and with whose rights.

    Attributes:
        in_cluster: by the service account of the pod that asks.
        kubeconfig_path: by a kubeconfig file.
        kubeconfig: by the content of such a file; never shown.
        context: the context in it; its current one when None.
        verify_tls: whether the server's certificate is checked.
        namespace: where objects go that name no namespace.
    """

    in_cluster: bool = False
    kubeconfig_path: str | None = None
    kubeconfig: Mapping[str, Any] | None = field(default=None, repr=False)
    context: str | None = None
    verify_tls: bool = True
    namespace: str | None = None

    def namespace_or_default(self) -> str:
        """The namespace of objects that name none: the connection's, the pod's own, or ``default``."""
        if self.namespace:
            return self.namespace
        with contextlib.suppress(OSError):
            return _IN_CLUSTER_NAMESPACE.read_text().strip() or DEFAULT_NAMESPACE
        return DEFAULT_NAMESPACE


class Access:
    """The address of an API server and the means to be let in. Tokens are renewed as they expire."""

    def __init__(
        self, cluster: Cluster, renew: Callable[[], Cluster] | None = None, *,
        in_thread: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:  # fmt: skip
        """Load nothing yet.

        Args:
            cluster: which, and with whose rights.
            renew: tells that anew where the server refuses what was told; called in a thread.
            in_thread: calls what blocks; of a process that others share, in threads of its own.
        """
        self.cluster = cluster
        self.readings = 0
        self._renew, self._in_thread = renew, in_thread
        self._told: dict[str, Any] | None = None
        self._token_read = 0.0
        self._tls: ssl.SSLContext | None = None
        self._proxy: str | None = None
        self._loading = asyncio.Lock()

    async def load(self, *, refused: int | None = None) -> None:
        """Read the configuration, unless that is done.

        Args:
            refused: `readings` at a request that was refused: it is read again, once for all who were refused.

        Raises:
            Unreachable: there is none, or it can't be read now.
        """
        async with self._loading:
            if self._told is not None and refused != self.readings:
                return
            try:
                if refused is not None and self._renew is not None:
                    self.cluster = await self._in_thread(self._renew)
                told = await self._in_thread(read_configuration, self.cluster)
                self._tls = await self._in_thread(self._tls_context, told)
                self._told, self._token_read = told, time.monotonic()
                self._proxy = told["proxy"] or proxy_of_environment(self.url)
                self.readings += 1
            except MissingExtra:
                raise
            except Exception as error:  # what a kubeconfig may hold is open: files, programs, login services
                raise Unreachable(f"the cluster's configuration can't be read: {error}") from error

    @property
    def url(self) -> str:
        """The API server's address."""
        return str(self._loaded["host"]).rstrip("/")

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """How the connection is protected."""
        return self._tls if self._tls is not None else True

    @property
    def server_name(self) -> str | None:
        """The name that the server's certificate is for, where it isn't that of its address."""
        name: str | None = self._loaded["server_name"]
        return name

    @property
    def proxy(self) -> str | None:
        """A proxy on the way: the kubeconfig's, else the environment's, as the worker's client has it."""
        return self._proxy

    async def headers(self) -> dict[str, str]:
        """The headers that let a request in.

        What a program that logs in has given is asked for again where the server refuses it (`load`), a pod's own token
        every minute.

        Raises:
            Unreachable: the token can't be read now.
        """
        told, now = self._loaded, time.monotonic()
        if told["token_file"] and now - self._token_read > _TOKEN_FILE_EVERY:
            try:
                told["authorization"] = f"Bearer {await self._in_thread(Path(told['token_file']).read_text)}"
            except OSError as error:
                raise Unreachable(f"the cluster's token can't be read: {error}") from error
            self._token_read = now
        return {"Authorization": told["authorization"]} if told["authorization"] else {}

    @property
    def _loaded(self) -> dict[str, Any]:
        assert self._told is not None, "load() comes first"
        return self._told

    def _tls_context(self, told: dict[str, Any]) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=told["ca"])
        if told["cert"]:
            # OpenSSL takes a certificate and its key from files alone
            with tempfile.TemporaryDirectory() as folder:
                pair = Path(folder) / "pair.pem"
                pair.touch(mode=0o600)
                pair.write_text(told["cert"] + "\n" + (told["key"] or ""))
                context.load_cert_chain(pair)
        if not told["verify"] or not self.cluster.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if not told["strict"]:
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def namespace_of_context(context: str | None) -> str | None:
    """The namespace of a context of the user's kubeconfig (KUBECONFIG, else ~/.kube/config), None where it names none.

    Args:
        context: its name; the current one when None.
    """
    import yaml

    files = [each for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    found: list[dict[str, Any]] = []
    for path in map(Path, files or [str(Path.home() / ".kube" / "config")]):
        with contextlib.suppress(OSError, UnicodeDecodeError, yaml.YAMLError):  # who connects says what is wrong
            read = yaml.safe_load(path.read_text(encoding="utf-8"))
            found += [read] if isinstance(read, dict) else []
    # of several files, the first that says something counts
    name = context or next((each["current-context"] for each in found if each.get("current-context")), None)
    for each in found:
        for entry in each.get("contexts") or ():
            if isinstance(entry, dict) and entry.get("name") == name:
                namespace = (entry.get("context") or {}).get("namespace")
                return str(namespace) if namespace else None
    return None


def read_configuration(cluster: Cluster) -> dict[str, Any]:
    """What the official client makes of a cluster's configuration: see `reading.read`. Blocks.

    Raises:
        MissingExtra: the client isn't installed.
        Unreachable: the configuration is wrong, or a program that it names is.
    """
    asked = {
        "in_cluster": cluster.in_cluster, "kubeconfig_path": cluster.kubeconfig_path, "context": cluster.context,
        "kubeconfig": None if cluster.kubeconfig is None else dict(cluster.kubeconfig),
    }  # fmt: skip
    told = _ask(asked)
    if "missing" in told:
        missing = ModuleNotFoundError(name=told["missing"])
        raise MissingExtra(
            advice(missing, "the backend kubernetes") or f"the backend kubernetes needs {told['missing']}",
            name=told["missing"],
        )
    if "error" in told:
        raise Unreachable(told["error"])
    return told


def proxy_of_environment(url: str) -> str | None:
    """The proxy that HTTPS_PROXY (or HTTP_PROXY) names, unless NO_PROXY excepts the address, None without one."""
    found = urlsplit(url)
    proxies, host = getproxies_environment(), found.hostname or ""
    proxy = proxies.get(found.scheme)
    if not proxy or proxy_bypass(host, proxies):
        return None
    with contextlib.suppress(ValueError):  # a cluster's own address is excepted by its network
        address = ip_address(host)
        for part in proxies.get("no", "").split(","):
            with contextlib.suppress(ValueError):
                if address in ip_network(part.strip(), strict=False):
                    return None
    return proxy


def _ask(asked: dict[str, Any]) -> dict[str, Any]:
    # -P: the folder of that file has modules whose names others have too
    command = [sys.executable, "-P", str(_READING)]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, timeout=_LONGEST_READING, check=False
    )
    if done.returncode or not done.stdout:
        raise Unreachable(f"reading it ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told
