from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

import automl_core
from automl_core.metrics import MetricSource, Point, Series, UnreadableMetrics, open_source
from automl_core.metrics.event_records import EventRecords
from automl_core.spec.goal import Goal
from automl_core.spec.metrics import TensorBoardMetrics
from tests.support.patience import stretched

Rows = list[tuple[float, dict[str, float]]]
Open = Callable[..., EventFileWriter]


@pytest.fixture
def writer(tmp_path: Path) -> Open:
    return lambda *parts: EventFileWriter(str(tmp_path.joinpath(*parts)))


def source(folder: Path) -> MetricSource:
    return open_source(TensorBoardMetrics(source="tensorboard"), lambda path: folder)


def rows(points: object) -> Rows:
    return [(point.step, dict(point.values)) for point in points if isinstance(point, Point)]  # type: ignore[attr-defined]


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


def test_the_kind_of_a_tag_may_stand_in_its_first_event_alone(tmp_path: Path, writer: Open) -> None:
    """As TensorFlow's own writer does it, in a second file of the folder too."""
    scalar = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    for number, events in enumerate((writer(), writer())):
        for step in (2 * number + 1, 2 * number + 2):
            event = Event(step=step, wall_time=1.0)
            metadata = scalar if step == 1 else None
            event.summary.value.add(tag="loss", tensor=make_tensor_proto(np.float64(step)), metadata=metadata)
            event.summary.value.add(tag="unknown", tensor=make_tensor_proto(np.float64(step)))
            events.add_event(event)
        events.close()
    assert rows(source(tmp_path).finish()) == [(n, {"loss": float(n)}) for n in (1, 2, 3, 4)]


def resumed(writer: Open, *folder: str, purge: int | None, steps: range, value: float) -> None:
    """What torch's SummaryWriter(purge_step=…) writes (torch 2.13)."""
    events = writer(*folder)
    if purge is not None:
        events.add_event(Event(step=purge, file_version="brain.Event:2"))
        events.add_event(Event(step=purge, session_log=SessionLog(status=SessionLog.START)))
    for step in steps:
        write(events, step, loss=value)
    events.close()


def test_the_start_of_a_session_makes_void_what_came_after_its_step(tmp_path: Path, writer: Open) -> None:
    resumed(writer, purge=None, steps=range(10), value=0.81)
    resumed(writer, "other", purge=None, steps=range(10), value=0.5)
    opened, series = source(tmp_path), Series()
    series.add(opened.poll())
    resumed(writer, purge=5, steps=range(5, 8), value=0.17)
    series.add(opened.finish())
    goal = Goal(metric="loss", direction="minimize", final="last")
    assert dict(series.curve(goal)) == {**dict.fromkeys(range(5), 0.81), **dict.fromkeys(range(5, 8), 0.17)}
    assert series.final(goal).value == pytest.approx(0.17)
    assert len(series.curve(Goal(metric="other/loss", direction="minimize"))) == 10, "another folder, another run"


def damaged(folder: Path, *, cut: int | None = None, flip: int | None = None, steps: int = 6) -> Path:
    """An event file of some steps with a byte changed, or cut off, counted from its end where negative."""
    events = EventFileWriter(str(folder))
    for step in range(1, steps + 1):
        write(events, step, loss=1 / step)
    events.close()
    (file,) = folder.iterdir()
    data = bytearray(file.read_bytes()[:cut])
    if flip is not None:
        data[flip] ^= 0xFF
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("flip", [12, 95, 97, 101, 105, 110, 120, -1, -3, -20, -40])
def test_what_a_damaged_record_loses_is_said_and_the_rest_is_read_while_it_runs(tmp_path: Path, flip: int) -> None:
    file = damaged(tmp_path, flip=flip)
    opened = source(tmp_path)
    read = [step for step, _ in rows(opened.poll())]
    assert read == list(range(1, len(read) + 1))
    with pytest.raises(UnreadableMetrics) as caught:
        opened.finish()
    assert f"{file.name}: the record at byte" in str(caught.value)
    assert "lost" in str(caught.value)
    assert "no value can be relied on" in str(caught.value)


@pytest.mark.parametrize("place", ["length", "its checksum", "data"])
def test_after_a_damaged_record_the_next_whole_one_is_found(tmp_path: Path, place: str) -> None:
    file = damaged(tmp_path)
    records = EventRecords(file)
    sizes = [len(data) + 16 for data in records.read()]
    start = sum(sizes[:3])
    data = bytearray(file.read_bytes())
    data[start + {"length": 0, "its checksum": 9, "data": 13}[place]] ^= 0xFF
    file.write_bytes(data)
    found = list(EventRecords(file).read_on())
    assert [len(each) + 16 if isinstance(each, bytes) else each for each in found] == [
        *sizes[:3], f"the record at byte {start} is damaged, {sizes[3]} bytes are lost", *sizes[4:],
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [-1, -5, -20])
def test_a_file_that_is_cut_off_is_no_success(tmp_path: Path, cut: int) -> None:
    damaged(tmp_path, cut=cut)
    opened = source(tmp_path)
    assert len(rows(opened.poll())) == 5, "no error while it may still be written"
    with pytest.raises(UnreadableMetrics, match="damaged or cut off"):
        opened.finish()


def test_a_record_that_is_no_event_is_no_success(tmp_path: Path) -> None:
    events = EventFileWriter(str(tmp_path))
    write(events, 1, loss=0.5)
    events._async_writer.write(b"words")
    events.close()
    opened = source(tmp_path)
    assert rows(opened.poll()) == [(1, {"loss": 0.5})]
    with pytest.raises(UnreadableMetrics, match="a record of 5 bytes is no event"):
        opened.finish()


def test_a_file_that_can_not_be_read_is_no_error_until_the_end(
    tmp_path: Path, writer: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(writer(), 1, loss=0.5)
    opened = source(tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        assert opened.poll() == []
        with pytest.raises(UnreadableMetrics, match="Permission denied"):
            opened.finish()
    assert rows(opened.finish()) == [(1, {"loss": 0.5})]


def test_a_tag_without_steps_is_counted_until_a_step_comes(tmp_path: Path, writer: Open) -> None:
    events = writer()
    for value in (0.5, 0.25, 0.125):
        write(events, 0, loss=value)
    opened, series = source(tmp_path), Series()
    series.add(opened.poll())
    assert [(p.step, p.values) for p in series] == [(n, {"loss": 0.5 / 2**n}) for n in range(3)]
    write(events, 10, loss=0.0625)
    series.add(opened.poll())
    assert [p.step for p in series] == [0, 10]


def test_the_metrics_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, automl_core.metrics, automl_core.stopping.base, automl_core.stopping.experiment\n"
        "heavy = {'numpy', 'scipy', 'tensorboard', 'tensorflow', 'airflow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    root = Path(automl_core.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=stretched(60), cwd=root)
