"""Train a small convolutional network on pictures: ``python train.py --config spec.yaml``.

Each epoch's order, shifts and drop-outs are decided by the seed and the epoch's number, and a checkpoint has weights,
the optimizer's memory and the best weights so far: on a CPU a training that is resumed gives the numbers of one that
was never interrupted. Weights are kept as safetensors and arrays, so nothing has to be unpickled.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from images import Pictures, read
from network import build, outputs, scaled
from safetensors.torch import load_file, save_file

from automl_core.training import checkpoints
from automl_core.training.config import Config, read_config
from automl_core.training.problems import TrainingError, run, say
from automl_core.training.progress import Progress
from automl_core.training.reporting import report
from automl_core.training.rows import Data, Part
from automl_core.training.split import split
from automl_core.training.tabular import Judge

DEFAULTS: dict[str, Any] = {
    "lr": 1e-3,
    "weight_decay": 1e-2,
    "batch_size": 64,
    "width": 32,
    "blocks": 3,
    "dropout": 0.1,
    "shift": 0.0,
    "flip": False,
    "label_smoothing": 0.0,
    "image_size": 0,
    "epochs": 20,
    "patience": 0,
    "device": "auto",
    "threads": 1,
    "seed": 0,
    "valid_fraction": 0.2,
    "split_seed": 0,
}


def main() -> None:
    """Train up to the budget, from the furthest checkpoint there is."""
    config = read_config("Train a small convolutional network on pictures.")
    params = config.values(DEFAULTS)
    torch.set_num_threads(params["threads"])
    device = params["device"]
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    data, learn, judge = pictures(config, params)
    training = Training(config, params, data, learn, device)
    training.run(judge)


def pictures(config: Config, params: dict[str, Any]) -> tuple[Data, Any, Any]:
    """What is known of each picture, and the pixels to learn from and to judge by."""
    place, other = config.need("train"), config.place("valid")
    train = read(place, params["image_size"])
    if not train.labels:
        raise TrainingError(f"{place}: the pictures' classes are missing: a folder for each, or the array 'labels'")
    classes = tuple(sorted(set(train.labels)))
    if len(classes) < 2:
        raise TrainingError(f"{place}: there is only one class, {classes[0]!r}: nothing to learn")
    if other is not None:
        valid = read(other, params["image_size"], train.pixels.shape[1])
        if not valid.labels:
            raise TrainingError(f"{other}: the pictures' classes are missing")
        parts = [(train, np.arange(len(train.ids))), (valid, np.arange(len(valid.ids)))]
    else:
        rows = split(len(train.ids), params["valid_fraction"], params["split_seed"], classes=np.array(train.labels))
        parts = [(train, each) for each in rows]
    told = [part(found, rows, classes) for found, rows in parts]
    data = Data("classification", "class", told[0], told[1], classes)
    return data, *(found.pixels[rows] for found, rows in parts)


def part(found: Pictures, rows: Any, classes: tuple[str, ...]) -> Part:
    """What is known of some pictures."""
    position = {name: index for index, name in enumerate(classes)}
    labels = [found.labels[row] for row in rows]
    truth = np.array([position.get(label, -1) for label in labels], dtype=np.int64)
    return Part(None, truth, labels, np.ones(len(rows)), [found.ids[row] for row in rows])


class Training:
    """A network on its way."""

    def __init__(self, config: Config, params: dict[str, Any], data: Data, pixels: Any, device: str) -> None:
        """An untrained network, or one that begins with the weights of a place of the user's."""
        self.config, self.params, self.data, self.device = config, params, data, device
        self.pixels = torch.as_tensor(pixels, device=device)
        self.truth = torch.as_tensor(data.train.truth, device=device)
        torch.manual_seed(params["seed"])
        self.network = build(params, pixels.shape[1], len(data.classes)).to(device)
        if (place := config.place("weights")) is not None:
            self._begin_with(place)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=params["lr"], weight_decay=params["weight_decay"]
        )
        shape = [params["width"], params["blocks"], list(pixels.shape), list(data.classes)]
        self.identity = hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]

    def run(self, held: Any) -> None:
        """Train, report, save."""
        target = self.config.budget or self.params["epochs"]
        progress, best, done, judge = Progress(self.params["patience"]), {}, 0, Judge(self.data)
        found = checkpoints.furthest(self.config, self.identity)
        if found is not None and found.step <= target:
            progress = Progress.from_json(found.state["progress"], self.params["patience"])
            best = {name[5:]: torch.from_numpy(a) for name, a in found.arrays.items() if name.startswith("best_")}
            self._restore(found)
            done = found.step
            print(f"going on from epoch {done}", flush=True)
            report(progress.last_step, progress.last_metrics)
        pace = checkpoints.Pace()
        for epoch in range(done + 1, target + 1):
            if progress.over():
                break
            metrics = {"train_loss": self._epoch(epoch)}
            metrics |= judge.measure(outputs(self.network, held, self.device), "valid")
            if progress.see(epoch, metrics["valid_loss"], metrics):
                best = {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}
            report(epoch, metrics)
            if pace.due(progress.over() or epoch == target):
                self._save(epoch, progress, best)
        self.network.load_state_dict(best)
        folder = self.config.model_dir
        folder.mkdir(parents=True, exist_ok=True)
        save_file(best, folder / "model.safetensors")
        judge.finish(
            folder, "image-classification", outputs(self.network, held, self.device), progress, self.params,
            ["torch", "safetensors", "numpy"], channels=self.pixels.shape[1],
        )  # fmt: skip

    def _begin_with(self, place: str) -> None:
        path = Path(place.removeprefix("file://"))
        path = path / "model.safetensors" if path.is_dir() else path
        if not path.exists():
            raise TrainingError(f"data.weights: there is no {path}")
        own = self.network.state_dict()
        given = {name: tensor for name, tensor in load_file(path).items() if name in own}
        fitting = {name: tensor for name, tensor in given.items() if tensor.shape == own[name].shape}
        if not fitting:
            raise TrainingError(
                f"{path}: no tensor fits this network (width and blocks must be those it was made with)"
            )
        self.network.load_state_dict(fitting, strict=False)
        say(f"{path}: {len(fitting)} of {len(own)} tensors are begun with")

    def _epoch(self, epoch: int) -> float:
        """Once over the pictures, in an order that seed and epoch decide. Returns the mean loss."""
        torch.manual_seed(self.params["seed"] * 1_000_003 + epoch)
        drawn = np.random.default_rng([self.params["seed"], epoch])
        self.network.train()
        total, count = 0.0, len(self.pixels)
        for rows in np.array_split(drawn.permutation(count), max(1, round(count / self.params["batch_size"]))):
            pixels = self._changed(self.pixels[rows], drawn)
            self.optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                self.network(scaled(pixels)), self.truth[rows], label_smoothing=self.params["label_smoothing"]
            )
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(rows)
        return total / count

    def _changed(self, pixels: torch.Tensor, drawn: np.random.Generator) -> torch.Tensor:
        """Pictures moved by up to a share of their size (edges repeated), and every other one mirrored."""
        most = round(self.params["shift"] * pixels.shape[-1])
        if most:
            padded = torch.nn.functional.pad(pixels, (most,) * 4, mode="replicate")
            down, right = drawn.integers(0, 2 * most + 1, size=2)
            pixels = padded[..., down : down + pixels.shape[-2], right : right + pixels.shape[-1]]
        if self.params["flip"]:
            mirrored = torch.as_tensor(drawn.random(len(pixels)) < 0.5, device=pixels.device)
            pixels = torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)
        return pixels

    def _save(self, epoch: int, progress: Progress, best: dict[str, torch.Tensor]) -> None:
        arrays = {f"now_{name}": tensor.detach().cpu().numpy() for name, tensor in self.network.state_dict().items()}
        arrays |= {f"best_{name}": tensor.numpy() for name, tensor in best.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            arrays |= {f"memory_{index}_{name}": tensor.detach().cpu().numpy() for name, tensor in state.items()}
        told = {"identity": self.identity, "progress": progress.as_json()}
        checkpoints.save(self.config.checkpoint_dir, checkpoints.Checkpoint(epoch, told, arrays))

    def _restore(self, found: checkpoints.Checkpoint) -> None:
        tensors = {name: torch.from_numpy(array) for name, array in found.arrays.items()}
        self.network.load_state_dict({name[4:]: t for name, t in tensors.items() if name.startswith("now_")})
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("memory_"):
                index, key = name[7:].split("_", 1)
                state.setdefault(int(index), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]  # of this trial: another one's step size is not handed on
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


if __name__ == "__main__":
    run(main, hidden=())  # torch looks for pandas by itself
