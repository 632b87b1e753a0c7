"""What a person reads on the approval page, and where they find the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from automl_core.models.life import Version


def page_of(model: str, version: int) -> str:
    """The address of a version's page in our web view, with Airflow's own before it where that is configured."""
    from airflow.configuration import conf

    base = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return f"{base}/automl/models/{quote(model, safe='')}/versions/{version}"


def subject_of(model: str, version: Version, evidence: Mapping[str, Any]) -> str:
    """The headline of the question."""
    ok = (evidence.get("verdict") or {}).get("ok")
    said = "it meets the conditions" if ok else "whether it meets the conditions can't be told"
    return f"Version {version.number} of {model}: may it be used? ({said})"


def body_of(model: str, version: Version, evidence: Mapping[str, Any]) -> str:
    """The evidence as Markdown, what it can't tell at the top, and which evidence it is at the bottom."""
    from automl_core.models.evaluation import markdown_of
    from automl_core.models.evaluation.markdown import escaped

    asked = version.asked
    verdict = evidence.get("verdict") or {}
    parts = []
    if verdict.get("ok") is None:
        reasons = "; ".join(escaped(each, 300) for each in verdict.get("reasons") or ())
        parts.append(f"**It can't be told whether the conditions are met** ({reasons}). You decide.")
    parts.append(markdown_of(evidence, page_of(model, version.number)))
    source = version.source
    parts.append(
        f"Trained by the run {escaped(source.run, 300)} of {escaped(source.experiment, 300)}. "
        f"Evidence `{asked.evidence[:12] if asked else ''}`: an answer "
        "holds for these figures alone. Where they have changed since, the newest are on the page that is linked above."
    )
    return "\n\n".join(parts) + "\n"
