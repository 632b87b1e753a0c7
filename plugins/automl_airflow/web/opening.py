"""What is said where a run's journal can't be opened, whatever the reason: one broken experiment is only its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowNotFoundException

from automl_airflow.web.catalog import RunInfo
from automl_core.storage.base import StorageError

log = logging.getLogger(__name__)


class NotBegun(LookupError):
    """A run has no journal (yet). The message says why."""


def _not_begun(run: RunInfo) -> str:
    if run.over:
        return f"the run {run.run_id} ended before its search began; the log of its first task, propose, says why"
    return f"the run {run.run_id} has not begun yet: it is {run.state} in Airflow"


@contextmanager
def opening(run: RunInfo) -> Iterator[None]:
    """Turn what goes wrong into an error with words for the person who looks.

    Raises:
        NotBegun: the run has no journal (yet).
        StorageError: it can't be opened: the store is away, its connection is missing, the journal is damaged.
    """
    try:
        yield
    except StorageError:
        raise
    except AirflowNotFoundException:
        whose = f" for the team {run.team} (nor for everybody)" if run.team is not None else ""
        raise StorageError(
            f"the connection {run.place.connection!r}, which output.connection names, is not defined in Airflow{whose}"
        ) from None
    except Exception as error:
        if isinstance(error, LookupError) and not isinstance(error, KeyError | IndexError):
            if "can't be used" in str(error):  # there is a journal, which this release can't read
                raise
            raise NotBegun(_not_begun(run)) from None
        # its text may hold what the store's client was configured with
        log.exception("the journal of %s / %s can't be opened", run.dag_id, run.run_id)
        what = f"{type(error).__name__}; the API server's log has more"
        raise StorageError(f"the journal of {run.dag_id} / {run.run_id} can't be opened: {what}") from None
