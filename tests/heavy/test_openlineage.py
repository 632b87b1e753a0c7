"""What our tasks tell OpenLineage, by its provider's own classes, which are installed beside this environment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.sources import ROOT

PINS = (
    "apache-airflow-providers-openlineage==2.20.3", "openlineage-python==1.54.0",
    "openlineage-integration-common==1.54.0", "openlineage-sql==1.54.0", "httpx2",
)  # fmt: skip

ASK = """
import json, sys
import airflow.providers
airflow.providers.__path__ = [*airflow.providers.__path__, sys.argv[1] + "/airflow/providers"]
sys.path.append(sys.argv[1])
from airflow.providers.openlineage.extractors.base import DefaultExtractor
from airflow.sdk import BaseOperator
from automl_airflow.models.lineage import Seen, TellsLineage
from openlineage.client.serde import Serde


class Task(TellsLineage, BaseOperator):
    pass


task = Task(task_id="evaluate")
task.lineage_read = (Seen("s3://lake/rows/ds=1/", "f00d"),)
task.lineage_written = (Seen("s3://lake/runs/_models/churn/", "2"),)
told = DefaultExtractor(task).extract_on_complete(None)
print(json.dumps([json.loads(Serde.to_json(each)) for each in (*told.inputs, *told.outputs)]))
"""


def test_the_provider_takes_what_a_task_tells(tmp_path: Path) -> None:
    uv = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--python",
        sys.executable,
    ]
    subprocess.run([*uv, "--target", str(tmp_path / "beside"), *PINS], check=True, cwd=ROOT)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path / "beside")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read, written = json.loads(done.stdout.splitlines()[-1])
    assert (read["namespace"], read["name"]) == ("s3://lake", "rows/ds=1")
    assert read["facets"]["version"]["datasetVersion"] == "f00d"
    assert (written["name"], written["facets"]["version"]["datasetVersion"]) == ("runs/_models/churn", "2")
