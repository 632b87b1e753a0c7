# /// script
# requires-python = ">=3.11"
# dependencies = ["nvidia-tao-automl==7.2.0"]
# ///
"""Write what nvidia-tao-automl says of its networks, for tests on machines that don't have it.

Run it where the package is installed (tests/heavy/test_tao_package.py does, and compares):

    python tests/assets/tao/record.py tests/assets/tao/networks-7.2.0.json.gz

Of each network: its schema as `generate_schema` gives it, without what is for people alone; and the default search, as
the package's own `generate_hyperparams_to_search` finds it with the schema's defaults for a spec. The metadata are
NVIDIA's, under the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0).
"""

from __future__ import annotations

import gzip
import json
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

NOTICE = "Metadata of NVIDIA's package nvidia-tao-automl {}, Apache License 2.0; texts for people are left out."

FOR_PEOPLE = frozenset({"title", "description", "examples", "link", "pattern", "popular", "required"})


def recorded() -> dict[str, Any]:
    """Everything, as plain data; infinite bounds are text."""
    logging.disable(logging.CRITICAL)
    from tao_automl import config
    from tao_automl.schema.generate_schema import generate_schema
    from tao_automl.search_space.params import generate_hyperparams_to_search

    root = Path(next(iter(config.__path__)))
    names = sorted(each.name for each in root.iterdir() if each.is_dir() and list(each.glob("*.py")))
    names = [name for name in names if name not in ("common", "utils", "__pycache__")]
    networks = {}
    for name in [*names, "depth_net_mono", "depth_net_stereo"]:
        schema = generate_schema(name, "train")
        found, _ = generate_hyperparams_to_search(name, "train", schema["default"], None)
        networks[name] = {"schema": {"properties": _stripped(schema["properties"])}, "search": _plain(found)}
    return {"notice": NOTICE.format(version("nvidia-tao-automl")), "networks": networks}


def _stripped(properties: dict[str, Any]) -> dict[str, Any]:
    """Leaves and groups with what a program reads of them."""
    found = {}
    for name, leaf in properties.items():
        if not isinstance(leaf, dict):
            continue
        kept = {key: each for key, each in leaf.items() if key not in FOR_PEOPLE and not key.startswith("automl_d")}
        if isinstance(leaf.get("properties"), dict):
            kept = {"type": leaf["type"], "properties": _stripped(leaf["properties"])}
            if not leaf["properties"]:
                kept |= {key: leaf[key] for key in ("default", "automl_enabled") if key in leaf}
        found[name] = _plain(kept)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value


def main(target: Path) -> None:
    """Write it; the same content gives the same bytes."""
    text = json.dumps(recorded(), separators=(",", ":"))
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
