"""The two distributions of this repository: what each declares and holds, and automl-core without Airflow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import distributions, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from automl_core.extras import EXTRAS, extras_of
from automl_core.release import RELEASE
from automl_core.tao.tasks import PROGRAM_FILES
from tests.sources import ROOT, sources
from tests.support.patience import stretched

CORE, AIRFLOW = (
    tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8")) for folder in (".", "plugins")
)

BROUGHT_BY = {
    "pydantic-core": "pydantic",
    "botocore": "boto3", "s3transfer": "boto3", "mypy-boto3-s3": "boto3-stubs", "protobuf": "tensorboard",
    "apache-airflow-core": "apache-airflow", "apache-airflow-task-sdk": "apache-airflow",
    "cryptography": "apache-airflow", "fastapi": "apache-airflow", "sqlalchemy": "apache-airflow",
    "starlette": "apache-airflow", "structlog": "apache-airflow", "uvicorn": "apache-airflow",
    # asked for by Airflow's provider alone, which brings it
    "openlineage": "apache-airflow", "openlineage-python": "apache-airflow",
}  # fmt: skip
"""Distribution that is imported without being a dependency of its own → the one whose part or promise it is."""

PARTS_OF_AIRFLOW = {
    "apache-airflow-providers-cncf-kubernetes": "airflow.providers.cncf.kubernetes",
    "apache-airflow-providers-standard": "airflow.providers.standard",
}
"""Distribution that shares the package ``airflow`` with others → the part of it that is its own."""

NOT_PRODUCT = {"examples", "dev"}
"""Extras of automl-core for this repository alone: nothing that is installed imports what they bring."""

OF_TEMPLATES = set(CORE["project"]["optional-dependencies"]) - NOT_PRODUCT - set(EXTRAS)
"""Extras of automl-core for the environment of a trial: what the programs below templates/ import."""


def declared(lines: Iterable[str]) -> set[str]:
    """Names of the distributions that requirements ask for."""
    return {canonicalize_name(Requirement(line).name) for line in lines}


@cache
def by_import() -> Mapping[str, list[str]]:
    """Package as it is imported → distributions that bring it: asked once, for each file that is installed is read."""
    return packages_distributions()


def needed(*folders: str) -> Iterator[tuple[str, str, set[str]]]:
    """Place, dotted name and possible distributions of each import that is none of ours or of the standard library."""
    by_package = by_import()
    for source in sources(*folders):
        for each in source.imports:
            package = each.name.split(".")[0]
            if package in sys.stdlib_module_names or package in ("automl_core", "automl_airflow"):
                continue
            if source.place.startswith("automl_core/tao/program/") and f"{package}.py" in PROGRAM_FILES:
                continue  # a program that goes along: they lie side by side where it runs
            # a library that is not installed here (CatBoost) is looked for under its own name
            names = {canonicalize_name(name) for name in by_package.get(package, [package])}
            names |= {BROUGHT_BY[name] for name in names & set(BROUGHT_BY)}
            yield f"{source.place}:{each.line}: {each.name}", each.name, names


def installed() -> set[str]:
    """Names of the distributions of this environment."""
    return {canonicalize_name(each.name) for each in distributions()}


def wanted_of_core(name: str) -> set[str]:
    """What may bring an import of automl_core: its extra's packages, or those of every installation."""
    extras = CORE["project"]["optional-dependencies"]
    lines = [line for extra in extras_of(name) for line in extras[extra]]
    return declared(lines or CORE["project"]["dependencies"])


def test_what_automl_core_imports_is_declared_where_it_is_needed() -> None:
    types_only = declared(CORE["project"]["optional-dependencies"]["dev"])  # below TYPE_CHECKING
    found = list(needed("automl_core"))
    extras = CORE["project"]["optional-dependencies"]
    of_templates = declared(line for extra in OF_TEMPLATES for line in extras[extra])
    assert not [
        place
        for place, name, names in found
        if not names & (wanted_of_core(name) | {"boto3-stubs"} & types_only)
        and not (extras_of(name) == ("tao",) and not wanted_of_core(name) & installed())  # too large for here
        and not (place.startswith("automl_core/training/") and names & of_templates)
    ]


