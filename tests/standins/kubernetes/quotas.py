"""Kueue's arithmetic: what a Workload asks for, and whether a ClusterQueue has it left."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tests.standins.kubernetes.objects import Object
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.scheduler import Amounts, requests_of

Usage = dict[tuple[str, str], Decimal]
"""(Flavor, resource) → amount."""


def asked(pod_set: Object) -> Amounts:
    """What all pods of one pod set ask for, `pods` among it."""
    spec = pod_set["template"]["spec"]
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        container.setdefault("resources", {})
    return {name: amount * pod_set["count"] for name, amount in requests_of({"spec": spec}).items()}


def assign(queue: Object, pod_sets: Iterable[Object], used: Usage) -> tuple[Usage, str]:
    """The quota that pod sets would take, each resource group from its first flavor that has it; or why there is none.

    Only what a ClusterQueue covers is counted, but for what nobody covers: as Kueue's `BlockUndeclared`; `pods` needs
    no cover.
    """
    taken: Usage = {}
    for pod_set in pod_sets:
        left = asked(pod_set)
        for group in queue["spec"].get("resourceGroups") or ():
            covered = {name: left.pop(name) for name in group["coveredResources"] if name in left}
            if not covered:
                continue
            problems = []
            for flavor in group["flavors"]:
                quota = {each["name"]: parse_quantity(each["nominalQuota"]) for each in flavor["resources"]}
                lacking = _lacking(flavor["name"], quota, covered, used, taken)
                if not lacking:
                    for name, amount in covered.items():
                        key = (flavor["name"], name)
                        taken[key] = taken.get(key, Decimal(0)) + amount
                    break
                problems += lacking
            else:
                return {}, f"couldn't assign flavors to pod set {pod_set['name']}: {', '.join(problems)}"
        left.pop("pods", None)
        if left:
            name = sorted(left)[0]
            words = f"resource {name} unavailable in ClusterQueue"
            return {}, f"couldn't assign flavors to pod set {pod_set['name']}: {words}"
    return taken, ""


def _lacking(flavor: str, quota: Amounts, wanted: Amounts, used: Usage, taken: Usage) -> list[str]:
    found = []
    for name, amount in sorted(wanted.items()):
        most, before = quota.get(name, Decimal(0)), taken.get((flavor, name), Decimal(0))
        if before + amount > most:
            found.append(
                f"insufficient quota for {name} in flavor {flavor}, previously considered podsets requests "
                f"({_shown(before)}) + current podset request ({_shown(amount)}) > maximum capacity ({_shown(most)})"
            )
        elif (more := used.get((flavor, name), Decimal(0)) + before + amount - most) > 0:
            found.append(f"insufficient unused quota for {name} in flavor {flavor}, {_shown(more)} more needed")
    return found


def _shown(amount: Decimal) -> str:
    whole = amount == amount.to_integral_value()
    return str(int(amount)) if whole else f"{int(amount * 1000)}m"


def total(amounts: Iterable[Usage]) -> Usage:
    """All of it together."""
    found: Usage = {}
    for each in amounts:
        for key, amount in each.items():
            found[key] = found.get(key, Decimal(0)) + amount
    return found
