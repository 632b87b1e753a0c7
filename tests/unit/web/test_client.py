"""The notebook's client against the real API: the same REST, frames, plots, and errors in words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.client import AutoML, Credentials, ExperimentRun
from automl_core.client.errors import AlreadyExists, AuthError, ClientError, Conflict, Invalid, NotKnown
from automl_core.client.events import parse
from automl_core.client.frames import frame
from automl_core.client.progress import Progress, duration
from tests.unit.web.conftest import World

os.environ.setdefault("MPLBACKEND", "Agg")


def connect(world: World, user: str = "ann") -> AutoML:
    """A client whose connection is the API server in this process."""
    made = AutoML(Credentials("http://testserver", token=world.tokens[user]))
    made._http = world.client(user)
    return made


@pytest.fixture
def run(world: World, ended: tuple[str, str]) -> ExperimentRun:
    return connect(world, "vic").run(*ended)


def test_experiments_and_runs_are_found(world: World, ended: tuple[str, str]) -> None:
    automl = connect(world)
    assert ended[0] in [each["experiment"] for each in automl.experiments()]
    assert automl.run(ended[0]).run_id == ended[1]
    assert automl.runs(ended[0])[0]["state"] == "FINISHED"
    with pytest.raises(NotKnown, match="no AutoML experiment"):
        automl.run("nothing")


def test_trials_are_a_frame(run: ExperimentRun) -> None:
    trials = run.trials()
    assert list(trials.index) == list(range(12))
    assert {"value", "state", "params.lr", "metrics.accuracy"} <= set(trials.columns)
    assert trials.loc[2, "state"] == "FAILED"
    assert trials["value"].max() == run.best["value"]  # type: ignore[index]
    assert list(run.trials(state="FAILED").index) == [2]


@pytest.mark.parametrize("name", ["history", "importance", "curves", "timeline", "cost", "pareto"])
def test_every_result_is_a_frame(run: ExperimentRun, name: str) -> None:
    made = getattr(run, name)()
    assert len(made) > 0
    assert len(made.columns) > 1


@pytest.mark.parametrize("name", ["history", "curves", "importance", "parallel", "timeline", "cost", "rungs"])
def test_every_plot_is_drawn(run: ExperimentRun, name: str) -> None:
    from matplotlib import pyplot

    axes = getattr(run.plot, name)()
    axes.figure.canvas.draw()
    assert name == "rungs" or axes.has_data()
    pyplot.close("all")


@pytest.mark.parametrize("parameter", ["lr", "units", "solver", "momentum"])
def test_slices_are_drawn_whatever_the_parameter(run: ExperimentRun, parameter: str) -> None:
    from matplotlib import pyplot

    assert run.plot.slice(parameter).has_data()
    run.plot.contour("lr", parameter).figure.canvas.draw()
    pyplot.close("all")


def test_one_goal_has_no_front(run: ExperimentRun) -> None:
    with pytest.raises(ClientError, match="there is no front"):
        run.plot.pareto()


def test_a_run_is_followed_to_its_end(run: ExperimentRun) -> None:
    events = list(run.follow())
    assert [event["event"] for event in events] == ["changed", "ended"]
    assert run.wait() == run.state == "FINISHED"


class Clocked:
    """A client's clock: time passes where it waits."""

    def __init__(self, client: AutoML) -> None:
        self.now = 0.0
        self.client = client
        client._clock = lambda: self.now
        client._sleep = self.sleep

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_progress_says_what_is_pending_and_what_is_best(run: ExperimentRun) -> None:
    shown = list(run.progress(timeout=30))
    best = run.best
    assert best is not None
    last = shown[-1]
    assert (last.state, last.trials, last.best, last.best_trial) == ("FINISHED", 12, best["value"], best["trial"])
    assert str(last).startswith(f"{last.done} of 12 trials done")
    assert f"best accuracy {best['value']:.4g} (trial {best['trial']})" in str(last)


