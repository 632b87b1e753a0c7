"""Imports that lanes would each pay for, made once in the process that they are forked from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from automl_core.tabular.learners import registry


def warm(portfolio: Sequence[Mapping[str, Any]]) -> None:
    """Import what the first trials' learners need; one whose library is missing says so when it runs.

    Args:
        portfolio: parameters of the first trials.
    """
    for name in dict.fromkeys(str(params.get("learner", "")) for params in portfolio):
        if name in registry.names():  # those of the user's own are imported already
            with suppress(ImportError):
                registry.find(name).warm()
