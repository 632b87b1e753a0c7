"""What a file becomes: objects that Kubernetes, the Gateway API and KServe take, and pods that may do nothing more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from automl_core.serving.kubernetes.kinds import kind_of
from automl_core.serving.kubernetes.objects import address_of, objects_of
from automl_core.serving.kubernetes.plan import NoPlan, default_name, label_key, plan_of
from automl_core.serving.kubernetes.pods import arguments, pod_template
from tests.sources import ROOT
from tests.standins.kubernetes import schemas
from tests.standins.kubernetes.objects import ApiError
from tests.standins.kubernetes.resources import Resource
from tests.unit.serving.kubernetes.files import model_file, planned

MODELS = {
    "Deployment": "V1Deployment", "StatefulSet": "V1StatefulSet", "Service": "V1Service",
    "PodDisruptionBudget": "V1PodDisruptionBudget", "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
    "NetworkPolicy": "V1NetworkPolicy",
}  # fmt: skip

FULL: dict[str, Any] = {
    "tokens": "churn-tokens", "tls": {"secret": "churn-tls", "clients": "churn-ca"},
    "replicas": {"min": 2, "max": 8, "cpu": "60%"}, "allow": ["shop", "web"], "service_account": "lake-reader",
    "storage": {"secret": "lake-keys", "env": {"AWS_REGION": "eu-central-1"}},
    "gateway": {"name": "public", "namespace": "infra", "section": "https", "hosts": ["m.example.com"], "ca": "ca"},
    "serve": {"answers": "10%", "columns": ["age", "plan"], "trust": ["sklearn.svm.SVC"]},
    "pod_template": {
        "metadata": {"annotations": {"team": "red"}},
        "spec": {
            "tolerations": [{"operator": "Exists"}], "nodeSelector": {"pool": "serving"},
            "imagePullSecrets": [{"name": "registry"}],
            "containers": [{"env": [{"name": "LOG", "value": "x"}]}, {"name": "beside", "image": "proxy:1"}],
        },
    },
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "least": {"open": True},
    "full": FULL,
    "kept": {"tls": "cert", "tokens": "t", "cache": {"size": "10Gi", "keep": True, "storage_class": "fast"},
             "gateway": "g", "models": "all", "name": "serving"},
    "kserve": {"open": True, "objects": "kserve", "replicas": {"min": 1, "max": 3}},
    "kserve, fixed": {"tokens": "t", "objects": "kserve", "replicas": 2, "pod_template": FULL["pod_template"]},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def crds() -> None:
    schemas.install(ROOT / "tests/assets/crds/serving_routes.yaml")


def read_back(manifest: dict[str, Any]) -> dict[str, Any]:
    """An object as the official client's models keep it: what they don't know is lost, what is wrong is refused."""
    api = client.ApiClient()
    model = MODELS[manifest["kind"]]
    found: dict[str, Any] = api.sanitize_for_serialization(api._ApiClient__deserialize(manifest, model))
    return found


def check(manifest: dict[str, Any]) -> None:
    if manifest["kind"] in MODELS:
        assert read_back(manifest) == manifest
        return
    group, version = manifest["apiVersion"].split("/")
    resource = Resource("any", manifest["kind"], group, version)
    schemas.check_fields(resource, manifest)
    assert schemas.check_schema(resource, json.loads(json.dumps(manifest))) == []


@pytest.mark.parametrize("name", KINDS)
def test_objects_are_as_their_schemas_say(name: str) -> None:
    for manifest in objects_of(planned(**KINDS[name])):
        check(manifest)
        assert kind_of(manifest).kind == manifest["kind"]


def test_a_field_that_no_schema_knows_is_found() -> None:
    for manifest in objects_of(planned(**FULL)):
        broken = json.loads(json.dumps(manifest))
        broken["spec"]["replicass"] = 3
        with pytest.raises((AssertionError, ApiError)):
            check(broken)


def test_kserves_pod_is_the_deployments_under_its_containers_name() -> None:
    predictor = next(each for each in objects_of(planned(**KINDS["kserve, fixed"]))
                     if each["kind"] == "InferenceService")["spec"]["predictor"]  # fmt: skip
    ours = {"labels", "annotations", "minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "deploymentStrategy"}
    spec = {key: each for key, each in predictor.items() if key not in ours}
    pod = {
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "x"},
        "spec": {"selector": {}, "template": {"spec": spec}},
    }  # fmt: skip
    assert read_back(pod) == pod
    assert predictor["containers"][0]["name"] == "kserve-container"
    assert not any("canary" in key for key in predictor), "the split between versions is ours"


@pytest.mark.parametrize("name", KINDS)
def test_pods_keep_to_the_restricted_standard(name: str) -> None:
    """As https://kubernetes.io/docs/concepts/security/pod-security-standards/ has it, of Kubernetes 1.36."""
    spec = pod_template(planned(**KINDS[name]))["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    for container in spec["containers"]:
        may = container["securityContext"]
        assert may["allowPrivilegeEscalation"] is False
        assert may["capabilities"] == {"drop": ["ALL"]}
        assert may["readOnlyRootFilesystem"] is True
    kinds = {key for each in spec["volumes"] for key in each if key != "name"}
    assert kinds <= {"emptyDir", "secret", "persistentVolumeClaim"}
    server = spec["containers"][0]
    writable = {each["mountPath"] for each in server["volumeMounts"] if not each.get("readOnly")}
    assert writable == {"/cache", "/tmp"}


def test_no_secret_stands_in_an_object() -> None:
    for deploy in (FULL, KINDS["kept"]):
        for manifest in objects_of(planned(**deploy)):
            assert manifest["kind"] != "Secret"
    spec = pod_template(planned(**FULL))["spec"]
    server = spec["containers"][0]
    assert server["envFrom"] == [{"secretRef": {"name": "lake-keys"}}]
    assert {"name": "AWS_REGION", "value": "eu-central-1"} in server["env"]
    volumes = {each["name"]: each.get("secret") for each in spec["volumes"]}
    items = [{"key": key, "path": key} for key in ("tls.crt", "tls.key")]
    assert volumes["tls"] == {"secretName": "churn-tls", "items": items}
    assert volumes["clients"] == {"secretName": "churn-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}


@pytest.mark.parametrize(
    ("deploy", "port", "scheme"),
    [
        ({"open": True}, "server", "HTTP"),
        ({"tokens": "t", "tls": "cert"}, "server", "HTTPS"),
        ({"tls": {"secret": "cert", "clients": "cert"}}, 8081, "HTTP"),  # a kubelet has no certificate of a client
    ],
)
def test_probes_ask_where_they_are_answered(deploy: dict[str, Any], port: str | int, scheme: str) -> None:
    plan = planned(**deploy)
    server = pod_template(plan)["spec"]["containers"][0]
    for probe, path in (("startupProbe", "live"), ("readinessProbe", "ready"), ("livenessProbe", "live")):
        asked = {"path": f"/v2/health/{path}", "port": port, "scheme": scheme}
        assert server[probe]["httpGet"] == asked
    assert ("--health-port" in server["command"]) == (port == 8081)
    assert {"name": "server", "containerPort": 8080, "protocol": "TCP"} in server["ports"]


def test_the_cluster_waits_for_the_servers_own_end() -> None:
    plan = planned(open=True, serve={"grace": "90s"})
    spec = pod_template(plan)["spec"]
    drain = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > drain + 90
    command = spec["containers"][0]["command"]
    assert command[command.index("--grace") + 1] == "90"


def test_the_command_line_is_one_that_automl_serve_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from automl_core.cli import serve
    from automl_core.cli.app import app

    told: dict[str, Any] = {}
    monkeypatch.setattr(serve, "_tokens", lambda path: ())

    def stop(option: str, text: str) -> int:
        told[option] = text
        if option == "--body":  # all options were read by then
            raise SystemExit(7)
        return 1

    monkeypatch.setattr(serve, "_bytes", stop)
    for deploy in KINDS.values():
        told.clear()
        words = arguments(planned(**deploy))
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 7, done.output
        assert told["--memory"] == "2Gi"


def test_changing_what_pods_are_made_of_changes_their_revision_and_nothing_else_does() -> None:
    def revision(**deploy: Any) -> str:
        return str(pod_template(planned(open=True, **deploy))["metadata"]["labels"]["automl/revision"])

    assert revision() == revision(replicas=5) == revision(bake="2h", key="customer_id")
    assert len({revision(), revision(image="other:2"), revision(serve={"most": 3}), revision(tls="cert")}) == 4


def test_names_are_the_models_own() -> None:
    assert default_name("churn") == "automl-churn"
    names = {default_name(each) for each in ("a_b", "a.b", "a-b", "A-b", "x" * 120, "x" * 119)}
    assert len(names) == 6
    assert all(len(each) <= 52 for each in names)
    assert label_key("churn") == "churn"
    assert label_key("x" * 80) != label_key("x" * 81)
    assert all(len(label_key(each)) <= 63 for each in ("x" * 120, "a_", "a" * 62 + "_b"))
    assert label_key("a_") != "a_", "a label's name ends with a letter or digit"


def test_where_load_decides_manifests_name_no_number() -> None:
    def workload(**deploy: Any) -> dict[str, Any]:
        found: dict[str, Any] = next(
            each["spec"] for each in objects_of(planned(open=True, **deploy)) if each["kind"] == "Deployment"
        )
        return found

    assert "replicas" not in workload(replicas={"min": 2, "max": 4})
    assert workload(replicas=3)["replicas"] == 3
    assert workload()["replicas"] == 2
    assert workload()["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_load_is_that_of_the_server_whatever_runs_beside_it() -> None:
    """The CPU of a whole pod can't be told where one of its containers requests none: then nothing is ever scaled."""
    plan = planned(**FULL)
    scaler = next(each for each in objects_of(plan) if each["kind"] == "HorizontalPodAutoscaler")
    (metric,) = scaler["spec"]["metrics"]
    load = metric["containerResource"]
    server, beside = pod_template(plan)["spec"]["containers"]
    assert (metric["type"], load["container"], load["name"]) == ("ContainerResource", server["name"], "cpu")
    assert load["target"] == {"type": "Utilization", "averageUtilization": 60}
    assert server["resources"]["requests"]["cpu"]
    assert "resources" not in beside


def test_servers_of_one_model_are_asked_for_that_alone_from_outside() -> None:
    def paths(**deploy: Any) -> list[str]:
        route = next(each for each in objects_of(planned(**deploy)) if each["kind"] == "HTTPRoute")
        return [each["path"]["value"] for each in route["spec"]["rules"][0]["matches"]]

    assert paths(open=True, gateway="g") == ["/models/churn", "/v2/models/churn"]
    assert paths(open=True, gateway="g", models="all", name="serving") == ["/"]
    assert address_of(planned(tokens="t", tls="c")) == "https://automl-churn.default.svc"
    kinds = [each["kind"] for each in objects_of(planned(open=True, gateway="g"))]
    assert "BackendTLSPolicy" not in kinds, "plain HTTP has nothing to check"


def test_a_folder_of_a_machine_needs_its_place_in_pods() -> None:
    mounted = {"mount": {"path": "/mnt/runs", "claim": "runs"}}
    with pytest.raises(NoPlan, match=r"deploy\.storage\.mount"):
        planned(lake="file://./runs")
    plan = planned(lake="file://./runs", storage=mounted)
    assert arguments(plan)[2] == "file:///mnt/runs"
    claims = [each.get("persistentVolumeClaim") for each in pod_template(plan)["spec"]["volumes"]]
    assert {"claimName": "runs"} in claims
    with pytest.raises(NoPlan, match="is a bucket"):
        planned(storage=mounted)


def test_a_template_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("kind: Pod\nspec: {containers: [{image: 'mine:3'}], priorityClassName: high}\n")
    file = model_file(image=None, pod_template="pod.yaml")
    spec = pod_template(plan_of(file, "default", home=tmp_path))["spec"]
    assert spec["containers"][0]["image"] == "mine:3"
    assert spec["priorityClassName"] == "high"
    for text, words in (("kind: Job\n", "a Pod is wanted"), ("[1]", "has no pod"),
                        ("spec: {restartPolicy: Never}", "restartPolicy")):  # fmt: skip
        (tmp_path / "pod.yaml").write_text(text)
        with pytest.raises(NoPlan, match=words):
            plan_of(file, "default", home=tmp_path)
    with pytest.raises(NoPlan, match="can't be read"):
        plan_of(model_file(image=None, pod_template="absent.yaml"), "default", home=tmp_path)
