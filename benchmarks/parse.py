"""What parsing costs: one experiment file, and a task's own parse beside 1, 100 and 1,000 files.

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
from automl_airflow.factory import build_dag
dag = build_dag(Path(sys.argv[1]))
first = time.process_time() - started
started = time.process_time()
build_dag(Path(sys.argv[1]))
print(json.dumps({"first": first, "again": time.process_time() - started, "tasks": len(dag.tasks)}))
"""

AS_A_TASK = """
import json, sys, time
import airflow.settings
airflow.settings.initialize()
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
import automl_airflow.factory
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager as parsing
started = time.process_time()
with parsing(dag_id=sys.argv[2], task_id="trial"):
    bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=Path(sys.argv[3]), bundle_name="dags-folder")
seconds = time.process_time() - started
assert list(bag.dags) == [sys.argv[2]], (list(bag.dags), bag.import_errors)
print(json.dumps({"seconds": seconds}))
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
                rows = measure(ONE_FILE, [path], env, runs)
                first, again = (statistics.median(row[name] for row in rows) for name in ("first", "again"))
                print(
                    f"one file, fresh process, beyond airflow.sdk: {1000 * first:.0f} ms; again: {1000 * again:.1f} ms"
                )
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
