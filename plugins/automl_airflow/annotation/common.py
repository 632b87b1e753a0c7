"""What the DAG of an annotation project says of itself: id, tags, owner, documentation with the ways to its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from automl_airflow.journal_tasks import base_url, dag_link
from automl_core.annotation.file import AnnotationFile


def project_page(name: str, what: str = "") -> str:
    """The address of a project's page, or of one below it: ``label`` is where people label.

    Args:
        name: of the project.
        what: which page below it.
    """
    return f"{base_url()}/automl/annotations/{quote(name, safe='')}{f'/{what}' if what else ''}"


def dag_arguments(file: AnnotationFile, path: Path) -> dict[str, Any]:
    """Arguments of a project's DAG; its schedule and what it runs are its builder's.

    Args:
        file: the project's.
        path: where that lies.
    """
    told: dict[str, Any] = {}
    if file.alerts is not None and "failure" in file.alerts.on:
        from automl_airflow.annotation.alerts import TellOfFailure

        told = {"on_failure_callback": TellOfFailure(file)}
    return {
        "dag_id": file.dag_ids[0],
        "description": file.description or f"Labels for {file.name}, round by round",
        "catchup": False,
        "tags": {"automl", "annotation", *file.tags},
        "doc_md": doc_of(file, path),
        "default_args": {"owner": file.owner, **file.airflow.arguments(), **told},
        "is_paused_upon_creation": False,
    }


def doc_of(file: AnnotationFile, path: Path) -> str:
    """What the DAG does, for its page in Airflow.

    Args:
        file: the project's.
        path: where that lies.
    """
    page = project_page(file.name)
    experiments = ", ".join(dag_link(str(each.experiment)) for each in file.experiments)
    programs = ", ".join(f"{each.name} ({each.family})" for each in file.programs)
    lines = [
        "A run `round_N` is one round: models say what they think of what has no label, the most useful items go to "
        "people, and with the labels that come back the models are trained and judged anew. It starts the next one, "
        "until there are labels enough. Any other run looks for new items, and starts a round where there is one to "
        "make. Every task may be cleared: what was done is not done twice.",
        *(
            [f"**Label here:** [{file.name}]({project_page(file.name, 'label')})"]
            if file.people.where == "page"
            else []
        ),
        f"**Labels, cost and use:** [{file.name}]({page})",
        *([f"**Trains:** {experiments}"] if experiments else []),
        *([f"**Programs:** {programs}"] if programs else []),
        f"**Model storage path:** `{file.output.storage}/{file.prefix}`",
        f"**File:** `{path}`",
    ]
    head = f"{file.description}\n\n" if file.description else ""
    return f"{head}{lines[0]}\n\n" + "  \n".join(lines[1:]) + "\n"
