"""How long the parts of an Airflow of ours wait for each other, on a machine whose cores others use too."""

from __future__ import annotations

LOCKED = 60
"""Seconds that a process waits for others' locks on the SQLite file. With SQLite's own five, the DAG processor and the
triggerer ended on a machine whose cores were all taken."""

PATIENT = {
    "WORKERS__EXECUTION_API_TIMEOUT": "30",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "150",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "60",
}
"""Seconds after which parts of Airflow give each other up, for a machine that others use too. Seen at a load of 20 on
two cores: the API server took more than 5 s for an answer, five times in a row, and the task's try was over before it
had begun; the scheduler's heartbeat came 38 s late, so that it took itself for dead, and its own workers' tasks for
orphans. Each costs a task one of its tries, and a run whose task has no more of them has failed.

A task's heartbeat is missed only when its worker has surely ended. One that finds no API server goes on for two
minutes: three heartbeats, each asked for five times, with a request of the task between two of them, then the task's
end, asked for as often twice. Where the scheduler has the task tried again meanwhile, and a worker of the new try ends
for want of the API server too, both ends may come in one look of the scheduler (``process_executor_events`` of Airflow
3.3.2), which then has the new try's overwritten by the old one's: the task stays queued, and LocalExecutor knows no way
back (findings/airflow-end-of-an-earlier-try-hides-the-later-ones.sh)."""
