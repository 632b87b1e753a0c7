"""The program of a pod that runs trial after trial, and the orders that it takes: on a folder, without any cluster."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.base import Cause, Exit
from automl_core.backends.kubernetes.lanes import OWN, begin_line, end_line, mark_in
from automl_core.running import sync
from automl_core.running.lane import Server
from automl_core.running.lane_orders import Lane, Order, as_seen, folder_of, given_to, standings, token_of
from automl_core.storage import NotFound, open_store
from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable
from tests.support.patience import stretched

SOON = stretched(20.0)
PREFIX = "churn/manual__1/"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "runs"))


class Pod:
    """A pod's program in a thread, and what it has printed."""

    def __init__(
        self, store: ObjectStore, tmp_path: Path, *, idle: float = 300.0, environment: dict[str, str] | None = None
    ) -> None:
        self.lane = Lane(store, folder_of(PREFIX, "pod"))
        self.lane.open()
        self.printed: list[bytes] = []
        self.folder = tmp_path / "lane"
        (tmp_path / "program").mkdir(exist_ok=True)
        self.places = {"storage": "/s", "folder": str(self.folder), "program": str(tmp_path / "program")}
        self.server = Server(
            store, self.lane, self.places, idle=idle, label="churn/1", say=self.printed.append,
            environment=environment,
        )  # fmt: skip
        self.code: int | None = None
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        self.code = self.server.serve()

    def start(self) -> Pod:
        self.thread.start()
        return self

    def finish(self) -> None:
        self.server.leave()
        self.thread.join(SOON)
        assert not self.thread.is_alive()

    @property
    def lines(self) -> list[str]:
        return b"".join(self.printed).decode().splitlines()


def order(name: str, script: str, **more: object) -> Order:
    found = Order(
        attempt=name, token=token_of("s", name, "pod"), arguments=["/bin/sh", "-c", script], environment={}, cwd=None,
        timeout=None, grace=1.0,
    )  # fmt: skip
    return replace(found, **more)  # type: ignore[arg-type]


def wait(what: Callable[[], object]) -> None:
    until = time.monotonic() + SOON
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def ended(pod: Pod, number: int) -> Exit:
    wait(lambda: pod.lane.ended(number) is not None)
    found = pod.lane.ended(number)
    assert found is not None
    return found


def test_orders_run_one_after_the_other_between_two_lines_of_ours(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path).start()
    for number in range(3):
        assert pod.lane.put(number, order(f"slot_{number}_0_1", f"echo loss=0.{number}; exit {number}"))
        assert ended(pod, number).code == number
    wait(lambda: len(pod.lines) == 9)
    pod.finish()
    for number in range(3):
        first, said, last = pod.lines[3 * number : 3 * number + 3]
        begun, over = mark_in(first), mark_in(last)
        assert begun is not None
        assert over is not None
        assert begun.token == over.token == token_of("s", f"slot_{number}_0_1", "pod")
        assert begun.at == pytest.approx(time.time(), abs=600)
        assert said == f"loss=0.{number}"
        assert over.exit is not None
        assert over.exit.code == number
    assert list((tmp_path / "lane" / "of").iterdir()) == [], "what a trial had goes with it"


def test_of_the_past_a_pod_leaves_little(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path).start()
    for number in range(5):
        pod.lane.put(number, order(f"slot_{number}_0_1", "true"))
        ended(pod, number)
    wait(lambda: len(store.list(pod.lane.folder)) == 4)
    assert list(given_to(store, PREFIX, "slot_4_0_1")) == [("pod", 4)]
    assert list(given_to(store, PREFIX, "slot_3_0_1")) == [("pod", 3)]
    assert list(given_to(store, PREFIX, "slot_0_0_1")) == []
    assert standings(store, PREFIX)["pod"].free
    pod.finish()


