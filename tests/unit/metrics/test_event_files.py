from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

import automl_core
from automl_core.metrics import MetricSource, UnreadableMetrics, open_source
from automl_core.spec.metrics import TensorBoardMetrics

Rows = list[tuple[int, dict[str, float]]]
Open = Callable[..., EventFileWriter]


@pytest.fixture
def writer(tmp_path: Path) -> Open:
    return lambda *parts: EventFileWriter(str(tmp_path.joinpath(*parts)))


def source(folder: Path) -> MetricSource:
    return open_source(TensorBoardMetrics(source="tensorboard"), lambda path: folder)


def rows(points: object) -> Rows:
    return [(point.step, dict(point.values)) for point in points]  # type: ignore[attr-defined]


def write(writer: EventFileWriter, step: int, **scalars: float) -> None:
    event = Event(step=step, wall_time=1.0)
    for tag, value in scalars.items():
        event.summary.value.add(tag=tag, simple_value=value)
    writer.add_event(event)
    writer.flush()


def test_scalars_are_read_as_they_come(tmp_path: Path, writer: Open) -> None:
    opened = source(tmp_path)
    assert opened.poll() == []
    events = writer()
    write(events, 1, loss=0.4, auc=0.9)
    assert rows(opened.poll()) == [(1, {"loss": 0.4}), (1, {"auc": 0.9})]
    assert opened.poll() == []
    write(events, 2, loss=math.nan)
    ((step, values),) = rows(opened.poll())
    assert step == 2
    assert math.isnan(values["loss"])
    assert opened.finish() == []


def test_scalars_as_tensors_and_what_is_no_scalar(tmp_path: Path, writer: Open) -> None:
    scalar = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    event = Event(step=3, wall_time=1.0)
    event.summary.value.add(tag="loss", tensor=make_tensor_proto(np.float64(0.1)), metadata=scalar)
    event.summary.value.add(tag="pair", tensor=make_tensor_proto([1.0, 2.0]), metadata=scalar)
    text = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    event.summary.value.add(tag="note", tensor=make_tensor_proto("words"), metadata=text)
    events = writer()
    events.add_event(event)
    events.flush()
    assert rows(source(tmp_path).poll()) == [(3, {"loss": 0.1})]


def test_tags_of_sub_folders_carry_the_folder(tmp_path: Path, writer: Open) -> None:
    write(writer("train"), 1, loss=0.5)
    write(writer("logs", "validation"), 1, loss=0.25)
    assert rows(source(tmp_path).poll()) == [(1, {"logs/validation/loss": 0.25}), (1, {"train/loss": 0.5})]


def test_a_path_may_name_one_file(tmp_path: Path, writer: Open) -> None:
    write(writer(), 1, loss=0.5)
    (file,) = tmp_path.iterdir()
    assert rows(source(file).finish()) == [(1, {"loss": 0.5})]


def test_a_record_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path, writer: Open) -> None:
    events = writer("whole")
    write(events, 1, loss=0.5)
    write(events, 2, loss=0.25)
    events.close()
    (whole,) = (tmp_path / "whole").iterdir()
    data = whole.read_bytes()
    folder = tmp_path / "growing"
    folder.mkdir()
    file = folder / whole.name
    opened = source(folder)
    found: Rows = []
    for cut in (10, len(data) // 2, len(data) - 3, len(data)):
        file.write_bytes(data[:cut])
        found += rows(opened.poll())
        assert cut == len(data) or (2, {"loss": 0.25}) not in found
    assert found == [(1, {"loss": 0.5}), (2, {"loss": 0.25})]


def test_the_end_without_an_event_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMetrics, match="no event file"):
        source(tmp_path).finish()
    with pytest.raises(UnreadableMetrics, match="no such folder"):
        source(tmp_path / "none").finish()


def test_a_foreign_file_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "my.tfevents.txt").write_text("not an event file at all, though it is called one")
    assert source(tmp_path).poll() == []


def test_the_metrics_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, automl_core.metrics, automl_core.stopping.base, automl_core.stopping.experiment\n"
        "heavy = {'numpy', 'scipy', 'tensorboard', 'tensorflow', 'airflow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    root = Path(automl_core.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=root)
