"""Which releases of Airflow this release runs on, and what is said of others."""

from __future__ import annotations

import re

OLDEST = (3, 3, 0)
BELOW = (3, 4)
"""Releases before this one: what depends on Airflow's insides (`automl_airflow.compat`) was tried with them alone."""


class UnsupportedAirflow(RuntimeError):
    """The Airflow that runs is none that this release of the product was made for."""


def check_airflow(version: str | None = None) -> None:
    """Make sure that the Airflow that runs is supported.

    Args:
        version: of Airflow; the installed one when left out.

    Raises:
        UnsupportedAirflow: it says which releases are, and how to get one.
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    if version is None:
        import airflow

        version = str(airflow.__version__)
    if OLDEST <= tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < BELOW:
        return
    try:  # only now: each task's process asks, and looking through all that is installed takes a fiftieth of a second
        ours = version_of("airflow-automl")
    except PackageNotFoundError:
        ours = "(not installed as a package)"
    least, below = (".".join(map(str, each)) for each in (OLDEST, BELOW))
    raise UnsupportedAirflow(
        f"airflow-automl {ours} runs on Airflow {least} and later, below {below}, and this is Airflow {version}: the "
        f"web view and experiment files are switched off. Install a release of airflow-automl for this Airflow, or "
        f"this one beside 'apache-airflow>={least},<{below}' (docs/deployment.md has the support matrix)"
    )
