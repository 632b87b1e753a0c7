"""What every object store promises, over each of them. A new store is one more `Site`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from automl_core.models.life import ModelLife, Person, Source, in_use_at
from automl_core.storage import (
    Credentials,
    InvalidKey,
    NotFound,
    ObjectStore,
    StorageError,
    StorageUnavailable,
    check_store,
    open_store,
    renaming,
    s3,
)
from automl_core.storage.keys import TEMPORARY
from automl_core.storage.oss import OssStore
from automl_core.storage.retry import RetryingStore
from automl_core.storage.s3 import S3Store
from automl_core.storage.testing import CountingStore, FaultyStore
from tests.contract.object_servers import BUCKET, LOSE, BucketServer, MotoServer, Script

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"

ODD_KEYS = [
    "a b/c d.txt",
    "a+b=c&d?e#f.json",
    "a-b",
    "a.b",
    "a/b",
    "a0",
    "journal/0000000001.json",
    "journal/0000000002.json",
    "journal.json",
    "models/ümläut/模型/🚀.bin",
    "percent%20/%2F%/~x",
    "quotes/'single' \"double\" <tag>",
    "trailing./..dots../...",
    "x" * 255,
]


@dataclass
class Site:
    """A place where stores can be opened, by this process and by others."""

    url: str
    credentials: Credentials | None = None
    environment: dict[str, str] = field(default_factory=dict)
    script: Script | None = None

    def open(self) -> ObjectStore:
        return open_store(self.url, self.credentials)


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    import boto3

    with MotoServer() as server:
        client = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            region_name="us-east-1",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key=SECRET,
        )
        client.create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture(scope="session")
def little() -> Iterator[BucketServer]:
    with BucketServer("s3") as server:
        server.lacks = frozenset(("DeleteObjects", "CopyObject", "UploadPartCopy"))
        yield server


@pytest.fixture(scope="session")
def oss() -> Iterator[BucketServer]:
    with BucketServer("oss") as server:
        yield server


SITES = [
    "folder", "folder without links", "folder without links and renames", "faulty folder", "s3", "s3 with little",
    "oss",
]  # fmt: skip
"""`s3 with little` has neither deletes of many nor copies."""
SERVERS = {"s3": "moto", "s3 with little": "little", "oss": "oss"}
OVER_HTTP = pytest.mark.parametrize("site", ["s3", "oss"], indirect=True)


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = f"file://{tmp_path / 'store'}"
    if request.param in SERVERS:
        server: MotoServer | BucketServer = request.getfixturevalue(SERVERS[request.param])
        server.script.reset()
        scheme = request.param.partition(" ")[0]
        made = Site(
            f"{scheme}://{BUCKET}/{uuid.uuid4().hex}",
            Credentials("AKIDEXAMPLE", SECRET, TOKEN, server.endpoint, "cn-test" if scheme == "oss" else None),
            server.environment,
            server.script,
        )
    elif request.param == "faulty folder":
        faults = f"every=10&counter={tmp_path / 'calls'}"
        made = Site(folder, environment={"AUTOML_TESTING": "1", "AUTOML_STORAGE_FAULTS": faults})
    elif request.param.startswith("folder without links"):
        monkeypatch.setattr(os, "link", _no_links)
        made = Site(folder, environment={"TEST_WITHOUT_LINKS": "1"})
        if request.param.endswith("renames"):
            monkeypatch.setattr(renaming, "LOCAL", frozenset())
            made.environment["TEST_WITHOUT_RENAMES"] = "1"
    else:
        made = Site(folder)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def _no_links(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.fixture
def store(site: Site) -> ObjectStore:
    return site.open()


# Objects


def test_reads_back_what_was_written(store: ObjectStore) -> None:
    store.put("a/b.json", b"one")
    assert store.get("a/b.json") == b"one"
    store.put("a/b.json", b"")
    assert store.get("a/b.json") == b""


def test_a_missing_object_is_not_found_and_named(store: ObjectStore) -> None:
    with pytest.raises(NotFound, match=r"journal/7\.json") as raised:
        store.get("journal/7.json")
    assert store.url in str(raised.value)


def test_a_folder_of_objects_is_no_object(store: ObjectStore) -> None:
    store.put("a/b", b"")
    with pytest.raises(NotFound):
        store.get("a")


def test_odd_keys_work_everywhere(store: ObjectStore) -> None:
    for key in ODD_KEYS:
        assert store.create(key, b"1"), key
        assert not store.create(key, b"2"), key
        assert store.get(key) == b"1", key
        assert store.list() == [key]
        store.put(key, b"3")
        assert store.get(key) == b"3", key
        store.delete(key)
        assert store.list() == []


def test_what_is_no_key_is_refused_everywhere(store: ObjectStore, tmp_path: Path) -> None:
    calls: list[Callable[[str], object]] = [
        store.get,
        lambda key: store.put(key, b""),
        lambda key: store.create(key, b""),
        store.delete,
        lambda key: store.upload_file(tmp_path, key),
        lambda key: store.copy_file(key, "a"),
        lambda key: store.download_file(key, tmp_path / "x"),
        store.local_path,
    ]
    for key in ("", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\x00b", "a\nb", "a\\b", "\ud800"):
        for call in calls:
            with pytest.raises(InvalidKey):
                call(key)


def test_delete_needs_no_object(store: ObjectStore) -> None:
    store.delete("a/b")
    store.put("a/b", b"")
    store.delete("a/b")
    store.delete("a/b")
    assert store.list() == []


# Lists


def test_list_is_ordered_and_bounded(store: ObjectStore) -> None:
    keys = sorted(ODD_KEYS)
    for key in reversed(keys):
        store.put(key, b"")
    for prefix in ("", "a", "a/", "journal", "journal/", "journal/00", "journal/0000000001.json", "m", "nothing/"):
        for after in ("", "a-b", "a/", "a/b", "journal/", "journal/0000000001.json", "models/ü", "z"):
            expected = [key for key in keys if key.startswith(prefix) and key > after]
            assert store.list(prefix, after) == expected, (prefix, after)
            assert store.list(prefix, after, limit=2) == expected[:2], (prefix, after)
    assert store.list(limit=0) == []


def test_lists_and_deletes_go_beyond_one_page(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PAGE", 4)  # a thousand keys to the servers' own
    keys = [f"journal/{number:02d}" for number in range(11)]
    for key in keys:
        store.put(key, b"")
    store.put("other", b"")
    assert store.list("journal/") == keys
    for limit in (1, 3, 4, 5, 8, 10, 11, 12):
        assert store.list("journal/", limit=limit) == keys[:limit]
        assert store.list("journal/", start_after=keys[1], limit=limit) == keys[2 : 2 + limit]
    store.delete_prefix("journal/")
    assert store.list() == ["other"]


def test_entries_are_the_list_with_sizes_and_times(store: ObjectStore) -> None:
    for number, key in enumerate(sorted(ODD_KEYS)):
        store.put(key, b"x" * number)
    for prefix, after, limit in (("", "", None), ("a", "a-b", None), ("journal/", "", 1), ("none/", "", None)):
        entries = store.entries(prefix, after, limit)
        assert [entry.key for entry in entries] == store.list(prefix, after, limit)
    entries = store.entries()
    assert [entry.size for entry in entries] == list(range(len(ODD_KEYS)))
    assert all(1.7e9 < entry.modified < 1e10 for entry in entries)
    assert store.entries(limit=0) == []


def test_a_part_of_an_object_is_read_alone(store: ObjectStore) -> None:
    store.put("a", b"0123456789")
    assert store.get_range("a", 0, 3) == b"012"
    assert store.get_range("a", 7, 3) == b"789"
    assert store.get_range("a", 8, 100) == b"89"
    assert store.get_range("a", 10, 5) == b""
    assert store.get_range("a", 3, 0) == b""
    with pytest.raises(NotFound):
        store.get_range("b", 0, 1)


def test_an_etag_is_another_one_for_other_content(store: ObjectStore) -> None:
    def etag() -> str:
        (entry,) = store.entries("data/")
        return entry.etag

    found = []
    for content in (b"one", b"two", b"one"):  # of one length: a size tells nothing
        store.put("data/a.csv", content)
        found.append(etag())
    if not any(found):
        assert store.local_path("data/a.csv") is not None, "only a folder has none"
        return
    assert found[0] != found[1]
    assert found[0] == found[2]
    assert '"' not in found[0]


# What broke off


def begin(site: Site, key: str) -> None:
    """Leave a write half done, as a process does that is killed."""
    if not site.url.startswith("file://"):
        client = S3Store(BUCKET, "", site.credentials)._client if site.url.startswith("s3") else None
        client = client or OssStore(BUCKET, "", site.credentials)._client
        name = f"{site.url.split('/', 3)[3]}/{key}"
        upload = client.create_multipart_upload(Bucket=BUCKET, Key=name)["UploadId"]
        client.upload_part(Bucket=BUCKET, Key=name, UploadId=upload, PartNumber=1, Body=b"half")
        return
    folder = (Path(site.url.removeprefix("file://")) / key).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{TEMPORARY}{uuid.uuid4().hex}").write_bytes(b"half")


def test_what_broke_off_is_found_and_discarded_and_no_object_is(site: Site, store: ObjectStore) -> None:
    for key in ("a/whole.bin", "b/whole.bin"):
        store.put(key, b"whole")
    assert store.unfinished() == []
    begin(site, "a/model.bin")
    begin(site, "b/c/model.bin")
    found = store.unfinished()
    assert [part.key.rpartition("/")[0] for part in found] == ["a", "b/c"]
    assert [part.size for part in found] == [4, 4]
    assert all(1.7e9 < part.modified < 1e10 for part in found)
    assert store.unfinished("b/") == found[1:]
    assert store.unfinished("none/") == []
    assert store.discard(found[0])
    assert store.unfinished() == found[1:]
    assert store.discard(found[0])  # it is gone, whoever did it
    assert not store.discard(replace(found[1], size=3))  # somebody has gone on with it since
    assert store.unfinished() == found[1:]
    assert store.list() == ["a/whole.bin", "b/whole.bin"]


def test_list_of_a_store_that_was_never_written_to(store: ObjectStore) -> None:
    assert store.list() == []
    assert store.list("journal/", start_after="journal/0000000001.json", limit=5) == []


def test_delete_prefix_removes_that_and_no_more(store: ObjectStore) -> None:
    for key in ("run/1/a", "run/1/b/c", "run/10/a", "run/2/a", "running"):
        store.put(key, b"")
    store.delete_prefix("run/1/")
    assert store.list() == ["run/10/a", "run/2/a", "running"]
    store.delete_prefix("run/1")
    assert store.list() == ["run/2/a", "running"]
    store.delete_prefix("nothing/here/")
    store.delete_prefix("run")
    assert store.list() == []
    store.put("run/1/a", b"again")
    assert store.get("run/1/a") == b"again"


def test_what_no_key_starts_with_is_refused(store: ObjectStore) -> None:
    for prefix in ("/", "../", "a//", "a/../b", "\n"):
        with pytest.raises(InvalidKey):
            store.list(prefix)
        with pytest.raises(InvalidKey):
            store.delete_prefix(prefix)


# Create


def test_create_writes_once(store: ObjectStore) -> None:
    assert store.create("journal/1.json", b"first")
    assert not store.create("journal/1.json", b"second")
    assert store.get("journal/1.json") == b"first"


def test_a_fit_store_passes_its_check_and_keeps_nothing_of_it(store: ObjectStore) -> None:
    check_store(store)
    assert store.list() == []


def test_nothing_says_why_a_fit_store_would_overwrite(store: ObjectStore) -> None:
    assert store.overwrites_because() == ""


def test_an_object_is_never_created_in_part(store: ObjectStore) -> None:
    """Whoever wins, what is read is whole; without links and renames a reader may see a part, but never two writers."""
    bodies = [bytes([65 + number]) * 200_000 for number in range(4)]
    for number in range(5):
        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(lambda body, number=number: store.create(f"journal/{number}", body), bodies))
        assert won.count(True) == 1
        assert store.get(f"journal/{number}") == bodies[won.index(True)]


def test_one_of_many_threads_creates(store: ObjectStore) -> None:
    threads, keys = 6, 20
    together = threading.Barrier(threads)

    def take(me: int) -> list[int]:
        won = []
        for number in range(keys):
            together.wait()
            if store.create(f"journal/{number}", f"{me}".encode()):
                won.append(number)
        return won

    with ThreadPoolExecutor(threads) as pool:
        won = list(pool.map(take, range(threads)))
    assert sorted(number for each in won for number in each) == list(range(keys))
    for me, numbers in enumerate(won):
        for number in numbers:
            assert store.get(f"journal/{number}") == f"{me}".encode()


TAKER = """
import json, os, sys
if os.environ.get("TEST_WITHOUT_LINKS"):
    def link(*_):
        raise PermissionError(1, "Operation not permitted")
    os.link = link
