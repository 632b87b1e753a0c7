"""Addresses that pods of a closed environment may reach: networks with ports, name servers, and what a probe tries."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from automl_core.closed.errors import Unreadable

DNS_PORT = 53

_PORTS = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class Reach:
    """A network and the ports in it that may be reached.

    Attributes:
        cidr: the network, such as ``10.2.0.0/16``.
        low, high: the ports, both among them.
    """

    cidr: str
    low: int
    high: int

    def __str__(self) -> str:
        """As the deployment writes it."""
        return f"{self.cidr}:{self.low}" + (f"-{self.high}" if self.high != self.low else "")

    def covers(self, address: Address) -> bool | None:
        """Whether an address lies in it, None where its name would have to be looked up for that."""
        if not self.low <= address.port <= self.high:
            return False
        try:
            return ipaddress.ip_address(address.host) in ipaddress.ip_network(self.cidr)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class NameServer:
    """Pods or a network that answer for names.

    Attributes:
        cidr: their network; None where they are told by labels.
        namespace, labels: of the pods.
        port: of their containers, which may be another one than that of their service.
    """

    cidr: str | None
    namespace: str
    labels: tuple[tuple[str, str], ...]
    port: int


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by name or number, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """As the deployment writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_reach(text: str) -> Reach:
    """``10.2.0.0/16:443``, ``10.2.3.4:9000``, ``10.2.0.0/16:8000-8010``, ``2001:db8::/32:443``, ``[2001:db8::1]:443``.

    Raises:
        Unreadable: it is none.
    """
    network, colon, ports = text.strip().rpartition(":")
    found = _PORTS.fullmatch(ports)
    if not colon or found is None:
        raise Unreadable(f"{text!r}: a network and a port are wanted here, such as 10.2.0.0/16:443")
    low, high = int(found[1]), int(found[2] or found[1])
    if not 1 <= low <= high <= 65535:
        raise Unreadable(f"{text!r}: ports are 1 to 65535, the lower one first")
    return Reach(_network(network.removeprefix("[").replace("]", ""), text), low, high)


def parse_name_server(text: str) -> NameServer:
    """``kube-system/k8s-app=kube-dns`` (and ``…:5353``), or a network: ``169.254.20.10/32`` (and ``…:53``).

    Raises:
        Unreadable: it is neither.
    """
    text = text.strip()
    if "=" not in text:
        ported = re.fullmatch(r"(.*/\d+|[^:]*|\[.*\]):(\d+)", text)
        network, port = (ported[1], int(ported[2])) if ported else (text, DNS_PORT)
        return NameServer(_network(network.strip("[]"), text), "", (), port)
    namespace, slash, rest = text.partition("/")
    selector, _, ported_by = rest.rpartition(":") if re.search(r":\d+$", rest) else (rest, "", "")
    labels = tuple(tuple(part.partition("=")[::2]) for part in selector.split("+"))
    if not slash or not namespace or not all(key and value for key, value in labels):
        raise Unreadable(
            f"{text!r}: NAMESPACE/LABEL=VALUE of the name servers' pods is wanted here, such as "
            "kube-system/k8s-app=kube-dns, or their network"
        )
    return NameServer(None, namespace, tuple((key, value) for key, value in labels), int(ported_by or DNS_PORT))


def parse_address(text: str) -> Address:
    """``host:port``, the host by name or number.

    Raises:
        Unreadable: it is none.
    """
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or not 1 <= int(port) <= 65535 or not re.fullmatch(r"[A-Za-z0-9._:-]+", bare):
        raise Unreadable(f"{text!r}: an address and a port are wanted here, such as 10.2.3.4:443")
    if ":" in bare and not host.startswith("["):
        raise Unreadable(f"{text!r}: an address with colons stands in brackets, such as [2001:db8::1]:443")
    return Address(bare, int(port))


def is_reached(address: Address, reaches: Sequence[Reach]) -> bool | None:
    """Whether one of several networks has an address; None where its name would have to be looked up for that."""
    answers = [reach.covers(address) for reach in reaches]
    return True if True in answers else None if None in answers else False


def _network(text: str, whole: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Unreadable(f"{whole!r}: {text!r} is no network, such as 10.2.0.0/16, and no address") from None
    raise Unreadable(
        f"{whole!r}: {text} is an address in a network; write {meant} for the network, or /32 for it alone"
    )
