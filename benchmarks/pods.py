"""A thousand pods in one triggerer: its memory and CPU, and how soon it sees what they print.

The triggers, their study and their journal are the product's; the cluster is the API server stand-in of the tests,
in which every pod is a real process and a line can be read 0.3 s after it was printed. The triggers run in a process of
their own that has imported all that Airflow's triggerer imports, so its memory is comparable; Airflow's scheduler and
workers have no part in it. `--code` measures the triggers of another checkout on the same cluster; `--talkative` lets
ten pods print 5 MB each and one 100 MB.

    python -m benchmarks.pods --pods 1000 --seconds 300
    python -m benchmarks.pods --pods 1000 --seconds 300 --code /path/of/another/checkout
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from automl_core.backends.kubernetes.manifest import PodOrder, pod_manifest
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.running.places import Places, context_of
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.storage import open_store
from automl_core.study import Binding, Study
from automl_core.study.layout import experiment_prefix

try:
    from automl_core.study import StudyJournal
except ImportError:  # a checkout of before November 2026, with --code
    from automl_core.study import Journal as StudyJournal  # type: ignore[attr-defined, no-redef]

HERE = Path(__file__).resolve().parents[1]
JOBS, FOUND = "jobs.json", "found.json"
RUN = "benchmark"
EVERY = 5.0
"""Seconds between two lines of a pod."""

SETTLING = 20.0
"""Seconds in which the triggers begin; lines that were printed before are not counted."""

SCRIPT = (
    "n=0; while [ $n -lt {lines} ]; do "
    "echo accuracy=0.5 printed=$(date +%s.%N) step=$n; n=$((n+1)); sleep {every}; done; "
    "echo accuracy=0.5 printed=$(date +%s.%N) step=$n"
)
TALK = (
    "sleep {after}; yes 'talk talk talk talk talk talk talk talk talk talk talk talk talk talk talk' | head -c {size}; "
)
TALKERS = [5_000_000] * 10 + [100_000_000]
"""Bytes that each of the talkative pods prints."""
NAN = "sleep {after}; echo accuracy=nan printed=$(date +%s.%N) step=0; exec sleep 600"


def main() -> None:
    """Run the benchmark and print its figures as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=300, help="how long each pod runs")
    parser.add_argument("--stopped", type=int, default=20, help="pods that print NaN and are to be ended for it")
    parser.add_argument("--talkative", action="store_true", help="ten pods print 5 MB each, one 100 MB")
    parser.add_argument("--code", type=Path, default=HERE, help="the checkout whose triggers are measured")
    parser.add_argument("--step", choices=["start", "watch"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "start":
        root = Path(os.environ["AUTOML_HOME"])
        (root / JOBS).write_text(json.dumps(start_pods(root, options)))
        return
    if options.step == "watch":
        watch(Path(os.environ["AUTOML_HOME"]))
        return
    from tests.standins.kubernetes.standin import KubernetesStandIn

    with tempfile.TemporaryDirectory() as folder, KubernetesStandIn(nodes=10, pods=500, log_delay=0.3) as standin:
        root = Path(folder)
        connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(standin.kubeconfig)}}
        os.environ |= {
            "AIRFLOW_HOME": str(root / "airflow"),
            "AUTOML_HOME": folder,
            "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection),
            "STANDIN": json.dumps([standin.url, standin.token]),
            "PYTHONPATH": os.pathsep.join([str(options.code), str(options.code / "plugins")]),
        }
        for step in ("start", "watch"):
            command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--step", step]
            before = standin.counts()
            subprocess.run(command, check=True)
        found = json.loads((root / FOUND).read_text())
        found["lost"] = options.pods - found["succeeded"] - found["failed"]
        asked = {key: count - before.get(key, 0) for key, count in standin.counts().items()}
        found["requests"] = {" ".join(key): count for key, count in sorted(asked.items()) if count}
        found["requests_per_pod"] = round(sum(asked.values()) / options.pods, 2)
        print(json.dumps(found))


def open_study(root: Path) -> Study:
    """The study of the benchmark."""
    return Study.load(StudyJournal(open_store(str(root / "runs")), experiment_prefix("pods", RUN)))


