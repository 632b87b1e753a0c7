"""Files of models that are answered for in a cluster, and clusters to try them in."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from automl_core.backends.kubernetes.access import Access, Cluster
from automl_core.backends.kubernetes.api import KubernetesApi
from automl_core.models.file import ModelFile
from automl_core.models.file.validation import validate
from automl_core.serving.kubernetes.applying import Applying
from automl_core.serving.kubernetes.plan import Plan, plan_of
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched

Found = TypeVar("Found")
IMAGE = "registry.example.com/automl-serving:1"


def model_file(model: str = "churn", lake: str = "s3://lake/models", **deploy: Any) -> ModelFile:
    """A model's file with servers in a cluster; `open` unless something else is said of who may ask."""
    if not {"tokens", "tls", "open"} & set(deploy):
        deploy["open"] = True
    found, problems = validate(
        {
            "kind": "model", "name": model, "candidates": {"experiments": [model]}, "output": {"storage": lake},
            "evaluate": {"data": "s3://lake/latest/", "metric": "auc", "target": "churned"},
            "deploy": {"to": "kubernetes", "image": IMAGE, "wait": "60s", **deploy},
        }
    )  # fmt: skip
    assert found is not None, problems
    return found


def planned(model: str = "churn", lake: str = "s3://lake/models", **deploy: Any) -> Plan:
    return plan_of(model_file(model, lake, **deploy), "default", home=Path.cwd())


class Known(Access):
    """The way to a stand-in, without the seconds that reading a kubeconfig with the official client takes."""

    def __init__(self, standin: KubernetesStandIn) -> None:
        super().__init__(Cluster())
        self._told = {"host": standin.url, "authorization": f"Bearer {standin.token}", "token_file": None,
                      "server_name": None}  # fmt: skip

    async def load(self, *, refused: int | None = None) -> None:
        """Nothing is read."""


class Shore:
    """The stand-in as servers meet it: programs named `automl` that do as a test says, and what was said."""

    def __init__(self, standin: KubernetesStandIn, folder: Path) -> None:
        self.standin, self.folder = standin, folder
        self.said: list[str] = []
        self.numbers = 0
        self.runner = asyncio.Runner()
        self.api = KubernetesApi(Known(standin))

    def template(self, program: str, **container: Any) -> dict[str, Any]:
        """A pod template in which `automl` is a shell script."""
        self.numbers += 1
        place = self.folder / f"bin-{self.numbers}"
        place.mkdir()
        script = place / "automl"
        script.write_text(f"#!/bin/sh\n{program}\n")
        script.chmod(0o755)
        path = {"name": "PATH", "value": f"{place}:/usr/bin:/bin"}
        return {"spec": {"containers": [{"env": [path], **container}]}}

    @property
    def serving(self) -> dict[str, Any]:
        """A server that runs until it is told to end."""
        return self.template("trap 'exit 0' TERM; while true; do sleep 0.05; done")

    def ask(self, call: Callable[[KubernetesApi], Coroutine[Any, Any, Found]]) -> Found:
        return self.runner.run(call(self.api))

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: Any) -> None:
        """What somebody else does, by whatever client."""
        headers = {"Authorization": f"Bearer {self.standin.token}", "Content-Type": kind}
        with httpx.Client(trust_env=False, verify=False) as client:
            answer = client.request(method, f"{self.standin.url}{path}", params=query, headers=headers, json=body)
        answer.raise_for_status()

    def patch(self, path: str, body: dict[str, Any], manager: str) -> None:
        self.request("PATCH", path, body, "application/merge-patch+json", fieldManager=manager)

    def close(self) -> None:
        self.runner.run(self.api.close())
        self.runner.close()

    def ensure(self, plan: Plan, *, wait: bool = True, until: str = "") -> Any:
        """What `Applying.ensure` does; its time is over once something was said, where that is named."""
        ends = time.monotonic() + stretched(60.0)

        def clock() -> float:
            over = any(until in line for line in self.said) if until else False
            return float("inf") if over or time.monotonic() > ends else 0.0

        return self.ask(lambda api: Applying(api, plan, self.said.append, every=0.02, clock=clock).ensure(wait=wait))

    def remove(self, plan: Plan) -> Any:
        return self.ask(lambda api: Applying(api, plan, self.said.append, every=0.02).remove())

    def get(self, path: str) -> dict[str, Any]:
        return self.ask(lambda api: api.get(path))

    def apply(self, path: str, body: dict[str, Any], manager: str, *, force: bool = False) -> dict[str, Any]:
        return self.ask(lambda api: api.apply(path, body, manager, force=force))


@contextmanager
def shore(**options: Any) -> Iterator[Shore]:
    # not below /tmp, which is a volume of the pods: the stand-in would take the programs' folder for one in it
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, KubernetesStandIn(nodes=1, **options) as standin:
        made = Shore(standin, Path(folder))
        try:
            yield made
        finally:
            made.close()
