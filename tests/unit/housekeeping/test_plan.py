"""What goes and what stays: by age, by what is kept, and never what anything speaks for."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_core.housekeeping import ExperimentFile, Options, look, make_plan
from automl_core.housekeeping.plan import made_at
from automl_core.journal import JOURNAL, SNAPSHOT, key_of
from automl_core.journal.records import FORMAT_VERSION
from automl_core.storage.base import StorageError, Unfinished
from automl_core.study.layout import safe
from automl_core.templates.places import Places
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.support.template_folders import NET, make_template, places_in
from tests.unit.housekeeping.yard import DAY, NOW, first_key, going, lived, planned, why
from tests.unit.results.lab import Lab

OLD = 60


def of_a_later_release(record: bytes) -> bytes:
    """A record of a journal as a release would write it that this one can't read."""
    later, count = re.subn(rb'"version":\d+', b'"version":%d' % (FORMAT_VERSION + 1), record, count=1)
    assert count == 1
    return later


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_old_runs_go_and_young_ones_and_the_last_stay(store: MemoryStore) -> None:
    for run, days in (("a", 90), ("b", 40), ("c", 20), ("d", 5)):
        lived(store, run, days_ago=days)
    plan = planned(store)
    assert going(plan) == ["digits/a/", "digits/b/"]
    assert "younger than 30 days" in why(plan, "digits/c/")
    assert "among the last 1 of digits" in why(plan, "digits/d/")
    assert going(planned(store, keep_last=3)) == ["digits/a/"]
    assert going(planned(store, keep_last=0, older_than=0.0)) == [f"digits/{run}/" for run in "abcd"]
    item = plan.items[0]
    assert item.objects == sum(key.startswith("digits/a/") for key in store.objects)
    assert item.bytes == sum(len(data) for key, data in store.objects.items() if key.startswith("digits/a/"))
    assert "ended 90 days ago" in item.why


def test_each_experiment_keeps_its_own_last(store: MemoryStore) -> None:
    for name in ("one", "two"):
        for run, days in (("a", 90), ("b", 80)):
            lived(store, run, days_ago=days, name=name)
    assert going(planned(store)) == ["one/a/", "two/a/"]
    assert going(planned(store, experiments=frozenset({"two"}))) == ["two/a/"]


def test_the_best_stays_where_it_is_asked_for(store: MemoryStore) -> None:
    for run, value in (("a", 0.7), ("b", 0.9), ("c", 0.8), ("d", None)):
        lived(store, run, days_ago=OLD, value=value)
    assert going(planned(store, keep_last=0)) == [f"digits/{run}/" for run in "abcd"]
    plan = planned(store, keep_last=0, keep_best=True)
    assert going(plan) == ["digits/a/", "digits/c/", "digits/d/"]
    assert why(plan, "digits/b/") == "the best of digits (maximize accuracy)"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"end": False, "publish": False}, "it goes on"),
        ({"end": False, "publish": True}, "it goes on"),
        ({"end": True, "publish": False}, "never published"),
    ],
)
def test_what_runs_stays_unless_it_is_called_abandoned(store: MemoryStore, ends: dict[str, Any], said: str) -> None:
    lived(store, "a", days_ago=OLD, **ends)
    plan = planned(store, keep_last=0)
    assert going(plan) == []
    assert said in why(plan, "digits/a/")
    assert going(planned(store, keep_last=0, abandoned=70.0 * DAY)) == []
    plan = planned(store, keep_last=0, abandoned=50.0 * DAY)
    assert going(plan) == ["digits/a/"]
    assert plan.items[0].why.startswith("abandoned: ")


def test_what_drains_is_not_taken_for_ended(store: MemoryStore) -> None:
    lab = lived(store, "a", days_ago=OLD, end=False, publish=False)
    lab.bind()
    lab.stop()
    assert going(planned(store, keep_last=0, older_than=0.0)) == []


def test_a_trial_that_runs_again_after_the_end_keeps_its_run(store: MemoryStore) -> None:
    lab = lived(store, "a", days_ago=OLD)
    lab.attempt(0)  # a person has cleared its slot; the stop and the published result still stand
    assert going(planned(store, keep_last=0)) == []
    assert "never published" in why(planned(store, keep_last=0), "digits/a/")


