"""The rules of docs/architecture.md: who may import whom, and what no file of the product does.

Imports count wherever they stand: at the top of a file, inside a function, for type checkers only, or as a name in a
registry. A rule that gets in the way is changed here and in docs/architecture.md together, with its reason.
"""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.sources import PRODUCT, ROOT, Source, sources

BESIDE = frozenset({"states", "release", "extras", "structs", "bearer", "rates", "masking"})
"""Parts of automl_core that import nothing of it and that every other part may import."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    # results → study → (search, stopping, metrics) → space → spec, and what stands beside
    "states": frozenset(),
    "release": frozenset(),
    "extras": frozenset(),
    "structs": frozenset(),
    "bearer": frozenset(),
    "rates": frozenset(),
    "masking": frozenset(),
    "storage": frozenset(),
    "journal": frozenset({"storage"}),
    "spec": frozenset(),
    # a trial's parameters as the file that its program reads
    "specfiles": frozenset({"spec"}),
    # the code that goes along: packed, kept, unpacked
    "code": frozenset({"spec", "storage"}),
    "space": frozenset({"spec"}),
    # versions of trainings, laid under an experiment's file; pulling one reads a store
    "templates": frozenset({"space", "specfiles", "spec", "storage"}),
    "search": frozenset({"space", "spec"}),
    "stopping": frozenset({"space", "spec"}),
    "metrics": frozenset({"space", "spec"}),
    # who took what, and which data were read, in a closed environment
    "audit": frozenset({"storage"}),
    # what a deployment allows in its closed environment
    "closed": frozenset({"spec"}),
    "backends": frozenset({"closed", "spec"}),
    # places of data, fingerprints, a cache per machine, reading tables; knows no model
    "data": frozenset({"spec", "storage", "backends"}),
    # a lock file → a Python with its packages, made once per machine, by processes that are watched as trainings are
    "environments": frozenset({"backends", "spec"}),
    "study": frozenset({"journal", "search", "stopping", "metrics", "space", "spec", "storage"}),
    "results": frozenset(
        {"data", "study", "journal", "search", "stopping", "metrics", "space", "specfiles", "spec", "storage"}
    ),
    # predictions → what a model gets right and wrong
    "details": frozenset(),
    # what people look at, folded from the state
    "views": frozenset({"results", "study", "journal", "search", "stopping", "metrics", "space", "spec", "storage"}),
    # what can go from a model storage path
    "housekeeping": frozenset(
        {
            "annotation",
            "audit",
            "environments",
            "results",
            "study",
            "models",
            "journal",
            "search",
            "stopping",
            "metrics",
            "space",
            "code",
            "templates",
            "spec",
            "storage",
        }
    ),
    # runs one slot: substitution, backend, metrics, study, storage
    "running": frozenset(
        {
            "audit",
            "data",
            "environments",
            "study",
            "journal",
            "stopping",
            "metrics",
            "space",
            "code",
            "specfiles",
            "spec",
            "storage",
            "backends",
            "details",
        }
    ),
    # scoring whole tables where they lie: a model's SQL, run by the way into MaxCompute
    "batch": frozenset({"backends", "modelfile", "spec"}),
    # what training programs share, in the trial's environment
    "training": frozenset({"data"}),
    # the folder of a model: write, check, load; its scorers need numpy alone
    "modelfile": frozenset(),
    # the training program for tables: no journal, no store
    "tabular": frozenset({"data", "details", "modelfile", "optimizer", "search", "space", "spec", "training"}),
    # the training program for series: no journal, no store; what tables have that holds for series too is theirs
    "forecasting": frozenset(
        {"data", "details", "modelfile", "optimizer", "search", "space", "spec", "tabular", "training"}
    ),
    # the life of a model; its evaluation knows no store and no journal, and its tests are models of the file
    "models": frozenset(
        {
            "backends",
            "closed",
            "data",
            "details",
            "forecasting",
            "journal",
            "modelfile",
            "results",
            "spec",
            "storage",
            "study",
            "tabular",
            "training",
        }
    ),
    # labels: which items people should look at, which two models may label, how right labels are
    "annotation": frozenset(
        {"backends", "closed", "data", "journal", "modelfile", "results", "spec", "storage", "study"}
    ),
    # other tools' results, written as runs that have ended
    "importing": frozenset({"study", "journal", "search", "space", "spec", "storage"}),
    # ask and tell in memory, without Airflow
    "optimizer": frozenset({"search", "space", "spec"}),
    # runs in another tracking server
    "tracking": frozenset({"views", "results", "models", "study", "journal", "metrics", "spec", "storage"}),
    # NVIDIA TAO's words, files and metadata, read and written
    "tao": frozenset(
        {"templates", "importing", "results", "study", "journal", "search", "space", "specfiles", "spec", "storage"}
    ),
    # what an experiment will be, before it runs
    "preview": frozenset(
        {
            "environments",
            "results",
            "study",
            "journal",
            "search",
            "space",
            "metrics",
            "code",
            "data",
            "templates",
            "specfiles",
            "spec",
            "storage",
            "backends",
        }
    ),
    # Airflow's REST API, and the command line over everything
    "client": frozenset({"spec"}),
    # the server of models: no Airflow, no search; of study the names of folders alone
    "serving": frozenset({"backends", "journal", "modelfile", "models", "spec", "storage", "study"}),
    "cli": frozenset(
        {
            "annotation",
            "audit",
            "batch",
            "client",
            "environments",
            "data",
            "running",
            "serving",
            "details",
            "importing",
            "housekeeping",
            "preview",
            "results",
            "study",
            "journal",
            "search",
            "stopping",
            "metrics",
            "space",
            "code",
            "specfiles",
            "spec",
            "storage",
            "backends",
            "tao",
            "templates",
            "tracking",
            "modelfile",
            "models",
            # `automl predict` measures and draws forecasts against what came
            "forecasting",
        }
    ),
}
"""Part of automl_core → parts that it may import (itself and `BESIDE` always)."""

HEAVY = ("airflow", "boto3", "botocore", "kubernetes", "kubernetes_asyncio", "numpy", "odps", "pandas",
         "pyarrow", "scipy", "sklearn", "tensorboard")  # fmt: skip
"""What must not be loaded before it is used: DAG files are parsed all day, and by each task's process."""