def test_what_airflow_automl_imports_is_declared() -> None:
    of_its_own = declared(AIRFLOW["project"]["dependencies"]) - {"automl-core"}
    assert not [place for place, _, names in needed("plugins", "dags") if not names & of_its_own]


@pytest.mark.parametrize(("project", "folders"), [(CORE, ["automl_core", "templates"]), (AIRFLOW, ["plugins", "dags"])])
def test_nothing_is_declared_in_vain(project: dict[str, Any], folders: list[str]) -> None:
    imports = [(name, names) for _, name, names in needed(*folders)]
    used = {each for name, names in imports for each in names if not name.startswith("airflow.providers.")}
    used |= {each for each, part in PARTS_OF_AIRFLOW.items() if any(name.startswith(f"{part}.") for name, _ in imports)}
    extras = project["project"]["optional-dependencies"]
    lines = [line for extra, lines in extras.items() if extra not in NOT_PRODUCT for line in lines]
    asked = declared([*project["project"]["dependencies"], *lines])
    drivers = {"asyncpg", "psycopg2-binary"}  # loaded by SQLAlchemy, by a database's address
    elsewhere = {canonicalize_name(Requirement(line).name) for line in lines} - installed()  # in .venv-heavy
    assert asked - used - drivers - elsewhere - {"automl-core"} == set()


def test_every_extra_is_one_that_can_be_named() -> None:
    assert set(EXTRAS) <= set(CORE["project"]["optional-dependencies"])
    assert not OF_TEMPLATES or list(sources("templates")), f"nothing imports what {OF_TEMPLATES} bring"
    imported = {name for _, name, _ in needed("automl_core")}
    for extra, packages in EXTRAS.items():
        for package in packages:
            assert any(f"{name}.".startswith(f"{package}.") for name in imported), f"{extra}: nothing imports {package}"


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("numpy.linalg", ("search", "series", "serving", "sql", "tabular")), ("google", ("tensorboard",)),
        ("google.protobuf.message", ("tensorboard",)), ("google.cloud", ()), ("numpydoc", ()), ("pydantic", ()),
    ],
)  # fmt: skip
def test_a_missing_module_is_told_from_what_only_sounds_like_it(name: str, extra: tuple[str, ...]) -> None:
    assert extras_of(name) == extra


def test_airflow_automl_asks_for_the_same_release_of_automl_core_with_all_that_an_experiment_may_name() -> None:
    (line,) = (each for each in AIRFLOW["project"]["dependencies"] if each.startswith("automl-core"))
    requirement = Requirement(line)
    assert str(requirement.specifier) == f"=={RELEASE}", "a release changes RELEASE and this line together"
    trainings = {"catboost", "mlp", "series", "tables", "tabular"}  # what a trial's environment has
    by_hand = {"notebook", "onnx", "serving", "tao"}  # looking, handing on, serving and pulling happen elsewhere
    assert requirement.extras == set(EXTRAS) - by_hand - trainings


def test_one_place_has_the_version() -> None:
    paths = {CORE["tool"]["hatch"]["version"]["path"], AIRFLOW["tool"]["hatch"]["version"]["path"].removeprefix("../")}
    assert paths == {"automl_core/release.py"}
    assert "version" not in CORE["project"]
    assert "version" not in AIRFLOW["project"]


# --- built and installed ----------------------------------------------------------------------------------------


def clean(**more: str) -> dict[str, str]:
    """This process's environment without what leads back to the checkout."""
    dropped = ("PYTHONPATH", "VIRTUAL_ENV", "AIRFLOW_HOME", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in dropped and "AUTOML" not in name} | more


