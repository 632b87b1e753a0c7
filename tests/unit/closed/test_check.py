"""What a closed environment refuses of an experiment: which field, and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.closed import experiment_problems
from automl_core.spec.loader import locate, parse_document, parse_experiment
from automl_core.spec.stages import stage_of
from tests.unit.closed.files import HOME, pod, policy, problems, text_of

IMAGE = "registry.example.com/ml/train:3"


def resource(spec: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "backend": "custom_resource",
        "resource": {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": spec},
        "success": [{"condition": "Complete"}], "failure": [{"condition": "Failed"}],
        "pods": {"label": "ray.io/cluster"}, **fields,
    }  # fmt: skip


def test_what_is_allowed_is_allowed() -> None:
    assert problems() == []
    assert problems(output={"storage": "file:///srv/automl/x"}, task=pod(
        image="python:3.12", storage_mount={"path": "/mnt", "host_path": "/srv/automl/x"},
        volumes=[{"mount": "/d", "claim": "datasets"}, {"mount": "/e", "empty_dir": True},
                 {"mount": "/s", "secret": "s"}],
        files={"/app/x.py": "code/x.py", "/app/y.py": "${bundle_dir}/y.py"},
    )) == []  # fmt: skip
    assert problems(resource({"headGroupSpec": {"template": {"spec": {"containers": [{"image": IMAGE}]}}}})) == []
    assert problems({"backend": "maxcompute", "sql": "select a.x from sales.orders a", "project": "Sales"}) == []


def test_an_open_deployment_refuses_nothing() -> None:
    lists = policy(closed="False")
    assert problems({"command": "true"}, lists, output={"storage": "s3://elsewhere"}) == []


def test_a_file_closes_itself_and_never_opens_what_is_closed() -> None:
    assert "local training" in problems({"command": "true"}, policy(closed="False"), closed=True)[0]
    said = problems(closed=False)
    assert said == [
        "closed: this deployment is closed, and a file can't open it. Allowed: true. Leave it out."
    ]  # fmt: skip


def test_a_deployment_without_lists_allows_a_closed_file_nothing() -> None:
    lists = policy(closed="", closed_stores="", closed_images="", closed_reachable="", closed_forbidden="")
    said = "\n".join(problems(lists=lists, closed=True))
    for option in ("closed_stores is empty", "closed_images is empty", "closed_reachable", "closed_forbidden"):
        assert option in said


@pytest.mark.parametrize("where", ["tasks", "prepare", "conclude"])
def test_local_trainings_are_refused_wherever_they_stand(where: str) -> None:
    said = problems(**{where: [{"command": "true"}]}) if where != "tasks" else problems({"command": "true"})
    assert len(said) == 1
    assert said[0].startswith(f"{where}[0].backend: a local training is a process of Airflow's worker")
    assert "Allowed: kubernetes, custom_resource, maxcompute" in said[0]


@pytest.mark.parametrize(
    "storage", ["s3://lake-public/models", "s3://lake/models-old", "oss://lake/models", "s3://lake"]
)
def test_a_store_that_is_not_on_the_list(storage: str) -> None:
    said = problems(output={"storage": storage})
    assert said == [
        f"output.storage: the store {storage} is not on this deployment's list. "
        "Allowed: s3://lake/models at https://minio.example.com:9000, file:///srv/automl."
    ]


EVIL = "evil.org/x:1"


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (pod(image=EVIL), "tasks[0].image"),
        (pod(artifacts={"image": EVIL}), "tasks[0].artifacts.image"),
        (pod(pod_template={"spec": {"initContainers": [{"name": "a", "image": EVIL}]}}),
         "tasks[0].pod_template.spec.initContainers[0].image"),
        (pod(pod_template={"spec": {"containers": [{}, {"name": "b", "image": EVIL}]}}),
         "tasks[0].pod_template.spec.containers[1].image"),
        (pod(image=None, pod_template={"spec": {"containers": [{"image": EVIL}]}}),
         "tasks[0].pod_template.spec.containers[0].image"),
        (pod(pod_template={"spec": {"volumes": [{"name": "v", "image": {"reference": EVIL}}]}}),
         "tasks[0].pod_template.spec.volumes[0].image.reference"),
        (resource({"headGroupSpec": {"template": {"spec": {"containers": [{"image": EVIL}]}}}}),
         "tasks[0].resource.spec.headGroupSpec.template.spec.containers[0].image"),
        (resource({"image": IMAGE, "driver": {"sidecars": [{"image": EVIL}]}}),
         "tasks[0].resource.spec.driver.sidecars[0].image"),
        (resource({"image": IMAGE, "sparkImage": EVIL}), "tasks[0].resource.spec.sparkImage"),
        (resource({"templates": [{"container": {"image": IMAGE}, "script": {"image": EVIL}}]}),
         "tasks[0].resource.spec.templates[0].script.image"),
    ],
)  # fmt: skip
def test_an_image_is_found_wherever_it_stands(task: dict[str, Any], field: str) -> None:
    said = problems(task)
    assert len(said) == 1
    assert said[0].startswith(f"{field}: the image 'evil.org/x:1'")
    assert "Allowed: registry.example.com/ml/, python" in said[0]


def test_an_image_that_the_tasks_own_goes_over_is_no_matter() -> None:
    assert problems(pod(pod_template={"spec": {"containers": [{"image": EVIL}]}})) == []


def test_a_template_that_is_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump({"kind": "Pod", "spec": {"initContainers": [{"image": EVIL}]}}))
    said = problems(pod(pod_template="pod.yaml"), home=tmp_path)
    assert len(said) == 1
    assert said[0].startswith("tasks[0].pod_template: pod.yaml: spec.initContainers[0].image: the image 'evil.org/x:1'")


@pytest.mark.parametrize(
    ("image", "values", "fine"),
    [
        ("${image}", [IMAGE, "python:3.12"], True),
        ("${image}", [IMAGE, EVIL], False),
        ("registry.example.com/ml/train:${image}", ["1", "2"], True),
        ("registry.example.com/${image}", ["ml/train", "other/train"], False),
    ],
)
def test_an_image_that_is_searched(image: str, values: list[str], fine: bool) -> None:
    space = {"image": {"type": "choice", "values": values}}
    assert (problems(pod(image=image, command="train ${image}"), space=space) == []) is fine


def test_an_image_that_nobody_knows_before() -> None:
    assert "is not known before it runs" in problems(pod(image="evil.org/${run_id}"))[0]
    assert problems(pod(image="registry.example.com/ml/train:${run_id}")) == []


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"hostNetwork": True}, "spec.hostNetwork"),
        ({"hostPID": True}, "spec.hostPID"),
        ({"hostIPC": True}, "spec.hostIPC"),
        ({"containers": [{"securityContext": {"privileged": True}}]}, "spec.containers[0].securityContext.privileged"),
        ({"containers": [{"securityContext": {"capabilities": {"add": ["CAP_NET_RAW"]}}}]},
         "spec.containers[0].securityContext.capabilities.add[0]"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/etc"}}]}, "spec.volumes[0].hostPath.path"),
        ({"volumes": [{"name": "v", "nfs": {"server": "x", "path": "/"}}]}, "spec.volumes[0].nfs"),
        ({"volumes": [{"name": "v", "csi": {"driver": "x"}}]}, "spec.volumes[0].csi"),
        ({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "other"}}]},
         "spec.volumes[0].persistentVolumeClaim.claimName"),
        ({"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"dataSource": {"name": "x"}}}}}]},
         "spec.volumes[0].ephemeral"),
    ],
)  # fmt: skip
def test_ways_out_of_the_network_and_the_lists(template: dict[str, Any], field: str) -> None:
    said = problems(pod(pod_template={"spec": template}))
    assert len(said) == 1, said
    assert said[0].startswith(f"tasks[0].pod_template.{field}: ")
    in_resource = problems(resource({"image": IMAGE, "template": {"spec": template}}))
    assert [each.split(": ")[0] for each in in_resource] == [f"tasks[0].resource.spec.template.{field}"]


def test_ways_out_that_are_texts() -> None:
    """`json_at` makes a boolean of them later."""
    assert (
        "hostNetwork"
        in problems(resource({"image": IMAGE, "pod": {"hostNetwork": "true"}}, json_at=["spec.pod.hostNetwork"]))[0]
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"volumes": [{"mount": "/d", "claim": "other"}]}, "volumes[0].claim"),
        ({"volumes": [{"mount": "/d", "host_path": "/srv/datasets-old"}]}, "volumes[0].host_path"),
        ({"volumes": [{"mount": "/d", "host_path": "/srv/datasets/../x"}]}, "volumes[0].host_path"),
        ({"security": {"add_capabilities": ["NET_ADMIN"]}}, "security.add_capabilities[0]"),
        ({"files": {"/x": "../secret"}}, "files./x"),
        ({"files": {"/x": "/etc/passwd"}}, "files./x"),
        ({"files": {"/x": "${bundle_dir}/../x"}}, "files./x"),
        ({"pod_template": "../pod.yaml"}, "pod_template"),
        ({"artifacts": {"env": {"AWS_ENDPOINT_URL": "https://evil.org"}}}, "artifacts.env.AWS_ENDPOINT_URL"),
        ({"artifacts": {"env": {"AWS_ENDPOINT_URL_S3": "http://minio.example.com:9000"}}},
         "artifacts.env.AWS_ENDPOINT_URL_S3"),
    ],
)  # fmt: skip
def test_other_fields_of_a_pod(fields: dict[str, Any], field: str) -> None:
    said = problems(pod(**fields))
    assert [each.split(": ")[0] for each in said] == [f"tasks[0].{field}"]


def test_artifacts_may_go_to_the_stores_own_server() -> None:
    assert problems(pod(artifacts={"env": {"AWS_ENDPOINT_URL": "https://minio.example.com:9000"}})) == []


def test_a_folder_that_pods_mount_as_the_store() -> None:
    def said(**mount: Any) -> list[str]:
        return problems(pod(storage_mount={"path": "/mnt", **mount}), output={"storage": "file:///srv/automl"})

    assert said(host_path="/srv/automl") == []
    assert said(claim="datasets") == []
    assert "storage_mount.host_path" in said(host_path="/srv")[0]
    assert "storage_mount.claim" in said(claim="other")[0]


def test_a_resource_whose_images_are_elsewhere() -> None:
    said = problems(resource({"runtimeRef": {"name": "torch"}}))
    assert len(said) == 1
    assert "names no image" in said[0]


def test_a_resource_whose_pods_no_policy_would_hold() -> None:
    """A label that only some pods have, or none, would leave the others open, and the probe would not notice."""
    none = problems(resource({"image": IMAGE}, pods=None))
    assert [each.split(": ")[0] for each in none] == ["tasks[0].pods"]
    other = problems(resource({"image": IMAGE}, pods={"label": "batch.kubernetes.io/job-name"}))
    assert other[0].startswith("tasks[0].pods.label: the label that all pods of a RayJob have is ray.io/cluster")
    usual = problems(resource({"image": IMAGE}), policy(closed_resources=""))
    assert usual[0].startswith("tasks[0].resource.kind: of a RayJob this deployment knows no label")
    assert "Allowed: trainer.kubeflow.org/TrainJob, kubeflow.org/PyTorchJob" in usual[0]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"project": "hr"}, "project"),
        ({"sql": "insert into sales.t select * from hr.people"}, "sql"),
        ({"sql": ["select 1 as a", {"sql": "select * from a join `hr`.`people` b"}]}, "sql[1].sql"),
        ({"sql": "unload from t into location 'oss://key:s3cr3t@elsewhere/x'"}, "sql"),
        ({"sql": "load overwrite table t from location 'oss://oss-cn-x.aliyuncs.com/elsewhere/x'"}, "sql"),
        ({"sql": "PAI -name train -DinputTableName=hr.people"}, "sql"),
        ({"sql": "PAI -name train -Dtables=odps://hr/tables/people"}, "sql"),
        ({"sql": "add jar https://evil.org/x.jar"}, "sql"),
        ({"model": {"export": "oss://elsewhere/${trial_id}"}}, "model.export"),
        ({"metrics": {"source": "select", "sql": "select * from hr.metrics"}}, "metrics.sql"),
        ({"export": {"hr.people": "train.csv"}}, "export.hr.people"),
    ],
)
def test_what_statements_name(fields: dict[str, Any], field: str) -> None:
    said = problems({"backend": "maxcompute", "sql": "select 1 as loss", **fields})
    assert [each.split(": ")[0] for each in said] == [f"tasks[0].{field}"]
    assert "s3cr3t" not in said[0]


def test_a_comment_in_a_statement_names_nothing() -> None:
    assert problems({"backend": "maxcompute", "sql": "select 1 as a -- from hr.people\nfrom t"}) == []


def test_problems_have_the_lines_of_the_file() -> None:
    text = text_of(pod(image=EVIL))
    experiment, document = parse_document(text, "x.yaml")
    found = locate(experiment_problems(experiment, policy(), home=HOME), document)
    line = 1 + text.splitlines().index(next(each for each in text.splitlines() if EVIL in each))
    assert [(each.file, each.line) for each in found] == [("x.yaml", line)]


def test_what_the_journal_says_again_is_allowed_again() -> None:
    """The first record has every default, `closed` among them: what began in it is checked by it."""
    experiment = parse_experiment(text_of(), "x.yaml").model_copy(update={"closed": True})
    again = type(experiment).model_validate(experiment.model_dump(mode="json"))
    assert again.closed
    assert experiment_problems(again, policy(), home=HOME) == []


def test_a_stage_of_a_closed_experiment_is_closed() -> None:
    """Its pods stand behind the same fence, in a deployment that is open as a whole, too."""
    assert stage_of(parse_experiment(text_of(closed=True, prepare=[pod()]), "x.yaml"), "prepare").closed
    assert not stage_of(parse_experiment(text_of(conclude=[pod()]), "x.yaml"), "conclude").closed


@pytest.mark.parametrize(
    ("place", "fine"),
    [
        ("s3://lake/data/x.csv", True),
        ("s3://lake/data/${ds}/x.csv", True),
        ("s3://lake/data/*.parquet", True),
        ("s3://lake/data-old/x.csv", False),
        ("s3://lake/da${ds}/x.csv", False),
        ("s3://lake/data/${ds}/../../x", False),
        ("s3://lake/*/x.csv", False),
        ("odps://sales/orders/ds=${ds}", True),
        ("odps://hr/people", False),
        ("file:///srv/datasets/x.csv", True),
        ("../x.csv", False),
        ("${bundle_dir}/x.csv", False),
    ],
)
def test_data_sets(place: str, fine: bool) -> None:
    for given, field in ((place, "data.train"), ({"place": place}, "data.train.place")):
        said = problems(data={"train": given})
        assert (said == []) is fine, said
        assert fine or said[0].startswith(f"{field}: ")


def test_tables_that_are_scored() -> None:
    """They are read and written by the deployment's own connection: both projects are on the list."""
    assert problems(predict={"rows": "odps://sales/orders/ds=${ds}", "out": "odps://sales/scores"}) == []
    said = problems(predict={"rows": "odps://hr/people", "out": "odps://elsewhere/scores"})
    assert [each.partition(": ")[0] for each in said] == ["predict.rows", "predict.out"]


