"""deploy/kubernetes/rbac-serving.yaml: the rights that servers in a cluster take, each of them and no other."""

from __future__ import annotations

from itertools import product
from typing import Any

import yaml

from automl_core.serving.kubernetes.standing import look
from tests.sources import ROOT
from tests.unit.serving.kubernetes.files import planned, shore

CRDS = ROOT / "tests/assets/crds/serving_routes.yaml"


def test_every_right_is_used_and_none_lacks() -> None:
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/rbac-serving.yaml").read_text(encoding="utf-8"))
    rules: list[dict[str, Any]] = next(each for each in documents if each["kind"] == "Role")["rules"]
    granted = {right for rule in rules for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])}
    with shore(back_off=0.05, crd=[str(CRDS)]) as there:
        there.standin.restrict(rules)
        there.standin.forget_requests()
        template, scaled = there.serving, {"min": 1, "max": 2}
        whole: dict[str, Any] = {
            "pod_template": template,
            "replicas": scaled,
            "allow": ["shop"],
            "gateway": "public",
            "open": True,
        }
        there.ensure(planned(**whole, tls="cert"), wait=False)
        there.ask(lambda api: look(api, planned(**whole, tls="cert")))
        there.remove(planned())
        there.ensure(planned(**whole, cache={"keep": True}), wait=False)
        there.remove(planned())
        there.ensure(planned(pod_template=template, objects="kserve"), wait=False)
        there.ask(lambda api: look(api, planned(pod_template=template, objects="kserve")))
        there.remove(planned())
        asked = there.standin.requests()
    assert [each for each in asked if each["status"] == 403] == []
    used = {(each["group"], each["resource"], each["verb"]) for each in asked}
    # an application to what is not there creates it: a right of its own
    made = {(each["group"], each["resource"], "create") for each in asked if each["status"] == 201}
    assert granted == used | made
