"""A template's lock file: part of the version, of its digest, and of every experiment that is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.running.environment import check_lock
from automl_core.spec.errors import SpecError
from automl_core.templates.checking import check_template
from automl_core.templates.loading import parse_document
from tests.support.template_folders import NET, make_template, places_in

OWN = NET.replace("tasks:\n", "environment: {lock: requirements.txt, python: '3.12'}\ntasks:\n").replace(
    "  - name: train\n", "  - name: train\n    cwd: code\n"
)
FILE = "name: e\ntemplate: net@1\ndata: {train: t.csv}\ncolumns: {target: y}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = make_template(tmp_path / "templates", OWN).folder
    (folder / "requirements.txt").write_text("tiny-lib==1.2\n")
    return folder


def test_an_experiment_has_the_templates_lock_file_and_it_goes_along(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "experiments" / "e.yaml"
    experiment, _ = parse_document(FILE, str(file), places_in(folder.parents[1]))
    assert experiment.environment is not None
    assert experiment.environment.lock == str(folder / "requirements.txt")
    assert experiment.environment.python == "3.12"
    lock = check_lock(experiment, file)
    assert lock is not None
    assert lock.pins[0].text == "tiny-lib==1.2"


def test_the_digest_covers_it(folder: Path) -> None:
    places = places_in(folder.parents[1])
    before = parse_document(FILE, "e.yaml", places)[0].template
    (folder / "requirements.txt").write_text("tiny-lib==1.3\n")
    after = parse_document(FILE, "e.yaml", places)[0].template
    assert before is not None
    assert after is not None
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("environment: {lock: mine.txt}\n", "is the template's"),
        ("tasks: {train: {backend: kubernetes}}\n", "deploy/environment/Dockerfile"),
    ],
)
def test_what_a_file_can_not_say(folder: Path, more: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_document(FILE + more, "e.yaml", places_in(folder.parents[1]))
    assert any(words in f"{each.message} {each.suggestion}" for each in caught.value.problems)
    assert all(each.file == "e.yaml" and each.line == 5 for each in caught.value.problems)


def test_a_pod_with_an_image_is_taken(folder: Path) -> None:
    pod = FILE + ("output: {storage: 's3://b/p'}\ntasks: {train: {backend: kubernetes, image: x}}\n")
    experiment, _ = parse_document(pod, "e.yaml", places_in(folder.parents[1]))
    assert experiment.environment is not None


def test_checking_a_template_reads_its_lock_file(folder: Path) -> None:
    assert not check_template(folder).problems
    (folder / "requirements.txt").write_text("tiny-lib>=1\n")
    (problem,) = check_template(folder).problems
    assert "several versions" in problem.message
    assert problem.path == ("environment", "lock")
    assert problem.line
    (folder / "requirements.txt").unlink()
    (problem,) = check_template(folder).problems
    assert "there is no file 'requirements.txt' beside template.yaml" in problem.message