def test_data_of_the_bundle_are_where_the_bundle_is() -> None:
    lists, body = policy(closed_data="file:///bundles/red"), text_of(data={"train": "${bundle_dir}/x.csv"})
    experiment = parse_experiment(body, "x.yaml")
    assert experiment_problems(experiment, lists, home=HOME, bundle=Path("/bundles/red")) == []
    assert experiment_problems(experiment, lists, home=Path("/bundles/red"), bundle=Path("/bundles/blue"))


def test_code_comes_from_the_bundle_or_home(tmp_path: Path) -> None:
    for folder in ("home/code", "bundle/experiments", "bundle/code", "secret"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bundle" / "link").symlink_to(tmp_path / "secret")
    file = tmp_path / "bundle" / "experiments" / "x.yaml"

    def said(code: str, **more: Any) -> list[str]:
        experiment = parse_experiment(text_of(code=code, **more), str(file))
        templates = [tmp_path / "templates"]
        found = experiment_problems(experiment, policy(), home=tmp_path / "home", file=file, templates=templates)
        return [".".join(map(str, each.path)) for each in found]

    assert said("../code") == said("../../home/code") == []
    assert said("../../secret") == said("../link") == said(str(tmp_path / "secret")) == ["code"]

    whole = {"name": "net", "version": 1, "digest": f"sha256:{'0' * 64}"}
    assert said(str(tmp_path / "templates/net/1"), template=whole) == []
    assert said(str(tmp_path / "secret/net/1"), template=whole) == ["code"], "whatever a file says that it is made from"