LIGHT = (
    "automl_core", "automl_core.spec", "automl_core.spec.loader", "automl_core.templates", "automl_core.space",
    "automl_core.search",
    "automl_core.stopping", "automl_core.metrics", "automl_core.storage", "automl_core.backends", "automl_core.study",
    "automl_core.data", "automl_core.data.inputs",
    "automl_core.journal", "automl_core.code", "automl_core.specfiles", "automl_core.details",
    "automl_core.results", "automl_core.housekeeping", "automl_core.views", "automl_core.running", "automl_core.client",
    "automl_core.importing.writing", "automl_core.modelfile", "automl_core.models.file",
    "automl_core.models.file.checks", "automl_core.annotation", "automl_core.annotation.file",
    "automl_core.annotation.file.checks", "automl_core.rates",
    "automl_core.cli",
)  # fmt: skip
"""Modules that load none of `HEAVY`."""

UNPICKLING = frozenset({"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"})
"""Modules that run what they read."""

LONG_FILES: dict[str, str] = {
    "automl_core/study/study.py": "the one class that everybody asks; how it answers stands in its parts",
}
"""File of more than `LONG` lines → why it has one subject all the same."""

LONG = 400


def part_of(module: str) -> str | None:
    """The part of automl_core that a module or an imported name belongs to."""
    parts = module.split(".")
    return parts[1] if parts[0] == "automl_core" and len(parts) > 1 else None


def wrong_imports(source: Source) -> list[str]:
    """Imports of one file of automl_core against the rules, in words."""
    own = part_of(source.module)
    if own is None:  # the package itself only names what it exports
        return []
    if own not in MAY_IMPORT:
        return [f"{source.place}: the part {own!r} has no place among the layers; give it one in MAY_IMPORT"]
    allowed = MAY_IMPORT[own] | BESIDE | {own}
    return [
        f"{source.place}:{each.line}: {own} may not import {each.name} (allowed: {', '.join(sorted(allowed))})"
        for each in source.imports
        if (part := part_of(each.name)) is not None and part in MAY_IMPORT and part not in allowed
    ]


