"""Airflow's own API server with the pages in it, on a metadata database of its own, in a process of its own.

    python -m benchmarks.web.server FOLDER PORT TRIALS...

Writes FOLDER/token.json (who may sign in) when it answers, and the addresses of the experiments' runs to it. The
experiment `going` has a run that goes on: a trial of it ends every other second.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from benchmarks.web.studies import make_experiment, training

RUN = "manual__2026-11-21T04:00:00+00:00"
GOING = "going"


def settings(folder: Path) -> None:
    """What Airflow reads when it is imported."""
    home = folder / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).parents[2]
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API_AUTH__JWT_SECRET": "benchmark-only-" + "x" * 60,
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:admin",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }


def serve(folder: Path, port: int, sizes: list[int]) -> None:
    """Make the experiments that are not there yet, and answer until the process is ended."""
    settings(folder)
    import uvicorn
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils import db

    from tests.unit.web.conftest import World

    db.initdb()
    app = create_app(apps="core")
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role="ADMIN"))
    files = folder / "dags" / "experiments"
    files.mkdir(parents=True, exist_ok=True)
    world = World(app, {"ann": token}, folder / "runs", files)
    for trials in sizes:
        name = f"trials-{trials}"
        if not (files / f"{name}.yaml").exists():
            world.know(make_experiment(name, trials, world.storage, RUN))
            world.begin(name, RUN, "success")
    thread = threading.Thread(target=go_on, args=(world,), daemon=True)
    thread.start()
    (folder / "token.json").write_text(json.dumps(token))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


def go_on(world: object) -> None:
    """A simulation that keeps to the wall's clock."""
    from automl_core.running.simulation import Simulation
    from automl_core.spec.loader import parse_experiment
    from automl_core.storage.folder import FolderStore
    from automl_core.study import Study
    from benchmarks.web.studies import SPEC
    from tests.unit.web.conftest import World

    assert isinstance(world, World)
    run = f"manual__{time.strftime('%Y-%m-%dT%H:%M:%S')}+00:00"
    text = SPEC.format(name=GOING, trials=1000, storage=world.storage).replace("concurrency: 16", "concurrency: 4")
    world.know(text)
    simulation = Simulation(parse_experiment(text, "going.yaml"), training, FolderStore(world.storage), run=run)
    world.begin(GOING, run)
    (world.storage.parent / "going.txt").write_text(run)
    behind = time.time() - simulation.now

    def keep_time(study: Study) -> None:
        time.sleep(max(0.0, simulation.now + behind - time.time()))
        simulation.at(1.0, keep_time)

    simulation.at(1.0, keep_time)
    simulation.run()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), [int(each) for each in sys.argv[3:]])
