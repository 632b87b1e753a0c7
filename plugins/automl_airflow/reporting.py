"""What is told of each record that a process writes: figures to Airflow's metrics, alerts to people.

One place for workers, lanes and triggers alike: whoever writes the journal reports.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from automl_airflow import alerts, figures

if TYPE_CHECKING:
    from automl_core.journal import Record
    from automl_core.study import Study

log = logging.getLogger(__name__)


@cache
def _messenger() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="automl-alerts")


def report(study: Study, *, aside: bool = False) -> Study:
    """Report what is written through a study from now on. Returns the study.

    Args:
        study: whose journal is written.
        aside: send alerts from a thread of their own: a triggerer must not wait for a webhook. A task's process
            sends them before it ends, since its threads end with it.
    """

    def written(record: Record) -> None:
        try:
            figures.on_record(study, record)
        except Exception as error:  # neither is worth a trial, nor worth the other
            log.warning("the figures of record %d were not sent: %s", record.seq, error)
        try:
            alert = alerts.prepare(study, record)
            if alert is not None and aside:
                _messenger().submit(alert)
            elif alert is not None:
                alert()
        except Exception as error:
            log.warning("the alert of record %d was not sent: %s", record.seq, error)

    study.journal.writers.append(written)
    return study
