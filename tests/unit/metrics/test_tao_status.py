"""Metrics from the status file that TAO writes, in the forms of its three loggers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.metrics.errors import UnreadableMetrics
from automl_core.metrics.points import Point
from automl_core.metrics.series import Series
from automl_core.metrics.sources import open_source
from automl_core.metrics.status_lines import BadLine, read
from automl_core.metrics.tao_status import TaoSource
from automl_core.spec.metrics import TaoMetrics

HEAD = {"date": "9/23/2026", "time": "14:3:7", "status": "RUNNING", "verbosity": "INFO"}


def line(message: str | None = None, /, **more: Any) -> str:
    """A line as `StatusLogger.write` makes it: the caller's data first."""
    kpi = more.pop("kpi", None)
    body = {**more, **HEAD, **({"message": message} if message else {}), **({"kpi": kpi} if kpi else {})}
    return json.dumps(body)


def lightning(epochs: int, interval: int = 1) -> list[str]:
    """A training of dino (tao_pytorch_backend 6.25.10): what is validated in epoch e is 0.1 e, its loss 1 - 0.1 e."""
    lines = [line("Starting DINO train.", status="STARTED"), line("Starting Training Loop.", status="STARTED")]
    kpi: dict[str, Any] = {}
    for epoch in range(epochs):
        if (epoch + 1) % interval == 0:
            kpi = {"val_mAP": str(0.05 * epoch), "val_mAP50": str(0.1 * epoch), "val_loss": 2 - 0.1 * epoch}
            lines.append(line("Eval metrics generated.", kpi=kpi))
        lines.append(
            line(
                "Training loop in progress",
                epoch=epoch,
                step=10 * (epoch + 1),
                max_epoch=epochs - 1,
                max_step=10 * epochs,
                time_per_epoch="0:00:03.5",
                time_per_step="0:00:00.35",
                eta="0:00:07",
                kpi=kpi,
            )
        )
        kpi = {"train_loss": 1 - 0.1 * epoch}
        lines.append(line("Train metrics generated.", kpi=kpi))
    return [*lines, line("Training loop complete.", kpi=kpi), line("Train finished successfully.", kpi=kpi)]


def told(lines: list[str], metric: str) -> dict[float | None, float]:
    found: dict[float | None, float] = {}
    for each in read(lines):
        if metric in each.metrics:
            assert each.epoch not in found or found[each.epoch] == each.metrics[metric], "one value an epoch"
            found[each.epoch] = each.metrics[metric]
    return found


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_an_evaluation_belongs_to_the_epoch_that_is_stated_after_it(interval: int) -> None:
    lines = lightning(10, interval)
    expected = {epoch: 0.1 * epoch for epoch in range(interval - 1, 10, interval)}
    assert told(lines, "val_mAP50") == expected
    assert told(lines, "val_loss") == {epoch: 2 - 0.1 * epoch for epoch in expected}
    assert told(lines, "train_loss") == {epoch: 1 - 0.1 * epoch for epoch in range(10)}


def test_keras_states_the_epoch_with_each_value_also_with_the_same_one_again() -> None:
    """TensorFlow 1's callback (tao_tensorflow1_backend, cv/common/callbacks/loggers.py): values are text."""
    lines = [
        line("Training loop in progress", epoch=epoch, max_epoch=3, time_per_epoch="0:00:01", eta="0:00:02",
             graphical={"loss": str(1 / epoch), "validation_accuracy": "0.5", "learning_rate": "Not logged"},
             kpi={"validation_accuracy": "0.5"})
        for epoch in (1, 2, 3)
    ]  # fmt: skip
    assert told(lines, "validation_accuracy") == {1: 0.5, 2: 0.5, 3: 0.5}
    assert told(lines, "loss") == {1: 1.0, 2: 0.5, 3: 1 / 3}
    assert told(lines, "learning_rate") == {}


