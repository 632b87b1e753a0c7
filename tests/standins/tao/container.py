#!/usr/bin/env python3
"""What TAO's PyTorch container does when it is called as ``NETWORK ACTION -e SPEC [key=value …]``, without a network.

Behaviour as in NVIDIA's tao_pytorch_backend 6.25.10: a spec with a key that the network doesn't know is refused
(Hydra's structured configuration), ``results_dir/<action>`` has ``experiment.yaml``, ``status.json`` and checkpoints
``model_epoch_000_step_00010.pth`` with a link ``dino_model_latest.pth``; a training goes on from
``train.resume_training_checkpoint_path``, else from that link; intervals above the number of epochs are refused; the
status file's lines come in Lightning's order, with the logger's ``kpi`` repeated in each.

What is trained is one number, by gradient descent with noise: it is the better the nearer ``lr`` and ``weight_decay``
are to 3e-4 and 1e-3. It has a random state of its own that checkpoints keep, so a training that was interrupted ends
as one that was not. Nothing but Python and PyYAML is needed.

``STANDIN_PAUSE`` (seconds an epoch takes), ``STANDIN_HOLD_AFTER`` (epochs after which it stands still).
"""

from __future__ import annotations

import datetime
import json
import math
import os
import pickle
import random
import sys
import time
from pathlib import Path
from typing import Any

ACTIONS = ("train", "evaluate", "export", "inference", "quantize", "distill", "prune")
KNOWN: dict[str, Any] = {
    "results_dir": None,
    "encryption_key": None,
    "model": {
        "backbone": "resnet_50", "num_queries": 300, "num_select": 300, "num_feature_levels": 4, "dropout_ratio": 0.0,
        "enc_layers": 6, "dec_layers": 6, "pretrained_backbone_path": None, "*": None,
    },
    "dataset": {"batch_size": 4, "workers": 8, "num_classes": 91, "train_data_sources": None, "val_data_sources": None,
                "augmentation": {"*": None}, "*": None},
    "train": {
        "num_epochs": 10, "num_gpus": 1, "gpu_ids": [0], "num_nodes": 1, "seed": 1234, "checkpoint_interval": 1,
        "checkpoint_interval_unit": "epoch", "validation_interval": 1, "resume_training_checkpoint_path": None,
        "results_dir": None, "pretrained_model_path": None, "precision": "fp32", "clip_grad_norm": 0.1,
        "optim": {"optimizer": "AdamW", "lr": 2e-4, "lr_backbone": 2e-5, "lr_linear_proj_mult": 0.1, "momentum": 0.9,
                  "weight_decay": 1e-4, "lr_scheduler": "MultiStep", "lr_steps": [11], "lr_step_size": 11,
                  "lr_decay": 0.1, "layer_decay_rate": 0.65, "*": None},
    },
    "evaluate": {"checkpoint": "???", "results_dir": None, "batch_size": -1, "conf_threshold": 0.0, "num_gpus": 1},
    "inference": {"checkpoint": "???", "results_dir": None, "conf_threshold": 0.5, "num_gpus": 1},
    "export": {"checkpoint": "???", "onnx_file": "???", "results_dir": None, "opset_version": 17},
    "quantize": {"model_path": "???", "results_dir": None, "mode": "static_ptq", "backend": "torchao"},
    "distill": {"pretrained_teacher_model_path": "???", "results_dir": None},
    "prune": {"checkpoint": "???", "results_dir": None},
}  # fmt: skip
"""Keys of a spec with their defaults; ``*`` stands for any other, and for groups that this doesn't know."""

STEPS = 10
"""Batches of an epoch."""


class ConfigKeyError(Exception):
    """As omegaconf's."""


def main(arguments: list[str]) -> int:
    """Run an action; the exit code."""
    network, action, *rest = arguments
    if action not in ACTIONS:
        print(
            f"{network}: error: argument subtask: invalid choice: {action!r} (choose from {ACTIONS})", file=sys.stderr
        )
        return 2
    if "-e" not in rest[:-1]:
        print(f"ERROR: The subtask `{action}` requires the following argument: -e/--experiment_spec_file")
        return 1
    file = Path(rest[rest.index("-e") + 1])
    if not file.exists():
        print(f"ERROR: The indicated experiment spec file `{file}` doesn't exist!")
        return 1
    try:
        spec = composed(file, [each for each in rest if "=" in each])
        run(network, action, spec)
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(f"Error executing job with overrides: {error}\nExecution status: FAIL", flush=True)
        return 1
    print("Execution status: PASS", flush=True)
    return 0


