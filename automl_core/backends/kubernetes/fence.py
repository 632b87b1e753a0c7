"""The network policy of a closed run, and the pod that tries whether it holds. Pure functions of plain JSON.

A network policy is a wish: a cluster whose network plugin knows none takes it and does nothing. And one that another
policy of the namespace widens is open, since policies add up. So a pod with the very labels of the run's pods tries to
reach what it must not, and what it may: that both are as they should be says that the policy holds, and that there is a
network at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automl_core.backends.kubernetes.manifest import Manifest
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, LABEL, journal_label
from automl_core.closed.network import Address, NameServer, Reach

FENCE_LABEL = f"{LABEL}closed"
"""Label of every pod of a closed run, its stages' too."""

PROBE_CONTAINER = "probe"

DEADLINE = 600
"""Seconds after which the cluster ends a probe, its image's pull within."""

PROGRAM = """
import errno, json, socket, sys, time
target, patience, must, must_not = sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4])

def tried(host, port):
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return "no such name (%s)" % error
    said = "no answer"
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as opened:
                opened.settimeout(3.0)
                opened.connect(address)
            return "reached"
        except TimeoutError:
            said = "no answer"
        except OSError as error:
            said = "refused" if error.errno == errno.ECONNREFUSED else str(error.strerror or error)
    return said

begun = time.monotonic()
while True:
    answers = {"reachable": {"%s %s" % (h, p): tried(h, p) for h, p in must},
               "forbidden": {"%s %s" % (h, p): tried(h, p) for h, p in must_not}}
    kept = not any(each == "reached" or each.startswith("no such name") for each in answers["forbidden"].values())
    good = kept and set(answers["reachable"].values()) == {"reached"}
    answers["seconds"] = round(time.monotonic() - begun, 1)
    if good or answers["seconds"] >= patience:
        break
    time.sleep(1.0)
text = json.dumps(answers)
print(text)
with open(target, "w") as file:
    file.write(text[:4000])
sys.exit(0 if good else 1)
"""
"""What the probe runs: any Python 3, and nothing else of its image."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A network policy around the pods of a run, or of one attempt where a controller makes these.

    Attributes:
        place: URL of the run's folder.
        selector: labels of the pods, which the probe has too.
        name: of the policy.
        reaches, name_servers: what pods may reach beside one another.
    """

    place: str
    selector: Mapping[str, str]
    name: str
    reaches: Sequence[Reach]
    name_servers: Sequence[NameServer]

    @classmethod
    def of_run(cls, place: str, reaches: Sequence[Reach], name_servers: Sequence[NameServer]) -> Fence:
        """That of all pods that this product makes for a run."""
        label = journal_label(place)
        return cls(place, {FENCE_LABEL: label}, f"automl-closed-{label}", reaches, name_servers)

    @classmethod
    def of_resource(
        cls, place: str, label: str, name: str, reaches: Sequence[Reach], name_servers: Sequence[NameServer]
    ) -> Fence:
        """That of the pods that a controller makes for a custom resource.

        Args:
            place: URL of the run's folder.
            label: the pods' label whose value is the resource's name.
            name: of the resource.
            reaches, name_servers: what pods may reach beside one another.
        """
        digest = hashlib.sha256(f"{place}\0{name}".encode()).hexdigest()[:20]
        return cls(place, {label: name}, f"automl-closed-{digest}", reaches, name_servers)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the policy and of the probe, to find them by."""
        return {JOURNAL_LABEL: journal_label(self.place), FENCE_LABEL: journal_label(self.place)}

    @property
    def probe(self) -> str:
        """Name of the probe's pod."""
        return f"{self.name}-probe"

    def policy(self) -> Manifest:
        """The network policy as the API server takes it, with nothing left to its defaults."""
        own = {"podSelector": {"matchLabels": dict(self.selector)}}
        egress: list[Manifest] = [{"to": [own]}]
        for server in self.name_servers:
            ports = [{"protocol": protocol, "port": server.port} for protocol in ("UDP", "TCP")]
            egress.append({"to": [_peer(server)], "ports": ports})
        for reach in self.reaches:
            port: dict[str, Any] = {"protocol": "TCP", "port": reach.low}
            if reach.high != reach.low:
                port["endPort"] = reach.high
            egress.append({"to": [{"ipBlock": {"cidr": reach.cidr}}], "ports": [port]})
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": self.name, "labels": self.labels},
            "spec": {
                "podSelector": {"matchLabels": dict(self.selector)},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [own]}],
                "egress": egress,
            },
        }


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe tries, and from where.

    Attributes:
        image: has Python 3.
        reachable, forbidden: addresses.
        node_selector, tolerations, image_pull_secrets: as the training's pods have them.
        patience: seconds that it tries again.
    """

    image: str
    reachable: Sequence[Address]
    forbidden: Sequence[Address]
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()
    image_pull_secrets: Sequence[str] = ()
    patience: float = 30.0

    def pod(self, fence: Fence) -> Manifest:
        """The pod as the API server takes it: held to the restricted Pod Security Standard."""
        wanted = [json.dumps([[each.host, each.port] for each in some]) for some in (self.reachable, self.forbidden)]
        small = {"cpu": "100m", "memory": "64Mi"}
        message = "/dev/termination-log"
        spec: Manifest = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "activeDeadlineSeconds": DEADLINE,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": PROBE_CONTAINER,
                    "image": self.image,
                    "command": ["python3", "-c", PROGRAM.replace("$", "$$"), message, str(self.patience), *wanted],
                    "terminationMessagePath": message,
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "resources": {"requests": small, "limits": {"cpu": "500m", "memory": "128Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        }  # fmt: skip
        if self.node_selector:
            spec["nodeSelector"] = dict(self.node_selector)
        if self.tolerations:
            spec["tolerations"] = [dict(each) for each in self.tolerations]
        if self.image_pull_secrets:
            spec["imagePullSecrets"] = [{"name": name} for name in self.image_pull_secrets]
        labels = {**fence.labels, **fence.selector}
        return {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": fence.probe, "labels": labels}, "spec": spec,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe has found.

    Attributes:
        reachable, forbidden: address → ``reached``, or why not.
        problem: why the experiment must not run, with what to do; empty where all is as it should be.
    """

    reachable: Mapping[str, str]
    forbidden: Mapping[str, str]
    problem: str

    @property
    def summary(self) -> str:
        """For people, and for the journal."""
        kept = ", ".join(f"{address} ({said})" for address, said in self.forbidden.items())
        got = ", ".join(self.reachable)
        return f"forbidden and not reached: {kept}; reached: {got}"


