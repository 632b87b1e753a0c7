"""This product's code in an environment: a link to the very package that runs, so both are one release for ever.

Only the package's folder is linked. The folder around it may be Airflow's whole site-packages.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import automl_core
from automl_core.environments.problems import EnvironmentProblem
from automl_core.release import RELEASE

DISTRIBUTION = "automl-core"


def package_folder() -> Path:
    """The folder of the package that runs.

    Raises:
        EnvironmentProblem: it is in no folder (a zip file), which no other Python could be given.
    """
    folder = Path(os.path.realpath(os.path.dirname(automl_core.__file__ or "")))
    if not (folder / "release.py").is_file():
        inside = " (a zip file)" if any(zipfile.is_zipfile(each) for each in folder.parents if each.is_file()) else ""
        raise EnvironmentProblem(
            f"automl_core runs from {folder}{inside}, which is no folder that an environment could link: install it "
            "with pip", systematic=True,
        )  # fmt: skip
    return folder


def link_into(site_packages: Path) -> None:
    """Link the package, and say to whoever asks which release it is.

    Args:
        site_packages: of the environment.

    Raises:
        EnvironmentProblem: see `package_folder`.
        OSError: it can't be written.
    """
    here = site_packages / "automl_core"
    if here.is_symlink() or here.is_file():
        here.unlink()
    elif here.exists():
        shutil.rmtree(here)
    here.symlink_to(package_folder(), target_is_directory=True)
    described = site_packages / f"automl_core-{RELEASE}.dist-info"
    described.mkdir(exist_ok=True)
    (described / "METADATA").write_text(_metadata(), encoding="utf-8")
    (described / "INSTALLER").write_text("automl\n", encoding="utf-8")
    (described / "RECORD").write_text("", encoding="utf-8")


def _metadata() -> str:
    """What the distribution says of itself, where it is installed as one: its extras and what they need."""
    try:
        found = distribution(DISTRIBUTION)
        text = found.read_text("METADATA") if found.version == RELEASE else None
    except PackageNotFoundError:
        text = None
    return text or f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {RELEASE}\n"
