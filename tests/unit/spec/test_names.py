"""Which folders count, and whose name is taken: DAGs of experiments and models never share an id."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.spec.bundles import bundle_of, counts
from automl_core.spec.names import dag_ids, folder_of, name_taken, stated_kind, taken_message


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


EXPERIMENT, MODEL, PROJECT = "name: {}\n", "kind: model\nname: {}\n", "kind: annotation\nname: {}\n"


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (EXPERIMENT.format("a"), EXPERIMENT.format("a"), "'a' is the name of experiments/1.yaml already"),
        (MODEL.format("a"), MODEL.format("a"), "each model's DAGs have names of their own"),
        (EXPERIMENT.format("a"), MODEL.format("a"), ""),
        (MODEL.format("a"), EXPERIMENT.format("a"), ""),
        (MODEL.format("a"), EXPERIMENT.format("a.rollout"), "is the name of a DAG of the model a already"),
        (MODEL.format("a"), EXPERIMENT.format("a.score"), "is the name of a DAG of the model a already"),
        (EXPERIMENT.format("a.watch"), MODEL.format("a"), "'a.watch' is the name of the experiment in"),
        (EXPERIMENT.format("a.rollouts"), MODEL.format("a"), ""),
        (MODEL.format("a"), MODEL.format("a.rollout"), ""),
        (EXPERIMENT.format("b"), EXPERIMENT.format("a"), ""),
        (PROJECT.format("a"), PROJECT.format("a"), "each annotation project's DAG has a name of its own"),
        (PROJECT.format("a"), MODEL.format("a"), ""),
        (PROJECT.format("a"), EXPERIMENT.format("a"), ""),
        (
            PROJECT.format("a"),
            EXPERIMENT.format("a.annotation"),
            "is the name of a DAG of the annotation project a alr",
        ),
        (
            EXPERIMENT.format("a.annotation"),
            PROJECT.format("a"),
            "and this annotation project's DAG would be called so",
        ),
        (EXPERIMENT.format("a.rollout"), PROJECT.format("a"), ""),
    ],
)
def test_the_first_file_has_the_name(tmp_path: Path, first: str, second: str, taken: str) -> None:
    folder = tmp_path / "experiments"
    one, two = write(folder, "1.yaml", first), write(folder, "2.yaml", second)
    kind, name = stated_kind(two), second.split()[-1]
    assert name_taken(one, first.split()[-1], kind=stated_kind(one)) is None
    other = name_taken(two, name, kind=kind)
    assert (other == one) is bool(taken)
    if other is not None:
        assert taken in taken_message(other, two, name, kind=kind)


def test_the_folder_automl_beside_experiments_is_looked_at_too(tmp_path: Path) -> None:
    first = write(tmp_path / "automl", "team/z.yaml", EXPERIMENT.format("a"))
    second = write(tmp_path / "experiments", "a.yaml", EXPERIMENT.format("a"))
    for bundle in (None, tmp_path):
        assert name_taken(first, "a", bundle) is None
        assert name_taken(second, "a", bundle) == first
    assert "'a' is the name of automl/team/z.yaml already" in taken_message(first, second, "a", tmp_path)


def test_a_folder_beside_a_bundle_is_another_bundle_s(tmp_path: Path) -> None:
    write(tmp_path / "automl", "z.yaml", EXPERIMENT.format("a"))
    bundle = tmp_path / "experiments"
    assert name_taken(write(bundle, "a.yaml", EXPERIMENT.format("a")), "a", bundle) is None


def test_files_elsewhere_take_no_names(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", EXPERIMENT.format("a"))
    assert name_taken(write(tmp_path, "b.yaml", EXPERIMENT.format("a")), "a") is None


@pytest.mark.parametrize(
    ("folder", "bundle", "read"),
    [
        ("dags/experiments", None, True),
        ("dags/automl", None, True),
        ("dags/experiments", "dags", True),
        ("dags/automl", "dags", True),
        ("experiments", "experiments", True),
        ("automl", "automl", False),  # an installation is often called so
        ("experiments", "experiments/dags", False),
        ("automl", "automl/dags", False),
        ("dags/my-automl", "dags", False),
    ],
)
def test_folders_that_count(tmp_path: Path, folder: str, bundle: str | None, read: bool) -> None:
    assert counts(tmp_path / folder, tmp_path / bundle if bundle else None) is read


def test_a_home_that_is_called_automl_is_no_folder_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "automl"
    monkeypatch.setenv("AUTOML_HOME", str(home / "churn"))
    assert not counts(home)
    assert folder_of(home / "x.yaml") == home
    assert bundle_of(home / "examples" / "x.yaml") == home / "examples"
    assert folder_of(home / "churn" / "automl" / "x.yaml") == home / "churn" / "automl"
    assert bundle_of(home / "churn" / "automl" / "x.yaml") == home / "churn"


def test_dags_of_each_kind() -> None:
    assert dag_ids("annotation", "a") == ("a.annotation",)
    assert dag_ids("experiment", "a") == ("a",)
    assert dag_ids("model", "a") == ("a.rollout", "a.score", "a.watch")
