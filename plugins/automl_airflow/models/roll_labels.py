"""What came true of a rollout's answers, measured in a process of its own with the keys of Airflow's connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from automl_core.models.rollout.late import Late

if TYPE_CHECKING:
    from automl_core.models.batch.order import Place
    from automl_core.models.file import ModelFile
    from automl_core.models.rollout.rules import Rules


class LateByConnections(Late):
    """As `Late`. Connections are read anew for each measurement, so keys may change while a rollout goes on."""

    def _environment(self) -> dict[str, str]:
        from automl_airflow.maxcompute.connection import access_of
        from automl_airflow.session import credentials
        from automl_core.models.batch.keys import keys_text
        from automl_core.models.batch.order import KEYS_VARIABLE

        keys = keys_text(places_read(self.file), credentials, lambda name: access_of(name, None))
        return super()._environment() | {KEYS_VARIABLE: keys}


def late_labels(document: Mapping[str, Any], rules: Rules) -> Late:
    """What measures the metrics of a rollout.

    Args:
        document: the model's file, as plain JSON.
        rules: of the rollout.
    """
    from automl_airflow.session import home
    from automl_core.models.file import ModelFile

    return LateByConnections(ModelFile.model_validate(document), rules, home=home())


def places_read(file: ModelFile) -> Iterator[Place]:
    """Where the outcomes and the logged answers of a model lie, and whose keys reach them.

    Args:
        file: the model's, with ``feedback``.
    """
    from automl_core.models.batch.order import Place

    for given in (file.feedback.data if file.feedback is not None else None, file.answers):
        if given is not None:
            found = file.data_set(given)
            yield Place(found.place, found.connection)
