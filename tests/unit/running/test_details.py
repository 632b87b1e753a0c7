"""Predictions of a trial are summed up beside its model, by whoever was there, and no trial fails by them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automl_core.results import publish_study
from automl_core.running import details
from automl_core.running.details import make_missing
from automl_core.running.places import Places
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore, StorageUnavailable
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Outcome
from tests.unit.running.attempts import PREFIX, Bench

GOOD = "id,truth,prediction,score\\n1,cat,cat,0.9\\n2,cat,dog,0.8\\n3,dog,dog,0.7\\n"
WRITE = "printf '{}' > $AUTOML_MODEL_DIR/predictions.csv"
TRAIN = "echo accuracy=0.5 step=0"


def script(text: str = GOOD) -> str:
    return f"{TRAIN}; {WRITE.format(text)}"


def summary(bench: Bench, trial: int = 0) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bench.text(f"experiment_{trial}/details.json"))
    return body


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "runs")


def test_a_worker_sums_up_what_its_training_has_left(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(store, tmp_path, script())
    outcome, _ = bench.run()
    assert outcome.state is TrialState.SUCCEEDED
    assert summary(bench)["confusion"]["counts"] == [[1, 1], [0, 1]]
    rows = json.loads(bench.text("experiment_0/details-rows.json"))
    assert [row["id"] for group in rows["groups"] for row in group["rows"]] == ["2"]
    assert any(line.startswith("details: 3 rows of predictions.csv, classification: accuracy") for line in bench.lines)


def test_the_summary_holds_no_row(folder: FolderStore, tmp_path: Path) -> None:
    bench = Bench(folder, tmp_path, script("id,truth,prediction,name\\nsecret-id,a,b,secret-name\\nx,b,b,y\\n"))
    bench.run()
    assert "secret" not in bench.text("experiment_0/details.json")
    assert "secret-id" in bench.text("experiment_0/details-rows.json")
    assert "secret-name" in bench.text("experiment_0/details-rows.json")


def test_training_that_leaves_none_costs_nothing(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("no process is started where there is nothing to sum up")

    monkeypatch.setattr(details, "_made", never)
    bench = Bench(folder, tmp_path, f"{TRAIN}; echo w > $AUTOML_MODEL_DIR/w.bin")
    bench.run()
    assert bench.keys("experiment_0/details") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label,guess\\n1,2\\n", "no column truth and no column prediction; it has label, guess"),
        ("truth,prediction\\n", "has no rows"),
        ("", "can't be read"),
    ],
)
def test_what_is_wrong_with_predictions_fails_no_trial_and_is_told(
    folder: FolderStore, tmp_path: Path, text: str, words: str
) -> None:
    bench = Bench(folder, tmp_path, f"{TRAIN}; touch $AUTOML_MODEL_DIR/predictions.csv; {WRITE.format(text)}")
    outcome, told = bench.run()
    assert (outcome.state, told.accepted) == (TrialState.SUCCEEDED, True)
    assert words in summary(bench)["problem"]
    assert words in bench.lines[-1]
    assert make_missing(bench.study, bench.lines.append) == 0, "it would end as it did"


def test_a_process_that_dies_fails_no_trial(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = tmp_path / "python"
    shell.write_text("#!/bin/sh\necho 'Segmentation fault' >&2\nkill -SEGV $$\n")
    shell.chmod(0o755)
    monkeypatch.setattr(details, "PYTHON", str(shell))
    bench = Bench(folder, tmp_path, script())
    outcome, _ = bench.run()
    assert outcome.state is TrialState.SUCCEEDED
    assert "could not be read (Segmentation fault)" in summary(bench)["problem"]


def test_it_is_given_up_where_it_takes_too_long(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = tmp_path / "python"
    shell.write_text("#!/bin/sh\nexec sleep 600\n")
    shell.chmod(0o755)
    monkeypatch.setattr(details, "PYTHON", str(shell))
    monkeypatch.setattr(details.keep_details, "__kwdefaults__", {"wanted": lambda: True, "longest": 0.3})
    bench = Bench(folder, tmp_path, script())
    bench.run()
    assert "takes more than 0.3 s" in summary(bench)["problem"]


def test_a_worker_that_is_ended_leaves_it_to_the_reducer(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = tmp_path / "python"
    shell.write_text("#!/bin/sh\nexec sleep 600\n")
    shell.chmod(0o755)
    bench = Bench(folder, tmp_path, script())
    attempt = bench.attempt(bench.ask())
    tell = bench.study.tell

    def told_and_killed(*given: Any) -> Any:
        done = tell(*given)
        attempt.kill(TrialState.USER_CANCELED, "its worker ends")
        return done

    monkeypatch.setattr(bench.study, "tell", told_and_killed)
    with monkeypatch.context() as patch:
        patch.setattr(details, "PYTHON", str(shell))
        outcome, _ = attempt.run()
    assert outcome.state is TrialState.SUCCEEDED
    assert bench.keys("experiment_0/details") == []
    assert make_missing(bench.study, bench.lines.append) == 1
    assert summary(bench)["counted"] == 3


def test_without_pyarrow_it_is_said_and_nothing_is_kept(
    folder: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden" / "pyarrow"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('No module named pyarrow')")
    monkeypatch.syspath_prepend(str(hidden.parent))
    bench = Bench(folder, tmp_path, script())
    outcome, _ = bench.run()
    assert outcome.state is TrialState.SUCCEEDED
    assert sum("automl-core[tables] brings it" in line for line in bench.lines) == 1
    assert bench.keys("experiment_0/details") == [], "where it is installed the reducer can make them"


def test_a_store_that_is_away_fails_no_trial(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(store, tmp_path, script())
    put = store.put

    def refuses(key: str, data: bytes) -> None:
        if "details" in key:
            raise StorageUnavailable("away")
        put(key, data)

    monkeypatch.setattr(store, "put", refuses)
    outcome, _ = bench.run()
    assert outcome.state is TrialState.SUCCEEDED
    assert bench.lines[-1] == "the model's details were not kept: away"


def test_the_reducer_makes_those_of_pods_before_their_models_go(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(store, tmp_path, TRAIN, trials={"max": 3, "concurrency": 3})
    good = GOOD.replace("\\n", "\n").encode()
    for slot in range(3):
        binding = bench.ask(slot)
        store.put(f"{PREFIX}experiment_{slot}/model/predictions.csv", good)
        if slot == 0:
            store.put(f"{PREFIX}experiment_{slot}/model/predictions.parquet", b"no parquet")
        bench.study.tell(binding, Outcome(TrialState.SUCCEEDED, value=slot / 10))
    assert make_missing(bench.study, bench.lines.append) == 3
    assert [line.split(":")[0] for line in bench.lines] == ["trial 2", "trial 1", "trial 0"], "the best ones first"
    assert "predictions.parquet can't be read" in summary(bench, 0)["problem"]
    bench.study.finish()
    publish_study(bench.study)
    assert bench.keys("experiment_1/model") == []
    assert summary(bench, 1)["counted"] == 3
    assert make_missing(bench.study, bench.lines.append) == 0


def test_the_reducers_time_is_bounded(folder: FolderStore, tmp_path: Path) -> None:
    bench = Bench(folder, tmp_path, TRAIN, trials={"max": 2, "concurrency": 2})
    for slot in range(2):
        folder.put(f"{PREFIX}experiment_{slot}/model/predictions.csv", b"truth,prediction\na,a\n")
    assert make_missing(bench.study, bench.lines.append, longest=0) == 0
    assert bench.lines == ["the details of 2 trials were not made: it took longer than 0 s in all"]


def test_a_new_model_takes_the_details_of_the_old_one_away(store: ObjectStore, tmp_path: Path) -> None:
    bench = Bench(store, tmp_path, script())
    bench.run()
    assert bench.keys("experiment_0/details") != []
    places = Places(store, PREFIX, Binding(slot=0, trial=0, task=0, attempt=2, params={}), store.url)
    store.put(places.model + "w.bin", b"weights")
    places.keep_model()
    assert bench.keys("experiment_0/details") == []
    assert bench.keys("experiment_0/model/") == ["w.bin"]


def test_a_training_task_that_another_follows_is_not_summed_up(folder: FolderStore, tmp_path: Path) -> None:
    bench = Bench(folder, tmp_path, script(), f"{TRAIN}; cat $AUTOML_MODEL_DIR/predictions.csv")
    bench.run()
    assert bench.keys("experiment_0/details") == []
    bench.run(task=1)
    assert summary(bench)["counted"] == 3


AS_A_PROCESS = """
import sys
from automl_core.details.__main__ import main
print(main(sys.argv[1:]), "pandas" in sys.modules)
"""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_pandas_is_loaded_only_where_moments_may_need_it(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"predictions.{kind}"
    if kind == "csv":
        file.write_text("truth,prediction,at\na,a,2026-01-02\nb,a,2026-01-02 03:04:05.000000006\n")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        moments = pa.array([0, 1_767_323_045_000_000_006], pa.timestamp("ns"))
        pq.write_table(pa.table({"truth": ["a", "b"], "prediction": ["a", "a"], "at": moments}), file)
    done = subprocess.run(
        [sys.executable, "-c", AS_A_PROCESS, str(file), str(tmp_path), str(details.MEMORY)],
        capture_output=True, text=True, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.stdout.split() == ["0", str(kind == "parquet")]
    (group,) = json.loads((tmp_path / "details-rows.json").read_text())["groups"]
    assert group["rows"][0]["values"] == {"at": "2026-01-02 03:04:05.000000006"}
