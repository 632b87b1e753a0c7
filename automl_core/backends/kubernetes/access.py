"""How a cluster is reached: the same choices as Airflow's Kubernetes connection, loaded by the official client.

Imported lazily: the client's configuration costs a second and 80 MB, once a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from automl_core.backends.remote import Unreachable
from automl_core.extras import needed_by

DEFAULT_NAMESPACE = "default"
_IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


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
        self._configuration: Any = None
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
            if self._configuration is not None and refused != self.readings:
                return
            try:
                if refused is not None and self._renew is not None:
                    self.cluster = await self._in_thread(self._renew)
                configuration = await self._read()
                self._tls = await self._in_thread(self._tls_context, configuration)
                self._configuration = configuration
                self._proxy = configuration.proxy or proxy_of_environment(self.url)
                self.readings += 1
            except Exception as error:  # what a kubeconfig may hold is open: files, programs, login services
                raise Unreachable(f"the cluster's configuration can't be read: {error}") from error

    @property
    def url(self) -> str:
        """The API server's address."""
        return str(self._configuration.host).rstrip("/")

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """How the connection is protected."""
        return self._tls if self._tls is not None else True

    @property
    def server_name(self) -> str | None:
        """The name that the server's certificate is for, where it isn't that of its address."""
        name: str | None = self._configuration.tls_server_name
        return name

    @property
    def proxy(self) -> str | None:
        """A proxy on the way: the kubeconfig's, else the environment's, as the worker's client has it."""
        return self._proxy

    async def headers(self) -> dict[str, str]:
        """The headers that let a request in.

        Raises:
            Unreachable: the token can't be read now.
        """
        try:
            token = await self._configuration.get_api_key_with_prefix("BearerToken")
        except Exception as error:  # of the client, whose hooks read files and run programs
            raise Unreachable(f"the cluster's token can't be read: {error}") from error
        if not token and self._configuration.username:
            token = self._configuration.get_basic_auth_token()
        return {"Authorization": token} if token else {}

    async def _read(self) -> Any:
        config, configuration = await self._in_thread(_client)
        cluster = self.cluster
        if cluster.in_cluster:
            config.load_incluster_config(client_configuration=configuration)
        elif cluster.kubeconfig is not None:
            await config.load_kube_config_from_dict(
                dict(cluster.kubeconfig), context=cluster.context, client_configuration=configuration
            )
        elif cluster.kubeconfig_path:
            await config.load_kube_config(
                config_file=cluster.kubeconfig_path, context=cluster.context, client_configuration=configuration
            )
        else:
            try:
                config.load_incluster_config(client_configuration=configuration)
            except config.ConfigException:
                await config.load_kube_config(context=cluster.context, client_configuration=configuration)
        return configuration

    def _tls_context(self, configuration: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
        if not configuration.verify_ssl or not self.cluster.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if configuration.disable_strict_ssl_verification:
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


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


def _client() -> tuple[Any, Any]:
    """The official client's configuration, imported in a thread: a loop with a thousand jobs must not wait for it."""
    with needed_by("the backend kubernetes"):
        from kubernetes_asyncio import config
        from kubernetes_asyncio.client import Configuration

    return config, Configuration()
