"""Where versions lie, which there are, and the digest by which one is told from another."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from automl_core.spec.errors import SpecError
from automl_core.templates import parse_experiment
from automl_core.templates import places as places_module
from automl_core.templates.digest import BadFolder, digest_of
from automl_core.templates.newer import newer_version
from automl_core.templates.places import Different, Places, Reference, parse_reference
from automl_core.templates.version import read_template
from tests.support.template_folders import NET, make_template, places_in


def second(text: str = NET) -> str:
    return text.replace("version: 1", "version: 2")


def test_the_digest_is_of_names_and_contents_alone(tmp_path: Path) -> None:
    one, other = (make_template(tmp_path / each).folder for each in ("a", "b"))
    (other / "train.py").unlink()  # another order in the folder, another time
    (other / "train.py").write_text((one / "train.py").read_text())
    os.utime(other / "train.py", (1, 1))
    assert digest_of(one) == digest_of(other)
    for folder in ("__pycache__", ".git", "lib/__pycache__"):
        (other / folder).mkdir(parents=True)
        (other / folder / "x").write_text("x")
    (other / "old.pyc").write_text("x")
    assert digest_of(one) == digest_of(other), "what Python and git leave behind is no part of it"
    before = digest_of(other)
    (other / "train.py").write_text("print('accuracy=0.6')\n")
    assert digest_of(other) != before
    (other / "train.py").write_text((one / "train.py").read_text())
    assert digest_of(other) == before
    (other / "lib" / "more.py").write_text("")
    assert digest_of(other) != before, "an empty file counts by its name"


def test_the_digest_is_what_sha256sum_says(tmp_path: Path) -> None:
    folder = make_template(tmp_path).folder
    (folder / "lib").mkdir()
    (folder / "lib" / "é.py").write_text("x = 1\n")
    command = "find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1"
    found = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    assert digest_of(folder) == f"sha256:{found}"


def test_a_link_is_no_part_of_a_version(tmp_path: Path) -> None:
    folder = make_template(tmp_path).folder
    (folder / "link.py").symlink_to("train.py")
    with pytest.raises(BadFolder, match=r"link\.py is a link, and what it leads to may change"):
        digest_of(folder)
    with pytest.raises(SpecError, match="a version has plain files only"):
        read_template(folder).reference()


def test_what_is_too_large_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_template(tmp_path).folder
    monkeypatch.setattr("automl_core.templates.digest.MOST_BYTES", 100)
    with pytest.raises(BadFolder, match="a version holds a program, not data or weights"):
        digest_of(folder)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    folder = make_template(tmp_path).folder
    assert read_template(folder).head.title == "A small network"
    (folder / "template.yaml").write_text(NET.replace("A small network", "Another one"))
    assert read_template(folder).head.title == "Another one"


def test_a_version_lies_where_its_file_says(tmp_path: Path) -> None:
    folder = make_template(tmp_path).folder
    shutil.copytree(folder, tmp_path / "net" / "2")
    shutil.copytree(folder, tmp_path / "other" / "1")
    with pytest.raises(SpecError, match="the folder that it lies in is called '2'"):
        read_template(tmp_path / "net" / "2")
    with pytest.raises(SpecError, match="the folder of its versions is called 'other'"):
        read_template(tmp_path / "other" / "1")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("net@1", Reference("net", 1)),
        ("net", Reference("net", None)),
        ("a.b-c_d@12", Reference("a.b-c_d", 12)),
    ],
)
def test_references(text: str, found: Reference) -> None:
    assert parse_reference(text) == found


@pytest.mark.parametrize(
    "text", ["", "@1", "net@", "net@0", "net@01", "net@1.0", "Net@1", "a/b/c@1", "/b@1", "a/@1", "..@1", "net@1@2"]
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ValueError, match="is no "):
        parse_reference(text)


def test_places_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "shipped_folder", lambda: None)
    for name in ("deployment", "more", "bundle/templates", "bundle/experiments/team"):
        (tmp_path / name).mkdir(parents=True)
    named = os.pathsep.join(str(tmp_path / name) for name in ("deployment", "missing", "more"))
    monkeypatch.setenv("AUTOML_TEMPLATES", named)
    file = tmp_path / "bundle/experiments/team/x.yaml"
    wanted = tuple(tmp_path / name for name in ("deployment", "more", "bundle/templates"))
    assert Places.of(file).folders == wanted
    assert Places.of(bundle=tmp_path / "bundle").folders == wanted
    assert Places.of().folders == wanted[:2]


def test_versions(tmp_path: Path) -> None:
    make_template(tmp_path / "a")
    make_template(tmp_path / "b", second())
    make_template(tmp_path / "b", NET.replace("template: net", "template: tree"))
    (tmp_path / "b" / "net" / "3").mkdir()  # no file in it
    (tmp_path / "b" / "net" / "draft").mkdir()
    places = places_in(tmp_path / "a", tmp_path / "b")
    assert places.names() == ["net", "tree"]
    assert places.versions("net") == [1, 2]
    assert places.find(Reference("net", 2)) == tmp_path / "b/net/2"
    assert places.latest(Reference("net", None)) == Reference("net", 2)
    assert places.newer("net", 1) == 2
    assert places.newer("net", 2) is None


def test_an_experiment_says_that_there_is_a_newer_version(tmp_path: Path) -> None:
    make_template(tmp_path)
    places = places_in(tmp_path)
    text = "name: x\ntemplate: net@1\ndata: {train: a.csv}\ncolumns: {target: y}\n"
    template = parse_experiment(text, "x.yaml", places).template
    assert newer_version(template, places) is None
    make_template(tmp_path, second())
    note = newer_version(template, places)
    assert note is not None
    assert (note.severity, note.path) == ("note", ("template",))
    assert "net has a newer version, net@2" in note.message


def test_one_name_with_two_contents_is_refused_by_both_folders(tmp_path: Path) -> None:
    make_template(tmp_path / "a")
    make_template(tmp_path / "b")
    places = places_in(tmp_path / "a", tmp_path / "b")
    assert places.find(Reference("net", 1)) == tmp_path / "a/net/1"
    (tmp_path / "b/net/1/train.py").write_text("")
    with pytest.raises(Different) as caught:
        places.find(Reference("net", 1))
    assert str(tmp_path / "a/net/1") in str(caught.value)
    assert str(tmp_path / "b/net/1") in str(caught.value)
    with pytest.raises(SpecError, match=r"x\.yaml:2: template: net@1 lies in .* and in .*, and the two differ"):
        parse_experiment("name: x\ntemplate: net@1\n", "x.yaml", places)