def test_a_line_of_progress() -> None:
    overview = {
        "state": "RUNNING", "done": 5, "trials": 20, "goal": {"metric": "val_mAP50"}, "best": {"trial": 2},
        "tao": {"running_trials": [6, 7], "units": "epochs", "units_left": 120, "seconds_left": 3725.0,
                "best_value": 0.71234},
    }  # fmt: skip
    assert str(Progress.of(overview)) == (
        "trials 6, 7 of 20: 5 done; 120 epochs pending; 1h 02m left; best val_mAP50 0.7123 (trial 2)"
    )
    overview["tao"] = {
        "running_trials": [],
        "units": None,
        "units_left": None,
        "seconds_left": None,
        "best_value": None,
    }
    overview["best"] = None
    assert str(Progress.of(overview)) == "5 of 20 trials done"
    assert [duration(seconds) for seconds in (0.4, 59.6, 250, 3600)] == ["0s", "1m 00s", "4m 10s", "1h 00m"]


def test_waiting_for_the_result_goes_by_airflows_run(world: World, fresh: Callable[..., tuple[str, str]]) -> None:
    automl = connect(world, "vic")
    automl._sleep = lambda _: None
    assert automl.run(*fresh(until=None, state="success")).wait_published(timeout=30) == "success"
    going = automl.run(*fresh())
    times = iter(range(0, 1000, 10))
    automl._clock = lambda: float(next(times))
    with pytest.raises(TimeoutError, match=r"^Airflow's run is running after 30 s$"):
        going.wait_published(timeout=30)
    with pytest.raises(NotKnown, match="Airflow has no run nothing"):
        automl.run(going.experiment, "nothing").wait_published()


