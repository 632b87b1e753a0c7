"""Whether an experiment's template has a newer version."""

from __future__ import annotations

from automl_core.spec.errors import Problem
from automl_core.spec.template import TemplateVersion
from automl_core.templates.places import Places


def newer_version(template: TemplateVersion | None, places: Places) -> Problem | None:
    """A note that there is a newer version; None where there is none, or no template.

    Args:
        template: of the experiment.
        places: where its versions lie.
    """
    newest = places.newer(template.name, template.version) if template is not None else None
    if template is None or newest is None:
        return None
    return Problem(
        f"{template.name} has a newer version, {template.name}@{newest}", ("template",), found=template.label,
        severity="note", suggestion=f"See what it is with automl template show {template.name}@{newest}",
    )  # fmt: skip
