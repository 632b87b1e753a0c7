"""What an Airflow has to say of a test that failed: else a run that "ended failed" on a busy machine stays a riddle."""

from __future__ import annotations

from typing import Any

from tests.e2e.world import World

RUNS, TASKS, LINES = 3, 6, 12
"""How many runs are told at most, how many task instances of each, and how many lines of a log."""


def story(world: World) -> str:
    """The newest runs that failed or go on, their unhappy task instances with the ends of their logs, and errors.

    Never raises: Airflow may be what is broken.
    """
    parts = [_scheduler(world)]
    try:
        listed = world.call("GET", "/dags/~/dagRuns", params={"order_by": "-run_after", "limit": 50})["dag_runs"]
        unhappy = [run for run in listed if run["state"] != "success"][:RUNS]
        parts += [_run(world, run) for run in unhappy]
    except Exception as error:
        parts.append(f"Airflow's REST API says nothing: {type(error).__name__}: {error}")
    return "\n".join(part for part in parts if part)


def _run(world: World, run: dict[str, Any]) -> str:
    name, run_id = str(run["dag_id"]), str(run["dag_run_id"])
    lines = [f"{name} {run_id}: {run['state']}"]
    rows = world.instances(name, run_id)
    unhappy = [(key, row) for key, row in rows.items() if row["state"] not in ("success", "skipped", "removed")]
    for (task, index), row in unhappy[:TASKS]:
        lines.append(f"  {task}[{index}]: {row['state']}, try {row['try_number']} of {row['max_tries'] + 1}")
        if row["try_number"]:
            lines += _log(world, name, run_id, task, index, int(row["try_number"]))
    published = world.folder(name, run_id) / "controller.json"
    if published.exists():
        experiment = world.controller(name, run_id)["experiment"]
        lines.append(f"  published: {experiment['state']}, {experiment.get('stop_reason')}")
    return "\n".join(lines)


def _log(world: World, name: str, run: str, task: str, index: int, attempt: int) -> list[str]:
    try:
        return [f"    {line}" for line in world.log(name, run, task, index, attempt).splitlines()[-LINES:]]
    except (AssertionError, KeyError, OSError) as error:
        return [f"    no log: {error}"]


def _scheduler(world: World) -> str:
    """What the scheduler has complained about, its newest lines; what tasks print into its output is theirs."""
    try:
        lines = world.airflow.log_file("scheduler").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    own = [line for line in lines if "[task]" not in line and "[airflow.task" not in line]
    loud = [line for line in own if "error" in line.lower() or "deadlock" in line.lower()]
    return "\n".join(["the scheduler's errors:", *(f"  {line[:400]}" for line in loud[-LINES:])]) if loud else ""