def test_waiting_ends_when_its_time_is_over_though_nothing_happens(
    world: World, going: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    client = connect(world)
    clock = Clocked(client)

    @contextmanager
    def quiet(path: str, headers: Any, read: float) -> Any:
        def lines() -> Any:
            while True:
                clock.sleep(15)
                yield ": still here"

        yield lines()

    monkeypatch.setattr(client, "stream", quiet)
    with pytest.raises(TimeoutError, match="after 100 s"):
        client.run(*going).wait(timeout=100)
    assert clock.now < 130


def test_waiting_for_a_run_that_never_begins_has_an_end(world: World) -> None:
    client = connect(world)
    name = world.know(world.spec("waits"))
    run = client.start(name)
    assert run.state == "QUEUED"
    clock = Clocked(client)
    with pytest.raises(TimeoutError):
        run.wait(timeout=30)
    assert clock.now <= 31
    with pytest.raises(NotKnown):
        client.run(name, "no-such-run").wait()
    with pytest.raises(NotKnown):
        _ = client.run(name, "no-such-run").state
    run.stop()  # before its first trial: its run fails in Airflow
    assert run.wait(timeout=30) == "FAILED"
    assert run.state == "FAILED"


def test_following_outlives_a_store_that_is_away_for_a_moment(
    run: ExperimentRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.web.held import HeldRun
    from automl_core.storage.base import StorageError

    Clocked(run.client)
    read, failures = HeldRun.read, iter([True, True])

    def away(self: HeldRun, seq: int = 0) -> int:
        if next(failures, False):
            raise StorageError("away")
        return read(self, seq)

    monkeypatch.setattr(HeldRun, "read", away)
    assert [event["event"] for event in run.follow()] == ["changed", "ended"]


def test_a_download_that_breaks_off_leaves_the_older_file(
    run: ExperimentRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    from automl_core.client.errors import Unreachable

    (tmp_path / "metrics.json").write_text("older")

    class Half:
        def iter_bytes(self) -> Any:
            yield b"half"
            raise Unreachable("broke off")

    @contextmanager
    def broken(path: str, headers: Any) -> Any:
        yield Half()

    monkeypatch.setattr(run.client, "_open", broken)
    with pytest.raises(Unreachable):
        run.download(0, "metrics.json", tmp_path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("metrics.json", "older")]


def test_a_file_is_downloaded(run: ExperimentRun, tmp_path: Path) -> None:
    assert "metrics.json" in run.files(0)
    place = run.download(0, "metrics.json", tmp_path)
    assert place == tmp_path / "metrics.json"
    assert place.read_bytes().startswith(b"{")
    with pytest.raises(NotKnown):
        run.download(0, "../../journal/0000000001.json", tmp_path / "x")


def test_a_run_and_its_trials_are_written_on(world: World, fresh: Callable[..., tuple[str, str]]) -> None:
    mine = connect(world, "uma").run(*fresh())
    assert mine.label(name="baseline", tags=["prod"]) == "saved"
    mine.label(1, comment="look here")
    mine.label(tags=[])
    assert mine.overview()["label"]["name"] == "baseline"
    assert mine.overview()["label"]["tags"] == []
    assert mine.trial(1)["trial"]["comment"] == "look here"


def test_what_was_published_is_downloaded_as_a_zip(
    world: World, fresh: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    from zipfile import ZipFile

    from automl_core.results.publish import publish_study

    name, run = fresh(until=None, state="success")
    publish_study(world.study(name, run))
    place = connect(world, "vic").run(name, run).archive(tmp_path)
    assert place == tmp_path / "results.zip"
    assert [each for each in ZipFile(place).namelist() if each.endswith("/controller.json")]


def test_a_run_is_steered(world: World, fresh: Callable[..., tuple[str, str]]) -> None:
    mine = connect(world, "uma").run(*fresh())
    assert mine.edit(stop={"target": 2.0}) == "stop.target null → 2.0"
    with pytest.raises(Invalid, match="a space can be narrowed") as wrong:
        mine.edit(space={"units": {"high": 999}})
    assert wrong.value.problems[0]["path"] == "space.units"
    assert "running trials are ended" in mine.stop(cancel=True)
    with pytest.raises(Conflict, match=r"^it ends already: stopped by uma$"):
        mine.stop(cancel=True)


def test_what_has_ended_or_not_begun_says_so_and_no_route(world: World, ended: tuple[str, str]) -> None:
    automl = connect(world)
    over = automl.run(*ended)
    for act in (over.stop, lambda: over.edit(trials={"max": 60})):
        with pytest.raises(Conflict, match=r"ended|stopped") as refused:
            act()
        assert not isinstance(refused.value, AlreadyExists)
        assert not str(refused.value).startswith(("POST", "PATCH"))
    queued = automl.start(world.know(world.spec("queued")), run_id="q")
    words = "^the run q has not begun yet: it is queued in Airflow$"
    for act in (lambda: queued.edit(trials={"max": 60}), lambda: queued.stop_trial(0), lambda: queued.rerun(0)):
        with pytest.raises(Conflict, match=words):
            act()
    with pytest.raises(NotKnown, match=words):
        queued.overview()
    with pytest.raises(AlreadyExists, match="has a run 'q' already"):
        automl.start("queued", run_id="q")
    assert len({automl.start("queued").run_id for _ in range(2)}) == 2


def test_a_model_that_was_not_kept_is_said_to_be_the_best_trials_only(run: ExperimentRun, tmp_path: Path) -> None:
    with pytest.raises(NotKnown, match=r"trial 3 has no file 'model/model\.npz'; it has .*metrics\.json") as missing:
        run.download(3, "model/model.npz", tmp_path)
    assert "only the best trial keeps its model (output.keep_models): run.best['trial']" in str(missing.value)


def test_who_may_not_is_told_so(world: World, going: tuple[str, str]) -> None:
    with pytest.raises(AuthError, match="may not do this"):
        connect(world, "vic").run(*going).stop()


def test_a_file_is_saved_and_wrong_ones_are_said_to_be(world: World) -> None:
    automl = connect(world)
    assert automl.validate("name: x")["ok"] is False
    assert automl.save(world.spec("from-notebook")) == "from-notebook"
    with pytest.raises(Invalid, match="direction"):
        automl.save(world.spec("wrong").replace("maximize", "up"))
    world.know(world.spec("from-notebook"))
    automl.wait_until_known("from-notebook")
    begun = automl.start("from-notebook", {"trials": {"max": 3}})
    assert begun.state == "QUEUED"


def test_runs_are_compared(world: World, ended: tuple[str, str], going: tuple[str, str]) -> None:
    automl = connect(world)
    assert automl.compare(automl.run(*ended), automl.run(*going))["comparable"]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["changed", "ended"]), st.text("ab{}:", max_size=5))))
def test_events_come_back_as_they_were_sent(events: list[tuple[int, str, str]]) -> None:
    lines: list[str] = ["retry: 3000", ""]
    for number, name, data in events:
        lines += [": a comment", "", f"id: {number}", f"event: {name}", f"data: {data}", ""]
    assert list(parse(lines)) == [(str(n), name, data) for n, name, data in events if data]