def test_layers_have_no_circle() -> None:
    def above(part: str, seen: tuple[str, ...]) -> None:
        assert part not in seen, f"the layers go round: {' → '.join((*seen, part))}"
        for lower in MAY_IMPORT[part]:
            above(lower, (*seen, part))

    for part in MAY_IMPORT:
        above(part, ())


def test_every_layer_exists() -> None:
    parts = {part_of(source.module) for source in sources("automl_core")} - {None}
    assert parts == set(MAY_IMPORT)


def test_imports_run_downward() -> None:
    assert not [wrong for source in sources("automl_core") for wrong in wrong_imports(source)]


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("from automl_core.storage import open_store", True),
        ("def f():\n    import automl_core.study.journal", True),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from automl_core.storage.base import ObjectStore",
            True,
        ),
        ("STORES = {'s3': 'automl_core.storage.s3:S3Store'}", True),
        ("from automl_core.space import Space\nfrom automl_core.states import TrialState\nimport numpy", False),
    ],
)
def test_the_rule_sees_every_kind_of_import(code: str, wrong: bool) -> None:
    source = Source(ROOT / "automl_core" / "search" / "example.py")
    source.__dict__["text"] = code
    assert bool(wrong_imports(source)) is wrong


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("automl_core", ("airflow", "automl_airflow", "dags", "plugins", "benchmarks", "tests", "examples")),
        ("plugins", ("dags", "benchmarks", "tests", "examples")),
        ("dags", ("automl_core", "benchmarks", "tests", "examples")),
        # Programs of templates know what trainings share, and nothing of searches (see below).
        ("templates", ("automl_airflow", "airflow", "dags", "plugins", "benchmarks", "tests", "examples")),
        # Training code needs no library of ours.
        ("examples", ("automl_core", "automl_airflow", "airflow")),
    ],
)
def test_dags_over_plugins_over_core(folder: str, forbidden: tuple[str, ...]) -> None:
    found = [
        f"{source.place}:{each.line}: {each.name}"
        for source in sources(folder)
        for each in source.imports
        if each.name.split(".")[0] in forbidden
    ]
    assert not found


PROGRAMS = ("automl_core.tabular.program.", "automl_core.forecasting.program.")
"""The programs of the templates for tables and series: the templates' files only call them."""


def test_programs_of_templates_know_trainings_alone() -> None:
    found = [
        f"{source.place}:{each.line}: {each.name}"
        for source in sources("templates")
        for each in source.imports
        if part_of(each.name) not in {None, "training", "data"} and not each.name.startswith(PROGRAMS)
    ]
    assert not found


