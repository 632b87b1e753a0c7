"""NVIDIA's package, run now: what tests/assets/tao has of it, and templates made of it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from automl_core.tao.templates import version_of
from automl_core.tao.writing import files_of
from tests.sources import ROOT
from tests.support.tao_networks import RECORDED, recorded, schema_of


def in_one_order(place: Path) -> Any:
    """What a file records; the package sorts its lists with pandas, by a column in which most rows are equal."""
    told = json.loads(gzip.decompress(place.read_bytes()))
    for network in told["networks"].values():
        network["search"].sort(key=lambda each: each["parameter"])
    return told


def test_what_is_recorded_is_what_the_package_says(heavy_python: Path, tmp_path: Path) -> None:
    script, target = ROOT / "tests" / "assets" / "tao" / "record.py", tmp_path / "found.json.gz"
    done = subprocess.run([heavy_python, script, target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert in_one_order(target) == in_one_order(RECORDED)


def test_every_network_is_found_where_the_package_is_installed(heavy_python: Path, tmp_path: Path) -> None:
    program = (
        "import json\n"
        "from automl_core.tao import package\n"
        "print(json.dumps([package.installed_version(), package.networks(), package.schemas(package.networks())]))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [heavy_python, "-c", program], capture_output=True, text=True, check=False, env=environment
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    release, networks, schemas = json.loads(done.stdout)
    assert release == "7.2.0"
    assert sorted(networks) == sorted(recorded())

    def parameters(schema: object, network: str) -> list[str]:
        text = files_of(network, schema, version=version_of(release), made_from="x")["template.yaml"].decode()  # type: ignore[arg-type]
        return [line.partition(", help:")[0] for line in text.splitlines() if line.startswith("  ")]

    for network in networks:
        assert [line.partition(":")[0] for line in parameters(schemas[network], network)] == [
            line.partition(":")[0] for line in parameters(schema_of(network), network)
        ]
