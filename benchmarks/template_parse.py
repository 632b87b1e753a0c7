"""What a template costs a parse: an experiment from one beside the same experiment written out.

Each figure is CPU time of `build_dag` in a child forked from a process that has its imports, as in Airflow's DAG
processor: nothing that was parsed before is kept. The two take turns; medians.

    python -m benchmarks.template_parse
"""

from __future__ import annotations

import os
import statistics
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from automl_airflow.factory import build_dag
from automl_airflow.session import PRODUCT_ROOT
from automl_core.templates.describing import listed
from automl_core.templates.loading import load_experiment
from automl_core.templates.places import Places, shipped_folder
from automl_core.templates.scaffold import make_template
from automl_core.templates.version import Template, read_template
from automl_core.templates.writing import NewExperiment, experiment_text


def in_child(call: Callable[[], object]) -> float:
    """CPU seconds of a call in a forked child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            started = time.process_time()
            call()
            os.write(write, struct.pack("d", time.process_time() - started))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with open(read, "rb") as pipe:
        found = pipe.read()
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the child failed")
    return float(struct.unpack("d", found)[0])


def needs(template: Template, name: str) -> NewExperiment:
    """An experiment that gives what a template needs."""
    head = template.head
    return NewExperiment(
        name=name,
        data={name: f"{name}.csv" for name, each in (head.data or {}).items() if each.required},
        columns={name: name for name, each in (head.columns or {}).items() if each.required},
    )


def prepare(home: Path) -> None:
    """Write for each template an experiment from it, and the same written out."""
    make_template(home / "templates", "begun")
    shipped = shipped_folder()
    for each in listed(Places((home / "templates", *([shipped] if shipped is not None else []))))[0]:
        template = read_template(Path(each["folder"]))
        if template.head.more_parameters is True:
            continue
        for ending, more in (("", ""), ("-changed", changes(template))):
            write(template, f"{each['name']}{ending}", more, home)


def changes(template: Template) -> str:
    """One parameter of each type is narrowed, one that is offered is added, one is set."""
    known = list(template.parameters.values())
    added = [each.name for each in known if each.searched == "offered"][:1]
    stated = {each.name: each.default for each in known if each.searched == "never" and each.default is not None}
    ranges = {each.type: each for each in known if each.searched is True and "low" in each.raw}
    narrowed = {each.name: {"high": each.raw["high"]} for each in ranges.values()}
    body = {"search": {"add": added}, "set": dict(list(stated.items())[:1]), "space": narrowed}
    return yaml.safe_dump(body)


def write(template: Template, name: str, more: str, home: Path) -> None:
    """An experiment from a template, and the same written out."""
    file = home / "experiments" / f"{name}.yaml"
    file.write_text(experiment_text(template, needs(template, name)) + more)
    whole = load_experiment(file).model_dump(mode="json", exclude_unset=True)
    whole["name"] += "-whole"
    (home / "whole" / file.name).write_text(yaml.safe_dump(whole, sort_keys=False))


def main(runs: int = 30) -> None:
    """Measure and print medians."""
    with tempfile.TemporaryDirectory(prefix="template-parse-") as temporary:
        home = Path(temporary)
        for folder in ("experiments", "whole", "templates"):
            (home / folder).mkdir()
        build_dag(PRODUCT_ROOT / "experiments" / "digits_mlp.yaml")  # imports, and what is built once
        in_child(lambda: prepare(home))  # so that this process has read no template
        for file in sorted((home / "experiments").iterdir()):
            whole = home / "whole" / file.name
            pairs = [(_built(file, home), _built(whole, home)) for _ in range(runs)]
            ratio = statistics.median(one / other for one, other in pairs)
            short, long = (1000 * statistics.median(side) for side in zip(*pairs, strict=True))
            print(f"{file.stem:30} {short:6.2f} ms; written out {long:6.2f} ms; {ratio:.2f} times")


def _built(file: Path, home: Path) -> float:
    return in_child(lambda: build_dag(file, home))


if __name__ == "__main__":
    main()