def uv(*arguments: str | Path) -> None:
    """A command of uv: with what is at hand on this machine, or else with the package registry."""
    command = [str(Path(sys.executable).with_name("uv")), *map(str, arguments), "--quiet"]
    for offline in (["--offline"], []):
        done = subprocess.run([*command, *offline], env=clean(), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both wheels, by the name of their distribution."""
    folder = tmp_path_factory.mktemp("dist")
    for project in (ROOT, ROOT / "plugins"):
        uv("build", "--wheel", "--out-dir", folder, project)
    return {path.name.partition("-")[0].replace("_", "-"): path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def core(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with automl-core alone, in the versions of this checkout."""
    folder = tmp_path_factory.mktemp("core") / "venv"
    uv("venv", "--python", sys.executable, folder)
    python, pins = folder / "bin" / "python", ROOT / "requirements-dev.txt"
    uv("pip", "install", "--python", python, "--constraint", pins, wheels["automl-core"])
    return folder / "bin"


def run(folder: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / command[0], *command[1:]], cwd=cwd, env=clean(PATH=f"{folder}:{os.environ['PATH']}"),
        capture_output=True, text=True, check=False, timeout=stretched(100),
    )  # fmt: skip


def members(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.file_size for each in archive.infolist()}


def known_to_git(folder: str) -> set[str]:
    """Files of a folder that git knows or would add, relative to it."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."],
        cwd=ROOT / folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name for name in done.stdout.splitlines() if (ROOT / folder / name).is_file()}


def test_the_wheels_hold_every_file_of_their_packages_and_nothing_else(wheels: dict[str, Path]) -> None:
    assert set(wheels) == {"automl-core", "airflow-automl"}
    core_has = {name for name in members(wheels["automl-core"]) if ".dist-info/" not in name}
    templates = {f"automl_core/shipped_templates/{name}" for name in known_to_git("templates")}
    assert core_has == {f"automl_core/{name}" for name in known_to_git("automl_core")} | templates
    assert "automl_core/py.typed" in core_has
    airflow_has = {name for name in members(wheels["airflow-automl"]) if ".dist-info/" not in name}
    assert airflow_has == {f"automl_airflow/{name}" for name in known_to_git("plugins/automl_airflow")}
    assert "automl_airflow/web/static/vendor/echarts.js" in airflow_has


def test_the_wheels_say_what_they_are(wheels: dict[str, Path]) -> None:
    def metadata(distribution: str, name: str) -> str:
        place = f"{distribution.replace('-', '_')}-{RELEASE}.dist-info/{name}"
        with zipfile.ZipFile(wheels[distribution]) as archive:
            return archive.read(place).decode()

    assert "[console_scripts]\nautoml = automl_core.cli:main" in metadata("automl-core", "entry_points.txt")
    assert "[airflow." not in metadata("automl-core", "entry_points.txt")
    points = metadata("airflow-automl", "entry_points.txt")
    assert "[airflow.plugins]" in points
    assert "[airflow.policy]" in points
    assert "console_scripts" not in points
    assert not re.search(r"^Requires-Dist: (?!.*extra ==).*airflow", metadata("automl-core", "METADATA"), re.MULTILINE)
    for distribution in wheels:
        assert "Apache License" in metadata(distribution, "licenses/LICENSE")


IMPORT_ALL = """
import importlib, json, pkgutil, sys
import automl_core
from automl_core.extras import extras_of
missing = {}
for module in pkgutil.walk_packages(automl_core.__path__, "automl_core."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        missing.setdefault([*extras_of(error.name), error.name][0], []).append(module.name)
print(json.dumps({"missing": missing, "airflow": "airflow" in sys.modules, "place": automl_core.__file__}))
"""


def test_every_module_that_needs_no_extra_is_imported_without_airflow(core: Path, tmp_path: Path) -> None:
    done = run(core, "python", "-c", "import airflow", cwd=tmp_path)
    assert "No module named 'airflow'" in done.stderr
    done = run(core, "python", "-c", IMPORT_ALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert str(core.parent) in told["place"]
    assert not told["airflow"]
    parts = {extra: {name.split(".")[1] for name in names} for extra, names in told["missing"].items()}
    assert set(parts) <= set(EXTRAS), told["missing"]
    trainings = {"training", "details", "modelfile", "tabular", "forecasting", "models", "serving"}
    assert parts["search"] <= {"search", "stopping", "views", "annotation"} | trainings
    assert parts["s3"] == {"storage"}
    assert parts["kubernetes"] == {"backends", "serving"}


def test_nothing_large_comes_with_it(core: Path, tmp_path: Path) -> None:
    """What takes airflow-automl's size, so that automl-core takes a tenth at most (benchmarks/sizes.py measures it)."""
    program = "from importlib.metadata import distributions\nprint(*(each.name for each in distributions()))"
    done = run(core, "python", "-c", program, cwd=tmp_path)
    found = {canonicalize_name(name) for name in done.stdout.split()}
    extras = CORE["project"]["optional-dependencies"]
    assert found & declared(line for lines in extras.values() for line in lines) == set()
    assert not [name for name in found if name.startswith(("apache-airflow", "airflow"))]
    assert "automl-core" in found


EXPERIMENT = """
name: small
goal: {metric: accuracy, direction: maximize}
search: {algorithm: ALGORITHM}
space:
  x: {type: uniform, low: 0, high: 1}
trials: {max: 3, concurrency: 1}
tasks:
  - {name: train, command: [python, -c, "print('accuracy=', ${x})"]}
"""


def test_the_command_validates_and_tries_without_airflow(core: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(EXPERIMENT.replace("ALGORITHM", "random"))
    done = run(core, "automl", "--help", cwd=tmp_path)
    assert (done.returncode, "validate" in done.stdout) == (0, True), done.stderr
    done = run(core, "automl", "validate", str(file), cwd=tmp_path)
    assert (done.returncode, f"{file}: valid" in done.stdout) == (0, True), done.stdout + done.stderr
    done = run(core, "automl", "try", str(file), "--json", "--set", "x=0.25", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["judged"]["value"] == 0.25


def test_the_command_names_the_extra_that_an_experiment_needs(core: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(EXPERIMENT.replace("ALGORITHM", "bayesian"))
    assert run(core, "automl", "validate", str(file), cwd=tmp_path).returncode == 0, "the file is valid all the same"
    done = run(core, "automl", "preview", str(file), cwd=tmp_path)
    assert done.returncode == 1
    expected = "the search algorithm bayesian needs scipy, which is not installed: it comes with the extra search, as "
    assert done.stderr == f"{expected}automl-core[search]\n"


NEEDS = """
import json
from automl_core.extras import MissingExtra
from automl_core.backends.maxcompute.access import Access
from automl_core.optimizer import Optimizer
from automl_core.search.registry import algorithm_class, names
from automl_core.storage import open_store

def said(act):
    try:
        act()
    except MissingExtra as error:
        return str(error)
    return "works"

SPACE = {"x": {"type": "uniform", "low": 0, "high": 1}, "c": {"type": "choice", "values": ["a", "b"]}}

BUDGET = {"min": 1, "max": 9, "factor": 3}

def searches(name):
    options = {"resolution": 3} if name == "grid" else {}
    budget = BUDGET if algorithm_class(name).uses_budget else None
    optimizer = Optimizer(SPACE, algorithm=name, max_trials=30, budget=budget, **options)
    for _ in range(25):
        trial = optimizer.ask()
        if trial is None:
            return
        optimizer.tell(trial, trial.params["x"])

told = {name: said(lambda: searches(name)) for name in names()}
told["s3://"] = said(lambda: open_store("s3://bucket/prefix"))
told["oss://"] = said(lambda: open_store("oss://bucket/prefix"))
told["maxcompute"] = said(Access("id", "secret", "project", "http://127.0.0.1").client)
print(json.dumps(told))
"""


def test_each_part_works_or_names_its_extra(core: Path, tmp_path: Path) -> None:
    done = run(core, "python", "-c", NEEDS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    plain = {"annealing", "asha", "dehb", "evolution", "grid", "hyperband", "pbt", "random"}
    assert {name for name, text in told.items() if text == "works"} == plain
    extras = {"s3://": "s3", "oss://": "s3", "maxcompute": "maxcompute"}
    for name in told.keys() - plain:
        extra = extras.get(name, "search")
        assert told[name].endswith(f"it comes with the extra {extra}, as automl-core[{extra}]"), f"{name}: {told[name]}"
    assert told["tpe"].startswith("the search algorithm tpe needs ")
    assert told["s3://"].startswith("a store at s3:// needs boto3, which is not installed")