def test_orphans_go_whatever_their_age_but_not_at_once_nor_what_is_named(store: MemoryStore) -> None:
    from dataclasses import replace

    for run, days in (("young", 1), ("new", 0), ("named", 1), ("best", 1)):
        lived(
            store, run, days_ago=days, end=run != "young", publish=run != "young", value=0.9 if run == "best" else 0.5
        )
    store.put("_models/m/1.json", b"digits@named")
    inventory = look(store)
    gone = replace(inventory, runs=tuple(replace(run, in_airflow="gone") for run in inventory.runs))
    options = Options(frozenset(), orphaned=True)
    assert going(make_plan(gone, options, NOW)) == ["digits/best/", "digits/young/"]
    assert going(make_plan(gone, replace(options, keep_best=True), NOW)) == ["digits/young/"]
    assert going(make_plan(gone, replace(options, orphaned=False), NOW)) == []
    assert going(make_plan(inventory, options, NOW)) == []  # Airflow was not asked


def test_something_written_lately_makes_a_run_young(store: MemoryStore) -> None:
    lived(store, "a", days_ago=OLD)
    store.times["digits/a/best_model/model/weights.bin"] = NOW - DAY
    assert going(planned(store, keep_last=0)) == []


def test_a_clock_that_is_ahead_makes_nothing_old(store: MemoryStore) -> None:
    lived(store, "a", days_ago=-400)
    assert going(planned(store, keep_last=0)) == []
    assert going(planned(store, keep_last=0, abandoned=1.0 * DAY)) == []


@pytest.mark.parametrize("folder", ["_models/churn/journal/0000000001.json", "_annotation/intents/batches/7.json"])
@pytest.mark.parametrize("form", ["key", "reference", "fields", "escaped"])
def test_what_a_model_or_an_annotation_names_stays(store: MemoryStore, folder: str, form: str) -> None:
    run = "manual__2026-11-21T04:10:00+00:00"
    lab = lived(store, safe(run), days_ago=OLD)
    other = lived(store, "other", days_ago=OLD)
    renamed(store, lab, run)
    text = {
        "key": lab.prefix + "best_model/", "reference": f"digits@{run}", "fields": {"experiment": "digits", "run": run},
        "escaped": f"https://x/experiments/digits/runs/{run.replace(':', '%3A').replace('+', '%2B')}",
    }[form]  # fmt: skip
    store.put(folder, json.dumps({"candidate": text}).encode())
    plan = planned(store, keep_last=0)
    assert going(plan) == [other.prefix]
    assert why(plan, lab.prefix) == f"{folder} names it"


def renamed(store: MemoryStore, lab: Lab, run: str) -> None:
    """The id of a run as Airflow makes them, in a journal that was begun with its folder's name."""
    store.delete(lab.prefix + SNAPSHOT)  # the run's id stands in it, packed
    key, short = lab.prefix + JOURNAL + key_of(1), lab.prefix.split("/")[1]
    store.objects[key] = store.objects[key].replace(f'"run":"{short}"'.encode(), f'"run":"{run}"'.encode())


def test_reserved_folders_themselves_are_never_touched(store: MemoryStore) -> None:
    lived(store, "versions", days_ago=OLD, name="churn")
    for key, data in list(store.objects.items()):
        store.objects["_models/" + key.removeprefix("churn/")] = data
        store.objects["_annotation/" + key] = data
    store.parts.append(Unfinished("_models/churn/.automl-tmp-1", "", 3, 0.0))
    store.parts.append(Unfinished("_models/churn/model.bin", "upload", 3, 0.0))
    store.put("_other/housekeeping.json", b"{}")
    plan = planned(store, keep_last=0, older_than=0.0, abandoned=1.0 * DAY)
    assert not [item for item in plan.items if item.place.startswith("_")]


