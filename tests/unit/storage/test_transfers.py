from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.storage import InvalidKey, StorageUnavailable
from automl_core.storage.folder import FolderStore
from automl_core.storage.retry import RetryingStore


class Hostile(FolderStore):
    """Lists a key that leads out of any folder it is copied to."""

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        return [f"{prefix}../../outside"]

    def download_file(self, key: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("stolen")


def test_no_download_writes_outside_of_its_target(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey):
        Hostile(tmp_path / "store").download("model", tmp_path / "a" / "b" / "target")
    assert list(tmp_path.rglob("outside")) == []


def test_a_refused_file_is_repeated_not_the_folder(tmp_path: Path) -> None:
    class Refusing(FolderStore):
        uploaded: list[str] = []  # noqa: RUF012

        def upload_file(self, source: Path, key: str) -> None:
            self.uploaded.append(key)
            if self.uploaded.count(key) == 1 and key.endswith("2"):
                raise StorageUnavailable("busy")
            super().upload_file(source, key)

    for name in "123":
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / name).touch()
    inner = Refusing(tmp_path / "store")
    RetryingStore(inner, sleep=lambda seconds: None).upload(tmp_path / "model", "m")
    assert inner.uploaded == ["m/1", "m/2", "m/2", "m/3"]
