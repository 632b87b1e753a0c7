"""Network policies: what of a pod's connections they allow, and how that reaches its processes.

Every container here has this machine's network. So policies hold for what Python connects to
(`fenced/sitecustomize.py`): the stand-in writes what is allowed into a file for each pod, and again when a policy or a
pod changes. Connections that come in are looked at by their source's policies alone.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.standins.kubernetes.environment import Command, host_of, pod_address
from tests.standins.kubernetes.objects import Object, namespace_of
from tests.standins.kubernetes.selectors import matches_selector
from tests.standins.kubernetes.store import Store

FOLDER = Path(__file__).with_name("fenced")
VARIABLE = "STANDIN_FENCE"


class Fences:
    """The files of all pods. `holds`: whether this cluster's network plugin knows network policies at all."""

    def __init__(self, store: Store, folder: Path, *, holds: bool) -> None:
        self._store, self._folder, self._holds = store, folder, holds
        self._pods: dict[str, Object] = {}

    def around(self, pod: Object, command: Command) -> Command:
        """A container's command that is held to the policies."""
        if not self._holds:
            return command
        uid = str(pod["metadata"]["uid"])
        self._pods[uid] = pod
        self._write(uid)
        paths = [str(FOLDER), *filter(None, [command.environment.get("PYTHONPATH")])]
        more = {VARIABLE: str(self._file(uid)), "PYTHONPATH": os.pathsep.join(paths)}
        return Command(command.arguments, command.environment | more, command.folder)

    def forget(self, uid: str) -> None:
        """A pod has gone."""
        if self._pods.pop(uid, None) is not None:
            self._file(uid).unlink(missing_ok=True)

    def notice(self) -> None:
        """A policy or a pod has changed."""
        for uid in self._pods:
            self._write(uid)

    def _file(self, uid: str) -> Path:
        return self._folder / f"fence-{uid}.json"

    def _write(self, uid: str) -> None:
        file = self._file(uid)
        text = json.dumps(egress_of(self._store, self._pods[uid]))
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.with_suffix(".new").write_text(text, encoding="utf-8")
            file.with_suffix(".new").replace(file)


def egress_of(store: Store, pod: Object) -> list[Object] | None:
    """Networks and ports that a pod may connect to; None where no policy with egress selects it: anything then."""
    policies = [
        each
        for each in store.select("networkpolicies", namespace_of(pod))
        if "Egress" in each["spec"]["policyTypes"]
        and matches_selector(each["spec"].get("podSelector") or {}, pod["metadata"].get("labels") or {})
    ]
    if not policies:
        return None
    own = pod_address(namespace_of(pod), host_of(pod))
    rules = [{"networks": [own], "ports": []}]  # nobody keeps a pod from itself
    for policy in policies:
        for rule in policy["spec"].get("egress") or ():
            ports = [_ports(each) for each in rule.get("ports") or ()]
            peers = rule.get("to") or [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
            networks = [network for peer in peers for network in _networks(store, peer, namespace_of(pod))]
            rules.append({"networks": networks, "ports": ports})
    return rules


def _ports(port: Object) -> tuple[str, int, int]:
    low = port.get("port", 0)
    return port.get("protocol", "TCP"), low, port.get("endPort") or (low if "port" in port else 65535)


def _networks(store: Store, peer: Object, namespace: str) -> list[str]:
    if "ipBlock" in peer:
        return [str(peer["ipBlock"]["cidr"])]
    namespaces = [namespace]
    if "namespaceSelector" in peer:
        found = store.select("namespaces")
        namespaces = [
            each["metadata"]["name"]
            for each in found
            if matches_selector(
                peer["namespaceSelector"],
                {"kubernetes.io/metadata.name": each["metadata"]["name"], **(each["metadata"].get("labels") or {})},
            )
        ]
    return [
        pod_address(namespace_of(pod), host_of(pod))
        for each in namespaces
        for pod in store.select("pods", each)
        if matches_selector(peer.get("podSelector") or {}, pod["metadata"].get("labels") or {})
    ]
