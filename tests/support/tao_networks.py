"""What NVIDIA's package says of its networks, as tests/assets/tao has it, and templates that are made of it."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from automl_core.tao.schema import Leaf, leaves_of
from automl_core.tao.templates import lay
from automl_core.tao.writing import files_of
from automl_core.templates.version import Template, read_template
from tests.sources import ROOT

RECORDED = ROOT / "tests" / "assets" / "tao" / "networks-7.2.0.json.gz"


@cache
def recorded() -> dict[str, Any]:
    """Network → its schema, and the default search as the package finds it."""
    networks: dict[str, Any] = json.loads(gzip.decompress(RECORDED.read_bytes()))["networks"]
    return networks


def schema_of(network: str) -> dict[str, Any]:
    """A network's schema."""
    schema: dict[str, Any] = recorded()[network]["schema"]
    return schema


def leaves(network: str) -> dict[str, Leaf]:
    """A network's parameters as the metadata have them."""
    return leaves_of(schema_of(network))


def folder_of(network: str, root: Path, version: int = 1) -> Path:
    """A network's template, laid below a folder of templates."""
    folder = root / "tao" / network / str(version)
    lay(files_of(network, schema_of(network), version=version, made_from="a test"), folder)
    return folder


def template_of(network: str, root: Path) -> Template:
    """The same, read."""
    return read_template(folder_of(network, root))
