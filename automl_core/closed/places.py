"""Places of stores and data: whether one lies below an allowed one, and at which server.

``s3://lake`` allows the bucket lake and no bucket lake-public; ``s3://lake/models`` what lies below that path and not
``models-old``. A bucket's name says nothing of the server that keeps it, so an entry says that too:
``s3://lake at https://minio.example.com:9000``; without ``at`` it is the cloud's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from automl_core.closed.errors import Unreadable

SCHEMES = ("s3", "oss", "file", "odps", "claim")
"""Of places: buckets, folders, projects of MaxCompute, and persistent volume claims of a cluster."""

_SERVERS = {"s3", "oss", "odps"}

_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-?\d*"
_OF_THE_CLOUD = {
    # not all of amazonaws.com: anybody's machine or load balancer has a name there
    "s3": re.compile(rf"s3(?:[.-](?:fips|dualstack|accelerate|{_REGION}))*\.amazonaws\.com(?:\.cn)?"),
    "oss": re.compile(r"(?:s3\.)?oss-[a-z0-9-]+\.aliyuncs\.com"),
    "odps": re.compile(r"service(?:\.[a-z0-9-]+)*\.(?:maxcompute|odps)\.aliyun(?:-inc)?\.com"),
}
"""Names of the servers that are meant where an entry names none."""

_TUNNELS = re.compile(r"dt(?:\.[a-z0-9-]+)*\.(?:maxcompute|odps)\.aliyun(?:-inc)?\.com")

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a store or of data.

    Attributes:
        scheme: one of `SCHEMES`.
        root: bucket, project or claim; empty for a folder.
        path: the parts below it.
    """

    scheme: str
    root: str
    path: tuple[str, ...]

    def lies_in(self, other: Place) -> bool:
        """Whether it is another place or lies below it."""
        same = (self.scheme, self.root) == (other.scheme, other.root)
        return same and self.path[: len(other.path)] == other.path


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """What one entry of a list allows: a place and all below it, at one server.

    Attributes:
        place: where.
        server: address of the server as `server_of` has it; None for the cloud's own.
        text: the entry, as people wrote it.
    """

    place: Place
    server: str | None
    text: str

    def is_at(self, address: str) -> bool:
        """Whether a server is the one that is meant."""
        if self.server is not None:
            return server_of(address) == self.server
        known = _OF_THE_CLOUD.get(self.place.scheme)
        parts = urlsplit(_with_scheme(address))
        return known is not None and parts.scheme == "https" and bool(known.fullmatch((parts.hostname or "").lower()))


def parse_place(text: str, base: Path, *, real: bool = False) -> Place:
    """A place as an experiment file writes it.

    Args:
        text: ``s3://bucket/path``, ``oss://…``, ``odps://project/…``, ``claim://name``, ``file://folder`` or a path.
        base: where relative folders begin.
        real: whether to follow links of the file system, which has to be asked for that.

    Raises:
        Unreadable: it is none, or goes up with ``..``.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme == "file":
        folder = Path(rest if separator else text.strip()).expanduser()
        whole = os.path.realpath(base / folder) if real else os.path.normpath(base / folder)
        return Place("file", "", tuple(part for part in whole.split("/") if part))
    if scheme not in SCHEMES:
        raise Unreadable(f"{scheme}:// is not known; allowed: {', '.join(f'{each}://' for each in SCHEMES)}")
    root, _, path = rest.partition("/")
    if "@" in root or (":" in root and "@" in path):  # not repeated: a secret, which may have '/' in it
        raise Unreadable("credentials don't belong in a place; name an Airflow connection instead")
    parts = path.strip("/").split("/") if path.strip("/") else []
    if not root:
        raise Unreadable(f"{text} names no {'project' if scheme == 'odps' else 'bucket'}")
    wrong = next((part for part in parts if part in ("", ".", "..")), None)
    if root in (".", "..") or wrong is not None:
        raise Unreadable(
            f"{text}: a part of the path is {wrong if wrong is not None else root!r}; write where it leads"
        )
    return Place(scheme, root.lower() if scheme == "odps" else root, tuple(parts))


def parse_rule(text: str) -> PlaceRule:
    """What an entry of the deployment's list allows: ``PLACE``, or ``PLACE at SERVER``.

    Raises:
        Unreadable: it can't be read.
    """
    where, at, server = (part.strip() for part in re.sub(r"\s+", " ", text.strip()).partition(" at "))
    if "*" in where:
        raise Unreadable(f"{where!r}: '*' has no meaning here; an entry allows all that lies below it")
    scheme, separator, rest = where.partition("://")
    if not separator or scheme not in SCHEMES:
        raise Unreadable(f"{where!r}: a place such as s3://lake/models, file:///srv/automl or claim://name is wanted")
    if scheme == "file" and not rest.startswith("/"):
        raise Unreadable(f"{where!r}: a folder of the list is absolute: file:///srv/automl")
    if at and scheme not in _SERVERS:
        raise Unreadable(f"{where!r}: only buckets and projects are at a server")
    place = parse_place(where, Path("/"))
    if scheme == "file" and ".." in rest.split("/"):
        raise Unreadable(f"{where!r}: write where it leads")
    return PlaceRule(place, server_of(server) if at else None, f"{where} at {server}" if at else where)


def is_allowed(place: Place, rules: Sequence[PlaceRule], address: str | None = None) -> bool:
    """Whether a place is allowed.

    Args:
        place: it.
        rules: the deployment's list.
        address: of the server that keeps it; None where that is not known (yet).
    """
    return any(place.lies_in(rule.place) and (address is None or rule.is_at(address)) for rule in rules)


def is_tunnel_of_the_cloud(address: str) -> bool:
    """Whether an address is that of a tunnel of MaxCompute itself."""
    parts = urlsplit(_with_scheme(address))
    return parts.scheme == "https" and bool(_TUNNELS.fullmatch((parts.hostname or "").lower()))


def server_of(address: str) -> str:
    """A server's address in one way of writing: ``https://host:port``, in lower case, without a path.

    Raises:
        Unreadable: it is no address of a server.
    """
    parts = urlsplit(_with_scheme(address))
    if parts.username is not None or parts.password is not None:
        raise Unreadable("credentials don't belong in a server's address; name an Airflow connection instead")
    try:
        port = parts.port
    except ValueError:
        raise Unreadable(f"{address!r} has no port after its colon") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Unreadable(f"{address!r} is no server: https://host or https://host:port is wanted")
    host = parts.hostname.lower().rstrip(".")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or _PORTS[parts.scheme]}"


def _with_scheme(address: str) -> str:
    return address.strip() if "://" in address else f"https://{address.strip()}"
