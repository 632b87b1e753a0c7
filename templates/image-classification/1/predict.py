"""Use a model that ``train.py`` left: ``python predict.py --model DIR --data FOLDER_OR_NPZ --out FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from images import read
from network import build, outputs
from safetensors.torch import load_file

from automl_core.training.predicting import Predictor, main
from automl_core.training.problems import run


def load(folder: Path, told: dict[str, Any]) -> Predictor:
    """Open the model; pixels in, probabilities out."""
    network = build(told["params"], told["channels"], len(told["classes"]))
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return lambda pixels: outputs(network, pixels, "cpu")


def look(place: str, told: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Pixels of the pictures of a place, and their names."""
    found = read(place, told["params"]["image_size"], told["channels"])
    return found.pixels, found.ids


if __name__ == "__main__":
    run(lambda: main(load, ("image-classification",), look), hidden=())
