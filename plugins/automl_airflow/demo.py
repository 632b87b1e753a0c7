"""``make demo``: an Airflow of its own, one experiment run to its end; or the life of a model, or rounds of labels."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from automl_airflow.annotation import demo as annotation_demo
from automl_airflow.kubernetes.demo import DemoKubernetes
from automl_airflow.maxcompute.demo import DemoMaxCompute
from automl_airflow.models import demo as model_demo
from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneAirflow, StandaloneError
from automl_airflow.standins import END_WITHIN, DemoStandIn, plain_environment
from automl_core.annotation.file import load_annotation_file
from automl_core.models.file import load_model_file
from automl_core.spec.datasets import data_set_of
from automl_core.spec.errors import SpecError
from automl_core.spec.kinds import ANNOTATION, MODEL
from automl_core.spec.names import stated_kind
from automl_core.spec.stages import task_places
from automl_core.spec.tasks import LocalTask
from automl_core.study.layout import safe
from automl_core.templates import load_experiment

COMMAND = ".venv/bin/automl"

DEFAULT_EXPERIMENT = PRODUCT_ROOT / "experiments" / "digits_mlp.yaml"

SHORT_END = 1.0
"""Seconds for Airflow to end by itself: nothing runs in it any more, and its database stands a kill."""

PATIENCE = 900.0
"""Seconds for Airflow to become healthy, on a machine whose cores are taken too; a part that ends is told at once."""

SETTINGS = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60"}
"""Files that changed are read at once all the same; to read all of them every ten seconds takes a quarter of a core."""

STANDINS: tuple[type[DemoStandIn], ...] = (DemoKubernetes, DemoMaxCompute)
"""Of services that an experiment may need and this machine need not have."""


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration. Returns the exit code: 0 when the experiment found its best model, or all came out so."""
    options = _parse(argv)
    airflow = StandaloneAirflow(PRODUCT_ROOT / ".airflow", extra_env=SETTINGS)
    airflow.patience = PATIENCE
    services = [kind(airflow.home) for kind in STANDINS]
    if options.stop:
        airflow.stop()
        for service in services:
            service.stop()
        print("Airflow is stopped.")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what was started, on this signal too
    file = _experiment(options.file)
    kind = stated_kind(file)
    experiments = _experiments_of(file, kind)
    os.environ["AUTOML_HOME"] = str(PRODUCT_ROOT)
    mine = not airflow.running()
    tried = FirstTry()
    try:
        if kind != ANNOTATION:  # its experiments have nothing to learn from yet
            tried = FirstTry.begin(experiments[0])
        if mine:
            if kind == ANNOTATION:
                airflow.extra_env |= annotation_demo.SETTINGS
            for service, experiment in ((each, one) for each in services for one in experiments):
                airflow.extra_env |= service.environment(experiment, detached=options.keep)
            airflow.start(detached=options.keep, say=_say, check=tried.check)
        else:
            _say(f"Using the Airflow that runs at {airflow.url}")
        tried.wait()
        if options.keep or not mine:
            _tell_address(airflow)
        if kind == MODEL:
            code = model_demo.run(airflow, file, keep=options.keep, say=_say)
        elif kind == ANNOTATION:
            code = annotation_demo.run(airflow, file, keep=options.keep, say=_say)
        else:
            code = _run(file)
    except (SpecError, StandaloneError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    finally:
        tried.end()
        if mine and not options.keep:
            if airflow.running():
                _say("Ending Airflow")
            airflow.stop(patience=SHORT_END)
            for service in services:
                service.stop()
    return code


def _say(line: str) -> None:
    print(line, flush=True)


def _run(experiment: Path) -> int:
    from automl_core.cli import main as automl

    code = automl(["run", str(experiment), "--follow"])
    for line in what_is_left(experiment) if code == 0 else ():
        print(line, flush=True)
    return code


def _tell_address(airflow: StandaloneAirflow) -> None:
    _say(f"Airflow: {airflow.url}  user admin, password in {airflow.credentials_file}")
    _say("It stays up until `make stop`.")


def _experiments_of(file: Path, kind: str) -> list[Path]:
    """The files of the experiments that are run: itself, or those that train a model or learn from a project's labels.

    Raises:
        SpecError: the file is wrong.
        SystemExit: an experiment has no file here.
    """
    from automl_core.cli.places import find_experiment

    os.environ["AUTOML_HOME"] = str(PRODUCT_ROOT)
    if kind == MODEL:
        field, names = "candidates.experiments", [load_model_file(file).sources[0].experiment]
    elif kind == ANNOTATION:
        field, names = "models", [str(each.experiment) for each in load_annotation_file(file).experiments]
    else:
        return [file]
    found = []
    for name in names:
        path = find_experiment(name)[1]
        if path is None:
            raise SystemExit(f"{file}: {field}: no file of the experiment {name!r} in experiments/")
        found.append(path)
    return found


FORECAST = "forecast.csv"
"""What a model of series leaves beside it."""


def what_is_left(file: Path) -> list[str]:
    """What people can do with the model of the newest run on a table or series; nothing for other experiments.

    Args:
        file: of the experiment, whose runs lie on this machine.
    """
    experiment = load_experiment(file)
    storage = experiment.output.storage
    if not storage.startswith("file://"):
        return []
    folder = Path(PRODUCT_ROOT, storage.removeprefix("file://"), safe(experiment.name))
    found = sorted(folder.glob("*/best_model/model/report.html"), key=lambda path: path.stat().st_mtime)
    if not found:
        return []
    model = found[-1].parent
    shown = os.path.relpath(model, PRODUCT_ROOT)
    data = experiment.data.get("train")
    rows = "DATA" if data is None else data if isinstance(data, str) else data.place
    return [
        f"The model: {shown}",
        *([f"What comes next: {shown}/{FORECAST}"] if (model / FORECAST).is_file() else []),
        f"Its report, for a browser: {shown}/{found[-1].name}",
        f"Use it: {COMMAND} predict {shown} {rows}",
        *([f"Scored by it, in MaxCompute: {experiment.predict.out}"] if experiment.predict is not None else []),
    ]


class FirstTry:
    """One combination without Airflow, while Airflow starts; where it does not work, nothing else is done."""

    def __init__(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Watch a process of ``automl try``; None where the experiment can't be tried here."""
        self._process = process

    @classmethod
    def begin(cls, experiment: Path) -> FirstTry:
        """Begin, where that can be done here.

        Raises:
            SpecError: the file is none that could run.
        """
        found = load_experiment(experiment)
        reads_tables = any(data_set_of(each).place.startswith("odps://") for each in found.data.values())
        if reads_tables or not all(isinstance(task, LocalTask) for _, task in task_places(found)):
            return cls()  # it would need the keys, which Airflow's connection has
        _say(f"One combination first, without Airflow: {COMMAND} try {experiment.relative_to(PRODUCT_ROOT)}")
        _say("(`. .venv/bin/activate` puts `automl` on the PATH; your own file: automl try FILE)")
        command = [str(Path(sys.executable).with_name("automl")), "try", str(experiment)]
        return cls(subprocess.Popen(command, stdin=subprocess.DEVNULL, env=plain_environment()))

    def check(self) -> None:
        """See that it has not failed so far.

        Raises:
            StandaloneError: it has.
        """
        if self._process is not None and self._process.poll():
            raise StandaloneError("That one combination does not work, so Airflow is not asked for all of them.")

    def wait(self) -> None:
        """Wait for its end.

        Raises:
            StandaloneError: it does not work.
        """
        if self._process is None:
            return
        if self._process.poll() is None:
            _say("Airflow is up; waiting for that one combination")
            self._process.wait()
        self.check()
        _say("Now all of it, in Airflow.")

    def end(self) -> None:
        """End it where it still runs, and the training with it. Safe to call twice."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # on which it ends its training too
            try:
                self._process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


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
    parser.add_argument("--file", "--experiment", dest="file", help="file below experiments/")
    parser.add_argument("--keep", action="store_true", help="leave Airflow running and print its address")
    parser.add_argument("--stop", action="store_true", help="stop the Airflow that --keep left running")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