def test_detectnet_states_an_epoch_at_its_beginning_and_evaluates_without_one() -> None:
    """tao_tensorflow1_backend: task_progress_monitor_hook.py (no message) and evaluation.py; values by class, too."""

    def begun(epoch: int, loss: float, **more: Any) -> str:
        return line(
            None, epoch=epoch, max_epoch=2, eta="0:00:02", graphical={"loss": loss, "learning_rate": "5e-4"}, **more
        )

    kpi = {"validation cost": 0.002, "mean average precision": 61.5}
    classes = {"average_precision": {"car": 71.0, "person": 52.0}}
    lines = [
        begun(0, 0.9), begun(1, 0.5),
        line("Evaluation metrics generated.", kpi=kpi, categorical=classes, graphical={"loss": 0.5}),
        begun(2, 0.4, kpi=kpi, categorical=classes),
        line("Evaluation metrics generated.", kpi={**kpi, "mean average precision": 64.0}, categorical=classes),
    ]  # fmt: skip
    assert told(lines, "mean average precision") == {2: 61.5, 3: 64.0}
    assert told(lines, "average_precision.car") == {2: 71.0, 3: 71.0}
    assert told(lines, "loss")[0] == 0.9


def test_values_of_an_action_without_epochs_have_one_step(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text(
        "\n".join([line("Starting DINO evaluate."), line("Test metrics generated.", kpi={"test_mAP": "0.4"})])
    )
    source = TaoSource(path)
    assert source.poll() == [], "its last line has not ended"
    assert source.finish() == [Point(0, {"test_mAP": 0.4})]


def test_a_growing_file_tells_each_value_once_and_at_its_epoch(tmp_path: Path) -> None:
    path, lines = tmp_path / "status.json", lightning(4)
    source, series = open_source(TaoMetrics(source="tao"), lambda _: path), Series()
    assert source.poll() == [], "there is no file yet"
    text = "".join(each + "\n" for each in lines)
    for end in range(0, len(text) + 1, 37):
        path.write_text(text[:end])
        series.add(source.poll())
        for point in series.by_axis():
            for name, value in point.values.items():
                assert name != "val_mAP50" or value == 0.1 * point.step, "never at another epoch"
    path.write_text(text)
    series.add(source.finish())
    assert {point.step: point.values["val_mAP50"] for point in series.by_axis()} == {e: 0.1 * e for e in range(4)}
    assert {point.axis for point in series.by_axis()} == {"epoch"}


def test_not_a_number_is_told() -> None:
    lines = [line("Eval metrics generated.", kpi={"val_loss": math.nan, "val_mAP": "nan"}), line("x", epoch=0, step=1)]
    assert math.isnan(told(lines[:1], "val_loss")[None])
    [values] = read(lines)
    assert values.epoch == 0
    assert all(math.isnan(value) for value in values.metrics.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ('{"kpi": {"a": 1}}\n{"kpi": {"a"', "line 2 is not JSON"),
        ("[1, 2]\n", "line 1 is no object"),
        ("\x00\x00\x00\n", "line 1 is not JSON"),
    ],
)
def test_a_file_that_lost_something_is_no_end(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text(text)
    source = TaoSource(path)
    source.poll()
    with pytest.raises(UnreadableMetrics, match=words):
        source.finish()


def test_a_file_that_never_came_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMetrics, match=r"status\.json"):
        TaoSource(tmp_path / "status.json").finish()


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_however_often_is_validated_no_value_is_lost_or_moved(epochs: int, interval: int, data: st.DataObject) -> None:
    lines = lightning(epochs, interval)
    for _ in range(data.draw(st.integers(0, 3))):  # messages of other kinds stand anywhere
        place = data.draw(st.integers(0, len(lines)))
        kpi = json.loads(lines[place - 1]).get("kpi") if place else None
        lines.insert(place, line("Freezed module ['backbone']", kpi=kpi))
    assert told(lines, "val_mAP50") == {e: 0.1 * e for e in range(epochs) if (e + 1) % interval == 0}
    assert told(lines, "train_loss") == {epoch: 1 - 0.1 * epoch for epoch in range(epochs)}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        for each in read(text.split("\n")):
            assert each.metrics
    except BadLine as error:
        said = str(error)
        assert "line" in said