def test_where_a_name_can_not_be_read_no_run_goes(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(store, "a", days_ago=OLD)
    store.put("_models/churn/journal/0000000001.json", b"{}")
    get = store.get

    def refused(key: str) -> bytes:
        if key.startswith("_models/"):
            raise StorageError(f"Cannot read {key}: AccessDenied")
        return get(key)

    monkeypatch.setattr(store, "get", refused)
    plan = planned(store, keep_last=0)
    assert not plan.items
    assert "what names it can't be read: Cannot read _models/" in why(plan, "digits/a/")
    assert "AccessDenied" in plan.problems[0]


def test_what_another_run_has_learned_from_stays(store: MemoryStore) -> None:
    lived(store, "a", days_ago=90)
    lived(store, "b", days_ago=80, earlier=[("digits", "a")])
    lived(store, "c", days_ago=70)
    plan = planned(store, keep_last=0)
    assert going(plan) == ["digits/b/", "digits/c/"]
    assert why(plan, "digits/a/") == "digits@b has learned from it"
    assert going(planned(store, keep_last=0, transferred=True)) == ["digits/a/", "digits/b/", "digits/c/"]


def test_what_a_run_learns_from_that_goes_on_stays_in_any_case(store: MemoryStore) -> None:
    lived(store, "a", days_ago=90)
    lived(store, "b", days_ago=80, name="wine", end=False, publish=False, earlier=[("digits", "a")])
    assert going(planned(store, keep_last=0, transferred=True)) == []


FILE = """
name: digits
goal: {metric: accuracy, direction: maximize}
search: {transfer: %s}
space: {lr: {type: loguniform, low: 1e-5, high: 0.1}}
tasks: [{command: [python, train.py, "${lr}"]}]
"""


@pytest.mark.parametrize(
    ("transfer", "stays"),
    [
        ("{runs: 0, experiments: [digits@b]}", ["digits/b/"]),
        ("{runs: 2}", ["digits/c/", "digits/d/"]),
        ("{runs: 0, experiments: [wine]}", ["wine/f/"]),
        ("{runs: 0, experiments: [digits]}", ["digits/d/"]),
    ],
)
def test_what_an_experiment_file_learns_from_stays(store: MemoryStore, transfer: str, stays: list[str]) -> None:
    for run, days in (("a", 90), ("b", 80), ("c", 70), ("d", 60)):
        lived(store, run, days_ago=days)
    for run, days in (("e", 90), ("f", 80)):
        lived(store, run, days_ago=days, name="wine")
    every = {"digits/a/", "digits/b/", "digits/c/", "digits/d/", "wine/e/", "wine/f/"}
    files = [ExperimentFile("digits.yaml", FILE % transfer)]
    assert every - set(going(planned(store, files, keep_last=0))) == set(stays)


def test_a_file_that_is_broken_today_may_learn_tomorrow(store: MemoryStore) -> None:
    lived(store, "long-enough-id", days_ago=OLD)
    lived(store, "another-long-id", days_ago=OLD, name="wine")
    plan = planned(store, [ExperimentFile("x.yaml", "name: digits\nsearch: {transfer: {runs: 3\n")], keep_last=0)
    assert going(plan) == ["wine/another-long-id/"]
    assert "the experiment file x.yaml learns" in why(plan, "digits/long-enough-id/")


@pytest.mark.parametrize(
    ("transfer", "stays"),
    [("{runs: 0, experiments: [digits@b]}", ["digits/b/"]), ("{runs: 2}", ["digits/c/", "digits/d/"])],
)
def test_what_a_template_has_its_experiments_learn_from_stays(
    store: MemoryStore, tmp_path: Path, transfer: str, stays: list[str]
) -> None:
    for run, days in (("a", 90), ("b", 80), ("c", 70), ("d", 60)):
        lived(store, run, days_ago=days)
    make_template(tmp_path, NET.replace("{algorithm: random}", f"{{algorithm: random, transfer: {transfer}}}"))
    text = "name: digits\ntemplate: net@1\ndata: {train: t.csv}\ncolumns: {target: y}\n"
    files = [ExperimentFile("digits.yaml", text, places_in(tmp_path))]
    every = {"digits/a/", "digits/b/", "digits/c/", "digits/d/"}
    assert every - set(going(planned(store, files, keep_last=0))) == set(stays)


def test_a_template_that_is_not_to_be_found_may_learn_from_what_its_file_names(store: MemoryStore) -> None:
    lived(store, "long-enough-id", days_ago=OLD)
    lived(store, "another-long-id", days_ago=OLD, name="wine")
    files = [ExperimentFile("x.yaml", "name: digits\ntemplate: net@1\n", Places(()))]
    assert going(planned(store, files, keep_last=0)) == ["wine/another-long-id/"]


def newest_key(store: MemoryStore, prefix: str) -> str:
    """Of the newest record: those before it are told by it as well."""
    return store.list(prefix + JOURNAL)[-1]


def test_a_journal_that_can_not_be_read_is_spared_and_said(store: MemoryStore) -> None:
    torn, later, snapshot, copied, headless = (
        lived(store, run, days_ago=OLD) for run in ("torn", "later", "snapshot", "copied", "headless")
    )
    key = newest_key(store, torn.prefix)
    store.objects[key] = store.objects[key][:40]
    key = newest_key(store, later.prefix)
    store.objects[key] = of_a_later_release(store.objects[key])
    key = snapshot.prefix + SNAPSHOT
    body = json.loads(gzip.decompress(store.objects[key]))
    store.put(key, gzip.compress(json.dumps(body | {"version": 9}).encode()))
    for key, data in list(store.objects.items()):
        if key.startswith(copied.prefix):
            store.objects[key.replace("digits/copied/", "digits/moved/")] = data
    store.delete(first_key(headless.prefix))
    store.put("data/churn/2026.parquet", b"not ours")
    store.put("digits/notes/readme.txt", b"not ours")
    plan = planned(store, keep_last=0, older_than=0.0, abandoned=1.0 * DAY)
    assert going(plan) == ["digits/copied/"]
    for prefix, said in (
        (torn.prefix, "of its journal can't be read: not JSON"),
        (later.prefix, f"format version {FORMAT_VERSION + 1} is later than {FORMAT_VERSION}"),
        (snapshot.prefix, "it is of a later release"),
        ("digits/moved/", "is that of digits@copied: it is a copy"),
        (headless.prefix, "no first record"),
    ):
        assert said in why(plan, prefix)
        assert next(each.notable for each in plan.spared if each.place == prefix)


def test_what_a_run_of_a_later_release_learned_from_stays_too(store: MemoryStore) -> None:
    lived(store, "a", days_ago=90)
    later = lived(store, "b", days_ago=80, earlier=[("digits", "a")])
    store.delete(later.prefix + SNAPSHOT)
    for key in store.list(later.prefix + JOURNAL):
        store.objects[key] = of_a_later_release(store.objects[key])
    assert going(planned(store, keep_last=0, transferred=True)) == []


def test_checkpoints_of_ended_runs_go_alone(store: MemoryStore) -> None:
    for run, days in (("a", 90), ("b", 40), ("c", 5)):
        lived(store, run, days_ago=days)
    lived(store, "d", days_ago=90, end=False, publish=False)
    plan = planned(store, what="checkpoints", keep_last=2)
    assert going(plan) == []
    assert [(item.place, item.places) for item in plan.items] == [
        ("digits/a/", ("digits/a/experiment_0/checkpoints/",))
    ]
    assert plan.items[0].bytes == len(store.objects["digits/a/experiment_0/checkpoints/final/state.bin"])


def test_what_attempts_left_goes_once_the_run_has_ended(store: MemoryStore) -> None:
    for run, more in (("a", {}), ("b", {"end": False, "publish": False})):
        lab = lived(store, run, days_ago=OLD, **more)
        store.put(lab.prefix + "scratch/slot_0_0_1/model/weights.bin", b"12")
        store.put(lab.prefix + "experiment_0/model.old/weights.bin", b"345")
        store.put(lab.prefix + "experiment_0/model.older/weights.bin", b"345")
        store.put(lab.prefix + "conclude/scratch/slot_0_0_1/model/weights.bin", b"6789")
    plan = planned(store, what="caches")
    assert [(item.place, item.bytes, item.places) for item in plan.items] == [
        ("digits/a/", 9, ("digits/a/conclude/scratch/", "digits/a/experiment_0/model.old/", "digits/a/scratch/"))
    ]
    store.times["digits/a/scratch/slot_0_0_1/model/weights.bin"] = NOW - 3600
    assert planned(store, what="caches", older_than=0.0).items[0].places == (
        "digits/a/conclude/scratch/", "digits/a/experiment_0/model.old/",
    )  # fmt: skip


def test_what_broke_off_goes_where_nothing_runs(store: MemoryStore) -> None:
    lived(store, "a", days_ago=5)
    lived(store, "b", days_ago=OLD, end=False, publish=False)
    old, young = NOW - OLD * DAY, NOW - 3600.0
    mine = Unfinished("digits/a/experiment_0/.automl-tmp-1", "", 3, old)
    gone = Unfinished("wine/x/conclude/experiment_0/model/weights.bin", "u1", 4, old)
    store.parts = [
        mine, gone,
        Unfinished("digits/a/experiment_0/.automl-tmp-2", "", 3, young),
        Unfinished("digits/b/experiment_0/.automl-tmp-3", "", 3, old),
        Unfinished("lake/2026/part-0.parquet", "u2", 4, old),  # somebody else's upload into the same bucket
        Unfinished("digits/b/scratch/x", "u3", 4, old),
    ]  # fmt: skip
    store.put(".automl-check-00", b"first")
    plan = planned(store, what="parts")
    assert [(item.place, item.part) for item in plan.items] == [
        (mine.key, mine), (gone.key, gone), (".automl-check-00", None),
    ]  # fmt: skip
    assert going(planned(store, what="parts", older_than=0.0), "parts")[:2] == [mine.key, gone.key]


def test_a_plan_is_named_by_what_goes(store: MemoryStore) -> None:
    lived(store, "a", days_ago=90)
    lived(store, "b", days_ago=40)
    plan = planned(store)
    assert planned(store).id == plan.id
    assert made_at(plan.id) == NOW
    assert planned(store, at=NOW + 60).id.partition(".")[2] == plan.id.partition(".")[2]
    assert planned(store, keep_last=0).id != plan.id
    store.put("digits/a/more.bin", b"1")
    assert planned(store).id != plan.id
    for wrong in ("", "x", f"{NOW}", f"{NOW}.xyz", f"-1.{'0' * 32}", f"{'9' * 30}.{'0' * 32}"):
        with pytest.raises(ValueError, match="no plan's id"):
            made_at(wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"what": frozenset({"runs", "everything"})}, "what: everything: not known; allowed: runs, checkpoints"),
        ({"older_than": -1.0}, "older_than"),
        ({"keep_last": -1}, "keep_last"),
        ({"abandoned": 60.0}, "at least a day is wanted"),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**wrong)


