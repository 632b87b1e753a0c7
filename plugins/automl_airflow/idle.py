"""Looks at a job that bring nothing: they end in the event loop, without a thread and without the store.

Of a thousand trials in one triggerer half of all looks are such, 150 a second. A thread for each cost a twentieth of a
core, and those who had something to do waited for their turn behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_airflow.studies import SharedStudy
    from automl_core.backends.remote import Report
    from automl_core.running.attempt import Attempt
    from automl_core.study import Binding

ORDER_AGE = 2.0
"""Seconds that the journal may be old in which a trigger looks for orders; one reading serves all triggers."""


def is_idle(shared: SharedStudy | None, binding: Binding | None, watched: Attempt, report: Report) -> bool:
    """Whether a report brings nothing, and nothing is to be done for the attempt as far as is known. Never blocks.

    Args:
        shared: the experiment, None where it was not opened yet.
        binding: the attempt, None likewise.
        watched: what is known of it.
        report: of the look.
    """
    if report.lines or report.notes or report.exit is not None or not watched.is_idle:
        return False
    if shared is None or binding is None or not shared.lock.acquire(blocking=False):
        return False
    try:
        return shared.study.goes_on(binding, max_age=ORDER_AGE)
    finally:
        shared.lock.release()
