"""What a pod template may not say, since attempts, time limits and metrics would not hold any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

RESTARTS = ("restartPolicy", "restartPolicyRules")
"""Fields by which a container is started again in its pod (Kubernetes 1.34 on)."""


def problem_of_template(template: Mapping[str, Any]) -> str:
    """What is wrong with a pod template, with the field; empty where nothing is.

    A training that is started again in place begins its log, its clock and its curve anew, and nobody is told: to start
    it again is `trials.retries`' and a new attempt's. Containers beside it may have such rules, unless these start
    all of the pod again.

    Args:
        template: a pod as a mapping.
    """
    spec = template.get("spec")
    if not isinstance(spec, Mapping):
        return ""
    containers, helpers = _containers(spec, "containers"), _containers(spec, "initContainers")
    if containers:
        for field in RESTARTS:
            if containers[0].get(field):
                return (
                    f"spec.containers[0].{field}: the training is not started again in its pod: its time limit and its "
                    "metrics would begin anew. trials.retries makes new attempts; leave this out"
                )
    for name, found in (("containers", containers), ("initContainers", helpers)):
        for number, container in enumerate(found):
            for index, rule in enumerate(container.get("restartPolicyRules") or ()):
                if isinstance(rule, Mapping) and rule.get("action") not in (None, "Restart"):
                    place = f"spec.{name}[{number}].restartPolicyRules[{index}].action"
                    return f"{place}: {rule['action']} starts the training again in its pod; Restart is allowed here"
    return ""


def _containers(spec: Mapping[str, Any], field: str) -> Sequence[Mapping[str, Any]]:
    found = spec.get(field)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
