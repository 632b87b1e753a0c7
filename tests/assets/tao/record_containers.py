"""Write what nvidia-tao-core says of each network's container, for tests on machines that don't have it.

    python tests/assets/tao/record_containers.py WHEEL tests/assets/tao/containers-7.3.0.json

Of each network configuration in the wheel (`microservices/handlers/network_configs`): its actions, the metric that is
watched, and the keys of its spec that AutoML fills in. The facts are NVIDIA's, under the Apache License 2.0
(https://www.apache.org/licenses/LICENSE-2.0).
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

FOLDER = "nvidia_tao_core/microservices/handlers/network_configs/"
ENDING = ".config.json"
SAID = ("source", "path", "mapping", "multiple_sources", "transform")


def recorded(wheel: Path) -> dict[str, Any]:
    """Network → actions, metric, keys of the spec for each action, what AutoML fills in."""
    found = {}
    with zipfile.ZipFile(wheel) as files:
        for name in sorted(files.namelist()):
            if not (name.startswith(FOLDER) and name.endswith(ENDING)):
                continue
            body = json.loads(files.read(name))
            if "train" not in body["api_params"].get("actions", ()):
                continue
            metric = body.get("metrics", {}).get("monitoring_metric")
            found[name.removeprefix(FOLDER).removesuffix(ENDING)] = {
                "actions": body["api_params"]["actions"],
                "metric": metric[0] if isinstance(metric, list) else metric,
                "automl": body.get("automl_spec_params", {}),
                "data": {
                    key: {name: source[name] for name in SAID if name in source}
                    for action in ("inference", "evaluate", "train")  # what a training says goes before the others
                    for key, source in body.get("data_sources", {}).get(action, {}).items()
                },
                "models": {
                    action: sorted(key for key, value in keys.items() if str(value).startswith("parent_model"))
                    for action, keys in body.get("spec_params", {}).items()
                },
            }
    return found


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(recorded(Path(sys.argv[1])), indent=1, sort_keys=True) + "\n")
