"""How long the parts of an Airflow of ours wait for each other, on a machine whose cores others use too."""

from __future__ import annotations

LOCKED = 60
"""Seconds that a process waits for others' locks on the SQLite file. With SQLite's own five, the DAG processor and the
triggerer ended on a machine whose cores were all taken."""

PATIENT = {
    "WORKERS__EXECUTION_API_TIMEOUT": "30",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "60",
}
"""Seconds after which parts of Airflow give each other up, for a machine that others use too. Seen at a load of 20 on
two cores: the API server took more than 5 s for an answer, five times in a row, and the task's try was over before it
had begun; the scheduler's heartbeat came 38 s late, so that it took itself for dead, and its own workers' tasks for
orphans. Each costs a task one of its tries, and a run whose task has no more of them has failed."""
