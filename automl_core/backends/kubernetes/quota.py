"""What the API server says where a quota refuses a pod, and whether waiting can mend that."""

from __future__ import annotations

import re

from automl_core.spec.quantities import parse_quantity

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<name>[^,\s]+), requested: (?P<requested>\S+), used: \S+, limited: (?P<limited>[^\s)]+)"
)
"""As the plug-in ResourceQuota of Kubernetes 1.36 puts it; of a pod it names only the resources that are too few."""


def never_fits(message: str, workers: int = 1) -> str:
    """Why a quota never lets a pod be, in words; empty where it may once others have gone.

    Of its three refusals only "exceeded quota" may pass; "failed quota: … must specify" and the bounds of a LimitRange
    are as lasting as any other.

    Args:
        message: the cluster's.
        workers: pods like it that have to be there together.
    """
    found = _EXCEEDED.search(message)
    if found is None:
        return ""
    limits, problems = _amounts(found["limited"]), []
    for resource, wanted in _amounts(found["requested"]).items():
        most = limits.get(resource)
        if most is None:
            continue
        try:
            above = parse_quantity(wanted) * workers > parse_quantity(most)
        except ValueError:  # a form that we can't read: it is waited for, as for any other
            continue
        if above:
            asked = f"{wanted} for each of {workers} workers" if workers > 1 else wanted
            problems.append(f"{resource}: {asked} is wanted, {most} is all there is")
    return f"more than quota {found['name']} ever allows: {', '.join(problems)}" if problems else ""


def _amounts(text: str) -> dict[str, str]:
    """``a=1,b=2Gi`` as resource → quantity."""
    pairs = (part.partition("=") for part in text.rstrip(",").split(","))
    return {name: amount for name, _, amount in pairs if amount}
