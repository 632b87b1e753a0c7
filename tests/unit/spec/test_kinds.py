"""Files are told apart by what they are about, however their text says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.errors import SpecError
from automl_core.spec.kinds import EXPERIMENT, MODEL, kind_in, kind_of
from automl_core.spec.loader import parse_document, parse_experiment
from automl_core.spec.models import Experiment
from automl_core.spec.names import stated, stated_kind

TEXT = """\
name: team
goal: {metric: a, direction: maximize}
space: {x: {type: uniform, low: 0, high: 1}}
tasks: [{command: "true"}]
"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name: a\n", EXPERIMENT),
        ("", EXPERIMENT),
        ("kind: model\nname: a\n", MODEL),
        ("name: a\nkind:   model  # of ours\n", MODEL),
        ("'kind': \"model\"\n", MODEL),
        ("\"kind\": 'model'\n", MODEL),
        ("kind: experiment\n", EXPERIMENT),
        ("kind: annotation\n", "annotation"),
        ("resource: {kind: TrainJob}\n", EXPERIMENT),
        ("resource:\n  kind: TrainJob\n", EXPERIMENT),
        ("# kind: model\nname: a\n", EXPERIMENT),
        ("{kind: model, name: a}", MODEL),
        ('{"name": "a", "kind": "model"}', MODEL),
        ('{"name": "a", "tasks": [{"kind": "model"}]}', EXPERIMENT),
        ("name: a\r\nkind: model\r\n", MODEL),
    ],
)
def test_the_kind_that_a_text_states(text: str, kind: str) -> None:
    assert kind_in(text) == kind
    assert kind_in(text.encode()) == kind
    assert kind_of(yaml.safe_load(text)) == kind


@given(st.sampled_from(["model", "experiment", "annotation", None]), st.dictionaries(
    st.sampled_from(["name", "goal", "kinds", "a kind", "resource"]),
    st.sampled_from(["kind: model", {"kind": "model"}, 3]),
), st.booleans())  # fmt: skip
def test_it_is_what_yaml_says(kind: str | None, more: dict[str, object], flow: bool) -> None:
    data = {**({"kind": kind} if kind else {}), **more}
    text = yaml.safe_dump(data, default_flow_style=True if flow else None)
    assert kind_in(text) == kind_of(yaml.safe_load(text))


def test_a_file_s_kind_and_name(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    assert (stated(path), stated_kind(path)) == (None, EXPERIMENT)
    path.write_text("# a comment\n" * 2000 + "name: churn\nkind: model\n")
    found = stated(path)
    assert found is not None
    assert (found.kind, found.name, stated_kind(path)) == (MODEL, "churn", MODEL)
    assert found.dag_ids == ("churn.rollout", "churn.score", "churn.watch")


def test_an_experiment_may_say_that_it_is_one() -> None:
    assert parse_experiment(f"kind: experiment\n{TEXT}", "f") == parse_experiment(TEXT, "f")
    assert "kind" not in Experiment.model_fields, "the journal's format has no such field"
    with pytest.raises(SpecError) as caught:
        parse_document(f"kind: experiment\n{TEXT}gaol: 1\n", "f")
    assert str(caught.value).startswith("f:6: gaol: the key 'gaol' is not known here")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("model", "f:1: kind: this is the file of a model, and an experiment is wanted here."),
        ("annotation", "f:1: kind: this is the file of an annotation project, and an experiment is wanted here."),
        ("modl", "f:1: kind: 'modl' is no kind of file. Allowed: experiment, model, annotation. Did you mean 'model'?"),
        ("3", "f:1: kind: 3 is no kind of file. Allowed: experiment, model, annotation."),
        ("null", "f:1: kind: null is no kind of file. Allowed: experiment, model, annotation."),
    ],
)  # fmt: skip
def test_what_is_no_experiment_is_said_and_nothing_else(kind: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_experiment(f"kind: {kind}\nname: a\n", "f")
    assert str(caught.value) == said
