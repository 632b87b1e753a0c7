"""The notebook for TAO's users, run from its first cell to its last against an Airflow, with the stand-in for TAO."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import World
from tests.sources import ROOT
from tests.standins.tao.installing import install
from tests.support.patience import stretched
from tests.support.tao_networks import folder_of

pytestmark = pytest.mark.heavy

NOTEBOOK = ROOT / "examples" / "tao_dino.ipynb"

EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
try:
    NotebookClient(book, timeout=float(sys.argv[3]), kernel_name="python3").execute()
finally:
    nbformat.write(book, sys.argv[2])
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An Airflow as the demo starts it, whose workers find TAO's command and dino's template."""
    root = tmp_path_factory.mktemp("tao")
    programs = install(root / "bin", "dino")
    folder_of("dino", root / "templates", version=99999999)  # above that of NVIDIA's package, where that is installed
    made = World.make(
        root / "world",
        PATH=f"{programs}:{os.environ['PATH']}",
        AUTOML_TEMPLATES=str(root / "templates"),
        TAO_POLL="0.1",
    )
    try:
        made.airflow.start()
        yield made
    finally:
        made.airflow.stop()


@pytest.mark.timeout(900)
def test_the_notebook_runs_from_its_first_cell_to_its_last(world: World, heavy_python: Path, tmp_path: Path) -> None:
    secret = json.loads(world.airflow.credentials_file.read_text())
    done = tmp_path / "done.ipynb"
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "AIRFLOW_API_URL": secret["url"],
        "AIRFLOW_USERNAME": secret["username"], "AIRFLOW_PASSWORD": secret["password"],
        "AUTOML_TEMPLATES": str(world.root.parent / "templates"),
    }  # fmt: skip
    command = [str(heavy_python), "-c", EXECUTE, str(NOTEBOOK), str(done), str(stretched(120))]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, text=True, timeout=stretched(150), check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3000:]
    printed = outputs(json.loads(done.read_text()))
    assert "search: {algorithm: hyperband, baseline: true, remove: [train.optim.layer_decay_rate]}" in printed
    assert "epochs pending" in printed
    assert "best val_mAP50" in printed
    assert "test_mAP50" in printed.partition("final evaluation:")[2], "conclude evaluated the best trial"
    assert "model/export/model.onnx" in printed, "and exported it"
    [run] = [path for path in (world.root / "runs" / "dino-hyperband").iterdir() if path.is_dir()]
    result = json.loads((run / "controller.json").read_text())
    best = min((each for each in result["trials"] if each["rank"]), key=lambda each: each["rank"])
    kpi = json.loads(json.dumps(printed.partition("final evaluation: ")[2].strip().splitlines()[0]))
    assert f"{best['value']}"[:8] in kpi, "it is the best epoch's model: its own value again"


def outputs(book: dict[str, Any]) -> str:
    """All that its cells printed."""
    return "\n".join(
        "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
        for cell in book["cells"] for output in cell.get("outputs", [])
    )  # fmt: skip


def test_it_is_committed_without_what_it_printed() -> None:
    book = json.loads(NOTEBOOK.read_text())
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in book["cells"])
