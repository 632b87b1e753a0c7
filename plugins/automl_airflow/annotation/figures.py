"""Figures of annotation projects for operators, through Airflow's own metrics, as those of experiments (`figures`).

| metric | kind | tags | what |
|---|---|---|---|
| ``automl.annotation.labels.open`` | gauge | annotation | tasks that wait for people |
| ``automl.annotation.labels.given`` | gauge | annotation, source | labels so far, by where they are from |
| ``automl.annotation.cost`` | gauge | annotation | what all answers have cost |
| ``automl.annotation.round`` | gauge | annotation | the newest round |
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.annotation.project import ProjectState

log = logging.getLogger(__name__)


def tell_figures(name: str, state: ProjectState) -> None:
    """Say how a project stands. What goes wrong with it is logged, and costs no label.

    Args:
        name: of the project.
        state: as it was read last.
    """
    try:
        _tell(name, state)
    except Exception as error:
        log.debug("figures of %s were not sent: %s", name, error)


def _tell(name: str, state: ProjectState) -> None:
    from automl_airflow.figures import Figures, _legacy_names, _stats

    figures, tags = Figures(_stats(), legacy=_legacy_names()), {"annotation": name}
    given = {"person": 0, "models": len(state.taken), "imported": 0}
    for vote in state.votes:
        if not vote.skipped:
            given[str(vote.source)] += 1
    figures.gauge("automl.annotation.labels.open", len(state.tasks), tags)
    for source, many in given.items():
        figures.gauge("automl.annotation.labels.given", many, {**tags, "source": source})
    figures.gauge("automl.annotation.cost", math.fsum(vote.price for vote in state.votes), tags)
    figures.gauge("automl.annotation.round", len(state.rounds), tags)
