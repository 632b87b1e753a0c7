"""What PostgreSQL tells of Airflow's sessions: who stands idle in a transaction, which rows nobody can lock."""

from __future__ import annotations

import time
from collections.abc import Collection

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.support.patience import stretched

IDLE_LIMIT = round(stretched(10))
"""Seconds after which this server ends a session that is idle in a transaction (docs/deployment.md asks for such a
limit); short, since what a killed scheduler holds is held as long. A living scheduler without a core for longer loses
its session, and ends: seen with 30 s, at a load of 20 on two cores that others had the first claim on."""

_IDLE = """
SELECT extract(epoch FROM clock_timestamp() - state_change)::float AS seconds, left(query, 200) AS query
FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
ORDER BY state_change LIMIT 1
"""

_LOCKABLE = {
    "dag_run": "SELECT id FROM dag_run WHERE dag_id = :dag",
    "task_instance": "SELECT id FROM task_instance WHERE dag_id = :dag",
    "trigger": "SELECT id FROM trigger",
    "job": "SELECT id FROM job",
}


class Database:
    """Airflow's database, looked at from outside."""

    def __init__(self, url: str) -> None:
        """Connect anew for each question, so that this is no session that stands about itself."""
        self.url = url
        self._engine = create_engine(url, poolclass=NullPool)

    def limit_idle(self) -> None:
        """Set the limit as docs/deployment.md says: on the database, for every session from now on."""
        name = make_url(self.url).database
        with self._engine.begin() as connection:
            connection.execute(text(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '{IDLE_LIMIT}s'"))

    def longest_idle(self, margin: float = 10) -> float:
        """Seconds for which a session has been idle in a transaction by now; that of the one for longest.

        Args:
            margin: seconds beyond the limit after which it is too long, for a busy machine.

        Raises:
            AssertionError: it is too long.
        """
        with self._engine.connect() as connection:
            row = connection.execute(text(_IDLE)).one_or_none()
        if row is None:
            return 0.0
        assert row.seconds <= IDLE_LIMIT + margin, f"idle in a transaction for {row.seconds:.0f} s after: {row.query}"
        return float(row.seconds)

    def in_transaction(self, ports: Collection[int]) -> bool:
        """Whether a session from one of these local ports is idle in a transaction just now."""
        query = "SELECT client_port FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        with self._engine.connect() as connection:
            return any(row.client_port in ports for row in connection.execute(text(query)))

    def locked_rows(self, dag: str, seconds: float) -> dict[str, int]:
        """Rows per table that could not be locked, tried again for so long: the living lock rows for moments."""
        deadline = time.monotonic() + seconds
        while True:
            found = self._locked(dag)
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.5)

    def _locked(self, dag: str) -> dict[str, int]:
        found = {}
        with self._engine.connect() as connection:
            for table, query in _LOCKABLE.items():
                with connection.begin() as transaction:
                    free = {row.id for row in connection.execute(text(f"{query} FOR UPDATE SKIP LOCKED"), {"dag": dag})}
                    held = len({row.id for row in connection.execute(text(query), {"dag": dag})} - free)
                    transaction.rollback()
                if held:
                    found[table] = held
        return found