def test_a_trial_that_is_to_stop_ends_and_the_next_begins(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path).start()
    pod.lane.put(0, order("a", "echo begun; sleep 300"))
    wait(lambda: "begun" in pod.lines)
    assert not standings(store, PREFIX)["pod"].free
    pod.lane.stop(0)
    assert ended(pod, 0).cause is Cause.TERMINATED
    pod.lane.put(1, order("b", "true"))
    assert ended(pod, 1).ok
    pod.finish()


def test_a_time_limit_ends_one_trial(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path).start()
    pod.lane.put(0, order("a", "sleep 300", timeout=0.5))
    assert ended(pod, 0).cause is Cause.TIMEOUT
    pod.lane.put(1, order("b", "true"))
    assert ended(pod, 1).ok
    pod.finish()


def test_a_pod_that_is_taken_away_ends_what_runs_and_tells_no_end(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path).start()
    pod.lane.put(0, order("a", "trap 'echo saved; exit 0' TERM; echo begun; sleep 300 & wait"))
    wait(lambda: "begun" in pod.lines)
    pod.finish()
    assert pod.code == 143
    assert pod.lines[-1] == "saved"
    assert pod.lane.ended(0) is None, "whoever watches runs it elsewhere"


def test_a_pod_for_which_nobody_comes_ends_and_takes_nothing_more(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path, idle=1.0)
    pod.lane.put(0, order("a", "true"))
    pod.start().thread.join(SOON)
    assert pod.code == 0
    assert not pod.lane.put(1, order("b", "true")), "the store has decided"
    assert not standings(store, PREFIX)["pod"].free
    assert pod.lane.order(1) is None


def test_after_a_trial_nothing_more_is_ordered_where_nothing_was(store: ObjectStore) -> None:
    lane = Lane(store, folder_of(PREFIX, "pod"))
    assert lane.close_after(0), "nothing is left of the run"
    assert store.list(lane.folder) == []
    lane.put(0, order("a", "true"))
    lane.put(1, order("b", "true"))
    assert not lane.close_after(0), "another trial runs there"
    assert lane.close_after(1)
    assert not lane.put(2, order("c", "true"))
    assert lane.close_after(1), "also where the pod, or another, has closed it"
    store.put(f"{lane.folder}0000005.order", order("d", "true").to_bytes())
    assert not lane.close_after(0)
    assert not lane.close_after(2)


