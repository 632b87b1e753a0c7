"""The default search of NVIDIA's dino: ours beside NVIDIA's bayesian from its package, on a smooth function.

``python -m benchmarks.search.tao --seeds 10`` searches with both, one seed after the other, and keeps each run in
``results/tao.jsonl``; a run that is there is not made again. ``--table`` writes the table of what is there. ``--even``
leaves the logarithmic parameters out of the function, so that only those count which both search on the same axis.

The function is ``sum(w * d ** 2)`` over the 17 parameters, ``d`` the distance to the optimum as a share of the
parameter's span, on a logarithmic axis for the two learning rates, the weight decay and the step size. Optimum and
weights are drawn by the seed: the optimum inside the ranges that both read from the metadata, the weights from 1 (a
parameter that matters) down to 0.01. How near a search comes is told as a share of what random search is left with: 50
draws of our distributions, the mean of 200 such searches.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from automl_core.optimizer import Optimizer
from automl_core.space import Params, Space
from automl_core.templates import parse_experiment
from automl_core.templates.places import Places
from benchmarks.search.environments import ROOT, python

RESULTS = Path(__file__).parent / "results" / "tao.jsonl"
NETWORK, TRIALS = "dino", 50

LOGARITHMIC = ("train.optim.lr", "train.optim.lr_backbone", "train.optim.weight_decay", "train.optim.lr_step_size")

SPANS: dict[str, tuple[float, float]] = {
    "model.num_queries": (1, 600), "train.optim.lr_step_size": (1, 1100), "train.optim.weight_decay": (1e-6, 1e-2),
    "train.optim.momentum": (0.01, 0.99), "train.optim.lr_linear_proj_mult": (0.01, 0.99),
    "train.optim.lr_backbone": (2e-7, 2e-3), "train.optim.lr": (2e-6, 2e-2), "train.optim.lr_decay": (0.01, 0.99),
    "train.optim.layer_decay_rate": (0.01, 0.99), "dataset.augmentation.horizontal_flip_prob": (0.01, 0.99),
    "dataset.workers": (1, 16), "dataset.batch_size": (1, 8), "model.dec_layers": (3, 12), "model.enc_layers": (3, 12),
    "dataset.augmentation.train_random_crop_min": (32, 1024),
    "dataset.augmentation.train_random_crop_max": (32, 1333), "model.num_select": (1, 1000),
}  # fmt: skip
"""Where the optimum is drawn: what both read from the metadata, a hundredth to a hundred times the default where an
axis is logarithmic."""


def function(seed: int, *, even: bool = False) -> Callable[[Mapping[str, Any]], float]:
    """The loss of a seed: 0 at its optimum.

    Args:
        seed: draws optimum and weights.
        even: the logarithmic parameters don't matter.
    """
    rng = random.Random(f"tao {seed}")
    best = {name: _between(name, rng.random()) for name in SPANS}
    crop = "dataset.augmentation.train_random_crop_"
    best[f"{crop}max"] = max(best[f"{crop}max"], best[f"{crop}min"] + 1)
    best["model.num_select"] = min(best["model.num_select"], best["model.num_queries"])
    weights = dict(zip(rng.sample(list(SPANS), len(SPANS)), [100 ** (-k / 16) for k in range(17)], strict=True))

    counted = [name for name in SPANS if not (even and name in LOGARITHMIC)]

    def loss(params: Mapping[str, Any]) -> float:
        return math.fsum(
            weights[name] * (_place(name, params[name]) - _place(name, best[name])) ** 2 for name in counted
        )

    return loss


def _between(name: str, share: float) -> float:
    low, high = SPANS[name]
    if name in LOGARITHMIC:
        return float(low * (high / low) ** share)
    value = low + share * (high - low)
    return round(value) if isinstance(low, int) else value


def _place(name: str, value: float) -> float:
    """Where a value lies on its parameter's axis: 0 and 1 at the ends of its span."""
    low, high = SPANS[name]
    if name in LOGARITHMIC:
        return math.log(max(value, 1e-12) / low) / math.log(high / low)
    return (value - low) / (high - low)


