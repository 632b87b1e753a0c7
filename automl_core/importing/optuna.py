"""Finding a study of Optuna's in what people name: ``sqlite:///file``, a path of a database or of a journal."""

from __future__ import annotations

from pathlib import Path

from automl_core.importing import optuna_sqlite
from automl_core.importing.optuna_journal import Replay
from automl_core.importing.trials import CannotImport, OldStudy
from automl_core.spec.errors import did_you_mean


def read_optuna(storage: str, name: str | None = None) -> OldStudy:
    """A study with its trials.

    Args:
        storage: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, or the path of such a file or of a journal.
        name: of the study; may be left out where there is only one.

    Raises:
        CannotImport: the message says what there is.
    """
    path = _path(storage)
    try:
        with path.open("rb") as file:
            start = file.read(len(optuna_sqlite.MAGIC))
    except OSError as error:
        raise CannotImport(f"{path}: {error.strerror}") from None
    if start == optuna_sqlite.MAGIC:
        return optuna_sqlite.read_study(path, _chosen(path, optuna_sqlite.read_studies(path), name))
    if not start.lstrip().startswith(b"{"):
        raise CannotImport(f"{path} is neither a SQLite database nor a journal of Optuna's (lines of JSON)")
    replay = Replay(path)
    return replay.study(_chosen(path, replay.names, name))


def _path(storage: str) -> Path:
    scheme, separator, rest = storage.partition("://")
    if not separator:
        return Path(storage).expanduser()
    if scheme.partition("+")[0] == "sqlite":
        return Path(rest.removeprefix("/").partition("?")[0])  # SQLAlchemy: three slashes and a path
    server = scheme.partition("+")[0]  # what stands behind may be a password
    raise CannotImport(
        f"{server}://…: only files are read. Copy the study into one, where Optuna is installed: "
        "optuna.copy_study(from_study_name=…, from_storage=…, to_storage='sqlite:///study.db')"
    )


def _chosen(path: Path, names: list[str], wanted: str | None) -> str:
    if not names:
        raise CannotImport(f"{path} holds no study")
    listed = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    if wanted is None:
        if len(names) > 1:
            raise CannotImport(f"{path} holds {len(names)} studies; say which with --study: {listed}")
        return names[0]
    if wanted not in names:
        hint = did_you_mean(wanted, names)
        raise CannotImport(f"{path} holds no study {wanted!r}. {hint} There are: {listed}".replace("  ", " "))
    return wanted
