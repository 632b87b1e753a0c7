"""Train a linear classifier of the digits images as a configuration file says (experiments/digits_config.yaml).

A program of some files that knows nothing of the platform: it reads one TOML file and prints its metrics.

    python examples/digits_config/train.py --config examples/digits_config/base.toml
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

from data import load  # beside this file
from sklearn.linear_model import SGDClassifier


def train(config: dict[str, Any]) -> None:
    """Train, print the accuracy after each epoch, and save the weights where the file says."""
    optimizer = config["optimizer"]
    x, x_validation, y, y_validation = load(config["data"]["validation"])
    model = SGDClassifier(
        loss=config["model"]["loss"], penalty=optimizer["penalty"], alpha=optimizer["alpha"],
        learning_rate=optimizer["schedule"], eta0=optimizer["lr"], random_state=config["seed"],
    )  # fmt: skip
    for epoch in range(1, config["epochs"] + 1):
        model.partial_fit(x, y, classes=list(range(10)))
        print(f"epoch={epoch} val_accuracy={model.score(x_validation, y_validation):.4f}", flush=True)
    if "out" in config:
        Path(config["out"]).mkdir(parents=True, exist_ok=True)
        weights = {"coef": model.coef_.tolist(), "intercept": model.intercept_.tolist()}
        Path(config["out"], "model.json").write_text(json.dumps(weights))


def main() -> None:
    """Read the configuration and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", type=Path, required=True, help="a TOML file")
    train(tomllib.loads(parser.parse_args().config.read_text()))


if __name__ == "__main__":
    main()