def finding_of(pod: Mapping[str, Any]) -> Finding | None:
    """What an ended probe has found, None while it has not ended.

    Args:
        pod: as plain JSON.
    """
    status = pod.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return None
    ended: Mapping[str, Any] = next(
        (each["state"]["terminated"] for each in status.get("containerStatuses") or ()
         if (each.get("state") or {}).get("terminated")), {},
    )  # fmt: skip
    message = str(ended.get("message") or "").strip()
    try:
        answers = json.loads(message.splitlines()[-1] if message else "")
        reachable, forbidden = dict(answers["reachable"]), dict(answers["forbidden"])
    except (ValueError, KeyError, TypeError, IndexError):
        why = message[-300:] or status.get("message") or status.get("reason") or ended.get("reason") or "no word of it"
        problem = (
            f"the probe of the network could not be made (exit code {ended.get('exitCode')}: {why}); its image needs "
            "python3: name one that has it, [automl] closed_probe_image"
        )
        return Finding({}, {}, problem)
    return Finding(reachable, forbidden, _problem(reachable, forbidden))


def _problem(reachable: Mapping[str, str], forbidden: Mapping[str, str]) -> str:
    open_to = [address for address, said in forbidden.items() if said == "reached"]
    lost = {address: said for address, said in reachable.items() if said != "reached"}
    if open_to:
        return (
            f"a pod with the run's network policy reaches {', '.join(open_to)}, which is forbidden: the cluster's "
            "network plugin does not hold pods to network policies, or another policy of the namespace opens it "
            "(policies add up). Install a plugin that does (Calico, Cilium, …), or take that policy away: "
            "kubectl get networkpolicies"
        )
    unknown = {
        address: said for address, said in {**lost, **forbidden}.items() if said.startswith("no such name")
    }  # fmt: skip
    if unknown:  # not to reach a name that nobody knows says nothing of a policy
        shown = ", ".join(f"{address}: {said}" for address, said in unknown.items())
        return (
            f"a pod with the run's network policy finds no name ({shown}): nothing can be told of the policy. [automl] "
            "closed_dns has to name the cluster's name servers, with the port of their pods"
        )
    if lost or not reachable:
        shown = ", ".join(f"{address}: {said}" for address, said in lost.items()) or "no address"
        return (
            f"a pod with the run's network policy does not reach what it may ({shown}), so nothing can be told from "
            "its not reaching what it may not: its network may be dead. Look at the server and at [automl] "
            "closed_network; the network and port are those behind a service, not its cluster address"
        )
    return ""


def _peer(server: NameServer) -> Manifest:
    if server.cidr is not None:
        return {"ipBlock": {"cidr": server.cidr}}
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": server.namespace}},
        "podSelector": {"matchLabels": dict(server.labels)},
    }
