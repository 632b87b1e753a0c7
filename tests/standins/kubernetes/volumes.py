"""Volumes as folders of this machine, and the text of a container mapped onto them.

Containers have no mount namespace of their own here. So wherever a mount path stands at a path's boundary in a
command, an argument, an environment value or the working directory, the host's path takes its place. Text inside
files is not mapped.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.standins.kubernetes.objects import Object, name_of, namespace_of
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.store import Store


class MountError(Exception):
    """A volume that can't be set up yet."""


class PathMap:
    """Container path → host path, applied to text."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = {container.rstrip("/") or "/": host for container, host in paths.items()}
        longest_first = sorted(self._paths, key=len, reverse=True)
        alternatives = "|".join(re.escape(path) for path in longest_first)
        # Not inside a longer path, but at its start, also after a URL's scheme: file:///data
        self._pattern = re.compile(rf"(?:(?<![\w./-])|(?<=://))(?:{alternatives})(?![\w.-])") if alternatives else None

    def apply(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._paths[found[0]], text)


class Volumes:
    """The volumes of one pod. `claims`: the folder in which persistent volume claims keep their data."""

    def __init__(self, store: Store, pod: Object, folder: Path, claims: Path) -> None:
        self._store = store
        self._pod = pod
        self._folder = folder
        self._claims = claims
        self._hosts: dict[str, Path] = {}

    def set_up(self) -> None:
        """Make every volume's folder; MountError where something that it needs is missing."""
        for volume in self._pod["spec"].get("volumes") or ():
            name = volume["name"]
            if name not in self._hosts:
                self._hosts[name] = self._make(name, volume)

    @property
    def limited(self) -> bool:
        """Whether a volume of its own has a largest size."""
        return any((each.get("emptyDir") or {}).get("sizeLimit") for each in self._pod["spec"].get("volumes") or ())

    def overfull(self) -> str:
        """What a kubelet says of the first volume that is larger than it may be, empty where none is."""
        for volume in self._pod["spec"].get("volumes") or ():
            limit = (volume.get("emptyDir") or {}).get("sizeLimit")
            if limit and size_of(self._hosts[volume["name"]]) > parse_quantity(limit):
                return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
        return ""

    def path_map(self, container: Object, termination_log: Path) -> PathMap:
        """Where a container's mount paths and its termination message lie on this machine."""
        paths = {container["terminationMessagePath"]: str(termination_log)}
        for mount in container.get("volumeMounts") or ():
            host = self._hosts[mount["name"]]
            if sub_path := mount.get("subPath"):
                host = host / sub_path
                if not host.exists():
                    host.mkdir(parents=True)
            paths[mount["mountPath"]] = str(host)
        return PathMap(paths)

    def _make(self, name: str, volume: Object) -> Path:
        folder = self._folder / name
        if "hostPath" in volume:
            path = Path(str(volume["hostPath"]["path"]))
            kind = volume["hostPath"].get("type") or ""
            if kind.endswith("OrCreate"):
                path.mkdir(parents=True, exist_ok=True)
            elif kind and not path.exists():
                raise MountError(f'MountVolume.SetUp failed for volume "{name}" : hostPath type check failed: '
                                 f"{path} is not a {kind.lower()}")  # fmt: skip
            return path
        if "persistentVolumeClaim" in volume:
            path = self._claims / namespace_of(self._pod) / str(volume["persistentVolumeClaim"]["claimName"])
            path.mkdir(parents=True, exist_ok=True)
            return path
        folder.mkdir(parents=True, exist_ok=True)
        if "projected" in volume:
            for source in volume["projected"].get("sources") or ():
                self._fill(name, folder, source)
        else:
            self._fill(name, folder, volume)
        return folder

    def _fill(self, volume: str, folder: Path, source: Object) -> None:
        """Write what a secret, a config map, the downward API or a token puts into a volume."""
        for field, resource in (("secret", "secrets"), ("configMap", "configmaps")):
            if field not in source:
                continue
            asked = source[field]
            name = asked.get("secretName") or asked.get("name")
            found = self._store.find(resource, namespace_of(self._pod), name)
            if found is None:
                if asked.get("optional"):
                    continue
                raise MountError(f'MountVolume.SetUp failed for volume "{volume}" : {field.lower()} "{name}" not found')
            data = contents(found)
            items = asked.get("items") or [{"key": key, "path": key} for key in data]
            for item in items:
                if item["key"] not in data:
                    raise MountError(f'MountVolume.SetUp failed for volume "{volume}" : references non-existent '
                                     f"{field.lower()} key: {item['key']}")  # fmt: skip
                write(folder / item["path"], data[item["key"]], item.get("mode") or asked.get("defaultMode") or 0o644)
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            value = field_value(self._pod, (item.get("fieldRef") or {}).get("fieldPath", ""), quoted=True)
            write(folder / item["path"], value.encode(), 0o644)
        if "serviceAccountToken" in source:
            write(folder / source["serviceAccountToken"]["path"], b"no token of this stand-in", 0o600)


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, some of which may go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size
    return total


def write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def contents(value: Object) -> dict[str, bytes]:
    """The data of a secret or a config map."""
    if value["kind"] == "Secret":
        return {key: base64.b64decode(text) for key, text in (value.get("data") or {}).items()}
    plain = {key: str(text).encode() for key, text in (value.get("data") or {}).items()}
    return plain | {key: base64.b64decode(text) for key, text in (value.get("binaryData") or {}).items()}


def field_value(pod: Object, path: str, *, quoted: bool = False) -> str:
    """What the downward API gives for a field of a pod; KeyError for a field that it does not give."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    if found := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str((metadata.get(found[1]) or {}).get(found[2], ""))
    if quoted and path in {"metadata.labels", "metadata.annotations"}:
        entries = metadata.get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))
    fields = {
        "metadata.name": name_of(pod),
        "metadata.namespace": namespace_of(pod),
        "metadata.uid": metadata.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", "127.0.0.1"),
        "status.hostIPs": status.get("hostIP", "127.0.0.1"),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
    }
    return str(fields[path])


def real_path(path: str, root: Path) -> str:
    """A working directory that exists: the host's own, or one made below the container's root folder."""
    if os.path.isdir(path):
        return path
    made = root / path.lstrip("/")
    made.mkdir(parents=True, exist_ok=True)
    return str(made)
