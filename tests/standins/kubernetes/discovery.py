"""What tells a client which kinds there are: /version, /api, /apis."""

from __future__ import annotations

from tests.standins.kubernetes.objects import Object
from tests.standins.kubernetes.resources import RESOURCES

VERSION = {
    "major": "1", "minor": "36", "gitVersion": "v1.36.1", "gitCommit": "0" * 40, "gitTreeState": "clean",
    "buildDate": "2026-05-12T00:00:00Z", "goVersion": "go1.25.0", "compiler": "gc", "platform": "linux/amd64",
    "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
}  # fmt: skip


def discover(path: str) -> Object | str | None:
    """The answer to a path of discovery or health; None for any other path."""
    match [part for part in path.split("/") if part]:
        case ["version"]:
            return dict(VERSION)
        case ["healthz" | "livez" | "readyz"]:
            return "ok"
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = sorted({each.group for each in RESOURCES if each.group})
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in groups]}
        case ["api", "v1"]:
            return _resources("", "v1")
        case ["apis", group] if any(each.group == group for each in RESOURCES):
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ["apis", group, version] if any((each.group, each.version) == (group, version) for each in RESOURCES):
            return _resources(group, version)
    return None


def _group(group: str) -> Object:
    versions = sorted({each.version for each in RESOURCES if each.group == group})
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _resources(group: str, version: str) -> Object:
    listed: list[Object] = []
    for each in RESOURCES:
        if (each.group, each.version) == (group, version):
            listed.append(each.describe())
            for sub in each.subresources:
                verbs = {"log": ["get"], "eviction": ["create"]}.get(sub, ["get", "patch", "update"])
                listed.append({**each.describe(), "name": f"{each.plural}/{sub}", "singularName": "", "verbs": verbs})
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}
