"""What a local training task inherits from its worker, and what it must not."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.contract import PlaceholderError, TrialContext, environment
from automl_core.backends.environment import child_environment, inherited
from automl_core.spec.tasks import LocalTask

CONTEXT = TrialContext("e", "r", 3, 1, {"lr": 0.1}, "/c", "/m", inactive=frozenset({"momentum"}))


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "https_proxy",
        "NO_PROXY", "VIRTUAL_ENV",
    ],
)  # fmt: skip
def test_what_a_task_needs_is_inherited(name: str) -> None:
    assert inherited({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        "AIRFLOW_HOME", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_CONN_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "OSS_ACCESS_KEY_SECRET", "DB_PASSWORD", "PGPASSWORD", "GITHUB_TOKEN", "HF_TOKEN",
        "MY_SECRET", "OPENAI_API_KEY", "KUBECONFIG", "SSH_AUTH_SOCK", "ANYTHING", "LD_PRELOAD", "AUTOML_HOME",
        # of a family that is inherited, yet by its name a secret
        "PYTHON_KEYRING_PASSWORD", "NVIDIA_API_KEY", "CUDA_LICENSE_TOKEN", "MKL_SECRET",
    ],
)  # fmt: skip
def test_everything_else_is_not(name: str) -> None:
    assert inherited({name: "x"}) == {}


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,20}", fullmatch=True), st.text(), max_size=8))
def test_nothing_gets_in_but_by_a_way_that_is_written_down(environ: dict[str, str]) -> None:
    task = LocalTask(command=["true"], env={"OWN": "1"})
    variables = child_environment(task, CONTEXT, environ)
    known = {"PATH", "PYTHONUNBUFFERED", "OWN", *environment(CONTEXT), *inherited(environ)}
    assert variables.keys() == known


def test_the_workers_python_comes_first() -> None:
    task = LocalTask(command=["python"])
    folder = os.path.dirname(sys.executable)
    assert child_environment(task, CONTEXT, {"PATH": "/usr/bin:/bin"})["PATH"] == f"{folder}:/usr/bin:/bin"
    assert child_environment(task, CONTEXT, {})["PATH"].startswith(f"{folder}:")


def test_the_file_has_its_way_with_all_but_the_contract() -> None:
    env = {
        "PATH": "/opt/bin",
        "PYTHONUNBUFFERED": "",
        "HF_TOKEN": "named",
        "AUTOML_TRIAL_ID": "99",
        "RATE": "<${lr}${momentum}>",
    }
    variables = child_environment(
        LocalTask(command=["true"], env=env), CONTEXT, {"PATH": "/bin", "HF_TOKEN": "inherited"}
    )
    assert variables["PATH"] == "/opt/bin"
    assert variables["PYTHONUNBUFFERED"] == ""
    assert variables["HF_TOKEN"] == "named"
    assert variables["AUTOML_TRIAL_ID"] == "3"
    assert variables["RATE"] == "<0.1>"


def test_metrics_are_not_kept_back_in_a_buffer() -> None:
    assert child_environment(LocalTask(command=["true"]), CONTEXT, {})["PYTHONUNBUFFERED"] == "1"
    chosen = child_environment(LocalTask(command=["true"]), CONTEXT, {"PYTHONUNBUFFERED": "0"})
    assert chosen["PYTHONUNBUFFERED"] == "0"


def test_a_wrong_name_is_an_error() -> None:
    with pytest.raises(PlaceholderError, match=r"\$\{lrr\}"):
        child_environment(LocalTask(command=["true"], env={"X": "${lrr}"}), CONTEXT, {})
