"""A MaxCompute for the demonstration: the tests' stand-in as a process, its table loaded, its connection made known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneError
from automl_airflow.standins import DemoStandIn, plain_environment
from automl_core.spec.datasets import data_set_of
from automl_core.spec.models import Experiment


class DemoMaxCompute(DemoStandIn):
    """The stand-in of one demonstration."""

    backend: ClassVar[str] = "maxcompute"
    title: ClassVar[str] = "MaxCompute"

    def arguments(self) -> list[str]:
        """Its tables lie in the demonstration's folder."""
        return ["--data", str(self.data)]

    def connection(self, where: Mapping[str, Any]) -> dict[str, Any]:
        """Its project, with the keys that it has made up."""
        return {
            "conn_type": "maxcompute",
            "login": where["access_id"],
            "password": where["secret_access_key"],
            "extra": {key: where[key] for key in ("project", "endpoint", "tunnel_endpoint", "logview_host")},
        }

    def needed(self, experiment: Experiment) -> set[str]:
        """Those of training tasks, of tables that are read, and of one that the model scores."""
        sets = [data_set_of(given) for given in experiment.data.values()]
        read = {each.connection for each in sets if each.place.startswith("odps://") and each.connection is not None}
        scored = {experiment.predict.connection} if experiment.predict is not None else set()
        return super().needed(experiment) | read | scored

    def prepare(self, experiment: Path, where: Mapping[str, Any]) -> str:
        """Run the experiment's loader, ``examples/<file>_load.py``, where there is one."""
        script = PRODUCT_ROOT / "examples" / f"{experiment.stem}_load.py"
        if not script.is_file():
            return str(where["endpoint"])
        keys = {
            "ODPS_ACCESS_ID": where["access_id"], "ODPS_ACCESS_KEY": where["secret_access_key"],
            "ODPS_PROJECT": where["project"], "ODPS_ENDPOINT": where["endpoint"],
            "ODPS_TUNNEL_ENDPOINT": where["tunnel_endpoint"],
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(script)], env=plain_environment() | keys, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise StandaloneError(f"{script.name} failed:\n{done.stderr[-1500:]}")
        return f"{where['endpoint']}: {done.stdout.strip()}"