if os.environ.get("TEST_WITHOUT_RENAMES"):
    from automl_core.storage import renaming
    renaming.LOCAL = frozenset()
from automl_core.storage import Credentials, open_store
me, url, credentials = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
store = open_store(url, Credentials(**credentials))
store.list()
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([n for n in range(25) if store.create(f"journal/{n}", f"{me} {n}".encode())]))
"""


def test_one_of_many_processes_creates(site: Site, store: ObjectStore) -> None:
    names = ("access_key", "secret_key", "session_token", "endpoint_url", "region")
    credentials = json.dumps({name: getattr(site.credentials, name, None) for name in names})
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, str(me), site.url, credentials],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        for me in range(3)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [json.loads(process.communicate()[0]) for process in processes]
    assert sorted(number for each in won for number in each) == list(range(25))
    for me, numbers in enumerate(won):
        for number in numbers:
            assert store.get(f"journal/{number}") == f"{me} {number}".encode()


class LoseAnswers(CountingStore):
    """Does the next ``lost`` creates, and says that it could not."""

    lost = 0

    def create(self, key: str, data: bytes) -> bool:
        created = super().create(key, data)
        if self.lost:
            self.lost -= 1
            raise StorageUnavailable("the answer was lost")
        return created


def test_a_create_whose_answer_was_lost_tells_the_truth(store: ObjectStore) -> None:
    lossy = LoseAnswers(store)
    patient = RetryingStore(lossy, sleep=lambda seconds: None)
    lossy.lost = 3
    assert patient.create("mine", b"mine")
    store.put("theirs", b"theirs")
    lossy.lost = 3
    assert not patient.create("theirs", b"mine")
    assert store.get("theirs") == b"theirs"


@OVER_HTTP
def test_a_create_whose_connection_was_cut_tells_the_truth(site: Site, store: ObjectStore) -> None:
    assert site.script
    site.script.plan("PutObject", LOSE)
    assert store.create("mine", b"mine")
    store.put("theirs", b"theirs")
    site.script.plan("PutObject", LOSE, LOSE)
    assert not store.create("theirs", b"mine")
    assert store.get("mine") == b"mine"
    assert store.get("theirs") == b"theirs"


# Replacing


def test_a_reader_sees_the_old_or_the_new_object(store: ObjectStore) -> None:
    old, new = b"o" * 300_000, b"n" * 300_000
    store.put("status.json", old)
    done = threading.Event()

    def write() -> None:
        for round_ in range(20):
            store.put("status.json", (old, new)[round_ % 2])
        done.set()

    seen: set[bytes] = set()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not done.is_set() and not writing.done():
            seen.add(store.get("status.json"))
            assert store.list() == ["status.json"]
        writing.result()
    assert seen <= {old, new}


# Files and folders


def test_folders_come_back_as_they_went(store: ObjectStore, tmp_path: Path) -> None:
    files = {"weights.bin": os.urandom(20_000), "logs/epoch 1.txt": b"", "logs/deep/er/ü.json": b"{}"}
    source = tmp_path / "source"
    for name, data in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    store.upload(source, "run/model/")
    store.put("run/model-2/other", b"not ours")
    assert store.list("run/model/") == sorted(f"run/model/{name}" for name in files)
    target = tmp_path / "new" / "target"
    assert store.download("run/model", target) == len(files)
    assert {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()} == files


def test_a_single_file_is_uploaded_by_its_name(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("hello")
    store.upload(tmp_path / "log.txt", "run/1")
    store.upload_file(tmp_path / "log.txt", "run/2/other.txt")
    assert store.list("run/") == ["run/1/log.txt", "run/2/other.txt"]
    store.download_file("run/2/other.txt", tmp_path / "back" / "there.txt")
    assert (tmp_path / "back" / "there.txt").read_text() == "hello"


def test_large_files_pass_through(store: ObjectStore, tmp_path: Path) -> None:
    block = os.urandom(1 << 20)
    with open(tmp_path / "large", "wb") as file:
        for number in range(34):
            file.write(number.to_bytes() + block)
    store.upload_file(tmp_path / "large", "model/large")
    store.download_file("model/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()
    assert len(store.get("model/large")) == 34 * (1 + (1 << 20))


def test_a_large_object_is_copied_whole(store: ObjectStore) -> None:
    data = os.urandom(1 << 20) * 34
    store.put("model/large", data)
    store.copy_file("model/large", "model/copy")
    assert store.get("model/copy") == data


def test_a_folder_is_copied_within_the_store(store: ObjectStore) -> None:
    for name in ("weights.bin", "deep/er/ümläut é.txt"):
        store.put(f"scratch/1/model/{name}", name.encode())
    store.put("scratch/1/model-2/other", b"not of it")
    store.put("experiment_1/model/weights.bin", b"older")
    assert store.copy("scratch/1/model", "experiment_1/model/") == 2
    assert store.list("experiment_1/") == ["experiment_1/model/deep/er/ümläut é.txt", "experiment_1/model/weights.bin"]
    assert store.get("experiment_1/model/weights.bin") == b"weights.bin"
    assert store.list("scratch/1/model/")  # a copy, no move
    assert store.copy("nothing", "x") == 0
    with pytest.raises(NotFound):
        store.copy_file("nothing", "x")


def test_a_missing_object_leaves_no_file(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        store.download_file("nothing", tmp_path / "target" / "file")
    assert not (tmp_path / "target" / "file").exists()
    assert store.download("nothing", tmp_path / "target") == 0


def test_a_missing_source_is_an_error_that_names_it(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such file") as raised:
        store.upload(tmp_path / "gone", "run/model")
    assert str(tmp_path / "gone") in str(raised.value)


def test_a_store_with_faults_still_moves_whole_folders(store: ObjectStore, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / "source").mkdir(exist_ok=True)
        (tmp_path / "source" / f"{number:02d}").write_bytes(bytes([number]))
    patient = RetryingStore(FaultyStore(store, every=3), sleep=lambda seconds: None)
    patient.upload(tmp_path / "source", "model")
    assert patient.download("model", tmp_path / "target") == 30
    assert [path.read_bytes()[0] for path in sorted((tmp_path / "target").iterdir())] == list(range(30))


# What a person sees


def test_the_url_names_the_root_and_no_credentials(site: Site, store: ObjectStore) -> None:
    assert store.url == site.url
    for secret in (SECRET, TOKEN):
        assert secret not in repr(store)


# What is built on them


def test_a_models_life_goes_over_every_store(store: ObjectStore) -> None:
    store.put("churn/r1/best_model/model/weights.bin", b"weights")
    store.put("churn/r2/best_model/model/weights.bin", b"other weights")
    life, anna = ModelLife.open(store, "churn"), Person("anna", "rest")
    versions = [
        life.offer(Source(store.url, "churn", run), (store, f"churn/{run}/best_model/"), anna) for run in ("r1", "r2")
    ]
    store.delete_prefix("churn/")
    for version in versions:
        digest = life.evaluated(version.number, {"champion": life.state.champion, "verdict": {"ok": True}})
        ModelLife.open(store, "churn").accept(version.number, digest, anna)
        life.put_in_use(version.number, anna)
    life.take_back(2, anna, "bad")
    reading = CountingStore(store)
    now = in_use_at(reading, "churn")
    assert (now.champion, now.accepted[1].by, reading.total <= 10) == (1, anna, True)
    files = [key for version in versions for key in store.list(version.model.prefix)]
    assert [store.get(key) for key in files] == [b"weights", b"other weights"]
