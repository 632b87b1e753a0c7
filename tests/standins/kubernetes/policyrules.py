"""What the API server refuses in a network policy (networking.k8s.io/v1), by source of 1.36 (pkg/apis/networking)."""

from __future__ import annotations

import ipaddress
from typing import Any

from tests.standins.kubernetes.objects import Object

Cause = tuple[str, str, str]


def policy_defaults(spec: Object) -> None:
    """What a new policy gets where it says nothing."""
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for side in ("ingress", "egress"):
        for rule in spec.get(side) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")


def policy_spec(spec: Object) -> list[Cause]:
    """Everything that is wrong with a policy's spec."""
    causes: list[Cause] = []
    for index, kind in enumerate(spec.get("policyTypes") or ()):
        if kind not in ("Ingress", "Egress"):
            causes.append(_unsupported(f"spec.policyTypes[{index}]", kind, ("Egress", "Ingress")))
    for side, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(side) or ()):
            at = f"spec.{side}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                causes += _port(port, f"{at}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers) or ()):
                causes += _peer(peer, f"{at}.{peers}[{number}]")
    return causes


def _port(port: Object, at: str) -> list[Cause]:
    causes = []
    if port.get("protocol", "TCP") not in ("TCP", "UDP", "SCTP"):
        causes.append(_unsupported(f"{at}.protocol", port["protocol"], ("SCTP", "TCP", "UDP")))
    number, last = port.get("port"), port.get("endPort")
    if isinstance(number, int) and not 1 <= number <= 65535:
        causes.append(_invalid(f"{at}.port", number, "must be between 1 and 65535, inclusive"))
    if last is not None and not isinstance(number, int):
        causes.append(_invalid(f"{at}.endPort", last, "may not be specified when `port` is non-numeric"))
    elif last is not None and last < number:
        causes.append(_invalid(f"{at}.endPort", last, "must be greater than or equal to `port`"))
    return causes


def _peer(peer: Object, at: str) -> list[Cause]:
    if not peer:
        return [(at, "FieldValueRequired", "Required value: must specify a peer")]
    if "ipBlock" not in peer:
        return []
    if len(peer) > 1:
        text = "Forbidden: may not specify both ipBlock and another peer"
        return [(at, "FieldValueForbidden", text)]
    cidr = peer["ipBlock"].get("cidr", "")
    try:
        ipaddress.ip_network(cidr if "/" in cidr else "", strict=False)
    except ValueError:
        return [_invalid(f"{at}.ipBlock.cidr", cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    return []


def _invalid(field: str, value: Any, why: str) -> Cause:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return field, "FieldValueInvalid", f"Invalid value: {shown}: {why}"


def _unsupported(field: str, value: Any, allowed: tuple[str, ...]) -> Cause:
    listed = ", ".join(f'"{each}"' for each in allowed)
    return field, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {listed}'
