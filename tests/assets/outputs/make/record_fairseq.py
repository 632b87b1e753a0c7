# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "numpy==2.4.6"]
# ///
"""What fairseq prints, by its own progress bars ("fairseq==0.12.2").

The package asks for omegaconf<2.1 and builds C++, which Python 3.11 and a current pip do not manage. So its package
``fairseq/logging`` is loaded from the source distribution, unchanged, and called as fairseq_cli/train.py calls it:

    pip download --no-deps --no-binary :all: fairseq==0.12.2 && tar xzf fairseq-0.12.2.tar.gz
    FAIRSEQ=fairseq-0.12.2 python record_fairseq.py
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections import OrderedDict
from pathlib import Path

from recorder import Case, History, main

CURVE = [4.5, 3.25, 2.75, 3.125]


def _progress_bar() -> object:
    folder = Path(os.environ["FAIRSEQ"], "fairseq", "logging")
    spec = importlib.util.spec_from_file_location(
        "logs", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules["logs"] = importlib.util.module_from_spec(spec)
    return importlib.import_module("logs.progress_bar")


def _train(log_format: str) -> History:
    logging.basicConfig(
        format="%(asctime)s | %(levelname)s | %(name)s | %(message)s", datefmt="%Y-%m-%d %H:%M:%S", level="INFO",
        stream=sys.stdout,
    )  # fmt: skip
    bars = _progress_bar()
    updates = 0
    for epoch, loss in enumerate(CURVE, 1):
        bar = bars.progress_bar(range(4), log_format=log_format, log_interval=2, epoch=epoch)
        for _ in bar:
            updates += 1
            bar.log(OrderedDict(loss=loss + 0.5, num_updates=updates), tag="train_inner", step=updates)
        bar.print(OrderedDict(loss=loss + 0.25, num_updates=updates), tag="train", step=updates)
        valid = bars.progress_bar([], log_format=log_format, epoch=epoch, prefix="valid on 'valid' subset")
        valid.print(OrderedDict(loss=loss, num_updates=updates), tag="valid", step=updates)
    return {
        "loss": list(enumerate(CURVE, 1)),
        "valid_loss": list(enumerate(CURVE, 1)),
        "train_loss": [(epoch, loss + 0.25) for epoch, loss in enumerate(CURVE, 1)],
    }


def json_format(_: Path) -> History:
    return _train("json")


def simple_format(_: Path) -> History:
    return _train("simple")


def tqdm_format(_: Path) -> History:
    return _train("tqdm")


VALID = {"source": "stdout", "patterns": {"loss": r"valid on 'valid' subset \| loss ([0-9.]+)"}}
CASES = {
    "json": Case(
        json_format,
        {"valid_loss": "minimize", "train_loss": "minimize"},
        '\'2026-… | INFO | train | {"epoch": 1, "train_loss": "4.75", …}\', the values as texts',
    ),
    "simple": Case(
        simple_format,
        {"loss": "minimize"},
        "'epoch 001 | valid on 'valid' subset | loss 4.5 | num_updates 4': no sign between name and value, so a "
        "pattern is needed",
        metrics=VALID,
    ),
    "tqdm": Case(
        tqdm_format,
        {"loss": "minimize"},
        "bars redrawn on standard error",
        metrics=VALID,
        seen="what simple prints: no terminal, no bars",
    ),
}

if __name__ == "__main__":
    main("fairseq", ["torch", "numpy"], CASES, fairseq="0.12.2")