def start_pods(root: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Bind a trial for each pod and start it, as workers would. Returns what the triggers are to watch."""
    (root / "runs").mkdir()
    body: dict[str, Any] = {
        "name": "pods",
        "output": {"storage": "file://./runs"},
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": options.pods, "concurrency": min(1000, options.pods)},
        "tasks": [
            {
                "name": "train", "backend": "kubernetes", "image": "busybox", "command": "true",
                "storage_mount": {"path": "/mnt/runs", "host_path": str(root / "runs")},
            }
        ],
    }  # fmt: skip
    at_once = {"trials": {**body["trials"], "canary": False}, "stop": {"same_error": None}}
    try:
        experiment = parse_experiment(yaml.safe_dump(body | at_once), "pods.yaml")
    except SpecError:  # a checkout that has neither
        experiment = parse_experiment(yaml.safe_dump(body), "pods.yaml")
    store = open_store(str(root / "runs"))
    journal = StudyJournal(store, experiment_prefix("pods", RUN))
    study = Study.create(journal, experiment, RUN, [])
    jobs = []
    url, token = json.loads(os.environ["STANDIN"])
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        for number in range(options.pods):
            binding = study.ask(number)
            assert isinstance(binding, Binding), binding
            place = Places(store, journal.prefix, binding, "/mnt/runs")
            attempt = AttemptId(f"{store.url}/{journal.prefix}", "pods", RUN, binding.trial, number, "train", 1)
            late = 0.3 * options.seconds + 0.6 * options.seconds * (number + 1) / (options.stopped + 2)
            script = SCRIPT.format(lines=int(options.seconds / EVERY), every=EVERY)
            if number < options.stopped:
                script = NAN.format(after=late)
            elif options.talkative and number - options.stopped < len(TALKERS):
                size = TALKERS[number - options.stopped]
                script = TALK.format(after=options.seconds / 3, size=size) + script
            task = study.experiment.tasks[0].model_copy(update={"command": f"sleep 0.{number % 10}; {script}"})
            manifest = pod_manifest(PodOrder(task, context_of(study, binding, place), attempt))
            http.post("/api/v1/namespaces/default/pods", json=manifest).raise_for_status()
            job = {"kind": "pod", "name": attempt.name, "namespace": "default", "connection": "kubernetes_default"}
            jobs.append({"slot": number, "task": 0, "attempt": 1, "root": "/mnt/runs", "job": job})
    return jobs


def watch(root: Path) -> None:
    """What a triggerer does: run all triggers to their end. Measures itself."""
    jobs: list[dict[str, Any]] = json.loads((root / JOBS).read_text())
    import airflow.jobs.triggerer_job_runner  # noqa: F401

    from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger
    from automl_core.running.attempt import Attempt

    delays: list[float] = []
    printed: dict[int, float] = {}
    last: dict[int, float] = {}
    stopped: list[float] = []
    ends: list[float] = []
    feed = Attempt.feed

    def timed_feed(self: Attempt, lines: Any) -> None:
        now = time.time()
        for line in lines:
            if "printed=" not in line:
                continue
            at = float(line.partition("printed=")[2].partition(" ")[0])
            last[self.watch.binding.slot] = at
            if at > settled:
                delays.append(now - at)
                if "nan" in line:
                    printed[self.watch.binding.slot] = at
        feed(self, lines)

    settled = time.time() + SETTLING
    Attempt.feed = timed_feed  # type: ignore[method-assign]
    baseline = memory()

    async def one(arguments: dict[str, Any]) -> None:
        trigger = KubernetesTrialTrigger(
            storage="file://./runs", connection=None, experiment="pods", run=RUN, poll=0.0, **arguments
        )
        try:
            await anext(aiter(trigger.run()))
            if arguments["slot"] in printed:
                stopped.append(time.time() - printed[arguments["slot"]])
            elif last.get(arguments["slot"], 0.0) > settled:
                ends.append(time.time() - last[arguments["slot"]])
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
    delays.sort()
    ends.sort()
    figures |= {
        "lines": len(delays),
        "delay_p50": round(delays[len(delays) // 2], 2),
        "delay_p99": round(delays[int(len(delays) * 0.99)], 2),
        "delay_max": round(delays[-1], 2),
        "end_p50": round(ends[len(ends) // 2], 2),
        "end_p99": round(ends[int(len(ends) * 0.99)], 2),
        "stopped_max": round(max(stopped, default=0.0), 2),
        "rss_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    study = open_study(root)
    states = [str(study.state.state_of(trial)) for trial in study.state.trials]
    figures |= {"pods": len(jobs), "succeeded": states.count("SUCCEEDED"), "failed": states.count("FAILED")}
    (root / FOUND).write_text(json.dumps(figures))


def memory() -> float:
    """Resident memory of this process in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main()
