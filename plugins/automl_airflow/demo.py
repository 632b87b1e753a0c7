"""``make demo``: an Airflow of its own, one experiment run to its end, its result shown."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from automl_airflow.kubernetes.demo import DemoKubernetes
from automl_airflow.maxcompute.demo import DemoMaxCompute
from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneAirflow, StandaloneError
from automl_airflow.standins import DemoStandIn

COMMAND = ".venv/bin/automl"

DEFAULT_EXPERIMENT = PRODUCT_ROOT / "experiments" / "digits_mlp.yaml"

STANDINS: tuple[type[DemoStandIn], ...] = (DemoKubernetes, DemoMaxCompute)
"""Of services that an experiment may need and this machine need not have."""


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration. Returns the exit code: 0 when the experiment found its best model."""
    options = _parse(argv)
    airflow = StandaloneAirflow(PRODUCT_ROOT / ".airflow")
    services = [kind(airflow.home) for kind in STANDINS]
    if options.stop:
        airflow.stop()
        for service in services:
            service.stop()
        print("Airflow is stopped.")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what was started, on this signal too
    experiment = _experiment(options.experiment)
    os.environ["AUTOML_HOME"] = str(PRODUCT_ROOT)
    if not _tried(experiment):
        return 1
    mine = not airflow.running()
    try:
        if mine:
            for service in services:
                airflow.extra_env |= service.environment(experiment, detached=options.keep)
            print("Starting Airflow (scheduler, API server, triggerer, DAG processor) …", flush=True)
            airflow.start(detached=options.keep)
        else:
            print(f"Using the Airflow that runs at {airflow.url}", flush=True)
        code = _run(airflow, experiment, keep=options.keep or not mine)
    except StandaloneError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    finally:
        if mine and not options.keep:
            airflow.stop()
            for service in services:
                service.stop()
    return code


def _run(airflow: StandaloneAirflow, experiment: Path, *, keep: bool) -> int:
    from automl_core.cli import main as automl

    if keep:
        print(f"Airflow: {airflow.url}  user admin, password in {airflow.credentials_file}")
        print("It stays up until `make stop`.", flush=True)
    return automl(["run", str(experiment), "--follow"])


def _tried(experiment: Path) -> bool:
    """Run one combination without Airflow first, where that can be done here; whether it may go on."""
    from automl_core.cli import main as automl
    from automl_core.spec.errors import SpecError
    from automl_core.spec.loader import load_experiment
    from automl_core.spec.tasks import LocalTask

    try:
        local = all(isinstance(task, LocalTask) for task in load_experiment(experiment).tasks)
    except SpecError as error:
        print(error, file=sys.stderr)
        return False
    if not local:
        return True
    print(f"One combination first, without Airflow: {COMMAND} try {experiment.relative_to(PRODUCT_ROOT)}")
    print("(`. .venv/bin/activate` puts `automl` on the PATH; your own file: automl try FILE)", flush=True)
    if automl(["try", str(experiment)]) != 0:
        return False
    print("Now all of it, in Airflow.", flush=True)
    return True


def _experiment(given: str | None) -> Path:
    """The experiment file to run; it must lie where Airflow looks for experiments."""
    if not given:
        return DEFAULT_EXPERIMENT
    folder = PRODUCT_ROOT / "experiments"
    for path in (Path(given), folder / given, folder / f"{given}.yaml"):
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path.resolve()
    raise SystemExit(f"{given}: no experiment file in {folder}; copy yours there (it is a DAG within a minute)")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--experiment", help="experiment file below experiments/")
    parser.add_argument("--keep", action="store_true", help="leave Airflow running and print its address")
    parser.add_argument("--stop", action="store_true", help="stop the Airflow that --keep left running")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
