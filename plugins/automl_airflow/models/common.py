"""What the DAGs of a model have in common: id, tags, owner, documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from automl_airflow.journal_tasks import base_url, dag_link
from automl_core.models.file.model import ROLLOUT, SCORE, WATCH, ModelFile, dag_id

_WHAT = {
    ROLLOUT: (
        "versions of the model {name}: offered, evaluated, accepted, put in use",
        "Each run takes one version of the model **{name}** from offered to in use: what its experiments publish is "
        "offered, evaluated on the latest data beside the champion, and accepted or not; only what was accepted is "
        'put in use. A run with `{{"version": N}}` in its conf takes version N.',
    ),
    SCORE: (
        "new data scored by the champion of the model {name}",
        "Each run scores the data of its interval with the version of the model **{name}** that is in use, once.",
    ),
    WATCH: (
        "how the champion of the model {name} does on the latest data",
        "Each run evaluates the version of the model **{name}** that is in use on the latest data with labels, and "
        "asks for a retraining where the file says so.",
    ),
}


def dag_arguments(file: ModelFile, path: Path, what: str) -> dict[str, Any]:
    """Arguments of one of a model's DAGs; its schedule and what it runs are its builder's.

    Args:
        file: the model's.
        path: where that lies.
        what: `ROLLOUT`, `SCORE` or `WATCH`.
    """
    short, _ = _WHAT[what]
    told: dict[str, Any] = {}
    if file.alerts is not None and "failure" in file.alerts.on:
        from automl_airflow.models.alerts import TellOfFailure

        told = {"on_failure_callback": TellOfFailure(file)}
    return {
        "dag_id": dag_id(file.name, what),
        "description": file.description or short.format(name=file.name).capitalize(),
        "catchup": False,
        "tags": {"automl", "model", *file.tags},
        "doc_md": doc_of(file, path, what),
        "default_args": {"owner": file.owner, **file.airflow.arguments(), **told},
        "is_paused_upon_creation": None if what == SCORE and file.batch and file.batch.schedule is None else False,
    }


def doc_of(file: ModelFile, path: Path, what: str) -> str:
    """What one of a model's DAGs does, for its page in Airflow.

    Args:
        file: the model's.
        path: where that lies.
        what: `ROLLOUT`, `SCORE` or `WATCH`.
    """
    others = ", ".join(dag_link(each) for each in file.dag_ids if each != dag_id(file.name, what))
    lines = [
        _WHAT[what][1].format(name=file.name),
        *_details(file, what),
        f"**Versions, evidence and history:** [{file.name}]({base_url()}/automl/models/{quote(file.name, safe='')})",
        f"**Model storage path:** `{file.output.storage}/_models/{file.name}/`",
        f"**File:** `{path}`",
        *([f"**Its other DAGs:** {others}"] if others else []),
    ]
    head = f"{file.description}\n\n" if file.description else ""
    return f"{head}{lines[0]}\n\n" + "  \n".join(lines[1:]) + "\n"


def _details(file: ModelFile, what: str) -> list[str]:
    from automl_core.models.file.values import data_set_of
    from automl_core.spec.units import format_duration

    if what == ROLLOUT:
        names = ", ".join(dag_link(each.experiment) for each in file.sources)
        by = f"one of {', '.join(file.accept.people)}" if file.accept.people else str(file.accept.by)
        asked = "" if file.accept.by_itself else f", asked for {format_duration(file.accept.within)}"
        return [f"**Candidates:** {names}", f"**Accepted by:** {by}{asked}, where it is {file.accept.when}"]
    if what == SCORE and file.batch is not None:
        places = [data_set_of(each).place for each in (file.batch.data, file.batch.out)]
        return [f"**From:** `{places[0]}`", f"**To:** `{places[1]}`"]
    if what == WATCH and file.retrained is not None:
        return [f"**Trained anew by:** {dag_link(file.retrained)}"]
    return []
