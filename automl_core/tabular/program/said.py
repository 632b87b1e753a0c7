"""What an experiment's file says of a table, as the engine's options and a trial's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.tabular.learners.of_file import learner_of
from automl_core.tabular.options import Options
from automl_core.training.config import Config, read_config
from automl_core.training.preloading import prepared_folder
from automl_core.training.problems import TrainingError, nearest

if TYPE_CHECKING:
    from automl_core.tabular.prepared import Prepared

OPTIONS = (
    "task", "metric", "quantile", "validation", "folds", "repeats", "valid_share", "test_share", "structure",
    "any_size", "balance", "threshold", "calibrate", "ensemble", "final", "row_seconds", "memory", "seed", "threads",
    "allow_pickle",
)  # fmt: skip
"""Parameters of the templates that are not a pipeline's: the same for all trials."""

_APART = ("metric", "quantile", "any_size")
"""Those of them that the engine has no option of that name for."""

WHOLE = ("featurization", "costs")
"""Groups of the spec file that are taken as they stand there; `spec_file: {base: …}` of an experiment has them."""

ROLES = ("target", "features", "ignore", "id", "group", "time", "weight", "categorical", "numeric", "text", "date")
"""What `columns:` may say."""

KINDS = {"categorical": "category", "numeric": "number", "text": "text", "date": "time"}
"""Role → kind of the columns that have it."""

LEARNER = "learner"
"""The data set that is a file with a learner of the user's own, which is called `of_file.OWN`."""

OWN, OWN_FUNCTION = "own", "metric"
"""The metric that says: a function of the user's own, in the file `data.metric`; and the function's name there."""


@dataclass(frozen=True)
class Said:
    """One training task of an experiment on a table.

    Attributes:
        config: its spec file and folders.
        options: of the engine, but for what only the table's columns can say (`columns.features`).
        params: of the trial's pipeline; empty in stages.
        any_size: whether learners are tried on tables that are larger than they are made for.
    """

    config: Config
    options: Options
    params: Mapping[str, Any]
    any_size: bool = False

    def with_learners(self, prepared: Prepared) -> Prepared:
        """What `prepare` has left, with the learner of the user's own, which is no plain data.

        Args:
            prepared: as it was read.

        Raises:
            TrainingError: it does not solve this kind of problem, or no other process could find its class.
        """
        if not self.options.learners:
            return prepared
        kind = prepared.problem.kind
        for each in self.options.learners:
            each.lasting()
            if kind not in each.kinds:
                words = ", ".join(sorted(each.kinds))
                raise TrainingError(
                    f"data.{LEARNER}: it solves {words}, and this is {kind}: classes need predict_proba, numbers "
                    "predict alone; its attribute `kinds` says otherwise"
                )
        return replace(prepared, options=prepared.options.replaced(learners=self.options.learners))

    def agree(self) -> None:
        """Refuse what would be left unused, as `Options.agree`: `prepare` asks this, and no trial of an older run.

        Raises:
            TrainingError: names it, and what it goes with.
        """
        name, quantile = self.config.params.get("metric") or "auto", self.config.params.get("quantile")
        if quantile is not None and name != "pinball":
            raise TrainingError(
                f"quantile is for metric: pinball, and metric is {name!r}; write set: {{metric: pinball}}"
            )
        self.options.agree()

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
    config = read_config(description, argv)
    return said_by(config)


def said_by(config: Config) -> Said:
    """The same, of a configuration.

    Raises:
        TrainingError: as `read`.
    """
    for role in config.columns:
        if role not in ROLES:
            raise TrainingError(f"columns: there is no role {role!r}{nearest(role, ROLES)}")
    target = config.column("target")
    if target is None:
        raise TrainingError("columns.target is missing: the name of the column to predict")
    own = {name: value for name, value in config.params.items() if name in OPTIONS and value is not None}
    given: dict[str, Any] = {name: value for name, value in own.items() if name not in _APART}
    given |= {name: config.column(name) for name in ("group", "time", "weight")}
    given |= {"target": target, "ids": config.column_list("id"), "ignore": config.column_list("ignore")}
    kinds = {column: kind for role, kind in KINDS.items() for column in config.column_list(role) or ()}
    if kinds:
        given["kinds"] = kinds
    given |= {name: config.groups[name] for name in WHOLE if config.groups.get(name) is not None}
    file = config.place(LEARNER)
    if file is not None:
        given["learners"] = (learner_of(file),)
    options = Options.of(**given, metric=_metric(config, own))
    params = {
        name: value for name, value in config.params.items()
        if name not in OPTIONS and name.partition(".")[0] not in WHOLE
    }  # fmt: skip
    return Said(config, options, params, own.get("any_size") is True)


def _metric(config: Config, own: Mapping[str, Any]) -> str | None:
    name = own.get("metric", "auto")
    if name == OWN:
        place = config.need("metric")
        return f"{place}:{OWN_FUNCTION}"
    if config.place("metric") is not None:
        raise TrainingError(
            f"data.metric is a function of your own, and metric is {name!r}; write set: {{metric: {OWN}}}"
        )
    if name == "pinball":
        return f"pinball({own.get('quantile', 0.5):g})"
    return None if name == "auto" else str(name)


def without_others(options: Options, config: Config, names: Sequence[str]) -> Options:
    """Options that ignore every column beside those that `columns.features` names, where it does.

    Args:
        options: as said.
        config: of the process.
        names: of all columns of the table.

    Raises:
        TrainingError: a feature is no column of the table, or has another role.
    """
    features = config.column_list("features")
    if features is None:
        return options
    for name in features:
        if name not in names:
            raise TrainingError(f"columns.features: the rows have no column {name!r}{nearest(name, names)}")
        if name in options.unlearned:
            raise TrainingError(f"columns.features: {name!r} is the target, the weight, the group, an id or ignored")
    others = [name for name in names if name not in features and name not in options.unlearned]
    kept = {name: kind for name, kind in options.kinds.items() if name in features}
    ignored = dict.fromkeys([*options.ignore, *(name for name in others if name != options.time)])
    return options.replaced(ignore=tuple(ignored), kinds=kept)
