"""Objects as files below a local or shared folder.

`create` writes a temporary file beside its target and links it to the target's name: the link fails
where the name is taken, and a reader never sees half a file. Files are synced to disk before they get
their name (0.3 ms on the disk it was measured on), so that after a loss of power a name never stands
without its bytes; folders are not, so the newest names may be gone, as if never written.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from automl_core.storage.base import Entries, Entry, NotFound, Parts, StorageError, StorageUnavailable, Unfinished
from automl_core.storage.files import replace_file, temporary_file, temporary_files, walk_files, write_exclusively
from automl_core.storage.keys import TEMPORARY, check_key, check_prefix, is_key
from automl_core.storage.renaming import rename_if_free
from automl_core.storage.transfers import FolderTransfers

_MAY_PASS = frozenset(
    (
        errno.EAGAIN,
        errno.EBUSY,
        errno.EINTR,
        errno.EIO,  # Network file systems answer so when their server is away.
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOTEMPTY,  # Somebody wrote into a folder that was being removed.
        errno.ESTALE,
        errno.ETIMEDOUT,
    )
)
_NO_SUCH_WAY = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL))
"""How file systems answer that have no hard links, or no renames that leave a taken name alone."""

_REMEDIES = {
    errno.EACCES: "this user needs the right to read and write there",
    errno.EPERM: "this user needs the right to read and write there",
    errno.EROFS: "name a folder that can be written to",
    errno.ENOSPC: "free some space, or name a folder on another disk",
    errno.EDQUOT: "free some space, or name a folder on another disk",
    errno.ENOTDIR: "the start of that key is an object itself, and a folder can't hold both",
    errno.EISDIR: "there are objects below that key, and a folder can't hold both",
    errno.ENAMETOOLONG: "use shorter names, or a root nearer to /",
}

_log = logging.getLogger(__name__)


def may_pass(error: OSError) -> bool:
    """Whether the same call may succeed later: a network file system whose server is away answers so."""
    return error.errno in _MAY_PASS


class FolderStore(FolderTransfers):
    """Objects as files below one folder, which is made when the first is written.

    Works on network file systems too. Without hard links `create` renames the temporary file, if the name is free
    and the file system is one of this machine; on those of a network it falls back to opening the file exclusively,
    and a reader may then see an object that is still being written. On NFS, mount with
    ``lookupcache=positive`` (nfs(5)): otherwise a machine may take seconds to see another's objects.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
        self._ways: tuple[Callable[[str, str], bool], ...] = (_link, rename_if_free)
        self._stays = False
        self._seen = False

    def stay(self) -> None:
        """Hold the folder for away, rather than empty, where it has been there and is gone: its disk is not mounted.

        For who follows it for days: what he writes would else make it anew, and lie under the disk that comes back.
        """
        self._stays = True

    @property
    def url(self) -> str:
        """``file://`` and the absolute path."""
        return f"file://{self._root}"

    def __repr__(self) -> str:
        return f"FolderStore({self.url!r})"

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        with self._told("read", key), open(self._path(key), "rb") as file:
            return file.read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `ObjectStore.get_range`."""
        path = self._path(key)
        with self._told("read", key), open(path, "rb") as file:
            file.seek(start)
            return file.read(length)

    def put(self, key: str, data: bytes) -> None:
        """See `ObjectStore.put`."""
        path = self._path(key)
        with self._told("write", key):
            replace_file(path, lambda file: file.write(data))

    def create(self, key: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        path = self._path(key)
        with self._told("create", key):
            if os.path.lexists(path):
                if os.path.isdir(path):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                return False
            if self._ways:
                with temporary_file(path, lambda file: file.write(data)) as temporary:
                    for way in self._ways:
                        try:
                            return way(temporary, path)
                        except OSError as error:
                            if error.errno not in _NO_SUCH_WAY:
                                raise
                            self._ways = tuple(each for each in self._ways if each is not way)
                _log.warning(
                    "%s has neither hard links nor renames that spare a name: readers may meet objects half-written",
                    self.url,
                )
            return write_exclusively(path, data)

    def overwrites_because(self) -> str:
        """See `ObjectStore.overwrites_because`: nothing is known of such a folder."""
        return ""

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        path = self._path(key)
        with self._told("delete", key), suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            os.unlink(path)

    def delete_prefix(self, prefix: str) -> None:
        """See `ObjectStore.delete_prefix`. Links below it are removed, not what they lead to."""
        folder, slash, start = check_prefix(prefix).rpartition("/")
        with self._told("delete", f"{prefix}*"), suppress(FileNotFoundError, NotADirectoryError):
            if slash and not start:
                _remove(self._path(folder))
                return
            with os.scandir(os.path.join(self._root, folder)) as entries:
                paths = [entry.path for entry in entries if entry.name.startswith(start)]
            for path in paths:
                _remove(path)

    def upload_file(self, source: Path, key: str) -> None:
        """See `ObjectStore.upload_file`. Nothing is done where the file already lies under that key."""
        path = self._path(key)
        with self._told(f"upload {source} to", key):
            _copy(os.fspath(source), path)

    def download_file(self, key: str, target: Path) -> None:
        """See `ObjectStore.download_file`."""
        path = self._path(key)
        with self._told(f"download to {target} from", key):
            if not os.path.isfile(path):
                raise NotFound(f"Cannot download {key} from {self.url}: there is no such object")
            _copy(path, os.fspath(target))

    def copy_file(self, source: str, target: str) -> None:
        """See `ObjectStore.copy_file`."""
        origin, path = self._path(source), self._path(target)
        with self._told(f"copy {source} to", target):
            if not os.path.isfile(origin):
                raise NotFound(f"Cannot copy {source} in {self.url}: there is no such object")
            _copy(origin, path)

    def local_path(self, key: str) -> Path | None:
        """The file of a key, whether it exists or not; a folder's as well."""
        return Path(self._path(key))

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        """See `ObjectStore.list`."""
        check_prefix(prefix)
        keys: list[str] = []
        with self._told("list", f"{prefix}*"):
            for key in walk_files(Path(self._root), prefix, start_after):
                if limit is not None and len(keys) >= limit:
                    break
                if is_key(key):
                    keys.append(key)
        return keys

    def entries(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> Entries:
        """See `ObjectStore.entries`."""
        found = []
        with self._told("list", f"{prefix}*"):
            for key in self.list(prefix, start_after, limit):
                with suppress(FileNotFoundError, NotADirectoryError):  # gone since
                    state = os.stat(f"{self._root}/{key}")
                    found.append(Entry(key, state.st_size, state.st_mtime))
        return found

    def unfinished(self, prefix: str = "") -> Parts:
        """See `ObjectStore.unfinished`: temporary files that whoever wrote them did not live to rename."""
        check_prefix(prefix)
        with self._told("list", f"{prefix}*"):
            found = temporary_files(self._root, prefix)
            return sorted((Unfinished(key, "", state.st_size, state.st_mtime) for key, state in found), key=_by_key)

    def discard(self, part: Unfinished) -> bool:
        """See `ObjectStore.discard`."""
        folder, _, name = part.key.rpartition("/")
        if part.upload or not name.startswith(TEMPORARY):
            raise StorageError(f"Cannot discard {part.key} in {self.url}: it is no half-written file")
        path = os.path.join(self._path(folder) if folder else self._root, name)
        with self._told("discard", part.key), suppress(FileNotFoundError, NotADirectoryError):
            state = os.lstat(path)
            if (state.st_mtime, state.st_size) != (part.modified, part.size):
                return False
            os.unlink(path)
        return True

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    def _must_be_there(self, operation: str, key: str) -> None:
        if self._seen and not os.path.isdir(self._root):
            why = "the folder was there and is gone; is its disk mounted?"
            raise StorageUnavailable(f"Cannot {operation} {key} in {self.url}: {why}")

    @contextmanager
    def _told(self, operation: str, key: str) -> Iterator[None]:
        """Turns the operating system's errors into ones that say what, where and why."""
        if self._stays:
            self._must_be_there(operation, key)
        try:
            yield
            self._seen = self._seen or (self._stays and os.path.isdir(self._root))
        except OSError as error:
            code = error.errno or 0
            why = f"{error.strerror or error} ({errno.errorcode.get(code, code)})"
            if code in _REMEDIES:
                why += f"; {_REMEDIES[code]}"
            kind: type[StorageError] = StorageUnavailable if code in _MAY_PASS else StorageError
            if operation == "read" and code in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
                kind, why = NotFound, "there is no such object"
            raise kind(f"Cannot {operation} {key} in {self.url}: {why}") from error


def _link(temporary: str, path: str) -> bool:
    """Give a file a second name if that name is free. Returns whether it has it now."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        # A network file system may repeat a link whose answer was lost (see open(2), O_EXCL).
        return os.stat(temporary).st_nlink == 2
    return True


def _by_key(part: Unfinished) -> str:
    return part.key


def _copy(source: str, target: str) -> None:
    with open(source, "rb") as file:
        with suppress(FileNotFoundError):
            if os.path.samefile(source, target):
                return
        replace_file(target, lambda copy: shutil.copyfileobj(file, copy, 1 << 20))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, onerror=_raise_unless_gone)
    else:
        os.unlink(path)


def _raise_unless_gone(function: object, path: str, raised: tuple[type[BaseException], BaseException, object]) -> None:
    if not isinstance(raised[1], FileNotFoundError):
        raise raised[1]
