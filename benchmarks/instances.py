"""Five hundred MaxCompute instances in one triggerer: its memory and CPU, its requests, and how soon it sees an end.

The triggers, their study and their journal are the product's; MaxCompute is the stand-in of the tests, whose
instances pretend to run for a while. The triggers run in a process of their own that has imported all that Airflow's
triggerer imports; Airflow's scheduler and workers have no part in it.

    python -m benchmarks.instances --instances 500 --seconds 120
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from automl_core.backends.maxcompute.access import Access
from automl_core.backends.maxcompute.client import Client
from automl_core.running.places import Places
from automl_core.running.statements import Statements
from automl_core.spec.loader import parse_experiment
from automl_core.storage import open_store
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import experiment_prefix

RUN = "benchmark"
POLL = 5.0
"""Seconds between two looks."""


def main() -> None:
    """Run the benchmark and print its figures as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=120, help="how long they run; the last one, twice as long")
    options = parser.parse_args()
    from tests.standins.maxcompute import MaxComputeStandIn

    with tempfile.TemporaryDirectory() as folder, MaxComputeStandIn(quota=10_000) as standin:
        root = Path(folder)
        extra = {"project": standin.project, "endpoint": standin.endpoint, "logview_host": standin.address}
        connection = {
            "conn_type": "maxcompute", "login": standin.account.access_id, "password": standin.account.secret,
            "extra": extra,
        }  # fmt: skip
        os.environ |= {
            "AIRFLOW_HOME": str(root / "airflow"),
            "AUTOML_HOME": folder,
            "AIRFLOW_CONN_MAXCOMPUTE_DEFAULT": json.dumps(connection),
        }
        access = Access(
            standin.account.access_id, standin.account.secret, standin.project, standin.endpoint,
            logview_host=standin.address,
        )  # fmt: skip
        jobs = submit(root, standin, Client(access), options)
        standin.service.requests.clear()
        context = multiprocessing.get_context("spawn")
        answers: Any = context.SimpleQueue()
        watcher = context.Process(target=watch, args=(jobs, answers))
        watcher.start()
        seen, found = answers.get()
        watcher.join()
        ended = {instance.id: instance.ended for instance in standin.service._instances.values()}
        delays = sorted(at - ended[instance] for instance, at in seen.items())
        states = [str(found_state) for found_state in states_of(root)]
        found |= {
            "instances": options.instances,
            "succeeded": states.count("SUCCEEDED"),
            "delay_p50": round(delays[len(delays) // 2], 2),
            "delay_p99": round(delays[int(len(delays) * 0.99)], 2),
            "delay_max": round(delays[-1], 2),
            "requests": standin.service.requests.snapshot(),
        }
        print(json.dumps(found))


def states_of(root: Path) -> list[Any]:
    """States of all trials."""
    study = Study.load(StudyJournal(open_store(str(root / "runs")), experiment_prefix("instances", RUN)))
    return [study.state.state_of(trial) for trial in study.state.trials]


def submit(root: Path, standin: Any, client: Client, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Bind a trial for each instance and submit it, as workers would. Returns what the triggers are to watch."""
    (root / "runs").mkdir()
    body = {
        "name": "instances",
        "output": {"storage": "file://./runs"},
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": options.instances, "concurrency": min(1000, options.instances), "canary": False},
        "tasks": [{"name": "train", "backend": "maxcompute", "sql": "SELECT ${x} AS accuracy", "poll": POLL}],
    }
    store = open_store(str(root / "runs"))
    journal = StudyJournal(store, experiment_prefix("instances", RUN))
    study = Study.create(journal, parse_experiment(yaml.safe_dump(body), "instances.yaml"), RUN, [])
    jobs = []
    for number in range(options.instances):
        binding = study.ask(number)
        assert isinstance(binding, Binding), binding
        standin.faults.set(run_seconds=options.seconds * (1 + number / options.instances))
        statements = Statements(study, binding, Places(store, journal.prefix, binding, store.url))
        run = statements.open(client, statements.new_ledger(client, time.time(), None), finish=False)
        run.advance()
        job = run.ledger.to_json()
        study.external(binding, json.dumps(job))
        jobs.append({"slot": number, "task": 0, "attempt": 1, "root": store.url, "job": job})
    return jobs


def watch(jobs: list[dict[str, Any]], answers: Any) -> None:
    """What a triggerer does: run all triggers to their end. Measures itself."""
    import airflow.jobs.triggerer_job_runner  # noqa: F401

    from automl_airflow.maxcompute.trigger import MaxComputeTrialTrigger
    from automl_core.backends.maxcompute.run import Run

    seen: dict[str, float] = {}
    advance = Run.advance

    def timed_advance(self: Run) -> Any:
        report = advance(self)
        if report.exit is not None:
            seen[self.ledger.entries[-1].instance] = time.time()
        return report

    Run.advance = timed_advance  # type: ignore[method-assign]
    baseline = memory()

    async def one(arguments: dict[str, Any]) -> None:
        trigger = MaxComputeTrialTrigger(
            storage="file://./runs", connection=None, experiment="instances", run=RUN, poll=POLL, **arguments
        )
        try:
            await anext(aiter(trigger.run()))
        finally:
            await trigger.cleanup()

    async def everything() -> dict[str, float]:
        started, cpu = time.time(), time.process_time()
        tasks = [asyncio.create_task(one(arguments)) for arguments in jobs]
        most, ticks, used = 0.0, 0, 0.0
        steady = None
        while not all(task.done() for task in tasks):
            await asyncio.sleep(1)
            ticks += 1
            most = max(most, memory())
            if ticks == 30:
                steady = (time.time(), time.process_time())
            if steady is not None and ticks == 60:
                used = (time.process_time() - steady[1]) / (time.time() - steady[0])
        await asyncio.gather(*tasks)
        whole = (time.process_time() - cpu) / (time.time() - started)
        return {"rss_mb": most, "cores_steady": round(used, 3), "cores": round(whole, 3)}

    figures: dict[str, Any] = {**asyncio.run(everything()), "baseline_mb": baseline}
    figures["rss_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    answers.put((seen, figures))


def memory() -> float:
    """Resident memory of this process in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main()