def test_the_scorer_needs_numpy_alone() -> None:
    """It is copied into every model's folder, as a package of another name (docs/model-file.md)."""
    allowed = {"numpy", *sys.stdlib_module_names}
    found = []
    for source in sources("automl_core/modelfile/scoring"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                package = source.path.parent.relative_to(ROOT / "automl_core/modelfile/scoring").parts
                if node.level > len(package) + 1:
                    found.append(f"{source.place}:{node.lineno}: out of the package")
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                found += [
                    f"{source.place}:{node.lineno}: {name}" for name in names if name.split(".")[0] not in allowed
                ]
    assert not found


def test_the_core_is_light_to_import() -> None:
    program = (
        "import importlib, sys\n"
        f"for name in {LIGHT!r}:\n"
        "    importlib.import_module(name)\n"
        f"    loaded = sorted(set(sys.modules) & set({HEAVY!r}))\n"
        "    assert not loaded, f'{name} loads {loaded}'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_file_says_what_it_is_for() -> None:
    assert not [source.place for source in sources(*PRODUCT) if not ast.get_docstring(source.tree)]


def test_no_file_is_long() -> None:
    lengths = {source.place: len(source.text.splitlines()) for source in sources(*PRODUCT)}
    too_long = {place: lines for place, lines in lengths.items() if lines > LONG}
    assert set(too_long) == set(LONG_FILES), "has it two subjects? If not, say why in LONG_FILES"


UNPICKLES = "automl_core/modelfile/pickles.py"
"""Estimators that nothing else keeps, where their writer asked for pickles and their reader trusts them."""


GENERATES = "automl_core/modelfile/scoring/models/generated.py"
"""Code of a forest's comparisons: numbers and a dozen words, held to that before it is run, without built-ins."""


def test_nothing_that_is_read_is_run() -> None:
    imports = [(source, each.line, each.name) for source in sources(*PRODUCT) for each in source.imports]
    calls = [(source, call, name) for source in sources(*PRODUCT) for name, call in source.calls]
    imports = [(source, line, name) for source, line, name in imports if source.place != UNPICKLES]
    found = [f"{source.place}:{line}: import {name}" for source, line, name in imports if is_unpickling(name)]
    found += [f"{s.place}:{call.lineno}: {why}" for s, call, name in calls if (why := runs_what_it_reads(name, call))]
    assert found == [each for each in found if each.startswith(f"{GENERATES}:")]


SEEDS_ALL = (
    ("plugins/automl_airflow/preloading.py", "numpy.random.seed"),
    ("automl_core/backends/forkserver/server.py", "numpy.random.seed"),
)
"""After a fork alone, for tasks of other DAGs and programs of trials: what they would find without this product, and we
draw nothing of it."""


def test_random_numbers_are_kept_to_oneself() -> None:
    found = [
        f"{source.place}:{call.lineno}: {name}"
        for source in sources(*PRODUCT)
        for name, call in source.calls
        if is_global_random(name, {each.name for each in source.imports if each.name == "random"})
        and (source.place, name) not in SEEDS_ALL
    ]
    assert not found, "the global random state is shared by all: use a generator of your own, made from the seed"


def is_unpickling(name: str) -> bool:
    """Whether an imported name is one of a module that runs what it reads."""
    return name.split(".")[0] in UNPICKLING or name.startswith("multiprocessing.reduction")


def runs_what_it_reads(name: str, call: ast.Call) -> str | None:
    """Why a call may run what it reads, None when it does not."""
    module, _, function = name.rpartition(".")
    arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if not module:
        return name if function in {"eval", "exec", "compile", "__import__"} else None
    if module == "yaml" and function.startswith(("full_load", "unsafe_load")):
        return name
    if module == "yaml" and function in {"load", "load_all"}:
        loader = arguments.get("Loader") or "".join(ast.unparse(each) for each in call.args[1:2])
        return None if "Safe" in loader else f"{name} without a safe loader"
    if arguments.get("allow_pickle") == "True":
        return f"{name} with pickles"
    return name if function == "read_pickle" or name == "torch.load" else None


def is_global_random(name: str, imported: set[str]) -> bool:
    """Whether a call draws from, or seeds, a generator that everybody shares."""
    module, _, function = name.rpartition(".")
    if module == "random" and "random" in imported:
        return function not in {"Random", "SystemRandom"}
    if module in {"np.random", "numpy.random"}:
        return function not in {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}
    return False


@pytest.mark.parametrize(
    "code",
    [
        "eval('1')", "yaml.load(text)", "yaml.load(text, Loader=yaml.Loader)", "yaml.full_load(text)",
        "np.load(path, allow_pickle=True)", "pandas.read_pickle(path)",
    ],
)  # fmt: skip
def test_the_rule_sees_what_runs(code: str) -> None:
    call = ast.parse(code).body[0].value
    assert runs_what_it_reads(ast.unparse(call.func), call)


@pytest.mark.parametrize(
    "code", ["yaml.load(text, Loader=yaml.CSafeLoader)", "yaml.safe_load(text)", "np.load(path, allow_pickle=False)"]
)
def test_the_rule_lets_pass_what_only_reads(code: str) -> None:
    call = ast.parse(code).body[0].value
    assert runs_what_it_reads(ast.unparse(call.func), call) is None


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("random.random", True), ("random.seed", True), ("np.random.rand", True), ("np.random.seed", True),
        ("random.Random", False), ("np.random.default_rng", False), ("rng.random", False),
    ],
)  # fmt: skip
def test_the_rule_sees_shared_randomness(name: str, shared: bool) -> None:
    assert is_global_random(name, {"random"}) is shared
