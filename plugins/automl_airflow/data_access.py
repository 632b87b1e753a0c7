"""Data sets by way of Airflow's connections: what `propose` finds, and what attempts find again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from automl_core.spec.errors import Problem
    from automl_core.spec.models import Experiment
    from automl_core.spec.yaml_reader import Document
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study, StudyJournal


class FromConnections:
    """Opens what data lie in with the keys of Airflow's connections (see `automl_core.data.access.Access`)."""

    def store(self, url: str, connection: str | None) -> ObjectStore:
        """The store of a bucket; its connection is read again where the keys are refused."""
        from airflow.sdk.exceptions import AirflowNotFoundException

        from automl_airflow.session import open_experiment_store
        from automl_core.data.access import DataError

        try:
            return open_experiment_store(url, connection)
        except AirflowNotFoundException:
            raise DataError(f"{url}: the connection {connection!r} is not defined in Airflow") from None

    def tables(self, project: str, connection: str | None) -> Any:
        """A client of MaxCompute for a project."""
        from automl_airflow.maxcompute.connection import access_of
        from automl_core.backends.base import BackendError
        from automl_core.data.access import DataError, FromEnvironment

        if connection is None:
            return FromEnvironment().tables(project, None)
        try:
            return access_of(connection, project).client()
        except BackendError as error:
            raise DataError(f"odps://{project}: {error}") from None


def fingerprints(experiment: Experiment, dates: Mapping[str, str], bundle: Path | None) -> dict[str, Any]:
    """The fingerprints of an experiment's data sets as they are now, by name; none where it has none.

    Raises:
        MissingData: there is nothing at a place, or it can't be read.
        StorageUnavailable: a place can't be asked now.
    """
    from automl_airflow.session import home
    from automl_core.data.inputs import DataOfRun

    if not experiment.data:
        return {}
    return DataOfRun(experiment, dates, home(), bundle, FromConnections()).take()


def problems_of(missing: Mapping[str, str], experiment: Experiment) -> list[Problem]:
    """What is wrong with data sets, with the fields in which their places stand."""
    from automl_core.spec.errors import Problem

    return [
        Problem(words, ("data", name) if isinstance(experiment.data[name], str) else ("data", name, "place"))
        for name, words in missing.items()
    ]


def found_inputs(
    experiment: Experiment, dates: Mapping[str, str], document: Document, bundle: Path | None, log: Any
) -> dict[str, Any]:
    """What the run works on, as it is found now, by kind.

    Raises:
        SpecError: a data set is not there.
    """
    from automl_core.data.fingerprint import told
    from automl_core.data.inputs import MISSING, MissingData
    from automl_core.spec.errors import SpecError
    from automl_core.spec.loader import locate
    from automl_core.study.stages import DATA

    try:
        found = fingerprints(experiment, dates, bundle)
    except MissingData as error:
        raise SpecError(locate(problems_of(error.problems, experiment), document)) from None
    for name, body in found.items():
        words = f"not there yet: {body['why']}" if body.get(MISSING) else f"{body['place']}: {told(body)}"
        log.info("data.%s: %s", name, words)
    return {DATA: found} if found else {}


def look_at_data(study: Study, binding: Binding, context: Any, log: Any) -> None:
    """Warn an attempt that trains elsewhere of data that have changed since its run began."""
    from automl_airflow.compat import bundle_folder
    from automl_airflow.session import home
    from automl_core.running.data import data_of, warn_of_changes

    if study.experiment.data:
        data = data_of(study, home(), bundle_folder(context), FromConnections())
        warn_of_changes(study, binding, data.changed(), log.warning)


def prepare_inputs(
    experiment: Experiment, inputs: Mapping[str, Any], journal: StudyJournal, identity: Mapping[str, Any],
    bundle: Path | None, log: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the first record tells of ``prepare``: a key of what it depends on, and whose is taken; or why not.

    Args:
        experiment: its file.
        inputs: what else the run works on, by kind.
        journal: of the run, which is about to begin.
        identity: of the run.
        bundle: folder of the DAG bundle that the file comes from.
        log: is told whose is taken.

    Raises:
        StorageUnavailable: the store is away.
    """
    from automl_airflow.session import home
    from automl_core.data.inputs import MISSING
    from automl_core.preview.code import Unknown, code_digest
    from automl_core.spec.dates import run_dates
    from automl_core.study.prepared import PREPARE, TAKEN, find_prepared, hold, prepare_key
    from automl_core.study.stages import DATA

    data = inputs.get(DATA, {})
    if not experiment.prepare or not experiment.reuse_prepared or not data:
        return {}  # without data sets nobody can tell whether it would make the same
    try:
        if any(each.get(MISSING) for each in data.values()):
            raise Unknown("a data set is not there yet")
        packed = experiment.program.digest or "" if experiment.program is not None else ""
        code = code_digest(experiment.prepare, home(), bundle, packed)
    except Unknown as error:
        log.info("prepare runs: what an earlier run has prepared can't be taken: %s", error)
        return {PREPARE: {"why": str(error)}}
    key = prepare_key(experiment, data, code, run_dates(identity))
    taken = find_prepared(journal.store, experiment.name, key, journal.prefix, identity.get("team"))
    if taken is None or not hold(journal.store, taken, str(identity.get("run", journal.prefix))):
        return {PREPARE: {"key": key}}
    log.info("prepare is not run: data, tasks and code are those of the run %s, whose %s is taken",
             taken.run, taken.prepared)  # fmt: skip
    return {PREPARE: {"key": key, TAKEN: taken.to_json()}}
