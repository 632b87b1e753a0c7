from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.metrics import MetricSource, Series, UnreadableMetrics, json_file, open_source
from automl_core.spec.goal import Goal
from automl_core.spec.metrics import JsonMetrics

Rows = list[tuple[float, dict[str, float]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.json"


def source(path: Path, **fields: object) -> MetricSource:
    return open_source(JsonMetrics(source="json", path="given", **fields), {"given": path}.__getitem__)


def rows(source: MetricSource, *, end: bool = False) -> Rows:
    return [(point.step, dict(point.values)) for point in (source.finish() if end else source.poll())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"accuracy": 0.9, "epoch": 4}', [(4, {"accuracy": 0.9})]),
        ('{\n  "accuracy": 0.9,\n  "val": {"loss": 1}\n}\n', [(0, {"accuracy": 0.9, "val.loss": 1.0})]),
        ('[{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}]', [(1, {"loss": 0.5}), (2, {"loss": 0.4})]),
        ('[{"loss": 0.5}, {"loss": 0.4}]', [(0, {"loss": 0.5}), (1, {"loss": 0.4})]),
        ('{"step": 1, "loss": 0.5}\n\n{"step": 2, "loss": 0.4}\n', [(1, {"loss": 0.5}), (2, {"loss": 0.4})]),
        ('{"loss": [0.5, 0.4], "acc": [0.1]}', [(0, {"loss": 0.5, "acc": 0.1}), (1, {"loss": 0.4})]),
        ('{"epoch": [5, 6], "loss": [0.5, 0.4], "tags": ["a"]}', [(5, {"loss": 0.5}), (6, {"loss": 0.4})]),
        ('[{"epoch": 0.5, "loss": 0.5}, {"epoch": 1.0, "loss": 0.4}]', [(0.5, {"loss": 0.5}), (1, {"loss": 0.4})]),
        ('{"epoch": [0.5, "1.5"], "loss": [0.5, 0.4]}', [(0.5, {"loss": 0.5}), (1.5, {"loss": 0.4})]),
        ('{"loss": 0.5}\n{"epoch": -1, "loss": 0.4}', [(0, {"loss": 0.5}), (1, {"loss": 0.4})]),
        ("[]", []),
    ],
)
def test_forms(path: Path, text: str, expected: Rows) -> None:
    path.write_text(text)
    assert rows(source(path)) == expected
    assert rows(source(path), end=True) == expected


def test_epochs_in_fractions_are_steps(path: Path) -> None:
    evaluations = {0.25: 0.70, 0.5: 0.41, 0.75: 0.45, 1: 0.52, 1.25: 0.60, 1.5: 0.66, 1.75: 0.71, 2: 0.78}
    path.write_text("".join(json.dumps({"eval_loss": str(v), "epoch": str(e)}) + "\n" for e, v in evaluations.items()))
    series = Series(source(path).finish())
    goal = Goal(metric="eval_loss", direction="minimize")
    assert series.curve(goal) == tuple(evaluations.items())
    assert series.final(goal).value == 0.41


def test_a_first_value_without_a_step_is_taken_back_however_often_the_file_is_read(path: Path) -> None:
    opened, series = source(path), Series()
    lines = ['{"loss": 0.9}', '{"epoch": 0, "loss": 0.5}', '{"epoch": 1, "loss": 0.4}']
    for count in (1, 2, 3):
        path.write_text("\n".join(lines[:count]) + "\n")
        series.add(opened.poll())
    assert [(point.step, point.values) for point in series] == [(0, {"loss": 0.5}), (1, {"loss": 0.4})]


def test_an_unchanged_file_is_not_read_again_and_a_changed_one_is(path: Path) -> None:
    opened = source(path)
    assert rows(opened) == []
    path.write_text('{"step": 1, "loss": 0.5}\n')
    assert rows(opened) == [(1, {"loss": 0.5})]
    assert rows(opened) == []
    with path.open("a") as file:
        file.write('{"step": 2, "loss": 0.4}\n')
    assert rows(opened)[-1] == (2, {"loss": 0.4})
    path.with_suffix(".new").write_text('{"step": 3, "loss": 0.3}\n')
    os.replace(path.with_suffix(".new"), path)
    assert rows(opened) == [(3, {"loss": 0.3})]


@given(
    st.lists(st.dictionaries(st.sampled_from(["loss", "auc"]), st.floats(-9, 9), min_size=1), min_size=1, max_size=6),
    st.data(),
)
def test_a_file_that_is_being_written_gives_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[dict[str, float]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("half") / "metrics.json"
    lines = [json.dumps({"step": step, **body}) for step, body in enumerate(bodies)]
    text = "\n".join(lines) + "\n"
    opened, series = source(path), Series()
    for cut in sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5))):
        path.write_text(text[:cut])
        series.add(opened.poll())
        assert all(point.values == bodies[point.step] for point in series)
    path.write_text(text)
    series.add(opened.finish())
    assert [point.values for point in series] == bodies


@pytest.mark.parametrize("cut", [5, 17, 30])
def test_half_an_object_is_no_error_until_the_end(path: Path, cut: int) -> None:
    path.write_text('{\n  "loss": 0.5,\n  "accuracy": 0.9\n}'[:cut])
    opened = source(path)
    assert rows(opened) == []
    with pytest.raises(UnreadableMetrics, match=r"not JSON.*JSON lines are wanted"):
        opened.finish()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("3", "the file is int 3, not an object"),
        ("[0.5, 0.4]", "item 0 of the list is float 0.5, not an object"),
        ('{"loss": 1}\n{"loss": \n{"loss": 2}\n', "line 2 is not JSON"),
        ('{"loss": 1}\n7\n', "line 2 is int 7, not an object"),
        ("[" * 100_000, "wanted"),
    ],
)
def test_what_is_wrong_is_said_at_the_end(path: Path, text: str, problem: str) -> None:
    path.write_text(text)
    opened = source(path)
    opened.poll()
    with pytest.raises(UnreadableMetrics) as caught:
        opened.finish()
    assert problem in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_file_at_the_end(path: Path) -> None:
    with pytest.raises(UnreadableMetrics, match="No such file"):
        source(path).finish()


def test_a_file_too_large_is_refused_rather_than_loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_file, "MAX_BYTES", 2**20)
    path.write_text('{"loss": 1}\n' * 100_000)
    opened = source(path)
    assert rows(opened) == []
    with pytest.raises(UnreadableMetrics, match="larger than 1 MiB"):
        opened.finish()


def test_names_of_steps_are_the_users(path: Path) -> None:
    path.write_text('{"tree": 7, "step": 1, "loss": 0.5}')
    assert rows(source(path, step=["tree"])) == [(7, {"step": 1.0, "loss": 0.5})]
