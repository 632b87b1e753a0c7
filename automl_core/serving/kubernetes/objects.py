"""All objects of a model's servers, as the API server takes them."""

from __future__ import annotations

from typing import Any

from automl_core.serving.kubernetes.kinds import (
    BACKEND_TLS,
    BUDGET,
    DEPLOYMENT,
    INFERENCE,
    POLICY,
    ROUTE,
    SCALER,
    SERVICE,
    STATEFUL_SET,
    Kind,
    Manifest,
)
from automl_core.serving.kubernetes.plan import Plan
from automl_core.serving.kubernetes.pods import CONTAINER, HEALTH_PORT, PORT, pod_template

KSERVE_CONTAINER = "kserve-container"
"""What KServe calls the container that answers, in its own and in others' images."""


def objects_of(plan: Plan, replicas: int | None = None) -> list[Manifest]:
    """What is wanted, in the order in which it is made.

    Args:
        plan: from the model's file.
        replicas: servers that there are to be now, where load decides; None: whoever applies it leaves that to the
            autoscaler from the first moment on.
    """
    if plan.wanted.objects == "kserve":
        return [_inference(plan), _budget(plan), *_policies(plan)]
    found = [_service(plan), *_policies(plan), _workload(plan, replicas), _budget(plan)]
    if plan.wanted.scale.scaled:
        found.append(_scaler(plan))
    return [*found, *_way_in(plan)]


def address_of(plan: Plan) -> str:
    """Where requests go from within the cluster."""
    if plan.wanted.objects == "kserve":
        return f"http://{plan.name}-predictor.{plan.namespace}.svc"
    scheme = "http" if plan.wanted.certificate is None else "https"
    return f"{scheme}://{plan.name}.{plan.namespace}.svc"


def service_port(plan: Plan) -> int:
    """The port of the Service: that of the scheme, so that nobody has to name it."""
    return 80 if plan.wanted.certificate is None else 443


def _object(plan: Plan, kind: Kind, spec: Manifest) -> Manifest:
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": plan.metadata(), "spec": spec}


def _service(plan: Plan) -> Manifest:
    scheme = "http" if plan.wanted.certificate is None else "https"
    port = {
        "name": scheme, "port": service_port(plan), "targetPort": "server", "protocol": "TCP", "appProtocol": scheme
    }  # fmt: skip
    return _object(plan, SERVICE, {"selector": plan.selector, "ports": [port]})


def _workload(plan: Plan, replicas: int | None) -> Manifest:
    scale, cache = plan.wanted.scale, plan.wanted.folder
    if replicas is None and not scale.scaled:
        replicas = scale.min
    spec: dict[str, Any] = {
        "selector": {"matchLabels": plan.selector}, "template": pod_template(plan), "revisionHistoryLimit": 5
    }  # fmt: skip
    if replicas is not None:
        spec["replicas"] = replicas
    if not cache.keep:
        # none goes before another is ready: a file that can't start changes nothing for those who ask
        rolling = {"maxUnavailable": 0, "maxSurge": 1}
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
        spec["progressDeadlineSeconds"] = max(30, round(plan.wanted.wait))
        return _object(plan, DEPLOYMENT, spec)
    claim: dict[str, Any] = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "cache"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": cache.size}}},
    }  # fmt: skip
    if cache.storage_class is not None:
        claim["spec"]["storageClassName"] = cache.storage_class
    spec |= {
        "serviceName": plan.name, "podManagementPolicy": "Parallel", "volumeClaimTemplates": [claim],
        "updateStrategy": {"type": "RollingUpdate"},
        # answers that nobody has brought are in it: it goes when somebody says so
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }  # fmt: skip
    return _object(plan, STATEFUL_SET, spec)


def _budget(plan: Plan) -> Manifest:
    # by what may be away, not by what must be there: with one server the latter would let no node be drained, ever
    spec = {
        "maxUnavailable": 1, "selector": {"matchLabels": plan.selector}, "unhealthyPodEvictionPolicy": "AlwaysAllow"
    }  # fmt: skip
    return _object(plan, BUDGET, spec)