def ours(models: Mapping[str, Any], seed: int, loss: Callable[[Mapping[str, Any]], float]) -> list[float]:
    """Losses of our search, in order: with what an experiment file that says nothing of an algorithm takes."""
    optimizer = Optimizer(dict(models), max_trials=TRIALS, seed=seed)
    losses = []
    while (suggestion := optimizer.ask()) is not None:
        losses.append(loss(suggestion.params))
        optimizer.tell(suggestion, losses[-1])
    return losses


class Theirs:
    """NVIDIA's search, in a process of its own.

    Attributes:
        schema: of the network.
    """

    def __init__(self, seed: int) -> None:
        program = Path(__file__).parent / "peers" / "tao_bayesian.py"
        command = [str(python("tao")), "-P", str(program), NETWORK, str(TRIALS), str(seed)]
        environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )
        self.schema: dict[str, Any] = json.loads(self._read())

    def run(self, loss: Callable[[Mapping[str, Any]], float]) -> list[float]:
        """Its losses, in order."""
        losses: list[float] = []
        while line := self._read():
            losses.append(loss(json.loads(line)))
            assert self._process.stdin is not None
            self._process.stdin.write(f"{losses[-1]!r}\n")
            self._process.stdin.flush()
        self._process.wait()
        return losses

    def close(self) -> None:
        """End it where it is."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def space_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The default search space of ``template: tao/dino``, made of the package's schema."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tao").mkdir()
        (Path(folder) / "tao" / f"{NETWORK}.json").write_text(json.dumps(schema))
        text = f"name: x\ntemplate: tao/{NETWORK}@1\n"
        return dict(parse_experiment(text, "x.yaml", Places((Path(folder),))).space)


def by_chance(models: Mapping[str, Any], loss: Callable[[Params], float], seed: int) -> float:
    """The mean of what 200 random searches are left with."""
    space, rng = Space.from_models(models), random.Random(f"chance {seed}")
    return statistics.fmean(min(loss(space.sample(rng)) for _ in range(TRIALS)) for _ in range(200))


def run(seed: int, *, even: bool = False) -> dict[str, Any]:
    """One seed with both."""
    theirs, loss = Theirs(seed), function(seed, even=even)
    try:
        models = space_of(theirs.schema)
        began = time.process_time()
        found = {"ours": ours({name: model.model_dump() for name, model in models.items()}, seed, loss)}
        seconds = {"ours": time.process_time() - began}
        began = time.monotonic()
        found["theirs"] = theirs.run(loss)
        seconds["theirs"] = time.monotonic() - began
    finally:
        theirs.close()
    return {"seed": seed, "even": even, "random": by_chance(models, loss, seed), "seconds": seconds, "losses": found}


def table(results: list[dict[str, Any]]) -> str:
    """Markdown: what is left of random search's distance, a row an algorithm."""
    lines = ["| search | seeds | loss left, % of random's | distance left, % of random's | nearer than NVIDIA's |"]
    lines.append("|---|---|---|---|---|")
    left = {name: [min(r["losses"][name]) / r["random"] for r in results] for name in ("ours", "theirs")}
    names = {"ours": "`template: tao/dino`", "theirs": "nvidia-tao-automl 7.2.0, bayesian"}
    mean = {name: statistics.fmean(values) for name, values in left.items()}
    for name, values in left.items():
        distance = statistics.fmean(math.sqrt(each) for each in values)
        times = f"{mean['theirs'] / mean[name]:.1f} ×"
        lines.append(f"| {names[name]} | {len(values)} | {100 * mean[name]:.1f} | {100 * distance:.1f} | {times} |")
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--even", action="store_true", help="without the logarithmic parameters")
    parser.add_argument("--table", action="store_true", help="write the table of what is there")
    arguments = parser.parse_args()
    known = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    done = [each for each in known if each.get("even", False) == arguments.even]
    if not arguments.table:
        for seed in range(arguments.seeds):
            if seed not in {each["seed"] for each in done}:
                done.append(run(seed, even=arguments.even))
                with RESULTS.open("a") as file:
                    file.write(json.dumps(done[-1]) + "\n")
                print(f"seed {seed}: {done[-1]['seconds']}", file=sys.stderr, flush=True)
    print(table(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