def test_an_end_that_cannot_be_stored_stands_in_the_log(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(number: int, ended: Exit) -> None:
        raise StorageError("no room is left")

    pod = Pod(store, tmp_path)
    monkeypatch.setattr(pod.lane, "end", refused)
    pod.lane.put(0, order("a", "true"))
    with pytest.raises(StorageError):
        pod.server.serve()
    found = mark_in(pod.lines[-1])
    assert found is not None
    assert found.exit is not None
    assert found.exit.ok


@pytest.mark.parametrize("error", [StorageError, StorageUnavailable])
def test_what_a_store_refuses_for_good_is_not_tried_for_ever(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[StorageError]
) -> None:
    def fetch(*_: object) -> None:
        raise error("refused")

    monkeypatch.setattr(sync, "fetch", fetch)
    pod = Pod(store, tmp_path).start()
    carried = {"storage": "s", "fetch": {}, "keep": {}, "every": 30.0, "ended": "", "owner": "", "attempt": "a"}
    pod.lane.put(0, order("a", "true", carried=carried))
    assert ended(pod, 0).blameless is (error is StorageUnavailable)
    pod.finish()


def test_what_the_pods_program_alone_is_to_have_no_trial_has(store: ObjectStore, tmp_path: Path) -> None:
    """A secret of the file's own may be called as the storage's is: a trial has that one."""
    pods = {"PATH": "/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "lake", f"{OWN}AWS_SECRET_ACCESS_KEY": "models"}
    pod = Pod(store, tmp_path, environment=pods).start()
    pod.lane.put(0, order("a", "env"))
    assert ended(pod, 0).ok
    wait(lambda: mark_in(pod.lines[-1]) is not None)
    pod.finish()
    assert "AWS_SECRET_ACCESS_KEY=lake" in pod.lines
    assert not any("models" in line for line in pod.lines)


def test_an_order_at_the_last_moment_is_seen(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and the closing somebody writes an order: the pod must not end without it."""
    pod = Pod(store, tmp_path, idle=0.1)
    pod.lane.put(0, order("first", "true"))
    close = pod.lane.close

    def late(number: int) -> bool:
        if number == 1:
            pod.lane.put(1, order("late", "true"))
        return close(number)

    monkeypatch.setattr(pod.lane, "close", late)
    pod.start().thread.join(SOON)
    assert pod.lane.ended(1) is not None
    assert pod.code == 0


def test_an_order_that_is_not_whole_yet_is_waited_for(store: ObjectStore, tmp_path: Path) -> None:
    """As on a mount that has neither links nor renames that spare a name."""
    pod = Pod(store, tmp_path)
    whole = order("a", "true").to_bytes()
    store.put(f"{pod.lane.folder}0000000.order", whole[:40])
    pod.start()
    time.sleep(0.6)
    store.put(f"{pod.lane.folder}0000000.order", whole)
    assert ended(pod, 0).ok
    pod.finish()


def test_a_pod_whose_run_is_over_leaves_nothing_behind(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path, idle=1.0)
    pod.lane.put(0, order("a", "true"))
    pod.start()
    ended(pod, 0)
    store.delete_prefix(PREFIX)
    pod.thread.join(SOON)
    assert pod.code == 0
    assert store.list(PREFIX) == []


def test_what_cannot_be_started_is_that_trials_end(store: ObjectStore, tmp_path: Path) -> None:
    pod = Pod(store, tmp_path).start()
    pod.lane.put(0, order("a", "", arguments=["no-such-program"]))
    found = ended(pod, 0)
    assert found.cause is Cause.UNSTARTED
    assert found.systematic
    assert "no-such-program" in found.reason
    pod.lane.put(1, order("b", "true"))
    assert ended(pod, 1).ok
    pod.finish()


def test_each_trial_has_its_spec_file_and_a_copy_of_the_code_where_the_pod_has_room(
    store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "train.py").write_text(
        "import os, sys; print(open(sys.argv[1]).read()); open('left', 'x'); print(os.getcwd())"
    )
    pod = Pod(store, tmp_path).start()
    for number in range(2):
        own = f"/automl/lane/of/n{number}"
        asked = order(
            f"n{number}", "", arguments=[sys.executable, f"{own}/program/train.py", f"{own}/spec/spec.yaml"],
            cwd=f"{own}/program", program=f"{own}/program", spec=[f"{own}/spec/spec.yaml", f"model_dir: /s/m{number}"],
            places={"storage": "/s", "folder": "/automl/lane", "program": "/automl/program"},
        )  # fmt: skip
        pod.lane.put(number, asked)
        assert ended(pod, number).ok, pod.lines
    pod.finish()
    said = [line for line in pod.lines if mark_in(line) is None]
    assert said == [
        "model_dir: /s/m0", f"{pod.folder}/of/n0/program", "model_dir: /s/m1", f"{pod.folder}/of/n1/program"
    ]  # fmt: skip
    assert not (tmp_path / "program" / "left").exists()


def test_what_is_carried_is_brought_before_and_kept_after_and_shared_things_once(
    store: ObjectStore, tmp_path: Path
) -> None:
    store.put("run/prepared/table", b"rows")
    pod = Pod(store, tmp_path).start()
    for number in range(2):
        own = f"/automl/lane/of/n{number}"
        carried = {
            "storage": "s", "fetch": {"run/prepared/": "/automl/lane/shared/prepared"},
            "keep": {f"{own}/model": f"run/m{number}"}, "every": 30.0, "ended": "", "owner": "",
            "attempt": f"n{number}",
        }  # fmt: skip
        asked = order(
            f"n{number}",
            f"cat /automl/lane/shared/prepared/table > {own}/model/made; echo {number} >> {own}/model/made",
            carried=carried, places={"folder": "/automl/lane"},
        )  # fmt: skip
        pod.lane.put(number, asked)
        assert ended(pod, number).ok, pod.lines
        store.put("run/prepared/table", b"other rows, which nobody reads")
    pod.finish()
    assert store.get("run/m0/made") == b"rows0\n"
    assert store.get("run/m1/made") == b"rows1\n"


def test_trials_are_forked_where_they_name_a_module(store: ObjectStore, tmp_path: Path) -> None:
    """`python PROGRAM.py` begins with the module imported, in a fork that dies with all it holds."""
    script = tmp_path / "train.py"
    script.write_text("import os, sys; print('sqlite3' in sys.modules, os.getppid()); sys.modules['mine'] = os")
    pod = Pod(store, tmp_path).start()
    for number in range(2):
        asked = order(f"f{number}", "", arguments=[sys.executable, str(script)], preload="sqlite3")
        pod.lane.put(number, asked)
        assert ended(pod, number).ok, pod.lines
    pod.finish()
    said = [line.split() for line in pod.lines if mark_in(line) is None]
    assert [loaded for loaded, _ in said] == ["True", "True"]
    assert said[0][1] == said[1][1], "of the same process"


def test_a_store_that_is_away_for_a_moment_ends_nothing(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = Pod(store, tmp_path)
    looks, own = [], pod.lane.order

    def away(number: int) -> Order | None:
        looks.append(number)
        if len(looks) < 3:
            raise StorageUnavailable("away")
        return own(number)

    monkeypatch.setattr(pod.lane, "order", away)
    pod.lane.put(0, order("a", "true"))
    pod.start()
    assert ended(pod, 0).ok
    pod.finish()


def test_an_order_that_is_not_there_is_not_there(store: ObjectStore) -> None:
    with pytest.raises(NotFound):
        Lane(store, folder_of(PREFIX, "pod")).order(0)


exits = st.builds(
    Exit, cause=st.sampled_from(Cause), code=st.integers(-1, 255), signal=st.none() | st.integers(1, 64),
    reason=st.text(), seconds=st.floats(0, 1e6), cpu_seconds=st.none() | st.floats(0, 1e6),
    peak_memory_bytes=st.none() | st.integers(0, 2**50), kind=st.text(max_size=9), blameless=st.booleans(),
    final=st.booleans(), error=st.text(max_size=9), systematic=st.booleans(),
)  # fmt: skip


@given(exits)
def test_an_end_travels_in_one_line_of_the_log(found: Exit) -> None:
    line = end_line("0" * 16, found)
    assert "\n" not in line
    assert "\r" not in line
    mark = mark_in(line)
    assert mark is not None
    assert mark.exit == found


@given(st.text())
def test_what_a_training_prints_is_no_word_of_ours(text: str) -> None:
    assert mark_in(text) is None
    assert mark_in(f"[automl-lane] {text}") is None
    mark_in(f"[automl-lane] ended {'0' * 16} {text}")  # whatever it is, it is survived


def test_a_beginning_says_when() -> None:
    mark = mark_in(begin_line("f" * 16, 1764490000.25))
    assert mark is not None
    assert mark.at == 1764490000.25
    assert mark.exit is None


def test_places_are_replaced_whole() -> None:
    wrote, sees = {"storage": "/mnt/runs", "folder": "/automl/lane"}, {"storage": "/tmp/n1", "folder": "/automl/lane"}
    assert as_seen("--out=/mnt/runs/a:/mnt/runs2 file:///mnt/runs", wrote, sees) == (
        "--out=/tmp/n1/a:/mnt/runs2 file:///tmp/n1"
    )
