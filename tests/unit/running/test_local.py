"""One attempt on this machine, from its process to its record, on a folder and on S3."""

from __future__ import annotations

import errno
import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from automl_core.backends.local import LocalProcess
from automl_core.results.entries import controller
from automl_core.running.folders import Folders
from automl_core.running.local import LocalRun
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import AccessRefused, ObjectStore, StorageError, StorageUnavailable
from automl_core.storage.folder import FolderStore
from automl_core.storage.retry import RetryingStore
from automl_core.storage.testing import FaultyStore
from tests.unit.running.attempts import Bench

EPOCHS = "for step in 0 1 2; do echo accuracy=0.$((step + 1)) step=$step; done"
FOR_EVER = "echo accuracy=0.5 step=0; sleep 600"
BUDGET = {"name": "epochs", "min": 1, "max": 3, "factor": 3}


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "runs")


def when_it_prints(bench: Bench, action: Any) -> None:
    """Have something done from outside as soon as the training has printed its first line."""
    keep, done = bench.lines.append, threading.Event()

    class Lines(list[str]):
        def append(self, line: str) -> None:
            keep(line)
            if not done.is_set():
                done.set()
                action()

    bench.lines = Lines()


def test_what_an_attempt_leaves(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(
        store, tmp_path, f"{EPOCHS}; echo weights > $AUTOML_MODEL_DIR/w.bin; echo state > ${{checkpoint_dir}}/s.bin"
    )
    outcome, told = bench.run()
    assert told.accepted
    assert (outcome.state, outcome.value, outcome.step) == (TrialState.SUCCEEDED, 0.3, 2)
    assert outcome.curve == ((0, 0.1), (1, 0.2), (2, 0.3))
    assert bench.text("experiment_0/model/w.bin") == "weights\n"
    assert bench.text("experiment_0/checkpoints/final/s.bin") == "state\n"
    assert bench.text("experiment_0/log.txt").splitlines() == bench.lines
    body = json.loads(bench.text("experiment_0/metrics.json"))
    assert (body["trial"], body["attempt"], len(body["points"]["points"])) == (0, 1, 3)
    assert bench.keys("scratch/") == []
    assert bench.study.best() == (0, 0.3)


def test_metrics_are_read_before_a_password_that_is_a_word_of_theirs_is_hidden(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow hides passwords from five letters on, and numbers too."""
    hide = lambda text: text.replace("accu", "***").replace("12345", "***")  # noqa: E731
    monkeypatch.setattr("automl_core.masking._others", [hide])
    bench = Bench(
        folder, tmp_path, {"command": "echo accuracy=0.12345; echo $A_TOKEN", "env": {"A_TOKEN": "of-a-trial"}}
    )
    outcome, _ = bench.run()
    assert (outcome.state, outcome.value) == (TrialState.SUCCEEDED, 0.12345)
    assert bench.lines == ["***racy=0.***", "***"]
    assert bench.text("experiment_0/log.txt").splitlines() == bench.lines


def test_a_retry_goes_on_from_the_checkpoint_and_keeps_the_curve_so_far(store: ObjectStore, tmp_path: Path) -> None:
    script = (
        'if [ -z "$AUTOML_RESUME_FROM" ]; then echo accuracy=0.9 step=0; echo one > $AUTOML_CHECKPOINT_DIR/s; exit 3; '
        "else cat $AUTOML_RESUME_FROM/s; echo accuracy=0.4 step=1; fi"
    )
    bench = Bench(store, tmp_path, script, trials={"retries": 1})
    outcome, told = bench.run()
    assert told.retry
    assert "exit" in outcome.reason
    outcome, told = bench.run()
    assert "one" in bench.lines
    assert (outcome.state, outcome.value, outcome.step) == (TrialState.SUCCEEDED, 0.9, 0)
    assert outcome.curve == ((0, 0.9), (1, 0.4))


def test_a_trial_that_was_cleared_after_it_had_succeeded_begins_anew(store: ObjectStore, tmp_path: Path) -> None:
    script = "ls $AUTOML_CHECKPOINT_DIR; echo accuracy=0.5 step=0; echo done > $AUTOML_CHECKPOINT_DIR/end"
    bench = Bench(store, tmp_path, script)
    bench.run()
    outcome, _ = bench.run()
    assert outcome.state is TrialState.SUCCEEDED
    assert "end" not in bench.lines


def test_a_promoted_trial_goes_on_from_its_own_rungs_checkpoint(store: ObjectStore, tmp_path: Path) -> None:
    script = (
        "from=0; [ -n \"$AUTOML_RESUME_FROM\" ] && from=$(cat $AUTOML_RESUME_FROM/epoch); "
        "for e in $(seq $from $((AUTOML_BUDGET - 1))); do echo accuracy=0.$((9 - e)) step=$e; done; "
        "echo $AUTOML_BUDGET > $AUTOML_CHECKPOINT_DIR/epoch"
    )  # fmt: skip
    bench = Bench(
        store, tmp_path, script, search={"algorithm": "asha"}, trials={"max": 3, "concurrency": 1, "budget": BUDGET}
    )
    for slot in range(4):
        binding = bench.ask(slot)
        outcome, _ = bench.attempt(binding).run()
        if binding.resume_budget is not None:
            break
    assert (binding.budget, binding.resume_budget) == (3, 1)
    assert outcome.curve == ((0, 0.9), (1, 0.8), (2, 0.7)), "the whole trial's, though it trained the difference only"
    assert outcome.value == 0.9
    assert bench.text(f"experiment_{binding.trial}/checkpoints/budget_1/epoch") == "1\n"
    assert bench.text(f"experiment_{binding.trial}/checkpoints/budget_3/epoch") == "3\n"


def test_an_attempt_that_was_overtaken_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(store, tmp_path, f"{EPOCHS}; echo mine > $AUTOML_MODEL_DIR/w.bin")
    late = bench.attempt(bench.ask())
    later = bench.other()
    later.ask(0)
    _, told = late.run()
    assert not told.accepted
    assert bench.keys("experiment_0/model/") == []
    assert bench.keys("experiment_0/log.txt") == []
    assert bench.keys("scratch/") == []


def test_a_failed_attempt_keeps_its_log_and_no_model(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(store, tmp_path, "echo half > $AUTOML_MODEL_DIR/w.bin; echo out of memory; exit 137")
    outcome, _ = bench.run()
    assert outcome.state is TrialState.FAILED
    assert "out of memory" in outcome.reason
    assert bench.text("experiment_0/log.txt") == "out of memory\n"
    assert bench.keys("experiment_0/model/") == []


def test_training_tasks_of_a_trial_share_its_model_and_weigh_their_metrics(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(
        store, tmp_path,
        "echo loss=0.4 step=0; echo weights > $AUTOML_MODEL_DIR/w.bin",
        "cat $AUTOML_MODEL_DIR/w.bin; echo auc=0.9 step=0; echo 1 > $AUTOML_MODEL_DIR/score",
        goal={"metric": {"auc": 1.0, "loss": -0.5}},
    )  # fmt: skip
    first, _ = bench.run()
    assert (first.state, first.value) == (TrialState.SUCCEEDED, None)
    second, _ = bench.run(task=1)
    assert "weights" in bench.lines
    assert second.value == pytest.approx(0.7)
    assert second.metrics == {"auc": 0.9, "loss": 0.4}
    assert sorted(bench.keys("experiment_0/model/")) == ["score", "w.bin"]


def test_training_without_its_metric_fails_and_shows_what_it_printed(folder: FolderStore, tmp_path: Path) -> None:
    outcome, told = Bench(folder, tmp_path, "echo acuracy=0.9 step=0; echo bye", trials={"retries": 5}).run()
    assert outcome.state is TrialState.FAILED
    assert not told.retry
    for part in ("accuracy", "acuracy", "bye"):
        assert part in outcome.reason


def test_the_time_limit_ends_it_for_good(folder: FolderStore, tmp_path: Path) -> None:
    outcome, told = Bench(folder, tmp_path, FOR_EVER, trials={"timeout": 0.5, "retries": 5}).run()
    assert outcome.state is TrialState.FAILED
    assert "limit" in outcome.reason
    assert not told.retry


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_person_ends_it(folder: FolderStore, tmp_path: Path, all_of_it: bool) -> None:
    bench = Bench(folder, tmp_path, FOR_EVER)
    binding, person = bench.ask(), bench.other()

    def cancel() -> None:
        if all_of_it:
            person.stop("user", ExperimentState.USER_CANCELED, "enough", running="cancel", by="ada")
        else:
            person.cancel_trial(binding.trial, "ada")

    when_it_prints(bench, cancel)
    outcome, told = bench.attempt(binding).run()
    assert outcome.state is TrialState.USER_CANCELED
    assert outcome.reason == ("enough" if all_of_it else "cancelled by ada")
    assert told.accepted
    assert bench.study.state.works[0].state is TrialState.USER_CANCELED


def test_early_stopping_really_ends_the_process_and_its_value_counts(folder: FolderStore, tmp_path: Path) -> None:
    script = "trap 'echo asked > ended; exit 0' TERM; for s in 0 1 2 3; do echo accuracy=0.5 step=$s; done; " \
             "sleep 600 & wait"  # fmt: skip
    bench = Bench(folder, tmp_path, script, trials={"early_stopping": {"rule": "patience", "patience": 2}})
    outcome, _ = bench.run()
    assert (outcome.state, outcome.value) == (TrialState.EARLY_STOPPED, 0.5)
    assert (tmp_path / "ended").read_text() == "asked\n"


LATE = """
import time
shown = None
for epoch, value in enumerate([0.703, 0.78, 0.86, 0.922]):
    if shown is not None:
        print(f"Epoch {epoch}: 0/12, accuracy={shown}", end="END", flush=True)
        time.sleep(0.6)
    print(f"Epoch {epoch}: 12/12, accuracy={value}", end="END", flush=True)
    shown = value
    time.sleep(0.6)
"""


@pytest.mark.parametrize("end", ["\\n", "\\r"])
def test_a_bar_that_still_shows_the_epoch_before_stops_no_trial(folder: FolderStore, tmp_path: Path, end: str) -> None:
    """The value of an epoch comes on two lines, or redraws, with a look at the rule between them."""
    rule = {"rule": "patience", "patience": 1}
    program = tmp_path / "home" / "late.py"
    bench = Bench(folder, tmp_path / "home", "python late.py", trials={"early_stopping": rule})
    program.write_text(LATE.replace("END", end))
    outcome, _ = bench.run()
    assert (outcome.state, outcome.value) == (TrialState.SUCCEEDED, 0.922)
    assert outcome.curve == ((0, 0.703), (1, 0.78), (2, 0.86), (3, 0.922))


def test_metrics_are_published_while_it_runs(folder: FolderStore, tmp_path: Path) -> None:
    bench = Bench(folder, tmp_path, "echo accuracy=0.5 step=0; until [ -e seen ]; do sleep 0.05; done")
    run = bench.attempt(bench.ask())
    publish = run.watch.publish

    def published() -> None:
        publish()
        assert json.loads(bench.text("experiment_0/metrics.json"))["points"]["points"] == [[0, 0.5]]
        (tmp_path / "seen").touch()

    run.watch.publish = published  # type: ignore[method-assign]
    assert run.run()[0].state is TrialState.SUCCEEDED


@pytest.mark.parametrize("every", [3, 5, 10])
def test_a_store_that_refuses_calls_costs_no_trial(tmp_path: Path, every: int) -> None:
    inner = FolderStore(tmp_path / "runs")
    store = RetryingStore(FaultyStore(inner, every=every), sleep=lambda _: None)
    bench = Bench(store, tmp_path, f"{EPOCHS}; echo weights > $AUTOML_MODEL_DIR/w.bin")
    outcome, told = bench.run()
    assert told.accepted
    assert outcome.value == 0.3
    assert inner.get("e/r/experiment_0/model/w.bin") == b"weights\n"
    assert len(bench.other().state.works[0].attempts) == 1


def test_what_can_not_be_stored_fails_the_attempt_and_is_tried_again(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any) -> None:
        raise OSError("no space left on device")

    bench = Bench(folder, tmp_path, EPOCHS, trials={"retries": 0})
    with monkeypatch.context() as patched:
        patched.setattr("automl_core.running.folders.Folders.keep_log", full)
        outcome, told = bench.run()
    assert outcome.state is TrialState.FAILED
    assert "no space left" in outcome.reason
    assert told.retry, "nobody's fault: not counted"
    assert bench.run()[0].value == 0.3


class Away(FolderStore):
    """Refuses so many calls."""

    left = 0
    error: type[StorageError] = StorageUnavailable

    def _told(self, operation: str, key: str) -> Any:
        if self.left > 0:
            self.left -= 1
            raise self.error(f"Cannot {operation} {key} in {self.url}: away on purpose")
        return super()._told(operation, key)


@pytest.mark.parametrize("error", [StorageUnavailable, AccessRefused])
def test_a_store_that_is_away_when_the_training_ends_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[StorageError]
) -> None:
    monkeypatch.setattr("automl_core.running.patience.FIRST_PAUSE", 0.01)
    store = Away(tmp_path / "runs")
    store.error = error
    bench = Bench(store, tmp_path, f"{EPOCHS}; echo weights > $AUTOML_MODEL_DIR/w.bin", trials={"retries": 0})
    said = bench.lines
    when_it_prints(bench, lambda: setattr(store, "left", 12))
    outcome, told = bench.run()
    assert store.left == 0
    assert told.accepted
    assert (outcome.state, outcome.value) == (TrialState.SUCCEEDED, 0.3)
    assert bench.text("experiment_0/model/w.bin") == "weights\n"
    assert any("the store is waited for" in line for line in said)
    assert len(json.loads(bench.text("experiment_0/metrics.json"))["points"]["points"]) == 3
    (attempt,) = bench.other().state.works[0].attempts
    assert attempt.state is TrialState.SUCCEEDED


def test_a_store_that_is_away_as_the_result_is_told_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_core.running.patience.FIRST_PAUSE", 0.01)
    store = Away(tmp_path / "runs")
    bench = Bench(store, tmp_path, EPOCHS, trials={"retries": 0})
    tell, refused = bench.study.tell, []

    def away(*args: Any) -> Any:
        if len(refused) < 5:
            refused.append(1)
            raise StorageUnavailable("away")
        return tell(*args)

    monkeypatch.setattr(bench.study, "tell", away)
    outcome, told = bench.run()
    assert (outcome.value, told.accepted, len(refused)) == (0.3, True, 5)


def test_a_store_that_is_away_before_the_training_is_waited_for(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_core.running.patience.FIRST_PAUSE", 0.01)
    bench = Bench(store, tmp_path, EPOCHS, trials={"retries": 0})
    prepare, refused = Folders.prepare, []

    def away(self: Folders) -> None:
        if len(refused) < 3:
            refused.append(1)
            raise OSError(errno.EIO, "on purpose")
        prepare(self)

    monkeypatch.setattr(Folders, "prepare", away)
    outcome, _ = bench.run()
    assert (outcome.value, len(refused)) == (0.3, 3)


def test_past_all_patience_nothing_is_told_of_the_training(tmp_path: Path) -> None:
    store = Away(tmp_path / "runs")
    bench = Bench(store, tmp_path, EPOCHS, trials={"retries": 0})
    binding = bench.ask()
    run = LocalRun(bench.study, store, binding, home=tmp_path, emit=bench.lines.append, patience=0.0)
    when_it_prints(bench, lambda: setattr(store, "left", 10**6))
    run._emit = bench.lines.append
    with pytest.raises(StorageUnavailable):
        run.run()
    store.left = 0
    work = bench.other().state.works[0]
    assert (work.failures, work.state) == (0, TrialState.RUNNING), "as that of a worker that was lost"


def test_what_can_not_be_started_is_said(folder: FolderStore, tmp_path: Path) -> None:
    outcome, _ = Bench(folder, tmp_path, {"command": ["no-such-program"]}).run()
    assert outcome.state is TrialState.FAILED
    assert "tasks.task0" in outcome.reason
    assert "no-such-program" in outcome.reason


def test_paths_of_a_trials_own_are_relative_to_the_home(folder: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "work" / "trial-0").mkdir(parents=True)
    task = {
        "command": 'echo \'[{"step": 0, "accuracy": 0.25}]\' > out-${trial_id}.json',
        "cwd": "work/trial-${trial_id}",
        "metrics": {"source": "json", "path": "out-${trial_id}.json"},
    }
    outcome, _ = Bench(folder, tmp_path, task).run()
    assert outcome.value == 0.25
    assert (tmp_path / "work" / "trial-0" / "out-0.json").is_file()


def test_it_can_be_killed_from_a_signal_handler(folder: FolderStore, tmp_path: Path) -> None:
    bench = Bench(folder, tmp_path, FOR_EVER)
    when_it_prints(bench, lambda: signal.raise_signal(signal.SIGUSR1))
    run = bench.attempt(bench.ask())
    old = signal.signal(signal.SIGUSR1, lambda *_: run.kill(TrialState.USER_CANCELED, "ended from Airflow"))
    try:
        outcome, told = run.run()
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert (outcome.state, outcome.reason) == (TrialState.USER_CANCELED, "ended from Airflow")
    assert told.accepted


def test_killed_before_it_began_it_starts_nothing(folder: FolderStore, tmp_path: Path) -> None:
    bench = Bench(folder, tmp_path, "touch started; echo accuracy=1 step=0")
    run = bench.attempt(bench.ask())
    run.kill(TrialState.USER_CANCELED, "cleared")
    outcome, _ = run.run()
    assert outcome.state is TrialState.USER_CANCELED
    assert not (tmp_path / "started").exists()
    attempt = controller(bench.study.experiment, bench.study.state)["trials"][0]["attempts"][0]
    assert attempt["began"] is False


def test_killed_while_it_trained_it_has_begun(folder: FolderStore, tmp_path: Path) -> None:
    bench = Bench(folder, tmp_path, "echo begun; exec sleep 60")
    run = bench.attempt(bench.ask())

    def kill(line: str) -> None:
        if line == "begun":
            run.kill(TrialState.SYS_CANCELED, "the deadline")

    run._emit = kill
    outcome, _ = run.run()
    assert outcome.state is TrialState.SYS_CANCELED
    assert "began" not in controller(bench.study.experiment, bench.study.state)["trials"][0]["attempts"][0]


def test_the_training_ends_when_whoever_started_the_worker_is_gone(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(folder, tmp_path, FOR_EVER)
    run = bench.attempt(bench.ask())
    monkeypatch.setattr("automl_core.running.local.os.getppid", lambda: 1)
    outcome, _ = run.run()
    assert outcome.state is TrialState.SYS_CANCELED
    assert "gone" in outcome.reason


def test_a_log_without_end_is_cut_and_the_end_of_it_is_shown(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_core.running.attempt.MAX_LOG_BYTES", 1000)
    outcome, _ = (bench := Bench(folder, tmp_path, "seq 1 5000; echo the last words; exit 1")).run()
    assert "the last words" in outcome.reason
    log = bench.text("experiment_0/log.txt")
    assert len(log) < 1200
    assert log.splitlines()[-1].startswith("[cut:")
    assert bench.lines[-1] == "the last words"


def test_no_process_is_left(folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[LocalProcess] = []
    close = LocalProcess.close

    def closed(self: LocalProcess) -> None:
        close(self)
        jobs.append(self)

    monkeypatch.setattr(LocalProcess, "close", closed)
    Bench(folder, tmp_path, f"sleep 600 & {EPOCHS}").run()
    assert jobs
    assert all(job.poll() is not None for job in jobs)


@pytest.mark.parametrize("where", [{"cwd": "bundle"}, {"cwd": "${bundle_dir}"}, {"cwd": "${bundle_dir}/../team"}])
def test_code_beside_the_file_is_reached_in_the_bundle_that_the_run_is_held_to(
    tmp_path: Path, store: ObjectStore, where: dict[str, str]
) -> None:
    bundle = tmp_path / "team"
    bundle.mkdir()
    (bundle / "train.py").write_text(
        "import os, sys\nprint('accuracy=0.5')\nassert os.environ['AUTOML_BUNDLE_DIR'] == sys.argv[1] == os.getcwd()\n"
        "open('metrics.json', 'w').write('{\"accuracy\": 0.75}')\n"
    )
    task = {"command": ["python", "train.py", "${bundle_dir}"], "metrics": {"source": "json", "path": "metrics.json"}}
    bench = Bench(store, tmp_path / "home", {**task, **where})
    binding = bench.ask()
    run = LocalRun(bench.study, store, binding, home=bench.home, bundle=bundle, emit=bench.lines.append)
    outcome, _ = run.run()
    assert (outcome.state, outcome.value) == (TrialState.SUCCEEDED, 0.75), (outcome.reason, "its cwd has the metrics")


def test_without_a_bundle_its_folder_is_the_home(tmp_path: Path, store: ObjectStore) -> None:
    bench = Bench(
        store, tmp_path / "home", {"command": "echo accuracy=1; pwd; echo $AUTOML_BUNDLE_DIR", "cwd": "bundle"}
    )
    assert bench.run()[0].state is TrialState.SUCCEEDED
    assert bench.lines[1:] == [str(tmp_path / "home")] * 2
