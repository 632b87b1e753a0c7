"""A published version never changes: how a run that goes on tells that its template's has."""

from __future__ import annotations

from automl_core.spec.template import TemplateVersion
from automl_core.templates.places import short


def why_changed(began: TemplateVersion | None, now: TemplateVersion | None) -> str:
    """Why a run can't go on with its template as it is now; empty where it can.

    A file that names another version since the run began, or another template, is no reason: it holds for the next run,
    and this one goes on with what it began with, whose program is packed in its store.

    Args:
        began: what the run's first record has.
        now: what the experiment file names now, with the digest of its files.
    """
    if began is None or now is None or (began.name, began.version) != (now.name, now.version):
        return ""
    if began.digest == now.digest:
        return ""
    return (
        f"the template {began.label} has changed since this run began ({short(began.digest)} then, {short(now.digest)} "
        f"now), and a version never changes. Put its files back as they were and do this again, or give the change a "
        f"version of its own ({began.name}/{began.version + 1}) and start a new run"
    )
