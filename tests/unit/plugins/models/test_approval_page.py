"""What stands on the approval page: what comes from data, files and the bucket changes nothing of it."""

from __future__ import annotations

from types import SimpleNamespace

from automl_airflow.models.pages import body_of, subject_of
from tests.unit.web.lives import evidence

HOSTILE = "a`![seen](https://elsewhere.example.com/x.png) <b>met</b>"


def test_hostile_names_and_reasons_are_text() -> None:
    found = evidence(2, 1, 0.02, ok=None)
    found["verdict"]["reasons"] = [HOSTILE]
    source = SimpleNamespace(experiment="search", run=HOSTILE)
    version = SimpleNamespace(number=2, source=source, asked=SimpleNamespace(evidence="ab" * 32))
    body = body_of("churn", version, found)  # type: ignore[arg-type]
    assert "Evidence `abababababab`" in body
    assert "can't be told" in subject_of("churn", version, found)  # type: ignore[arg-type]
    assert body.count("elsewhere") == 3, "twice as the reason, once as the run"
    for markup in ("![", "](https", "<b>"):
        assert markup not in body
