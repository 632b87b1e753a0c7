"""Teams that share one Airflow (``[core] multi_team``): whose a connection is, wherever it is read.

A task's process asks Airflow's API server, which knows the team of its DAG. Two others ask for themselves: the web
view, which runs in the API server (`automl_airflow.compat.connection_of`), and triggers.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple, TypeAlias

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


class OfTeam(NamedTuple):
    """An Airflow connection as a team has it: one of its own, or one that is everybody's; never another team's."""

    name: str
    team: str


ConnectionName: TypeAlias = str | OfTeam | None
"""How a connection is named: by its id, where this process's own rights decide, or by its id and a team."""


def named(connection: str | None, team: str | None) -> ConnectionName:
    """A connection that an experiment of a team names."""
    return OfTeam(connection, team) if connection is not None and team is not None else connection


class TeamListener:
    """Told by Airflow when a component starts (its public listener ``on_starting``)."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """In a triggerer: have its triggers read connections of its team. Never raises."""
        if getattr(component, "job_type", "") != "TriggererJob":
            return
        try:
            from automl_airflow.compat import give_triggers_their_team

            give_triggers_their_team()
        except Exception:
            log.exception("triggers of a team can't read the team's connections; give experiments everybody's")
