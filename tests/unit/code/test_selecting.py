"""Which files of a folder of code go along."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from automl_core.code import CodeError, choose, selecting


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def names(folder: Path, *ignore: str) -> list[str]:
    return [each.name for each in choose(folder, ignore)]


def test_what_is_never_wanted_stays(tmp_path: Path) -> None:
    make(tmp_path, "train.py", "pkg/model.py", "pkg/.automlignore", ".dockerignore")
    make(tmp_path, "pkg/__pycache__/model.cpython-311.pyc", "old.pyc", ".git/config", ".venv/bin/python", ".DS_Store")
    make(tmp_path, "node_modules/x.js")
    (tmp_path / ".automlignore").write_text("")
    assert names(tmp_path) == [".dockerignore", "pkg/.automlignore", "pkg/model.py", "train.py"]


def test_an_ignore_file_is_read_as_git_reads_one(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a.py",
        "data/x.csv",
        "data/keep.csv",
        "notes/a.md",
        "deep/notes/b.md",
        "root.txt",
        "deep/root.txt",
        "#y",
    )
    (tmp_path / ".automlignore").write_text("# data\ndata/*\n!data/keep.csv\nnotes/\n/root.txt\n\\#y\n")
    assert names(tmp_path) == ["a.py", "data/keep.csv", "deep/root.txt"]
    assert names(tmp_path, "deep/", "!root.txt") == ["a.py", "data/keep.csv", "root.txt"]


def test_what_git_ignores_goes_along_and_a_default_can_be_brought_back(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "venv/x.py", ".gitignore")
    (tmp_path / ".gitignore").write_text("a.py\n")
    assert names(tmp_path) == [".gitignore", "a.py"]
    assert names(tmp_path, "!venv/") == [".gitignore", "a.py", "venv/x.py"]


@pytest.mark.parametrize("name", [".env", "conf/.env.prod", "tls/server.pem", "id_rsa", ".aws/credentials", "a.key"])
def test_a_secret_stops_it_until_somebody_says_what_to_do(tmp_path: Path, name: str) -> None:
    make(tmp_path, "train.py", name, ".env.example")
    with pytest.raises(CodeError, match=r"a name that secrets have, .* Add it to \.automlignore") as error:
        choose(tmp_path)
    assert name in str(error.value)
    assert names(tmp_path, name) == [".env.example", "train.py"]
    assert name in names(tmp_path, f"!{name}")


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    folder = make(tmp_path / "code", "pkg/a.py", "b.py")
    (folder / "alias").symlink_to("pkg", target_is_directory=True)
    (folder / "c.py").symlink_to("b.py")
    assert names(folder) == ["alias/a.py", "b.py", "c.py", "pkg/a.py"]


def test_a_link_to_a_secret_is_one(tmp_path: Path) -> None:
    folder = make(tmp_path, "train.py", ".env")
    (folder / "settings").symlink_to(".env")
    with pytest.raises(CodeError, match=r"settings in .*a name that secrets have"):
        choose(folder, [".env"])


def test_links_that_lead_out_or_round_are_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path, "outside/secret.txt", "code-2/x.py")
    for name, target, why in (
        ("out", "../outside", "leads out of the folder"),
        ("near", "../code-2", "leads out of the folder"),
        ("file.txt", "../outside/secret.txt", "leads out of the folder"),
        ("gone", "nowhere", "a link to nothing"),
        ("pkg/up", "..", "a link to a folder around itself"),
    ):
        folder = make(tmp_path / "code", "train.py", "pkg/a.py")
        (folder / name).symlink_to(target)
        with pytest.raises(CodeError, match=why) as error:
            choose(folder)
        assert name in str(error.value)
        assert names(folder, name) == ["pkg/a.py", "train.py"]
        (folder / name).unlink()


def test_what_is_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "train.py")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("s.sock")
        with pytest.raises(CodeError, match=r"s\.sock in .* is no file"):
            choose(tmp_path)
        assert names(tmp_path, "*.sock") == ["train.py"]


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "train.py")
    try:
        with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.py"), "w"):
            pass
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(CodeError, match="not UTF-8"):
        choose(tmp_path)


def test_too_much_names_the_largest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "train.py")
    (tmp_path / "weights.bin").write_bytes(b"x" * 1000)
    monkeypatch.setattr(selecting, "MOST_BYTES", 500)
    with pytest.raises(CodeError, match=r"1,008 bytes, 500 at most; the largest: weights\.bin \(1,000\)"):
        choose(tmp_path)
    monkeypatch.setattr(selecting, "MOST_FILES", 1)
    with pytest.raises(CodeError, match="more than 1 files"):
        choose(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CodeError, match="no files to go along"):
        choose(tmp_path)