# Any yard

KINDS = st.sampled_from(["ended", "going", "unpublished", "torn", "later", "copy"])
RUN = st.fixed_dictionaries(
    {
        "kind": KINDS, "days": st.sampled_from([0, 1, 29, 31, 400]), "name": st.sampled_from(["digits", "wine"]),
        "earlier": st.lists(st.tuples(st.sampled_from(["digits", "wine"]), st.integers(0, 5)), max_size=2),
        "named": st.sampled_from(["", "", "", "_models/m/1.json", "_annotation/a/1.json"]), "airflow": st.booleans(),
    }
)  # fmt: skip
OPTIONS = st.builds(
    Options,
    what=st.sets(st.sampled_from(["runs", "checkpoints", "caches", "parts"])).map(frozenset),
    older_than=st.sampled_from([0.0, 30.0 * DAY]), keep_last=st.integers(0, 2), keep_best=st.booleans(),
    abandoned=st.sampled_from([None, 30.0 * DAY]), orphaned=st.booleans(), transferred=st.just(False),
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=st.lists(RUN, min_size=1, max_size=6), options=OPTIONS)
def test_nothing_protected_is_ever_in_a_plan(runs: list[dict[str, Any]], options: Options) -> None:
    from dataclasses import replace

    store = MemoryStore()
    protected: set[str] = set()
    ids = [f"run-number-{index}" for index in range(len(runs))]
    for index, each in enumerate(runs):
        learned = [(name, ids[n]) for name, n in each["earlier"] if n < len(runs) and n != index]
        lab = lived(
            store, ids[index], days_ago=each["days"], name=each["name"], earlier=learned,
            end=each["kind"] != "going", publish=each["kind"] not in ("going", "unpublished"),
        )  # fmt: skip
        store.put(lab.prefix + "scratch/x", b"1")
        protected |= {f"{name}/{run}/" for name, run in learned}
        if each["named"]:
            store.put(
                each["named"], f"{lab.spec.name}@{ids[index]} {store.objects.get(each['named'], b'').decode()}".encode()
            )
            protected.add(lab.prefix)
        if each["kind"] in ("going", "unpublished") and (
            options.abandoned is None or each["days"] * DAY < options.abandoned
        ):
            protected.add(lab.prefix)
        if each["kind"] in ("torn", "later"):
            key = newest_key(store, lab.prefix)
            data = store.objects[key]
            store.objects[key] = data[:30] if each["kind"] == "torn" else of_a_later_release(data)
            protected.add(lab.prefix)
    inventory = look(store)
    asked = [
        replace(run, in_airflow="goes on" if runs[ids.index(run.run)]["airflow"] else "there") for run in inventory.runs
    ]
    protected |= {run.prefix for run in asked if run.in_airflow == "goes on"}
    plan = make_plan(replace(inventory, runs=tuple(asked)), options, NOW)
    for item in plan.items:
        assert not any((place := item.place).startswith(p) or p == place for p in protected), item
        assert not any(place.startswith(p) for p in protected for place in item.places), item
    assert len({item.place for item in plan.items if item.what == "runs"} | {s.place for s in plan.spared}) == len(runs)