def test_pages_of_columns_become_one_frame() -> None:
    made: Any = frame([{"n": [1], "p": {"a": [2]}}, {"n": [3], "p": {"a": [None]}}], index="n")
    assert list(made.index) == [1, 3]
    assert list(made.columns) == ["p.a"]


@pytest.fixture
def terminal(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command of ``automl`` against the API; its exit code, output and errors."""
    from automl_core.cli import remote
    from automl_core.cli.app import main

    monkeypatch.setattr(remote, "connect", lambda: connect(world, "uma"))

    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        written = capsys.readouterr()
        lines = [line for line in written.out.splitlines() if "[info " not in line]  # of the server in here
        return code, "\n".join(lines), written.err

    return command


def test_the_command_line_lists_experiments(terminal: Any, ended: tuple[str, str]) -> None:
    code, out, _ = terminal("experiments", "ended")
    assert code == 0
    assert ended[0] in out
    assert "FINISHED" in out


def test_the_command_line_shows_trials(terminal: Any, ended: tuple[str, str]) -> None:
    code, out, _ = terminal("trials", ended[0], "--sort", "-value", "-n", "3", "--where", "params.units:1..64")
    assert code == 0
    assert "3 of 12 trials" in out
    assert terminal("trials", ended[0], "--sort", "nope")[0] == 1


def test_the_command_line_edits_and_says_what_can_not_be(terminal: Any, fresh: Callable[..., tuple[str, str]]) -> None:
    name, _ = fresh()
    code, out, _ = terminal("edit", name, "trials.concurrency=1", "space.lr.high=0.05")
    assert (code, out) == (0, "space.lr.high 0.1 → 0.05, trials.concurrency 3 → 1")
    code, _, errors = terminal("edit", name, "trials.concurrency=7")
    assert code == 1
    assert "7 is above the file's 3" in errors
    assert "Traceback" not in errors


def test_the_command_line_reruns_extends_and_clones(terminal: Any, fresh: Callable[..., tuple[str, str]]) -> None:
    name, _ = fresh(until=None, state="success")
    assert terminal("extend", name)[0] == 1
    assert terminal("extend", name, "trials.max=13")[1] == "trials.max 12 → 13"
    other, _ = fresh(until=None, state="success")
    assert terminal("rerun", other, "2")[1] == "trial 2 runs again"
    assert terminal("cancel", other, "1")[0] == 1
    _, out, errors = terminal("clone", other, "trials.max=3")
    assert errors == ""
    assert out.startswith(f"{other}: run manual__")


def test_the_command_line_follows_to_the_end(terminal: Any, ended: tuple[str, str]) -> None:
    code, out, _ = terminal("follow", ended[0])
    assert code == 0
    assert "FINISHED: 100%, 12 trials done, best 1." in out
    assert f"{ended[0]} · {ended[1]}: FINISHED (12 of at most 12 trials have ended (trials.max))" in out
    code, out, _ = terminal("follow", *ended[:1], "--run-id", ended[1], "--json")
    assert code == 0
    assert '"event": "ended"' in out


def test_the_command_line_compares_runs(
    terminal: Any, ended: tuple[str, str], going: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, errors = terminal("compare", ended[0], "/".join(going))
    assert (code, errors) == (0, "")
    assert "/".join(ended) in out
    assert "FINISHED" in out
    assert "RUNNING" in out
    assert "units" in out
    assert terminal("compare", ended[0])[0] == 1


def test_the_command_line_stops_a_run_whose_file_is_elsewhere(
    terminal: Any, world: World, fresh: Callable[..., tuple[str, str]]
) -> None:
    run = fresh()
    code, out, errors = terminal("stop", run[0], "--cancel")
    assert (code, errors) == (0, "")
    assert "running trials are ended" in out
    stop = world.study(*run).state.stop
    assert stop is not None
    assert (stop.by, stop.running) == ("uma", "cancel")


@pytest.mark.parametrize("token", ["a secret of two", "one-secret\nand-another"])
def test_a_token_that_can_not_be_sent_is_not_shown(token: str) -> None:
    """The HTTP library's own message quotes the header."""
    with pytest.raises(AuthError, match="can't be sent") as caught:
        AutoML(Credentials("http://testserver", token=token)).experiments()
    assert "secret" not in str(caught.value)
