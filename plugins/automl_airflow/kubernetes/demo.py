"""A Kubernetes for the demonstration: the tests' stand-in as a process, whose pods are processes of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standins import DemoStandIn


class DemoKubernetes(DemoStandIn):
    """The stand-in of one demonstration."""

    backend: ClassVar[str] = "kubernetes"
    title: ClassVar[str] = "Kubernetes"

    def arguments(self) -> list[str]:
        """Its kubeconfig lies in the demonstration's folder; every image brings this product."""
        return [
            "--kubeconfig", str(self.data / "kubeconfig.json"), "--data", str(self.data / "nodes"),
            "--image-folder", str(PRODUCT_ROOT),
        ]  # fmt: skip

    def connection(self, where: Mapping[str, Any]) -> dict[str, Any]:
        """Its kubeconfig."""
        return {"conn_type": "kubernetes", "extra": {"kube_config_path": where["kubeconfig"]}}

    def prepare(self, experiment: Path, where: Mapping[str, Any]) -> str:
        """Nothing has to be made ready."""
        return f"{where['url']}, its pods are processes of this machine"
