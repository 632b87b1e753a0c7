"""Nodes, and the binding of pods to them by what they request."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.objects import Object, copy, name_of, namespace_of, timestamp
from tests.standins.kubernetes.podstatus import condition, set_condition
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.store import Change, Store

Amounts = dict[str, Decimal]
COALESCE = 0.02
"""Seconds in which what changes is looked at together."""


def new_node(name: str, capacity: dict[str, str]) -> Object:
    status: Object = {
        "capacity": dict(capacity),
        "allocatable": dict(capacity),
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        "nodeInfo": {
            "kubeletVersion": "v1.36.1",
            "containerRuntimeVersion": "standin://1",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "osImage": "stand-in",
            "kernelVersion": "",
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kubeProxyVersion": "",
        },
    }
    for kind in ("MemoryPressure", "DiskPressure", "PIDPressure"):
        set_condition(status, condition(kind, False, "KubeletHasSufficient" + kind.removesuffix("Pressure")))
    set_condition(status, condition("Ready", True, "KubeletReady", "kubelet is posting ready status"))
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": []},
        "status": status,
    }


def requests_of(pod: Object) -> Amounts:
    """What a pod asks of a node: its containers and sidecars together, or its largest init container."""
    total: Amounts = {"pods": Decimal(1)}
    largest: Amounts = {}
    for container in pod["spec"].get("initContainers") or ():
        sidecar = container.get("restartPolicy") == "Always"
        for name, text in (container["resources"].get("requests") or {}).items():
            amount = parse_quantity(text)
            if sidecar:
                total[name] = total.get(name, Decimal(0)) + amount
            else:
                largest[name] = max(largest.get(name, Decimal(0)), total.get(name, Decimal(0)) + amount)
    for container in pod["spec"]["containers"]:
        for name, text in (container["resources"].get("requests") or {}).items():
            total[name] = total.get(name, Decimal(0)) + parse_quantity(text)
    return {name: max(total.get(name, Decimal(0)), largest.get(name, Decimal(0))) for name in total | largest}


def tolerates(pod: Object, taint: Object) -> bool:
    return any(
        each.get("key") in {None, "", taint["key"]}
        and each.get("effect") in {None, "", taint["effect"]}
        and (each.get("operator") == "Exists" or (each.get("value") or "") == (taint.get("value") or ""))
        for each in pod["spec"].get("tolerations") or ()
    )


class Scheduler:
    """Binds pods in the order of their priority, then of their creation."""

    def __init__(self, store: Store, events: EventRecorder) -> None:
        self._store = store
        self._events = events
        self._waiting: dict[str, Object] = {}
        self._bound: dict[str, tuple[str, Amounts]] = {}
        self._used: dict[str, Counter[str]] = {}
        self._dirty = asyncio.Event()
        store.listen(self._notice)

    def _notice(self, change: Change) -> None:
        resource, pod = change.key[0], change.object
        if resource == "pods":
            uid = pod["metadata"]["uid"]
            over = change.type == "DELETED" or pod["status"].get("phase") in {"Succeeded", "Failed"}
            if over:
                self._waiting.pop(uid, None)
                self._release(uid)
            elif pod["spec"].get("nodeName"):
                self._waiting.pop(uid, None)
                self._take(uid, pod)
            elif not pod["spec"].get("schedulingGates") and not pod["metadata"].get("deletionTimestamp"):
                opened = uid not in self._waiting
                self._waiting[uid] = pod
                if opened:
                    self._dirty.set()
            if over:
                self._dirty.set()
        elif resource in {"nodes", "persistentvolumeclaims"}:
            self._dirty.set()

    def _take(self, uid: str, pod: Object) -> None:
        if uid not in self._bound:
            node, amounts = pod["spec"]["nodeName"], requests_of(pod)
            self._bound[uid] = node, amounts
            used = self._used.setdefault(node, Counter())
            for name, amount in amounts.items():
                used[name] += amount  # type: ignore[assignment]

    def _release(self, uid: str) -> None:
        if uid in self._bound:
            node, amounts = self._bound.pop(uid)
            for name, amount in amounts.items():
                self._used[node][name] -= amount  # type: ignore[assignment]

    async def run(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            nodes = self._store.select("nodes")
            order = sorted(self._waiting.values(), key=lambda pod: (-pod["spec"].get("priority", 0), _number(pod)))
            for pod in order:
                if pod["metadata"]["uid"] in self._waiting:
                    self._schedule(pod, nodes)
            await asyncio.sleep(COALESCE)

    def _schedule(self, pod: Object, nodes: list[Object]) -> None:
        problems: Counter[str] = Counter()
        fitting: list[tuple[Decimal, str]] = []
        amounts = requests_of(pod)
        if missing := self._missing_claim(pod):
            problems[missing] = len(nodes)
        else:
            for node in nodes:
                found = list(self._misfits(pod, amounts, node))
                problems.update(found)
                if not found:
                    fitting.append((self._load(node), name_of(node)))
        if fitting:
            self._bind(pod, min(fitting)[1])
        else:
            self._refuse(pod, len(nodes), problems)

    def _missing_claim(self, pod: Object) -> str:
        for volume in pod["spec"].get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if claim and self._store.find("persistentvolumeclaims", namespace_of(pod), claim) is None:
                return f'persistentvolumeclaim "{claim}" not found'
        return ""

    def _misfits(self, pod: Object, amounts: Amounts, node: Object) -> Iterable[str]:
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] in {"NoSchedule", "NoExecute"} and not tolerates(pod, taint):
                yield f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}"
                return
        if node["spec"].get("unschedulable"):
            yield "node(s) were unschedulable"
            return
        labels = node["metadata"].get("labels") or {}
        if any(labels.get(key) != value for key, value in (pod["spec"].get("nodeSelector") or {}).items()):
            yield "node(s) didn't match Pod's node affinity/selector"
            return
        allocatable, used = node["status"]["allocatable"], self._used.get(name_of(node), Counter())
        for name, amount in amounts.items():
            if amount + used[name] > parse_quantity(allocatable.get(name, "0")) and amount > 0:
                yield "Too many pods" if name == "pods" else f"Insufficient {name}"

    def _load(self, node: Object) -> Decimal:
        used = self._used.get(name_of(node), Counter())
        return max(
            (used[name] / amount for name, text in node["status"]["allocatable"].items()
             if (amount := parse_quantity(text)) > 0),
            default=Decimal(0),
        )  # fmt: skip

    def _bind(self, pod: Object, node: str) -> None:
        def change(bound: Object) -> None:
            bound["spec"]["nodeName"] = node
            set_condition(bound["status"], condition("PodScheduled", True))

        self._store.edit("pods", namespace_of(pod), name_of(pod), change)
        place = f"{namespace_of(pod)}/{name_of(pod)}"
        self._events.record(pod, "Scheduled", f"Successfully assigned {place} to {node}", source="default-scheduler")

    def _refuse(self, pod: Object, nodes: int, problems: Counter[str]) -> None:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(problems.items()))
        available = f"0/{nodes} nodes are available"
        if any("not found" in reason for reason in problems):
            message = f"{available}: {next(iter(problems))}. not found"
        else:
            lacking = any(reason.startswith(("Insufficient", "Too many")) for reason in problems)
            why = "No preemption victims found for incoming pod" if lacking else (
                "Preemption is not helpful for scheduling")  # fmt: skip
            message = f"{available}: {reasons}. preemption: {available}: {nodes} {why}."
        refused = condition("PodScheduled", False, "Unschedulable", message)
        if any(each.get("message") == message for each in pod["status"].get("conditions") or ()):
            return
        self._store.edit("pods", namespace_of(pod), name_of(pod), lambda held: set_condition(held["status"], refused))
        self._events.record(pod, "FailedScheduling", message, source="default-scheduler", warning=True)


def _number(pod: Object) -> tuple[str, int]:
    return pod["metadata"]["creationTimestamp"], int(pod["metadata"]["resourceVersion"])


def silence(store: Store, name: str) -> None:
    """Mark a node as one that has stopped to answer."""

    def change(node: Object) -> None:
        message = "Kubelet stopped posting node status."
        for kind in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure"):
            set_condition(node["status"], condition(kind, "Unknown", "NodeStatusUnknown", message))
        node["spec"]["taints"] = [
            {"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": timestamp()}
            for effect in ("NoSchedule", "NoExecute")
        ]

    store.edit("nodes", "", name, change)


def restore(store: Store, name: str) -> None:
    """Mark a node as ready again."""

    def change(node: Object) -> None:
        fresh = copy(new_node(name, node["status"]["capacity"]))
        node["spec"]["taints"], node["status"] = [], fresh["status"]

    store.edit("nodes", "", name, change)
