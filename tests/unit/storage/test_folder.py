from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.storage import NotFound, StorageError, StorageUnavailable, files, renaming
from automl_core.storage.folder import FolderStore
from automl_core.storage.keys import TEMPORARY


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def fail_with(code: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# The order and bounds of list, against a plain model. A key's names are drawn so that '-', '.', '/' and digits,
# which sort around one another, meet often.

few_names = st.text(st.sampled_from("a-.0é"), min_size=1, max_size=3).filter(lambda name: name.strip("."))
few_keys = st.lists(few_names, min_size=1, max_size=3).map("/".join)
bounds = st.text(st.sampled_from("a-.0é/"), max_size=4)


def without_clashes(keys: list[str]) -> list[str]:
    """Keys of which none is a folder of another, which a folder can't hold."""
    kept: list[str] = []
    for key in keys:
        if not any(
            key == other or f"{other}/".startswith(f"{key}/") or f"{key}/".startswith(f"{other}/") for other in kept
        ):
            kept.append(key)
    return kept


@given(
    keys=st.lists(few_keys, max_size=12).map(without_clashes),
    prefix=st.one_of(st.just(""), few_keys, few_keys.map(lambda key: f"{key}/")),
    after=st.one_of(bounds, few_keys),
    limit=st.one_of(st.none(), st.integers(0, 4)),
)
def test_list_is_what_a_sorted_set_would_give(keys: list[str], prefix: str, after: str, limit: int | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        for key in keys:
            path = Path(folder, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        expected = sorted(key for key in keys if key.startswith(prefix) and key > after)
        assert store.list(prefix, after, limit) == expected[:limit]


def test_list_reads_only_folders_that_matter(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("journal/1", "journal/2", "metrics/1/a", "models/1/deep/a", "models/2/deep/a"):
        store.put(key, b"")
    read: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> Any:
        read.append(os.path.relpath(path, tmp_path / "store"))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    assert store.list("journal/", start_after="journal/1") == ["journal/2"]
    assert read == ["journal"]
    read.clear()
    assert store.list("models/", start_after="models/1/deep/z") == ["models/2/deep/a"]
    assert set(read) == {"models", "models/1", "models/1/deep", "models/2", "models/2/deep"}
    read.clear()
    assert store.list(start_after="models/1/z") == ["models/2/deep/a"]
    assert set(read) == {".", "models", "models/1", "models/2", "models/2/deep"}


# Files that are not objects


def test_half_written_files_are_never_listed(store: FolderStore, tmp_path: Path) -> None:
    store.put("run/1.json", b"")
    left_by_a_crash = tmp_path / "store" / "run" / f"{TEMPORARY}5f"
    left_by_a_crash.write_bytes(b"half")
    assert store.list() == ["run/1.json"]
    assert store.list("run/.") == []
    store.upload(tmp_path / "store", "copy")
    assert store.list("copy/") == ["copy/run/1.json"]
    store.delete_prefix("run/")
    assert not left_by_a_crash.exists()


def test_nothing_temporary_is_left(store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create("a", b"1")
    store.create("a", b"2")
    store.put("a", b"3")
    monkeypatch.setattr(os, "replace", fail_with(errno.EACCES))
    with pytest.raises(StorageError):
        store.put("a", b"4")
    monkeypatch.setattr(os.path, "lexists", lambda path: False)  # Somebody else came between look and link.
    assert not store.create("a", b"5")
    assert names(tmp_path) == ["a"]
    assert store.get("a") == b"3"


def test_foreign_names_are_not_listed(store: FolderStore, tmp_path: Path) -> None:
    store.put("a", b"")
    (tmp_path / "store" / "back\\slash").touch()
    Path(os.fsdecode(os.fsencode(tmp_path / "store") + b"/\xff")).touch()
    os.mkfifo(tmp_path / "store" / "pipe")
    (tmp_path / "store" / "nowhere").symlink_to("gone")
    assert store.list() == ["a"]


# Links


def test_links_are_followed_but_not_in_circles(store: FolderStore, tmp_path: Path) -> None:
    store.put("model/epoch-1/weights", b"w")
    root = tmp_path / "store" / "model"
    (root / "latest").symlink_to("epoch-1")
    (root / "best.bin").symlink_to("epoch-1/weights")
    (root / "epoch-1" / "up").symlink_to("..")
    assert store.list() == ["model/best.bin", "model/epoch-1/weights", "model/latest/weights"]
    assert store.download("model", tmp_path / "copy") == 3
    assert (tmp_path / "copy" / "latest" / "weights").read_bytes() == b"w"
    assert not (tmp_path / "copy" / "latest").is_symlink()


def test_delete_prefix_leaves_what_links_lead_to(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()
    store.put("model/a", b"")
    (tmp_path / "store" / "model" / "data").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "store" / "model-link").symlink_to(tmp_path / "elsewhere")
    store.delete_prefix("model")
    assert store.list() == []
    assert names(tmp_path) == ["precious"]


# Writing


def test_a_model_trained_in_place_is_not_copied(store: FolderStore) -> None:
    folder = store.local_path("run/model")
    assert folder
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"w")
    before = (folder / "weights").stat().st_ino
    store.upload(folder, "run/model")
    assert (folder / "weights").stat().st_ino == before


def test_objects_get_the_mode_that_the_umask_says(store: FolderStore) -> None:
    old = os.umask(0o027)
    try:
        store.create("a", b"")
        store.put("b", b"")
    finally:
        os.umask(old)
    for key in ("a", "b"):
        path = store.local_path(key)
        assert path
        assert path.stat().st_mode & 0o777 == 0o640


def test_bytes_are_on_disk_before_they_have_a_name(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    def noted(name: str, call: Callable[..., None]) -> Callable[..., None]:
        def noting(*arguments: Any) -> None:
            events.append(name)
            call(*arguments)

        return noting

    for name in ("fsync", "link", "replace"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    store.create("a", b"1")
    store.put("a", b"2")
    assert events == ["fsync", "link", "fsync", "replace"]


def test_a_link_that_was_made_though_it_said_exists(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system that repeats a link after a lost answer finds its own."""
    link = os.link

    def repeated(source: str, target: str) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", repeated)
    assert store.create("a", b"mine")
    assert store.get("a") == b"mine"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_hard_links_create_opens_exclusively(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    monkeypatch.setattr(os, "link", fail_with(code))
    monkeypatch.setattr(renaming, "LOCAL", frozenset())
    assert store.create("deep/a", b"1")
    assert store.create("deep/b", b"2")
    assert not store.create("deep/a", b"3")
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    assert not store.create("deep/a", b"4")
    assert (store.get("deep/a"), store.get("deep/b")) == (b"1", b"2")
    assert names(tmp_path) == ["a", "b"]
    assert caplog.text.count("neither hard links nor renames") == 1


def test_a_folder_that_vanished_is_made_again(store: FolderStore) -> None:
    store.put("run/a", b"")
    store.delete_prefix("run/")
    assert store.create("run/a", b"")
    store.delete_prefix("")
    store.put("run/b", b"")
    assert store.list() == ["run/b"]


# Errors


def test_an_object_and_keys_below_it_do_not_fit_a_folder(store: FolderStore) -> None:
    store.put("a", b"")
    store.put("b/c", b"")
    for call in (lambda: store.put("a/b", b""), lambda: store.create("a/b/c", b"")):
        with pytest.raises(StorageError, match="the start of that key is an object itself"):
            call()
    for call in (lambda: store.put("b", b""), lambda: store.create("b", b"")):
        with pytest.raises(StorageError, match="there are objects below that key"):
            call()
    with pytest.raises(NotFound):
        store.get("a/b")
    store.delete("a/b")
    store.delete("b")
    assert store.list() == ["a", "b/c"]


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        (errno.EACCES, StorageError, "right to read and write"),
        (errno.ENOSPC, StorageError, "free some space"),
        (errno.EROFS, StorageError, "a folder that can be written to"),
        (errno.ESTALE, StorageUnavailable, "ESTALE"),
        (errno.EIO, StorageUnavailable, "EIO"),
    ],
)
def test_errors_say_what_where_why_and_what_to_do(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[StorageError], remedy: str
) -> None:
    monkeypatch.setattr(os, "fsync", fail_with(code))
    with pytest.raises(kind) as raised:
        store.create("journal/1.json", b"")
    assert type(raised.value) is kind
    assert str(raised.value).startswith(
        f"Cannot create journal/1.json in {store.url}: {os.strerror(code)} ({errno.errorcode[code]})"
    )
    assert remedy in str(raised.value)


def test_a_file_that_can_not_be_uploaded_is_named(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"Cannot upload .*/gone to model/a in file://"):
        store.upload_file(tmp_path / "gone", "model/a")


@pytest.mark.parametrize("links", [True, False])
def test_a_name_never_stands_before_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    save, seen = files._save, []

    def look(file: BinaryIO) -> None:
        seen.append((tmp_path / "journal" / "1").exists())
        save(file)

    monkeypatch.setattr(files, "_save", look)
    store = FolderStore(tmp_path)
    assert store.create("journal/1", b"whole")
    assert not store.create("journal/1", b"other")
    assert seen == [False]
    assert store.get("journal/1") == b"whole"
    assert store.list() == ["journal/1"]


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_network_file_system_is_not_trusted_to_spare_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Linux takes RENAME_NOREPLACE for SMB and tells the server to replace."""
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(renaming, "file_system_of", lambda folder: "cifs")
    monkeypatch.setattr(renaming, "_renameat2", lambda: pytest.fail("renamed on a share"))
    store = FolderStore(tmp_path)
    assert store.create("a", b"1")
    assert not store.create("a", b"2")
    assert store.create("b", b"1")
    assert caplog.text.count("may meet objects half-written") == 1


def test_the_kind_of_a_file_system_is_that_of_the_nearest_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = (
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:4 / /mnt/team\\040share rw - cifs //host/share rw\n"
        "3 1 0:5 / /mnt rw shared:1 - tmpfs tmpfs rw\n4 1 0:6 / /mnt rw - nfs4 host:/x rw\n"
    )
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO(mounts))
    found = [
        renaming.file_system_of.__wrapped__(path)
        for path in ("/etc/a", "/mnt/team share/runs", "/mnt/team", "/mnt/x", "/mntx")
    ]
    assert found == ["ext4", "cifs", "nfs4", "nfs4", "ext4"]


def test_a_system_without_such_renames_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(renaming.ctypes, "CDLL", lambda *_, **__: object())
    with pytest.raises(OSError, match="not implemented"):
        renaming._renameat2.__wrapped__()
    monkeypatch.setattr("builtins.open", refuse)
    assert renaming.file_system_of.__wrapped__(str(tmp_path)) == ""


def test_a_folder_that_is_to_stay_is_away_when_it_is_gone_and_is_not_made_anew(tmp_path: Path) -> None:
    root, aside = tmp_path / "disk", tmp_path / "not-mounted"
    store = FolderStore(root)
    store.stay()
    assert store.list() == [], "nothing was written yet"
    store.put("a", b"1")
    root.rename(aside)
    for act in (
        lambda: store.get("a"),
        lambda: store.list(),
        lambda: store.put("b", b"2"),
        lambda: store.create("b", b"2"),
        lambda: store.upload_file(aside / "a", "b"),
        lambda: store.download_file("a", tmp_path / "copy"),
        lambda: store.delete_prefix("a/"),
    ):
        with pytest.raises(StorageUnavailable, match="is its disk mounted"):
            act()
    assert not root.exists()
    aside.rename(root)
    assert store.get("a") == b"1"