def _scaler(plan: Plan) -> Manifest:
    scale = plan.wanted.scale
    kind = STATEFUL_SET if plan.wanted.folder.keep else DEPLOYMENT
    target = {"type": "Utilization", "averageUtilization": scale.cpu}
    # the server's container alone: by the whole pod nothing is scaled where one beside it requests no CPU, and a proxy
    # that is busy or idle says nothing of the server
    load = {"name": "cpu", "container": CONTAINER, "target": target}
    spec = {
        "scaleTargetRef": {"apiVersion": kind.api_version, "kind": kind.kind, "name": plan.name},
        "minReplicas": scale.min, "maxReplicas": scale.max,
        "metrics": [{"type": "ContainerResource", "containerResource": load}],
        # a server that has gone has to load its models again, so none goes for a short lull
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
    }  # fmt: skip
    return _object(plan, SCALER, spec)


def _policies(plan: Plan) -> list[Manifest]:
    if plan.wanted.allow is None:
        return []
    names = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(plan.wanted.allow)}
    rule: dict[str, Any] = {"ports": [{"port": PORT, "protocol": "TCP"}]}
    if plan.wanted.allow:
        rule["from"] = [{"namespaceSelector": {"matchExpressions": [names]}}]
    rules = [rule] if plan.wanted.allow else []
    tls = plan.wanted.certificate
    if tls is not None and tls.clients is not None:
        rules.append({"ports": [{"port": HEALTH_PORT, "protocol": "TCP"}]})  # some plugins fence the node's probes too
    spec = {"podSelector": {"matchLabels": plan.selector}, "policyTypes": ["Ingress"], "ingress": rules}
    return [_object(plan, POLICY, spec)]


def _way_in(plan: Plan) -> list[Manifest]:
    gateway = plan.wanted.way_in
    if gateway is None:
        return []
    parent: dict[str, Any] = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway.name}
    if gateway.namespace is not None:
        parent["namespace"] = gateway.namespace
    if gateway.section is not None:
        parent["sectionName"] = gateway.section
    backend = {"group": "", "kind": "Service", "name": plan.name, "port": service_port(plan)}
    paths = [f"/models/{plan.model}", f"/v2/models/{plan.model}"] if plan.wanted.models == "this" else ["/"]
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in paths]
    spec: dict[str, Any] = {"parentRefs": [parent], "rules": [{"matches": matches, "backendRefs": [backend]}]}
    if gateway.hosts:
        spec["hostnames"] = list(gateway.hosts)
    found = [_object(plan, ROUTE, spec)]
    if plan.wanted.certificate is not None:
        host = gateway.host or f"{plan.name}.{plan.namespace}.svc"
        checked: dict[str, Any] = {"hostname": host}
        if gateway.ca is None:
            checked["wellKnownCACertificates"] = "System"
        else:
            checked["caCertificateRefs"] = [{"group": "", "kind": "ConfigMap", "name": gateway.ca}]
        target = {"group": "", "kind": "Service", "name": plan.name}
        found.insert(0, _object(plan, BACKEND_TLS, {"targetRefs": [target], "validation": checked}))
    return found


def _inference(plan: Plan) -> Manifest:
    """KServe's object around the same container. Which version answers is ours to say, so it has no canary."""
    scale, template = plan.wanted.scale, pod_template(plan, KSERVE_CONTAINER)
    labels = {**template["metadata"]["labels"]}
    predictor: dict[str, Any] = {
        **template["spec"], "labels": labels, "minReplicas": scale.min, "maxReplicas": scale.max or scale.min,
        "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
    }  # fmt: skip
    if template["metadata"].get("annotations"):
        predictor["annotations"] = template["metadata"]["annotations"]
    if scale.scaled:
        predictor |= {"scaleMetric": "cpu", "scaleTarget": scale.cpu}
    found = _object(plan, INFERENCE, {"predictor": predictor})
    found["metadata"]["annotations"] = {
        **found["metadata"]["annotations"],
        "serving.kserve.io/deploymentMode": "Standard",
        "serving.kserve.io/autoscalerClass": "hpa" if scale.scaled else "none",
    }
    return found
