"""What Airflow sees of data sets: assets as inlets of the tasks that read them, the result as an outlet.

An asset is its name and its URI, and of two that share either the later one stays inactive: a task that has it in its
inlets or outlets fails then, be it ours or somebody else's (Airflow 3.3.2: task_runner, `validate_inlets_and_outlets`).
So each of ours has a URI that nobody else writes, the place with the experiment and the data set behind it
(``s3://lake/churn.parquet?automl=churn.train``), and that as its name too: a place that is edited is another asset at
once.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from airflow.sdk import Asset

from automl_core.data.access import absolute
from automl_core.spec.datasets import data_set_of, filled
from automl_core.spec.models import Experiment
from automl_core.spec.places import BadPlace, parse_place

log = logging.getLogger(__name__)

_PLAIN = "/:=,+@~!*'()[];"
_CHANGING = re.compile(r"\$\{|[*?\[]")


def inlets_of(experiment: Experiment, home: Path) -> list[Asset]:
    """The data sets of an experiment, as assets. Of a place with dates or a pattern it is the folder above these.

    Args:
        experiment: its file.
        home: AUTOML_HOME.
    """
    found = []
    for name, given in experiment.data.items():
        asset = _asset(_address(data_set_of(given).place, home), f"{experiment.name}.{name}")
        if asset is not None:
            found.append(asset)
    return found


def outlets_of(experiment: Experiment, home: Path) -> list[Asset]:
    """The results of an experiment, as an asset: where its runs lie.

    Args:
        experiment: its file.
        home: AUTOML_HOME.
    """
    asset = published_asset(experiment.output.storage, experiment.name, home)
    return [asset] if asset is not None else []


def published_asset(storage: str, experiment: str, home: Path) -> Asset | None:
    """The asset that is updated when a run of an experiment has published its result.

    Known from the place alone: a model's file refers to it, whatever else the experiment's file says.

    Args:
        storage: model storage path of the experiment.
        experiment: its name.
        home: AUTOML_HOME, to which a relative folder is relative.

    Returns:
        The asset; None where Airflow takes the place for none.
    """
    return asset_of(f"{storage.rstrip('/')}/{experiment}", home, experiment)


def in_use_asset(storage: str, model: str, home: Path) -> Asset | None:
    """The asset that is updated when another version of a model is in use: what scores by it may wait for it.

    Args:
        storage: the model storage path that the model lies in.
        model: its name.
        home: AUTOML_HOME.

    Returns:
        The asset; None where Airflow takes the place for none.
    """
    return asset_of(f"{storage.rstrip('/')}/_models/{model}", home, f"{model}.in_use")


def asset_of(place: str, home: Path, of: str) -> Asset | None:
    """A place as an asset of ours; None where it can be none.

    Args:
        place: of data, with dates or without; or of a store.
        home: AUTOML_HOME.
        of: whose it is: what no other asset of ours is called.
    """
    try:
        address = _address(place, home)
    except BadPlace as error:  # a store may lie where no data can
        log.warning("%s is no asset: %s", place, error)
        return None
    return _asset(address, of)


class AssetsFromItsFile:
    """A mixin of operators, before Airflow's: a task has its assets when it works, and not while Airflow begins it.

    Before a task works Airflow asks whether the assets in the *stored* DAG are active, and fails it for good where one
    is not. Of a file that was edited the references are stored at once, and what lost its last one is made inactive
    within a minute; the DAG itself is stored half a minute later at the soonest (``[core]
    min_serialized_dag_update_interval``), when it is parsed again. A task that begins in between finds the old asset in
    the DAG and inactive: `reduce` of a run whose file names another storage meanwhile failed, and nothing was
    published (Airflow 3.3.2: findings/airflow-edited-outlet-fails-the-run.sh). Airflow asks only where
    the task's own process knows of assets, and what counts in the end are those that it has then.

    A mapped task is rendered by other means and has its assets all the time.
    """

    _aside: tuple[list[Any], list[Any]] | None = None
    if TYPE_CHECKING:  # of Airflow's operators
        inlets: Any
        outlets: Any

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """See `BaseOperator.render_template_fields`; it comes before the question."""
        super().render_template_fields(context, jinja_env)  # type: ignore[misc]
        if self._aside is None:  # rendered twice it has none any more
            self._aside = list(self.inlets), list(self.outlets)
        self.inlets, self.outlets = [], []

    def pre_execute(self, context: Any) -> None:
        """See `BaseOperator.pre_execute`; it comes after the question."""
        if self._aside is not None:
            (self.inlets, self.outlets), self._aside = self._aside, None
        super().pre_execute(context)  # type: ignore[misc]


def _address(text: str, home: Path) -> str:
    """The address of a place, up to what differs from run to run."""
    changing = _CHANGING.search(text.partition("://")[2] or text)
    if changing:
        start = len(text) - len(text.partition("://")[2] or text) + changing.start()
        text = text[:start].rpartition("/")[0] or "."
    place = parse_place(filled(text, {}))
    if place.scheme == "file":
        return f"file://{absolute(place, home)}"
    return text.rstrip("/")


def _asset(address: str, of: str) -> Asset | None:
    scheme, _, rest = address.partition("://")
    uri = f"{scheme}://{quote(rest, safe=_PLAIN)}?{urlencode({'automl': of})}"
    try:
        return Asset(uri)
    except ValueError as error:  # lineage is worth no DAG
        log.warning("%s is no asset: %s", uri, error)
        return None
