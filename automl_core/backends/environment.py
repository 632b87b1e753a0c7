"""The environment of a local training task: what it inherits from the worker, and what it must not.

A worker's environment holds the deployment's secrets (connections, cloud keys, the metadata
database's address). Training code gets an allow-list of it, the file's ``env`` and the trial
contract, in this order of growing precedence; so a secret reaches a trial only when the
experiment file names it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.backends.contract import environment, substitute

if TYPE_CHECKING:
    from automl_core.backends.contract import TrialContext
    from automl_core.spec.tasks import LocalTask

INHERITED = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR",
        "LD_LIBRARY_PATH", "VIRTUAL_ENV",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    }
)  # fmt: skip
"""Variables that a training task inherits from the worker: the place, the language, the way to the network."""

INHERITED_PREFIXES = ("LC_", "PYTHON", "CUDA", "NVIDIA", "OMP_", "MKL_", "KMP_", "OPENBLAS_", "NUMEXPR_")
"""Families of variables that it inherits as well: Python, accelerators, numbers of threads."""

_SECRET = re.compile(r"PASSW|TOKEN|SECRET|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE", re.IGNORECASE)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of a worker's environment that a training task gets."""
    return {
        name: value
        for name, value in environ.items()
        if (name in INHERITED or name.startswith(INHERITED_PREFIXES)) and not _SECRET.search(name)
    }


_OF_ANOTHER_PYTHON = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX")
"""What would bring the worker's libraries into an environment of the training's own."""


def child_environment(
    task: LocalTask, context: TrialContext, environ: Mapping[str, str], python: Path | None = None
) -> dict[str, str]:
    """The whole environment of a local training task.

    The folder of the worker's own Python stands first on the inherited PATH, so that ``python`` and the
    tools installed beside it are those of the worker; and Python's output is unbuffered, so that metrics
    arrive when they are printed. The file's ``env`` can change both.

    Args:
        task: its ``env`` is substituted and added.
        context: the trial; its variables can't be overridden.
        environ: the worker's environment.
        python: the Python of an environment of the training's own, which takes the place of the worker's.

    Raises:
        PlaceholderError: a ``${…}`` of ``env`` has no meaning.
    """
    variables = {"PYTHONUNBUFFERED": "1", **inherited(environ)}
    if python is not None:
        variables = {name: value for name, value in variables.items() if name not in _OF_ANOTHER_PYTHON}
        variables["VIRTUAL_ENV"] = str(python.parent.parent)
    folder = os.path.dirname(sys.executable) if python is None else str(python.parent)
    variables["PATH"] = os.pathsep.join(part for part in (folder, variables.get("PATH", os.defpath)) if part)
    variables.update({name: substitute(value, context) for name, value in task.env.items()})
    return {**variables, **environment(context)}
