"""The cache of a machine: one fetches, others wait; nothing half; bounded; never what is in use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from automl_core.data.access import DataError
from automl_core.data.cache import Cache, Held, Unwanted, size_of
from automl_core.data.fingerprint import of_listing
from automl_core.data.listing import list_place
from automl_core.spec.places import parse_place
from automl_core.storage.base import StorageUnavailable
from tests.support.patience import stretched
from tests.unit.data.lake import Lake


class Bench:
    """A lake, a cache, and what holds files of the one in the other."""

    def __init__(self, folder: Path, size: int = 1000) -> None:
        self.lake, self.cache, self.home = Lake(), Cache(folder / "cache", size), folder
        self.said: list[str] = []

    def hold(self, text: str, **more: object) -> Held:
        place = parse_place(text)
        listing = list_place(place, self.home, self.lake)
        return self.cache.hold(place, listing, of_listing(place, listing).digest, say=self.said.append, **more)  # type: ignore[arg-type]

    def entries(self) -> list[Path]:
        return sorted(self.cache.root.iterdir()) if self.cache.root.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_file_is_fetched_once(bench: Bench) -> None:
    bench.lake.put(**{"t/train.csv": "a\n1\n"})
    first = bench.hold("s3://lake/t/train.csv")
    again = bench.hold("s3://lake/t/train.csv")
    assert (first.path, first.fetched, again.fetched) == (again.path, True, False)
    assert first.path.name == "train.csv", "its ending tells its format"
    assert first.path.read_text() == "a\n1\n"
    assert not first.path.stat().st_mode & 0o222, "trainings share it"
    assert bench.lake.bucket.calls["download_file"] == 1
    first.release()
    again.release()


def test_a_folder_and_a_pattern_are_folders_of_their_files(bench: Bench) -> None:
    bench.lake.put(**{"t/a.csv": "1", "t/ds=1/b.csv": "2", "t/c.txt": "3"})
    folder, pattern = bench.hold("s3://lake/t/"), bench.hold("s3://lake/t/**/*.csv")
    assert {str(p.relative_to(folder.path)) for p in folder.path.rglob("*") if p.is_file()} == {
        "a.csv", "ds=1/b.csv", "c.txt"
    }  # fmt: skip
    assert {str(p.relative_to(pattern.path)) for p in pattern.path.rglob("*") if p.is_file()} == {"a.csv", "ds=1/b.csv"}


def test_other_contents_are_another_copy(bench: Bench) -> None:
    bench.lake.put(**{"a.csv": "1"})
    first = bench.hold("s3://lake/a.csv")
    bench.lake.put(**{"a.csv": "2"})
    second = bench.hold("s3://lake/a.csv")
    assert (first.path.read_text(), second.path.read_text()) == ("1", "2")


def test_many_at_once_fetch_once(bench: Bench) -> None:
    bench.lake.put(**{"a.csv": "1" * 100})
    inner, entered = bench.lake.inner.download_file, threading.Event()

    def slow(key: str, target: Path) -> None:
        entered.set()
        time.sleep(0.3)  # the others come meanwhile
        inner(key, target)

    bench.lake.inner.download_file = slow  # type: ignore[method-assign]
    held: list[Held] = []
    threads = [threading.Thread(target=lambda: held.append(bench.hold("s3://lake/a.csv"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(stretched(30))
    assert len(held) == 6
    assert sum(each.fetched for each in held) == 1
    assert any("waiting for another training" in line for line in bench.said)


def test_whoever_waits_gives_up_where_nobody_wants_it_any_more(bench: Bench) -> None:
    bench.lake.put(**{"a.csv": "1"})
    with pytest.raises(Unwanted):
        bench.hold("s3://lake/a.csv", wanted=lambda: False)
    assert not [p for entry in bench.entries() for p in entry.iterdir() if p.name != "lock"]
    assert bench.hold("s3://lake/a.csv").path.read_text() == "1"


def test_a_fetch_that_fails_leaves_nothing_half(bench: Bench) -> None:
    bench.lake.put(**{"t/a.csv": "1", "t/b.csv": "2"})
    inner = bench.lake.inner.download_file

    def broken(key: str, target: Path) -> None:
        if key.endswith("b.csv"):
            raise StorageUnavailable("away")
        inner(key, target)

    bench.lake.inner.download_file = broken  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable):
        bench.hold("s3://lake/t/")
    assert not [p for entry in bench.entries() for p in entry.iterdir() if p.name != "lock"]
    bench.lake.inner.download_file = inner  # type: ignore[method-assign]
    assert bench.hold("s3://lake/t/").fetched


def longer(key: str, target: Path) -> None:
    target.write_text("longer")


def test_what_is_changed_while_it_is_fetched_is_not_kept(bench: Bench) -> None:
    bench.lake.put(**{"a.csv": "1"})
    with pytest.raises(DataError, match="changed while it was fetched"):
        bench.hold("s3://lake/a.csv", unchanged=lambda: False)
    bench.lake.inner.download_file = longer  # type: ignore[method-assign]
    with pytest.raises(DataError, match="was changed while it was fetched: 6 bytes came, 1 were listed"):
        bench.hold("s3://lake/a.csv")


def test_a_copy_that_lost_its_bytes_is_fetched_again(bench: Bench) -> None:
    bench.lake.put(**{"a.csv": "123"})
    held = bench.hold("s3://lake/a.csv")
    held.release()
    held.path.chmod(0o644)
    held.path.write_text("")  # as after a loss of power
    assert bench.hold("s3://lake/a.csv").path.read_text() == "123"


def test_the_oldest_unused_goes_first_and_what_is_used_never(tmp_path: Path) -> None:
    bench = Bench(tmp_path, size=250)
    for name in "abcd":
        bench.lake.put(**{f"{name}.csv": name * 100})
    held = bench.hold("s3://lake/a.csv")
    bench.hold("s3://lake/b.csv").release()
    bench.hold("s3://lake/c.csv").release()
    assert held.path.exists(), "in use"
    assert len(bench.entries()) == 2, "b has gone for c"
    later = bench.hold("s3://lake/c.csv")
    bench.hold("s3://lake/d.csv").release()
    assert len(bench.entries()) == 3, "all are in use: for a while there is more than may be"
    later.release()
    held.release()
    os.utime(next(held.path.parent.parent.glob("ready.json")), (1, 1))
    bench.hold("s3://lake/b.csv").release()
    assert not held.path.exists(), "used the longest ago"


FETCHER = """
import sys, time
from pathlib import Path
from automl_core.data.cache import Cache
from automl_core.data.listing import list_place
from automl_core.spec.places import parse_place
from tests.unit.data.lake import Lake
lake = Lake()
lake.put(**{"t/a.csv": "1", "t/b.csv": "2"})
inner = lake.inner.download_file
def slow(key, target):
    inner(key, target)
    if key.endswith("b.csv"):
        print("half", flush=True)
        time.sleep(600)
