"""Estimators as pickles: only where whoever writes asks for it, and whoever reads says that the file is trusted.

A pickle runs what it says when it is read. A model with one says so in ``model.json``, and is refused without trust.
"""

from __future__ import annotations

import pickle
from typing import Any

from automl_core.modelfile.estimators import NotTrusted

PROTOCOL = 5
"""Of pickles: the newest that Python 3.11 to 3.13 share."""


def dumped(estimator: Any) -> bytes:
    """An estimator as a pickle."""
    return pickle.dumps(estimator, protocol=PROTOCOL)


def loaded(name: str, data: bytes, *, trusted: bool) -> Any:
    """Run a pickle.

    Raises:
        NotTrusted: nobody said that it may be run.
    """
    if not trusted:
        raise NotTrusted(
            f"the estimator {name!r} is a pickle, which runs whatever its writer wanted when it is read: "
            "where you know who wrote it, load the model with trusted=True"
        )
    return pickle.loads(data)  # noqa: S301 - the reader has said so
