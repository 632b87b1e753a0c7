"""Backends by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from automl_core.backends import BackendError, create_job, job_class
from automl_core.backends.base import BACKENDS
from automl_core.backends.contract import TrialContext
from automl_core.backends.local import LocalProcess
from automl_core.spec.tasks import LocalTask


def test_a_task_gets_the_job_of_its_backend() -> None:
    context = TrialContext("e", "r", 0, 1, {}, "c", "m")
    assert isinstance(create_job(LocalTask(command=["true"]), context), LocalProcess)


def test_an_unknown_backend_is_an_error() -> None:
    with pytest.raises(BackendError, match=r"no backend 'locl'\. Did you mean 'local'\?"):
        job_class("locl")


def test_a_backend_is_imported_when_it_is_needed() -> None:
    modules = [path.partition(":")[0] for path in BACKENDS.values()]
    program = f"import sys, automl_core.backends; print(*[m for m in {modules} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