lake.inner.download_file = slow
place = parse_place("s3://lake/t/")
Cache(Path(sys.argv[1])).hold(place, list_place(place, Path("."), lake), sys.argv[2])
"""


def test_a_killed_fetcher_leaves_nothing_that_looks_whole(bench: Bench) -> None:
    bench.lake.put(**{"t/a.csv": "1", "t/b.csv": "2"})
    place = parse_place("s3://lake/t/")
    digest = of_listing(place, list_place(place, bench.home, bench.lake)).digest
    command = [sys.executable, "-c", FETCHER, str(bench.cache.root), digest]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        assert list(bench.cache.root.glob("*/part/*")), "it is in the middle of it"
        process.send_signal(signal.SIGKILL)
    held = bench.hold("s3://lake/t/")
    assert held.fetched
    assert sorted(path.name for path in held.path.iterdir()) == ["a.csv", "b.csv"]
    assert not list(bench.cache.root.glob("*/part"))


def test_what_a_killed_fetcher_left_goes_when_others_come(bench: Bench) -> None:
    left = bench.cache.root / "0123" / "part"
    left.mkdir(parents=True)
    (left / "half.csv").write_text("x")
    bench.lake.put(**{"a.csv": "1"})
    bench.hold("s3://lake/a.csv")
    assert not left.exists()


def test_where_the_cache_lies(tmp_path: Path) -> None:
    assert Cache.of(tmp_path, {}).root == tmp_path / ".automl-cache"
    given = Cache.of(tmp_path, {"AUTOML_DATA_CACHE": "/big/disk", "AUTOML_DATA_CACHE_SIZE": "2 TB"})
    assert (given.root, given.size) == (Path("/big/disk"), 2 * 10**12)


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("50GB", 50 * 10**9), ("200 MB", 2 * 10**8), ("1.5G", 15 * 10**8), ("4096", 4096)]
)
def test_sizes(text: str, size: int) -> None:
    assert size_of(text) == size


def test_no_size_is_told() -> None:
    with pytest.raises(DataError, match="AUTOML_DATA_CACHE_SIZE='much' is no size"):
        size_of("much")
