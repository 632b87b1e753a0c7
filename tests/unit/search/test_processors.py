"""The same suggestions on every processor: linear algebra of other instruction sets, and other numbers of threads.

OpenBLAS and numpy choose their kernels by the processor, and sums in another order differ in their last bits. Here they
are told to take those of other processors, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core import Optimizer
from automl_core.search.bayesian.acquisition import Acquisition
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.gp import Columns, Posterior
from automl_core.search.bayesian.maximize import _STEPS, maximise, ranked
from automl_core.space import Params
from tests.contract.search_suite import build

ROOT = Path(__file__).parents[3]
KERNELS = {  # what of a processor is needed to run them
    "Prescott": "pni",
    "Haswell": "avx2",
    "Zen": "avx2",
}
SPACE: dict[str, Any] = {f"x{i}": {"type": "uniform", "low": -2, "high": 2} for i in range(4)}
TRIALS = 30
"""Before suggestions were set on a lattice, each of these runs differed before its end."""


def loss(params: Params) -> float:
    """Rosenbrock's valley, in sums of Python: the same everywhere."""
    x = [float(value) for value in params.values()]  # type: ignore[arg-type]
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


@cache
def suggestions() -> list[Params]:
    """What a search hands out."""
    optimizer = Optimizer(SPACE, algorithm="bayesian", seed=1, max_trials=TRIALS)
    while (trial := optimizer.ask()) is not None:
        optimizer.tell(trial, loss(trial.params))
    return [trial.params for trial in optimizer.trials]


def elsewhere(**environment: str) -> list[Params]:
    """The same in a process with other kernels."""
    script = "import json; from tests.unit.search.test_processors import suggestions; print(json.dumps(suggestions()))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: list[Params] = json.loads(done.stdout)
    return found


def flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line.split(":")[1].split() for line in lines if line.startswith("flags")), []))


@pytest.mark.timeout(600)  # some seconds, on a machine that does nothing else
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_kernels_of_another_processor_suggest_the_same(kernel: str) -> None:
    if platform.machine() not in ("x86_64", "AMD64") or KERNELS[kernel] not in flags():
        pytest.skip(f"this processor can't run the kernels of {kernel}")

    found = elsewhere(OPENBLAS_CORETYPE=kernel, NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR")

    assert found == suggestions()


@pytest.mark.timeout(600)
def test_another_number_of_threads_suggests_the_same() -> None:
    assert elsewhere(OPENBLAS_NUM_THREADS="4", OMP_NUM_THREADS="3") == suggestions()


# why


def some_acquisition(count: int, shift: float = 0.0) -> tuple[Acquisition, Encoding]:
    from automl_core.search.bayesian.acquisition import Model
    from automl_core.search.bayesian.gp import Fit

    encoding = Encoding(build({name: {"type": "uniform", "low": 0, "high": 1} for name in "ab"}))
    rows = np.random.default_rng(3).random((count, 2))
    losses = ((rows - 0.37) ** 2).sum(axis=1) * (1 + shift)
    columns = Columns(encoding.numeric, encoding.categorical, warped=False)
    hyper = Fit(columns, rows, losses, power=1.0).ensemble(np.random.default_rng(0), 0)[0]
    posterior = Posterior(columns, hyper, rows, losses)
    return Acquisition(columns, [Model(posterior, posterior.smoothed().min(axis=0))]), encoding


@pytest.mark.parametrize("count", [6, 14, 30])
def test_an_ascent_ends_on_a_lattice_at_a_value_that_is_as_good(count: int) -> None:
    acquisition, encoding = some_acquisition(count)
    pool = encoding.sample(300, np.random.default_rng(1))

    rows, values = maximise(acquisition, encoding, pool, np.random.default_rng(2))

    assert np.array_equal(rows[0] / _STEPS[0], np.round(rows[0] / _STEPS[0]))
    beside = np.clip(rows[0] + np.random.default_rng(4).normal(0, 0.01, (2000, 2)), 0, 1)
    assert values[0] >= acquisition(beside).max() - 1e-3


def test_what_differs_in_its_last_digits_alone_is_taken_in_its_own_order() -> None:
    rows = np.arange(6.0).reshape(3, 2)

    order, _ = ranked(rows, np.array([-1.0, -1.0 + 1e-12, -1.0 - 1e-12]))

    assert np.array_equal(order, rows)
