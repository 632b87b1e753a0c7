"""AutoML experiments: the search, the study, storage and backends, without any Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.optimizer import Optimizer

__all__ = ["Optimizer"]


def __getattr__(name: str) -> Any:
    # imported when asked for: every process that touches any of automl_core runs this file
    if name == "Optimizer":
        from automl_core.optimizer import Optimizer

        return Optimizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
