"""What parsing costs: a file of an experiment, of a model, a look of the DAG processor, a task beside 1,000 files.

Each figure is CPU time of a fresh process; the first is the time beyond `import airflow.sdk`.

    python -m benchmarks.parse
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from automl_airflow.session import PRODUCT_ROOT

ONE_FILE = """
import json, sys, time
import airflow.sdk
from airflow.sdk import DAG, BaseOperator
started = time.process_time()
from pathlib import Path
from automl_airflow.importer import build_all
dags, _ = build_all(Path(sys.argv[1]))
first = time.process_time() - started
assert len(dags) == int(sys.argv[2])
started = time.process_time()
build_all(Path(sys.argv[1]))
print(json.dumps({"first": first, "again": time.process_time() - started}))
"""

MODEL = """\
kind: model
name: churn
candidates: {experiments: [digits_mlp_0]}
evaluate: {data: feedback, slices: [country], tests: [{test: golden}, {test: metric, metric: accuracy, at_least: 0.8}]}
accept: {when: better, by: [anna, ben]}
deploy: {to: batch, data: "in/ds=${ds}/", out: "out/ds=${ds}/", schedule: "@daily", keep: [request_id]}
feedback: {data: outcomes/, outcome: churned, time: decided_at}
watch: {every: 1d, retrain: {when: {worse_by: 2%}, every: 30d}}
"""

AS_A_TASK = """
import json, sys, time
import airflow.settings
airflow.settings.initialize()
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
import automl_airflow.factory
from automl_airflow.models.factory import load_builders
load_builders()
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager as parsing
started = time.process_time()
with parsing(dag_id=sys.argv[2], task_id="trial"):
    bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=Path(sys.argv[3]), bundle_name="dags-folder")
seconds = time.process_time() - started
assert list(bag.dags) == [sys.argv[2]], (list(bag.dags), bag.import_errors)
print(json.dumps({"seconds": seconds}))
"""

A_LOOK = """
import json, os, resource, sys
sys.argv[0:1] = ["airflow", "dag-processor"]
program, component, file, bundle, preload = sys.argv
import automl_airflow.preloading as preloading
if preload == "without":
    preloading.preload_parsing = lambda: None
import airflow.settings
airflow.settings.initialize()
import airflow.dag_processing.manager
from pathlib import Path
import structlog
from airflow.dag_processing.processor import _serialize_dags
if os.fork() == 0:
    from airflow.dag_processing.dagbag import BundleDagBag
    bag = BundleDagBag(dag_folder=file, bundle_path=Path(bundle), bundle_name="dags-folder", load_op_links=False)
    dags, _ = _serialize_dags(bag, structlog.get_logger())
    os._exit(len(dags) != 1)
assert os.wait()[1] == 0
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"seconds": used.ru_utime + used.ru_stime}))
"""

WRITTEN_DOWN = """
import json, sys, time
from pathlib import Path
import airflow.settings
airflow.settings.initialize()
from airflow.serialization.serialized_objects import DagSerialization
from automl_airflow import form
from automl_airflow.importer import build_all

def seconds():
    (dag,), _ = build_all(Path(sys.argv[1]))
    taken = []
    for _ in range(6):
        started = time.process_time()
        DagSerialization.from_dict(DagSerialization.to_dict(dag))
        taken.append(time.process_time() - started)
    return sum(taken[1:]) / 5

named = seconds()
form.SCHEMA.clear()
print(json.dumps({"named": named, "latest": seconds()}))
"""


def environment(home: Path, dags: Path) -> dict[str, str]:
    """Airflow's settings for a process that parses."""
    root = str(PRODUCT_ROOT)
    return os.environ | {
        "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__DAGS_FOLDER": str(dags), "AUTOML_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": f"{root}/plugins", "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": f"{root}:{root}/plugins",
    }  # fmt: skip


def measure(code: str, arguments: list[str], env: dict[str, str], runs: int) -> list[dict[str, float]]:
    """What ``code`` prints in so many fresh processes, after one that warms the disk."""
    rows = []
    for _ in range(runs + 1):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return rows[1:]


def main(runs: int = 5) -> None:
    """Measure and print medians."""
    folder = Path(tempfile.mkdtemp(prefix="parse-"))
    try:
        source = (PRODUCT_ROOT / "experiments" / "digits_mlp.yaml").read_text()
        for count in (1, 100, 1000):
            dags = folder / str(count) / "dags"
            (dags / "experiments").mkdir(parents=True)
            shutil.copy(PRODUCT_ROOT / "dags" / "automl_experiments.py", dags)
            for number in range(count):
                text = source.replace("name: digits_mlp", f"name: digits_mlp_{number}", 1)
                (dags / "experiments" / f"digits_mlp_{number}.yaml").write_text(text)
            env = environment(folder / str(count) / "home", dags)
            path = str(dags / "experiments" / f"digits_mlp_{count - 1}.yaml")
            if count == 1:
                model = dags / "experiments" / "churn.model.yaml"
                model.write_text(MODEL)
                for what, file, made in (("experiment", path, 1), ("model", str(model), 3)):
                    rows = measure(ONE_FILE, [file, str(made)], env, runs)
                    first, again = (1000 * statistics.median(row[name] for row in rows) for name in ("first", "again"))
                    print(f"one {what}, fresh process, beyond airflow.sdk: {first:.0f} ms; again: {again:.1f} ms")
                for preload in ("with", "without"):
                    rows = measure(A_LOOK, [path, str(dags), preload], env, runs)
                    seconds = statistics.median(row["seconds"] for row in rows)
                    print(f"a look of the DAG processor {preload} what it imports once: {1000 * seconds:.0f} ms")
                rows = measure(WRITTEN_DOWN, [path], env, runs)
                named, latest = (statistics.median(row[name] for row in rows) for name in ("named", "latest"))
                print(
                    f"a DAG written down and read: {1000 * named:.0f} ms; {1000 * latest:.0f} where its parameters "
                    "don't name the draft of their schemas"
                )
                rows = measure(AS_A_TASK, [str(model), "churn.rollout", str(dags)], env, runs)
                print(f"a task of a model: {1000 * statistics.median(row['seconds'] for row in rows):6.1f} ms")
                model.unlink()
            rows = measure(AS_A_TASK, [path, f"digits_mlp_{count - 1}", str(dags)], env, runs)
            own = statistics.median(row["seconds"] for row in rows)
            without = AS_A_TASK.replace("airflow.settings.initialize()", _WITHOUT_IMPORTER)
            arguments = [str(dags / "automl_experiments.py"), f"digits_mlp_{count - 1}", str(dags)]
            fallback = measure(without, arguments, env, runs)
            loop = statistics.median(row["seconds"] for row in fallback)
            print(f"a task beside {count:4} files: {1000 * own:6.1f} ms; without the importer {1000 * loop:6.1f} ms")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_WITHOUT_IMPORTER = """airflow.settings.initialize()
from airflow.dag_processing.importers import DagImporterRegistry
DagImporterRegistry.reset()
"""

if __name__ == "__main__":
    main()
