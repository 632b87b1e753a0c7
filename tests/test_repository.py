"""What stands around the code: pins in step, commands that exist, experiment files that are valid."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from automl_core.annotation.file.checks import examine_annotation_file
from automl_core.models.file import load_model_file
from automl_core.models.file.warnings import warnings_of
from automl_core.preview.checks import check_experiment
from automl_core.release import RELEASE
from automl_core.spec.kinds import ANNOTATION, MODEL
from automl_core.spec.names import stated_kind
from automl_core.templates import load_experiment
from tests.sources import PRODUCT, ROOT

PROJECTS = [
    tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for folder in (".", "plugins")
]
"""The two distributions, automl-core and airflow-automl (tests/test_distributions.py has what tells them apart)."""

DEPENDENCIES = [line for project in PROJECTS for line in project["dependencies"] if not line.startswith("automl-core[")]
EXTRAS: dict[str, list[str]] = {
    extra: lines for project in PROJECTS for extra, lines in project["optional-dependencies"].items()
}
BROUGHT = [
    line for extra in ("kubernetes", "maxcompute", "s3", "search", "sql", "tensorboard") for line in EXTRAS[extra]
]
"""What airflow-automl asks for of automl-core's extras."""
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.yaml"))


PROGRAMS = ("mlp", "lightgbm", "xgboost", "catboost", "text", "image", "transformer")
"""Extras of what the programs of templates train with."""

LARGE = ("xgboost", "catboost", "image", "onnx", "transformer", "tao")
"""Those whose libraries live in .venv-heavy alone; the Makefile's DEVELOPED has the others."""


APART = {"series"}
"""Those whose libraries don't go together with Airflow's: tests/series has an environment of its own."""


def test_the_makefile_develops_with_all_that_is_not_large() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    developed = re.search(r"^DEVELOPED := (.*)$", text, re.MULTILINE)
    assert developed is not None
    brought = {"kubernetes", "maxcompute", "s3", "search", "sql", "tensorboard"}  # airflow-automl asks for them
    assert set(developed[1].split()) == set(EXTRAS) - set(LARGE) - APART - brought


def pins(name: str) -> dict[str, list[Requirement]]:
    """Distribution → its pins in a requirements file (several where they differ between Pythons)."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line)
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def version_of(pin: Requirement) -> Version:
    (specifier,) = pin.specifier
    assert specifier.operator == "==", f"{pin} is not a pin"
    return Version(specifier.version)


@pytest.mark.parametrize(
    ("file", "direct"),
    [
        ("requirements.txt", [*DEPENDENCIES, *BROUGHT, *EXTRAS["examples"], *EXTRAS["postgres"]]),
        (
            "requirements-dev.txt",
            [
                *DEPENDENCIES,
                *(line for name, lines in EXTRAS.items() if name not in {*LARGE, *APART} for line in lines),
            ],
        ),
    ],
)
def test_every_direct_dependency_is_pinned_as_asked(file: str, direct: list[str]) -> None:
    pinned = pins(file)
    for line in direct:
        wanted = Requirement(line)
        versions = [version_of(pin) for pin in pinned.get(canonicalize_name(wanted.name), [])]
        assert versions, f"{file} lacks {wanted.name}: run `make requirements`"
        assert all(version in wanted.specifier for version in versions), f"{file}: {wanted} is pinned at {versions}"


def test_development_runs_what_users_run() -> None:
    def versions(file: str) -> dict[str, set[str]]:  # what else development has may ask for a pin on more systems
        return {name: {str(pin.specifier) for pin in found} for name, found in pins(file).items()}

    development = versions("requirements-dev.txt")
    different = {name: pin for name, pin in versions("requirements.txt").items() if development.get(name) != pin}
    assert not different


def test_the_header_says_how_pins_are_made() -> None:
    for file in ("requirements.txt", "requirements-dev.txt"):
        assert "#    make requirements" in (ROOT / file).read_text(encoding="utf-8").splitlines()[:3]


def test_heavy_tests_have_the_versions_of_the_recorders() -> None:
    def stated(text: str) -> set[tuple[str, str]]:
        return set(re.findall(r"([A-Za-z][\w-]*)==([\w.]+)", text))

    heavy = dict(stated((ROOT / "requirements-heavy.txt").read_text(encoding="utf-8")))
    recorders = [
        *(ROOT / "tests/assets/outputs/make").glob("record_*.py"), ROOT / "tests/assets/optuna/make.py",
        ROOT / "tests/assets/tao/record.py",
    ]  # fmt: skip
    headers = [path.read_text(encoding="utf-8") for path in recorders]
    recorded = set().union(*(stated(text.partition('# ///\n"""')[0]) for text in headers))
    own = {canonicalize_name(Requirement(line).name) for name in PROGRAMS for line in EXTRAS[name]}
    own |= {"pydantic", "pyyaml"}  # of automl-core, which is no distribution there
    own |= {"httpx", "pandas", "nbclient", "nbformat", "ipykernel"}  # the notebook's
    own |= {"mlflow"}  # a server that is spoken to
    own |= {"onnx", "onnxruntime"}  # what an export is written and run with
    assert {name: version for name, version in heavy.items() if name not in own}.items() <= recorded
    assert not {(name, version) for name, version in recorded if heavy.get(name, version) != version}


