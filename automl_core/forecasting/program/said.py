"""What an experiment's file says of series, as the engine's options and a trial's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_core.forecasting.options import Options
from automl_core.training.config import Config, read_config
from automl_core.training.preloading import prepared_folder
from automl_core.training.problems import TrainingError, nearest

OPTIONS = (
    "horizon", "frequency", "season", "zone", "metric", "quantile", "duplicates", "unusable", "nonnegative", "levels",
    "origins", "step", "test", "ensemble", "seed", "threads",
)  # fmt: skip
"""Parameters of the template that are not a learner's: the same for all trials."""

ROLES = ("target", "time", "series", "known", "ignore")
"""What `columns:` may say."""

LEFT_OUT = ("auto", "", None)
"""Values of an option that say no more than leaving it out."""

_NAMES = {"nonnegative": "non_negative"}
"""Option → what the engine calls it, where that differs."""

_YES = {"yes": True, "no": False}


@dataclass(frozen=True)
class Said:
    """One training task of an experiment on series.

    Attributes:
        config: its spec file and folders.
        given: of the engine's options, by their names; without ``horizon`` where the file has none.
        ignored: columns that are not to be read, and about which nothing is to be said.
        params: of the trial's learner; empty in stages.
    """

    config: Config
    given: Mapping[str, Any]
    ignored: Sequence[str]
    params: Mapping[str, Any]

    def options(self, horizon: int | None = None) -> Options:
        """Of the engine.

        Args:
            horizon: where the file says none.

        Raises:
            TrainingError: a value that is not allowed.
        """
        return Options.of(**{"horizon": horizon, **self.given})

    @property
    def prepared(self) -> Path:
        """The folder that `prepare` has left.

        Raises:
            TrainingError: it is not named.
        """
        return prepared_folder()


def read(description: str, argv: list[str] | None = None) -> Said:
    """What this process is asked to do.

    Raises:
        TrainingError: the file says something that has no meaning, with what is allowed.
    """
    return said_by(read_config(description, argv))


def said_by(config: Config) -> Said:
    """The same, of a configuration.

    Raises:
        TrainingError: as `read`.
    """
    for role in config.columns:
        if role not in ROLES:
            raise TrainingError(f"columns: there is no role {role!r}{nearest(role, ROLES)}")
    given: dict[str, Any] = {}
    for role, what in (("target", "the column to forecast"), ("time", "the column of times")):
        given[role] = config.column(role)
        if given[role] is None:
            raise TrainingError(f"columns.{role} is missing: the name of {what}")
    given |= {role: config.column_list(role) for role in ("series", "known")}
    own = {name: value for name, value in config.params.items() if name in OPTIONS and value not in LEFT_OUT}
    quantile = own.pop("quantile", None)
    if own.get("metric") == "pinball":
        own["metric"] = f"pinball({0.5 if quantile is None else quantile:g})"
    elif quantile is not None:
        raise TrainingError("quantile: is for the metric pinball alone; write set: {metric: pinball}")
    for name in ("test", "nonnegative"):
        own |= {name: _YES[own[name]]} if own.get(name) in _YES else {}
    given |= {_NAMES.get(name, name): value for name, value in own.items()}
    _no_overlap(given, config.column_list("ignore") or [])
    params = {name: value for name, value in config.params.items() if name not in OPTIONS}
    found = {name: value for name, value in given.items() if value is not None}
    return Said(config, found, tuple(config.column_list("ignore") or ()), params)


def _no_overlap(given: Mapping[str, Any], ignored: Sequence[str]) -> None:
    for role in ("target", "time", "series", "known"):
        names = given[role] if isinstance(given[role], list) else [given[role]]
        for name in ignored:
            if name in names:
                raise TrainingError(f"columns.ignore: {name!r} is named as {role} too: take one of the two out")


def unread(said: Said, names: Sequence[str]) -> list[str]:
    """Columns of the table that have no role: nothing is learned from them.

    Args:
        said: by the file.
        names: of all columns.
    """
    roles = {str(said.given["target"]), str(said.given["time"]), *said.ignored}
    for role in ("series", "known"):
        roles |= set(said.given.get(role) or ())
    return [name for name in names if name not in roles]
