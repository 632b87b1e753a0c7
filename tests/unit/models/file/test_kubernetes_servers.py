"""`deploy: {to: kubernetes}` in a model's file: what may stand there, and what is said of what may not."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.models.file.kubernetes import Cache, Gateway, KubernetesServers, Replicas, ServersTls
from automl_core.models.file.validation import validate

BASE: dict[str, Any] = {
    "kind": "model", "name": "churn", "candidates": {"experiments": ["churn"]},
    "output": {"storage": "s3://lake/models"},
    "evaluate": {"data": "s3://lake/latest/", "metric": "auc", "target": "churned"},
}  # fmt: skip


def deployed(**deploy: Any) -> KubernetesServers:
    found, problems = validate({**BASE, "deploy": {"to": "kubernetes", "image": "serving:1", **deploy}})
    assert found is not None, problems
    assert isinstance(found.deploy, KubernetesServers)
    return found.deploy


def refused(**deploy: Any) -> str:
    found, problems = validate({**BASE, "deploy": {"to": "kubernetes", "image": "serving:1", **deploy}})
    assert found is None
    return "\n".join(map(str, problems))


def test_short_forms_say_the_same_as_groups() -> None:
    short = deployed(tokens="t", replicas=3, tls="cert", cache="8Gi", gateway="public")
    assert short.scale == Replicas(min=3)
    assert not short.scale.scaled
    assert short.certificate == ServersTls(secret="cert")
    assert short.folder == Cache(size="8Gi")
    assert short.way_in == Gateway(name="public")
    long = deployed(tokens="t", replicas={"min": 2, "max": 6, "cpu": "55%"}, tls={"secret": "a", "clients": "b"})
    assert (long.scale.min, long.scale.max, long.scale.cpu, long.scale.scaled) == (2, 6, 55, True)
    assert deployed(open=True).scale.min == 2, "one server alone is away whenever its node is"


def test_what_the_journal_keeps_reads_back() -> None:
    file, _ = validate({**BASE, "deploy": {"to": "kubernetes", "image": "x:1", "tokens": "t", "steps": ["5%", "100%"],
                                           "serve": {"answers": "10%", "columns": ["age"]}}})  # fmt: skip
    assert file is not None
    again, problems = validate(file.plain())
    assert problems == []
    assert again == file


@pytest.mark.parametrize(
    ("answers", "meant"), [("on", True), ("off", False), (True, True), ("10%", 0.1), (0.25, 0.25), (1, 1.0)]
)
def test_answers_are_written_for_a_share(answers: Any, meant: Any) -> None:
    assert deployed(open=True, serve={"answers": answers}).serve.answers == meant


@pytest.mark.parametrize(
    ("deploy", "words"),
    [
        ({"image": None, "open": True}, "deploy.image: found null; name the image of deploy/serving/Dockerfile"),
        ({}, "nobody's requests are answered unasked"),
        ({"tls": "cert"}, "nobody's requests are answered unasked"),
        ({"open": True, "replicas": 0}, "deploy.replicas"),
        ({"open": True, "replicas": {"min": 3, "max": 2}}, "max: 2 is below min (3)"),
        ({"open": True, "replicas": {"max": 4, "cpu": "7%%"}}, "whole percents"),
        ({"open": True, "replicas": {"max": 4}, "resources": {"memory": "4Gi"}}, "resources.cpu: by load"),
        ({"open": True, "resources": {"memory": "2Gi"}}, "would take the server with it"),
        ({"open": True, "serve": {"memory": "9Gi"}}, "would take the server with it"),
        ({"open": True, "cache": "2Gi"}, "2Gi is less than 3Gi"),
        ({"open": True, "cache": {"size": "2Gi"}}, "2Gi is less than 3Gi"),
        ({"open": True, "cache": {"storage_class": "fast"}}, "say `keep: true`"),
        ({"open": True, "serve": {"answers": 0}}, "on, off, or a share"),
        ({"open": True, "serve": {"answers": "120%"}}, "on, off, or a share"),
        ({"open": True, "name": "Churn"}, "lower-case letters"),
        ({"open": True, "name": "a" * 53}, "52 characters at most"),
        (
            {"open": True, "storage": {"env": {"AWS_SECRET_ACCESS_KEY": "abc"}}},
            "put AWS_SECRET_ACCESS_KEY into a Secret",
        ),
        ({"open": True, "storage": {"env": {"DB_PASSWORD": "abc"}}}, "put DB_PASSWORD into a Secret"),
        ({"open": True, "objects": "kserve", "tls": "cert"}, "ends TLS"),
        ({"open": True, "objects": "kserve", "cache": {"keep": True}}, "no volume of their own"),
        ({"open": True, "objects": "kserve", "gateway": "g"}, "it makes the route"),
        ({"open": True, "pod_template": {"spec": {"restartPolicy": "Never"}}}, "servers are started again"),
        ({"open": True, "pod_template": {"kind": "Job"}}, "a Pod is wanted here"),
        ({"open": True, "pod_template": {"spec": {"containers": {}}}}, "a list of containers"),
        ({"open": True, "replcas": 3}, "Did you mean 'replicas'?"),
    ],
)
def test_what_may_not_stand_there_is_named(deploy: dict[str, Any], words: str) -> None:
    said = refused(**deploy)
    assert words in said
    assert "abc" not in said, "a secret is not repeated"


def test_what_names_where_a_secret_is_found_is_none_itself() -> None:
    env = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/x", "AWS_ENDPOINT_URL": "https://s3", "AWS_REGION": "eu"}
    assert deployed(open=True, storage={"env": env}).storage.env == env
