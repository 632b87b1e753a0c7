"""A template's version checked as far as that goes without running it, down to the search that it makes."""

from __future__ import annotations

from pathlib import Path

from automl_core.preview.checks import check_experiment
from automl_core.spec.loader import locate
from automl_core.templates.checking import Checked, check_template


def examine_template(folder: Path) -> Checked:
    """As `check_template`, and whether its algorithm can search what it searches by default.

    Args:
        folder: that the version lies in.
    """
    found = check_template(folder)
    template = found.template
    if template is None or found.problems or not found.experiments:
        return found
    if any(known.searched is True for known in template.parameters.values()):
        experiment, document = found.experiments[0]
        found.problems += locate(check_experiment(experiment), document)
    return found
