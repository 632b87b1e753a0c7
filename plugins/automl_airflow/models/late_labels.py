"""Late labels of a rollout, measured beside its trigger with the keys of Airflow's connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife
    from automl_core.models.rollout.late import Late
    from automl_core.models.rollout.rules import Rules
    from automl_core.storage import Credentials


def late_of(life: ModelLife, rules: Rules, bundle: str = "") -> Late | None:
    """What measures the metrics of a rollout; None where its rules name none.

    The model's file is the one that the journal has: `deploy` records it before a rollout begins.

    Args:
        life: the model, read.
        rules: of the rollout.
        bundle: folder of the DAG bundle that the file comes from.

    Raises:
        ValueError: the file in the journal is none of this release.
    """
    if not rules.metrics:
        return None
    from automl_airflow.session import home
    from automl_core.models.file import ModelFile
    from automl_core.models.rollout.late import Late

    file = ModelFile.model_validate(life.state.document)
    return Late(file, rules, home=home(), bundle=bundle, environment=lambda: _variables(file))


def _variables(file: ModelFile) -> dict[str, str]:
    """The keys of the connections by which answers and outcomes are read."""
    from automl_airflow.closed import check_store_place
    from automl_airflow.session import credentials
    from automl_core.backends.maxcompute.access import VARIABLES
    from automl_core.models.rollout.keys import variables_of

    keys: dict[str, Credentials] = {}
    found: dict[str, str] = {}
    for given in (file.feedback.data if file.feedback is not None else None, file.answers):
        if given is None:
            continue
        data = file.data_set(given)
        if data.connection is None:
            continue
        if data.place.startswith("odps://"):
            from automl_airflow.maxcompute.connection import access_of

            access = access_of(data.connection, data.place.removeprefix("odps://").partition("/")[0])
            found |= {variable: getattr(access, name) for name, variable in VARIABLES.items() if getattr(access, name)}
            continue
        given_keys = credentials(data.connection)
        check_store_place(data.place, given_keys.endpoint_url if given_keys is not None else None)
        if given_keys is not None:
            keys[data.connection] = given_keys
    return found | variables_of(keys)