def composed(file: Path, overrides: list[str]) -> dict[str, Any]:
    """The spec over its defaults.

    Raises:
        ConfigKeyError: a key that the network doesn't know.
        TypeError: a value of another type.
    """
    import yaml

    given = yaml.safe_load(file.read_text()) or {}
    for each in overrides:
        key, _, text = each.partition("=")
        here, *groups = given, *key.split(".")[:-1]
        for group in groups:
            here = here.setdefault(group, {})
        here[key.split(".")[-1]] = yaml.safe_load(text)
    return over(KNOWN, given, "")


def over(known: dict[str, Any], given: dict[str, Any], place: str) -> dict[str, Any]:
    """A group of the spec over its defaults."""
    result = {key: over(value, {}, "") if isinstance(value, dict) else value for key, value in known.items()}
    result.pop("*", None)
    for key, value in given.items():
        full = f"{place}{key}"
        if key not in known and "*" not in known:
            raise ConfigKeyError(f"Key '{key}' not in 'ExperimentConfig'\n    full_key: {full}\n    object_type=Config")
        default = known.get(key)
        if isinstance(default, dict):
            if not isinstance(value, dict):
                raise TypeError(f"Value {value!r} of {full} is no group")
            result[key] = over(default, value, f"{full}.")
            continue
        if isinstance(default, float) and not isinstance(value, int | float):
            raise TypeError(f"Value '{value}' of type 'str' could not be converted to Float\n    full_key: {full}")
        if isinstance(default, int) and not isinstance(default, bool) and not isinstance(value, int):
            raise TypeError(f"Value '{value}' of type 'str' could not be converted to Integer\n    full_key: {full}")
        result[key] = value
    return result


