"""Archives of code: the same for the same content, and unpacked only where they are what they say."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import shutil
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_core.code import CodeError, archive, pack, unpack

NAMES = st.from_regex(r"[a-zé][a-z0-9é_]{0,120}(\.py)?", fullmatch=True).filter(lambda name: len(name.encode()) < 200)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.tuples(st.binary(max_size=600), st.booleans()),
    min_size=1, max_size=6,
).filter(lambda tree: not any(a != b and b.startswith(f"{a}/") for a in tree for b in tree))  # fmt: skip


def write(folder: Path, tree: dict[str, tuple[bytes, bool]], seed: int = 0) -> Path:
    names = list(tree)
    random.Random(seed).shuffle(names)  # another order of creation, other times
    for name in names:
        data, executable = tree[name]
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o700 if executable and seed else 0o755 if executable else 0o600 if seed else 0o644)
        os.utime(path, (seed * 1000, seed * 1000))
    return folder


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TREES)
def test_the_same_content_gives_the_same_bytes_and_comes_back(tree: dict[str, tuple[bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, again = (pack(write(Path(folder, str(seed)), tree, seed)) for seed in (0, 7))
        assert (first.digest, first.data) == (again.digest, again.data)
        unpack(first.data, first.digest, Path(folder, "out"))
        found = {
            str(path.relative_to(Path(folder, "out"))): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
            for path in Path(folder, "out").rglob("*")
            if path.is_file()
        }
        assert found == tree
        shutil.rmtree(Path(folder, "out"))


def test_another_content_name_or_right_is_another_digest(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    digests = {pack(tmp_path).digest}
    (tmp_path / "a.py").write_text("2")
    digests.add(pack(tmp_path).digest)
    (tmp_path / "a.py").chmod(0o755)
    digests.add(pack(tmp_path).digest)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    digests.add(pack(tmp_path).digest)
    assert len(digests) == 4


def test_the_format_is_one_that_stays(tmp_path: Path) -> None:
    """Journals of runs name digests: what is packed must not change with a release of ours or of Python."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "a.py").write_text("x = 1\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o777)
    assert pack(tmp_path).digest == "3a645b010fb7ce18dcba3551a8e06fed8a6aa03d0773e5e56955a197ef03ee86"


def tarred(*entries: tarfile.TarInfo) -> tuple[bytes, str]:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(b"x" * entry.size))
    return gzip.compress(made.getvalue()), hashlib.sha256(made.getvalue()).hexdigest()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, 0 if link else 1
    return made


@pytest.mark.parametrize(
    "evil",
    [
        entry("../out.py"),
        entry("/tmp/out.py"),
        entry("a", tarfile.SYMTYPE, "/etc"),
        entry("a", tarfile.LNKTYPE, "../x"),
    ],
    ids=lambda each: f"{each.name}-{each.type!r}",
)
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, evil: tarfile.TarInfo) -> None:
    data, digest = tarred(entry("good.py"), evil)
    target = tmp_path / "in" / "target"
    if evil.name.startswith("/"):
        unpack(data, digest, target)
    else:
        with pytest.raises(CodeError, match=f"has {evil.name} in it"):
            unpack(data, digest, target)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if not path.is_dir()}
    assert found <= {"in/target/good.py", "in/target/tmp/out.py"}  # an absolute name loses its root
    assert not Path("/tmp/out.py").exists()


def test_a_damaged_archive_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("x = 1\n" * 100)
    packed = pack(tmp_path)
    target = tmp_path / "target"
    for damaged, why in (
        (packed.data[: len(packed.data) // 2], "cut off"),
        (b"no gzip", "damaged"),
        (b"", "cut off"),
        (gzip.compress(b"another"), "has the digest"),
    ):
        with pytest.raises(CodeError, match=why):
            unpack(damaged, packed.digest, target)
        assert not target.exists()
    monkeypatch.setattr(archive, "_MOST_UNPACKED", 100)
    with pytest.raises(CodeError, match="larger than any"):
        unpack(packed.data, packed.digest, target)
