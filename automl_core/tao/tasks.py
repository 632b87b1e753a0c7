"""A network's training tasks: TAO's own command, in its container or in any environment that has it.

The command is TAO's (``dino train -e SPEC``), run by a small program that goes along (`PROGRAM_FILES`): it needs
Python 3.8 and nothing of this product, hands over checkpoints as they are written, and puts into the spec what only
the attempt knows. Read `automl_core.tao.program.run_tao` for what it does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_core.tao.containers import checked, container_of, direction_of
from automl_core.tao.datasets import data_of

RUNNER = "run_tao.py"

_HERE = Path(__file__).parent / "program"

PROGRAM_FILES: Mapping[str, Path] = {
    RUNNER: _HERE / RUNNER,
    "tao_checkpoints.py": _HERE / "tao_checkpoints.py",
    "status_lines.py": Path(__file__).parents[1] / "metrics" / "status_lines.py",
}
"""Name → file of what goes along with each template of a network: the program of its training tasks."""

_CHECKPOINT: Mapping[str, tuple[str, ...]] = {
    "evaluate": ("evaluate.checkpoint",),
    "inference": ("inference.checkpoint",),
    "export": ("export.checkpoint",),
    "prune": ("prune.checkpoint",),
    "retrain": ("model.pruned_graph_path",),
    "quantize": ("quantize.model_path",),
    "distill": ("distill.pretrained_teacher_model_path",),
}
"""Action → keys of the spec that name the trained model."""

_OTHERWISE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("nvdinov2", "distill"): ("model.distill.pretrained_non_distill_pl_model_path",),
    ("pointpillars", "prune"): ("prune.model",),
    ("pointpillars", "retrain"): ("train.pruned_model_path",),
    ("cosmos-rl", "evaluate"): ("model.model_name",),
    ("cosmos-rl", "inference"): ("model_path",),
    ("cosmos-rl", "quantize"): ("model.model_path",),
}

_WRITTEN: Mapping[str, Mapping[str, str]] = {
    "export": {"export.onnx_file": "{results}/export/model.onnx"},
    "inference": {},
}
"""Action → keys of the spec that name what it writes."""


def spec_file_of(network: str) -> dict[str, Any]:
    """``spec_file`` of a template: the format that the network reads, and what is put into it for each attempt.

    Raises:
        UnknownAction: nothing of it is trained.
    """
    container = container_of(network)
    folder = "train.output_dir" if container.format == "toml" else "results_dir"
    put: dict[str, Any] = {} if container.classic else {folder: "${model_dir}", **container.fixed}
    put[container.epochs] = "${budget}"
    if container.resume is not None:
        put[container.resume] = "${resume_from}"
    return {"format": container.format, "groups": [], "set": put}


def tasks_of(
    network: str, action: str = "train", *, keep: str = "auto", delete_intermediate: bool = True
) -> list[dict[str, Any]]:
    """The training tasks of an action, as ``tasks:`` or ``conclude:`` of a file has them.

    They are local ones: of an image with ``{backend: kubernetes, image: …}`` laid over them. An action other than
    ``train`` works on the trial's model, in ``conclude`` on that of the best trial.

    Args:
        network: as NVIDIA calls it.
        action: ``train``, ``evaluate``, ``export``, …
        keep: whose checkpoint becomes the model: ``best``, the best epoch's by the experiment's goal; ``terminal``, the
            last one's; or ``auto``: the best where the metric was seen.
        delete_intermediate: whether checkpoints go as soon as nothing can go on from them.

    Raises:
        UnknownAction: the network has no such action.
    """
    container = checked(network, action)
    command = ["python3", RUNNER, container.command, action]
    env: dict[str, str] = {}
    if action == "train":
        command += ["-e", "${spec_file}", *(["-r", "${model_dir}"] if container.classic else [])]
        env["TAO_KEEP"] = keep
        if not delete_intermediate:
            env["TAO_DELETE_INTERMEDIATE"] = "false"
        if container.resume is not None:
            env["TAO_RESUME"] = container.resume
        if container.intervals:
            env["TAO_EPOCHS"] = " ".join((container.epochs, *container.intervals))
        status = container.status
    else:
        keys = _OTHERWISE.get((network, action), _CHECKPOINT[action])
        env["TAO_PUT"] = json.dumps({**dict.fromkeys(keys, "{checkpoint}"), **_WRITTEN.get(action, {})})
        status = "status.json" if container.classic else f"{action}/status.json"
    data = data_of(network)
    if data:
        env["TAO_DATA"] = json.dumps(data)
    return [
        {
            "name": action,
            "cwd": "code",
            "command": command,
            "env": env,
            "metrics": {"source": "tao", "path": f"${{model_dir}}/{status}"},
        }
    ]


def goal_of(network: str) -> dict[str, str] | None:
    """``goal`` of a template: the metric that TAO watches, None where it names none.

    Raises:
        UnknownAction: nothing of it is trained.
    """
    metric = container_of(network).metric
    return {"metric": metric, "direction": direction_of(metric)} if metric is not None else None