class StatusLogger:
    """Appends to the status file. ``kpi`` stays what it was set to last, and stands in every line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self.kpi: dict[str, Any] = {}

    def write(self, message: str, status: str = "RUNNING", data: dict[str, Any] | None = None) -> None:
        """Append a line."""
        now = datetime.datetime.now()
        body = dict(data or {})
        body |= {
            "date": f"{now.month}/{now.day}/{now.year}",
            "time": f"{now.hour}:{now.minute}:{now.second}",
            "status": status, "verbosity": "INFO", "message": message,
        }  # fmt: skip
        if self.kpi:
            body["kpi"] = self.kpi
        self._file.write(json.dumps(body) + "\n")
        self._file.flush()


def run(network: str, action: str, spec: dict[str, Any]) -> None:
    """An action, with its results folder and its status file."""
    import yaml

    group = spec[action]
    if group["results_dir"]:
        spec["results_dir"] = group["results_dir"]
    elif spec["results_dir"]:
        spec["results_dir"] = group["results_dir"] = os.path.join(spec["results_dir"], action)
    else:
        raise ValueError("You need to set at least one of following fields: results_dir, {mode}.results_dir")
    results = Path(spec["results_dir"])
    print(f"{action.capitalize()} results will be saved at: {results}", flush=True)
    results.mkdir(parents=True, exist_ok=True)
    (results / "experiment.yaml").write_text(yaml.safe_dump(spec))
    logger = StatusLogger(results / "status.json")
    logger.write(f"Starting {network} {action}.", "STARTED")
    try:
        (train if action == "train" else use)(network, action, spec, results, logger)
    except (ValueError, TypeError, AssertionError) as error:
        logger.write(f"Parameter validation error: {error}", "FAILURE")
        raise
    except OSError as error:
        logger.write(f"File system error: {error}", "FAILURE")
        raise
    logger.write(f"{action.capitalize()} finished successfully.")


def train(network: str, action: str, spec: dict[str, Any], results: Path, logger: StatusLogger) -> None:
    """Train from a checkpoint or from the beginning."""
    stated = spec["train"]
    epochs = stated["num_epochs"]
    for name in ("checkpoint_interval", "validation_interval"):
        assert stated[name] <= epochs, (
            f"{name} {stated[name]} > Number of epochs {epochs}.Please set experiment_config.train.{name} <= {epochs}"
        )
    latest = results / f"{network}_model_latest.pth"
    resume = stated["resume_training_checkpoint_path"] or (latest.resolve() if latest.exists() else None)
    state: dict[str, Any] = {"epoch": -1, "x": 4.0, "step": 0, "random": random.Random(stated["seed"]).getstate()}
    if resume:
        if not str(resume).endswith((".tlt", ".pth")):
            raise ValueError("Resume checkpoint has an invalid file format; it must be either a .tlt or a .pth")
        state = load(Path(resume))
        logger.write(f"Resuming training from checkpoint: {resume}")
    noise = random.Random()
    noise.setstate(state["random"])
    logger.write("Starting Training Loop.", "STARTED")
    pause, hold = float(os.environ.get("STANDIN_PAUSE", "0")), int(os.environ.get("STANDIN_HOLD_AFTER", "0"))
    for epoch in range(state["epoch"] + 1, epochs):
        began = time.monotonic()
        time.sleep(pause)
        rate = 0.5 * math.exp(-(math.log10(stated["optim"]["lr"] / 3e-4) ** 2))
        state["x"] -= rate * state["x"] + 0.05 * noise.gauss(0, 1)
        state |= {"epoch": epoch, "step": state["step"] + STEPS, "random": noise.getstate()}
        validated = (epoch + 1) % stated["validation_interval"] == 0
        if validated:
            logger.kpi = measured(spec, state["x"], "val")
            logger.write("Eval metrics generated.")
        logger.write(
            "Training loop in progress",
            data={
                "epoch": epoch, "step": state["step"], "max_epoch": epochs - 1, "max_step": epochs * STEPS,
                "time_per_epoch": str(datetime.timedelta(seconds=time.monotonic() - began)),
                "time_per_step": str(datetime.timedelta(seconds=(time.monotonic() - began) / STEPS)),
                "eta": str(datetime.timedelta(seconds=(epochs - 1 - epoch) * pause)),
            },
        )  # fmt: skip
        logger.kpi = {"train_loss": state["x"] ** 2 + 0.1}
        logger.write("Train metrics generated.")
        print(f"Epoch {epoch}: 100%|##########| {STEPS}/{STEPS} [00:00<00:00, v_num=1, train_loss={state['x']:.3f}]")
        if (epoch + 1) % stated["checkpoint_interval"] == 0:
            save(results, network, state)
        if hold and epoch + 1 == hold:
            time.sleep(600)
    logger.write("Training loop complete.")


def measured(spec: dict[str, Any], x: float, prefix: str) -> dict[str, Any]:
    """Metrics of a model, as TAO writes them: two of them as text."""
    decay = math.log10(spec["train"]["optim"]["weight_decay"] / 1e-3)
    value = 0.8 / (1 + x * x) / (1 + 0.05 * decay * decay)
    return {f"{prefix}_mAP": str(0.6 * value), f"{prefix}_mAP50": str(value), f"{prefix}_loss": 1 - value}


def save(results: Path, network: str, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all, and turn the link to it."""
    name = f"model_epoch_{state['epoch']:03d}_step_{state['step']:05d}.pth"
    half = results / f"{name}.half"
    half.write_bytes(pickle.dumps(state))
    half.replace(results / name)
    latest = results / f"{network}_model_latest.pth"
    latest.unlink(missing_ok=True)
    latest.symlink_to(name)


def load(path: Path) -> dict[str, Any]:
    """Read one that this program wrote."""
    found: dict[str, Any] = pickle.loads(path.read_bytes())  # its own file, in a test
    return found


def use(network: str, action: str, spec: dict[str, Any], results: Path, logger: StatusLogger) -> None:
    """An action on a model that is there."""
    key = {"quantize": "model_path", "distill": "pretrained_teacher_model_path"}.get(action, "checkpoint")
    missing = [name for name, value in spec[action].items() if value == "???"]
    if missing:
        raise ValueError(f"Missing mandatory value: {action}.{missing[0]}")
    state = load(Path(spec[action][key]))
    logger.write(f"Loading checkpoint: {spec[action][key]}")
    if action in ("evaluate", "inference"):
        logger.kpi = measured(spec, state["x"], "test")
        logger.write("Test metrics generated.")
    elif action == "export":
        Path(spec["export"]["onnx_file"]).write_text(json.dumps({"network": network, "x": state["x"]}))
    else:
        (results / f"{action}d_model.pth").write_bytes(pickle.dumps(state))


if __name__ == "__main__":
    sys.exit(main([os.environ.get("STANDIN_NETWORK") or Path(sys.argv[0]).name, *sys.argv[1:]]))
