"""What there is to say of an experiment file before it is saved: all that is wrong with it, or what it will be."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

from automl_airflow.web import saving
from automl_airflow.web.access import check_annotation_sources, check_model_sources, check_sources
from automl_airflow.web.respond import problems_of
from automl_core.spec.errors import SpecError
from automl_core.spec.kinds import ANNOTATION, EXPERIMENT, MODEL, kind_in

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment
    from automl_core.templates.places import Places

previews = threading.BoundedSemaphore(2)
"""Previews that are made at once; who comes then is told what is wrong with a file, and no more."""


def checked(user: BaseUser, text: str, trial_seconds: float | None = None) -> dict[str, Any]:
    """Check a file as it would be saved.

    Args:
        user: who asks: what the file learns from must be theirs to read.
        text: the file.
        trial_seconds: how long one trial takes, where somebody says so: the preview forecasts time and cost then.

    Returns:
        ``ok``, ``name``, ``problems``, ``warnings`` (what is valid but may do something else than was meant), the
        ``preview``, and ``most``: seconds and cost that it may come to by its own limits.

    Raises:
        HTTPException: 403, it learns from an experiment that this user may not read.
    """
    from automl_airflow.session import home
    from automl_core.preview.checks import examine_text
    from automl_core.preview.limits import most_of
    from automl_core.preview.preview import given_pace, preview

    body: dict[str, Any] = {"name": None, "warnings": [], "preview": None, "most": None}
    others = {MODEL: checked_model, ANNOTATION: checked_annotation}
    if (other := others.get(kind_in(text))) is not None:
        return other(user, text) | {"preview": None, "most": None}
    try:
        examined = examine_text(text, "experiment.yaml", home(), places=saving.places())
        experiment = examined.experiment
        check_sources(user, experiment)
        check_closed(experiment, text, "experiment.yaml", saving.places())
        body |= {"name": experiment.name, "warnings": [warning.to_json() for warning in examined.warnings]}
        body["most"] = most_of(experiment)
        if previews.acquire(blocking=False):  # laying out a very large search takes its time
            try:
                pace = given_pace(experiment, trial_seconds, None)
                basis = "at the given time of a trial" if pace is not None else ""
                body["preview"] = preview(experiment, pace, basis, 5).to_json()
            finally:
                previews.release()
        problems: list[dict[str, Any]] = []
    except SpecError as error:
        problems = problems_of(error)
    except ValueError as error:  # an algorithm that can't search this experiment
        problems = [{"message": str(error), "path": "search", "line": None, "column": None, "found": None,
                     "allowed": None, "suggestion": None, "severity": "error", "text": str(error)}]  # fmt: skip
    return {"kind": EXPERIMENT, "ok": not problems, "problems": problems, **body}


def checked_model(user: BaseUser, text: str) -> dict[str, Any]:
    """Check the text of a model's file as it would be saved.

    Args:
        user: who asks: the candidates must be theirs to read.
        text: the file.

    Returns:
        ``kind`` (model), ``ok``, ``name``, ``problems``, ``warnings``, ``dags``, the ids of those that it makes, and
        ``told``, what it will do, in sentences.

    Raises:
        HTTPException: 403, a candidate is an experiment that this user may not read.
    """
    from automl_airflow.models.closed import check_closed_model
    from automl_airflow.web.deploying import told
    from automl_core.models.file.checks import examine_model_text

    body: dict[str, Any] = {"kind": MODEL, "name": None, "warnings": [], "dags": [], "told": []}
    try:
        examined = examine_model_text(text, "model.yaml")
        check_model_sources(user, examined.file)
        check_closed_model(examined.file, text, "model.yaml")
    except SpecError as error:
        return body | {"ok": False, "problems": problems_of(error)}
    warnings = [warning.to_json() for warning in examined.warnings]
    file = examined.file
    body |= {"ok": True, "problems": [], "name": file.name, "warnings": warnings, "dags": list(file.dag_ids)}
    return body | {"told": told(file)}


def checked_annotation(user: BaseUser, text: str) -> dict[str, Any]:
    """Check the text of an annotation project's file as it would be saved.

    Args:
        user: who asks: the experiments must be theirs to read and to start.
        text: the file.

    Returns:
        ``kind`` (annotation), ``ok``, ``name``, ``problems``, ``warnings``, ``dags``, the ids of those that it makes,
        and ``told``, what it will do and take, in sentences.

    Raises:
        HTTPException: 403, a model is an experiment that this user may not read or start.
    """
    from automl_airflow.annotation.closed import check_closed_annotation
    from automl_airflow.web.annotation_telling import told
    from automl_core.annotation.file.checks import examine_annotation_text

    body: dict[str, Any] = {"kind": ANNOTATION, "name": None, "warnings": [], "dags": [], "told": []}
    try:
        examined = examine_annotation_text(text, "annotation.yaml")
        check_annotation_sources(user, examined.file)
        check_closed_annotation(examined.file, text, "annotation.yaml")
    except SpecError as error:
        return body | {"ok": False, "problems": problems_of(error)}
    warnings = [warning.to_json() for warning in examined.warnings]
    file = examined.file
    body |= {"ok": True, "problems": [], "name": file.name, "warnings": warnings, "dags": list(file.dag_ids)}
    return body | {"told": told(file)}


def check_closed(experiment: Experiment, text: str, source: str, places: Places) -> None:
    """Refuse what the closed environment of this deployment refuses, before anything is saved or begun.

    Args:
        experiment: as it is to run.
        text: the file that it comes from.
        source: what to call that.
        places: where its template lies.

    Raises:
        SpecError: with the lines of the file, or of its template.
    """
    from automl_airflow.closed import closed_problems
    from automl_core.spec.loader import locate
    from automl_core.templates.loading import parse_document

    refused = closed_problems(experiment)
    if refused:
        raise SpecError(locate(refused, parse_document(text, source, places)[1]))
