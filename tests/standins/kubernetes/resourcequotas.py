"""Resource quotas of a namespace, with the refusals of the API server's plug-in of that name."""

from __future__ import annotations

from tests.standins.kubernetes.objects import Object, forbidden, name_of, namespace_of
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.store import Store

COMPUTE = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""What a quota bounds here, beside the number of pods."""


def check_quotas(store: Store, pod: Object) -> None:
    """ApiError 403 where a quota of its namespace lets a new pod not be, now or ever."""
    for quota in store.select("resourcequotas", namespace_of(pod)):
        hard = (quota.get("spec") or {}).get("hard") or {}
        missing = [f"{name} for: {each}" for name in COMPUTE if name in hard for each in _without(pod, name)]
        if missing:
            raise forbidden("pods", name_of(pod), f"failed quota: {name_of(quota)}: must specify {'; '.join(missing)}")
        exceeded = [
            name for name in sorted(hard) if _of(pod, name) + _used(store, pod, name) > parse_quantity(hard[name])
        ]
        if exceeded:
            wanted = _shown({name: _of(pod, name) for name in exceeded})
            used = _shown({name: _used(store, pod, name) for name in exceeded})
            most = ",".join(f"{name}={hard[name]}" for name in exceeded)
            why = f"exceeded quota: {name_of(quota)}, requested: {wanted}, used: {used}, limited: {most}"
            raise forbidden("pods", name_of(pod), why)


def _without(pod: Object, name: str) -> list[str]:
    side, _, kind = name.partition(".")
    return [each["name"] for each in pod["spec"]["containers"] if kind not in (each["resources"].get(side) or {})]


def _of(pod: Object, name: str) -> float:
    if name == "pods":
        return 1
    side, _, kind = name.partition(".")
    containers = pod["spec"]["containers"]
    return sum(float(parse_quantity((each["resources"].get(side) or {}).get(kind, "0"))) for each in containers)


def _used(store: Store, pod: Object, name: str) -> float:
    """By pods that have not ended: those that have count for nothing."""
    pods = store.select("pods", namespace_of(pod))
    return sum(_of(each, name) for each in pods if each["status"].get("phase") not in {"Succeeded", "Failed"})


def _shown(amounts: dict[str, float]) -> str:
    """As a quota's message lists them: whole mebibytes where that is exact."""
    return ",".join(
        f"{name}={int(amount / 2**20)}Mi" if name.endswith("memory") and amount and amount % 2**20 == 0
        else f"{name}={amount:g}"
        for name, amount in amounts.items()
    )  # fmt: skip
