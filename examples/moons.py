"""Two moons, told apart by a small neural network in plain Python: training code that any image with python3 can run.

Prints ``epoch=3 val_accuracy=0.91``, keeps a checkpoint, goes on from one, and writes the model.

    python examples/moons.py --lr 0.1 --units 8 --epochs 10
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
from pathlib import Path

Point = tuple[float, float]
Sample = tuple[Point, int]


def moons(count: int, noise: float, source: random.Random) -> list[Sample]:
    """Points on two half circles that reach into each other, with their class."""
    samples: list[Sample] = []
    for number in range(count):
        angle, label = source.uniform(0, math.pi), number % 2
        x, y = (1 - math.cos(angle), 0.5 - math.sin(angle)) if label else (math.cos(angle), math.sin(angle))
        samples.append(((x + source.gauss(0, noise), y + source.gauss(0, noise)), label))
    return samples


class Network:
    """Two inputs, one layer of tanh units, one logistic output; its weights are one list of numbers."""

    def __init__(self, units: int, source: random.Random) -> None:
        """Begin with small random weights."""
        self.units = units
        self.weights = [source.gauss(0, 1) / math.sqrt(2) for _ in range(4 * units + 1)]
        self.velocity = [0.0] * len(self.weights)

    def forward(self, point: Point) -> tuple[list[float], float]:
        """The units' activations and the probability of class 1."""
        w, n = self.weights, self.units
        hidden = [math.tanh(w[3 * i] * point[0] + w[3 * i + 1] * point[1] + w[3 * i + 2]) for i in range(n)]
        score = w[-1] + sum(w[3 * n + i] * hidden[i] for i in range(n))
        return hidden, 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))

    def learn(self, sample: Sample, rate: float, momentum: float) -> None:
        """One step of stochastic gradient descent on the cross-entropy."""
        point, label = sample
        hidden, probability = self.forward(point)
        error, w, n = probability - label, self.weights, self.units
        gradient = [0.0] * len(w)
        gradient[-1] = error
        for i, value in enumerate(hidden):
            gradient[3 * n + i] = error * value
            inner = error * w[3 * n + i] * (1 - value * value)
            gradient[3 * i : 3 * i + 3] = [inner * point[0], inner * point[1], inner]
        for k, slope in enumerate(gradient):
            self.velocity[k] = momentum * self.velocity[k] - rate * slope
            w[k] += self.velocity[k]

    def accuracy(self, samples: list[Sample]) -> float:
        """Share of the samples that it gets right."""
        return sum((self.forward(point)[1] > 0.5) == bool(label) for point, label in samples) / len(samples)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--momentum", type=float, default=0.5)
    parser.add_argument("--units", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=int(os.environ.get("AUTOML_BUDGET", "10")))
    options = parser.parse_args()
    data = random.Random(7)
    train, validation = moons(400, 0.2, data), moons(400, 0.2, data)
    network, first = Network(options.units, random.Random(11)), 0
    resume = os.environ.get("AUTOML_RESUME_FROM")
    if resume:
        state = json.loads((Path(resume) / "state.json").read_text(encoding="utf-8"))
        network.weights, network.velocity, first = state["weights"], state["velocity"], state["epoch"] + 1
    for epoch in range(first, options.epochs):
        random.Random(epoch).shuffle(train)
        for sample in train:
            network.learn(sample, options.lr, options.momentum)
        print(f"epoch={epoch} val_accuracy={network.accuracy(validation):.4f}", flush=True)
        keep("AUTOML_CHECKPOINT_DIR", "state.json", {**vars(network), "epoch": epoch})
    keep("AUTOML_MODEL_DIR", "model.json", {"units": network.units, "weights": network.weights})


def keep(variable: str, name: str, body: dict[str, object]) -> None:
    """Write a file to the folder that a variable names, if there is one here."""
    folder = Path(os.environ.get(variable, ""))
    if os.environ.get(variable) and folder.is_dir():
        part = folder / f"{name}.part"
        part.write_text(json.dumps(body), encoding="utf-8")
        part.replace(folder / name)


if __name__ == "__main__":
    main()