def test_what_is_installed_fits_together() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "check", "--python", sys.executable],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def committed_files() -> list[Path]:
    """Files that git knows or would add."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [path for name in done.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_no_file_names_a_package_registry() -> None:
    # put together here, so that this file does not name one either
    words = [("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org")]
    pattern = re.compile("|".join([*(r"\.".join(parts) for parts in words), "--(extra-)?index" + "-url"]))
    texts = [(path, path.read_text(encoding="utf-8", errors="ignore")) for path in committed_files()]
    assert not [path.relative_to(ROOT).as_posix() for path, text in texts if pattern.search(text)]


def make_targets() -> set[str]:
    """Commands that `make help` lists."""
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {line.split()[0] for line in done.stdout.splitlines()[1:]}


def test_no_page_or_message_installs_us_by_a_name_that_anyone_could_take() -> None:
    """Until they are on an index, their names there are nobody's: `pip install airflow-automl` would be theirs."""
    pattern = re.compile(r"(?:pip|uv)\b[^\n]*\binstall\b[^\n]*?[\s'\"](?:airflow-automl|automl-core)\b")
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *(p for f in PRODUCT for p in (ROOT / f).rglob("*.py"))]
    wrong = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in texts
        for found in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not wrong
    assert pattern.search("pip install 'airflow-automl[notebook]'"), "the rule sees what it is for"
    assert pattern.search("pip install automl-core")
    assert not pattern.search("pip install dist/airflow_automl-1.whl"), "a wheel of one's own is none"


def test_commands_in_the_pages_exist() -> None:
    pages = [
        "README.md",
        "CONTRIBUTING.md",
        ".ci/run",
        *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
    ]
    used = {
        target
        for page in pages
        for target in re.findall(
            r"(?:^\$ |`|exec )make ([a-z][a-z0-9-]*)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert {"demo", "test"} <= used
    assert used <= make_targets()


def test_ci_runs_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert script.read_text(encoding="utf-8").rstrip().endswith("exec make test </dev/null")


def test_no_suitable_python_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("requirements.txt", "pyproject.toml", "plugins/pyproject.toml", "automl_core/release.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh", "touch"):
        where = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (tools / name).symlink_to(where)
    old = tools / "python3"  # what a pyenv shim does for a version that is not installed
    old.write_text("#!/bin/sh\necho 'pyenv: python3: command not found' >&2\nexit 127\n")
    old.chmod(0o755)
    environment = {"PATH": str(tools), "HOME": str(tmp_path)}
    done = subprocess.run(["make", "setup"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "make PYTHON=/path/to/python3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_experiment_files_are_valid(path: Path) -> None:
    if stated_kind(path) == MODEL:
        file = load_model_file(path)
        assert not [each for each in warnings_of(file) if each.severity == "warning"]
        assert f"{file.name}.model" == path.stem
        assert path.read_text(encoding="utf-8").startswith("# "), "a file of the gallery says what it shows"
        return
    if stated_kind(path) == ANNOTATION:
        examined = examine_annotation_file(path)
        assert not [each for each in examined.warnings if each.severity == "warning"]
        assert f"{examined.file.name}.annotation" == path.stem
        assert path.read_text(encoding="utf-8").startswith("# "), "a file of the gallery says what it shows"
        return
    experiment = load_experiment(path)
    assert check_experiment(experiment) == []
    assert experiment.name == path.stem
    assert path.read_text(encoding="utf-8").startswith("# "), "a file of the gallery says what it shows"


def test_the_gallery_shows_every_experiment_file() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in EXPERIMENTS if f"(experiments/{path.name})" not in readme]


def test_the_changelog_speaks_of_this_version() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    headings = [line for line in lines if line.startswith("## ")]
    assert headings[0] == "## [Unreleased]"
    versions = [Version(re.match(r"## \[(.+?)\] - \d{4}-\d{2}-\d{2}$", line)[1]) for line in headings[1:]]  # type: ignore[index]
    assert versions == sorted(versions, reverse=True)
    assert all(version <= Version(RELEASE) for version in versions)


def test_the_license_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert all(project["license"] == "Apache-2.0" for project in PROJECTS)
    assert (ROOT / "plugins/LICENSE").read_text(encoding="utf-8") == text, (
        "a distribution's files lie in its own folder"
    )
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert all(
        part in text
        for part in ("9. Accepting Warranty", "END OF TERMS AND CONDITIONS", "limitations under the License.")
    )


def test_pre_commit_runs_installed_tools() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    for repository in config["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            tool, *arguments = hook["entry"].split()
            assert tool.startswith(".venv/bin/")
            assert Path(sys.executable).with_name(Path(tool).name).exists()
            assert not [name for name in arguments if name.startswith("tests/") and not (ROOT / name).exists()]
