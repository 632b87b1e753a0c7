"""One interval scored: files read a piece at a time, predictions written to one file, and that put at its place.

It runs in a process of its own, on a worker or in a pod (`__main__`), and knows of the model's life only whether its
claim still holds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from automl_core.data.access import Access, DataError
from automl_core.data.fingerprint import Fingerprint, digest_of, take
from automl_core.data.listing import Listing, list_place
from automl_core.models.batch.order import Order, Place, Problem, Report
from automl_core.models.batch.places import publish, taken
from automl_core.models.batch.writing import CantWrite, Write, file_name, writer
from automl_core.spec.places import parse_place

if TYPE_CHECKING:
    from automl_core.modelfile.model import Model
    from automl_core.modelfile.series import SeriesModel
    from automl_core.storage.base import ObjectStore

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


class CantScore(Exception):
    """An interval was not scored. The message says why.

    Attributes:
        problem: in which of the known ways.
    """

    def __init__(self, problem: Problem, words: str) -> None:
        super().__init__(words)
        self.problem: Problem = problem


def score(order: Order, access: Access, holds: Callable[[], bool]) -> Report:
    """Score what an order names. Written twice, it writes the same bytes.

    Args:
        order: what.
        access: opens stores, buckets and tables.
        holds: whether the claim is still this attempt's; asked before anything is put where others read it.

    Raises:
        CantScore: in words; what it may come to later stands in `CantScore.problem`.
        StorageError: a store is away, or refuses.
    """
    began = time.monotonic()
    store = access.store(order.storage.text, order.storage.connection)
    with folder_of(store, order.model) as folder, tempfile.TemporaryDirectory(prefix="automl-batch-") as temporary:
        try:
            target = file_name(order.out.text)
            made = Path(temporary) / target.rpartition("/")[2]
            counted = _write(order, access, folder, made)
        except (CantWrite, DataError) as error:
            raise CantScore("cant", str(error)) from error
        except MemoryError:
            limit = f" of {order.memory >> 20:,} MiB" if order.memory else ""
            raise CantScore("cant", f"the memory{limit} does not suffice") from None
        except (ValueError, OSError) as error:
            raise CantScore("cant", f"{order.data.text}: {error}") from error
        if _look(order, access).digest != order.digest:
            raise CantScore("changed", f"{order.data.text} was written to while it was read")
        if not holds():
            raise CantScore("replaced", f"another attempt has {order.key} by now: nothing of this one is written")
        digest = publish(made, target, Path(order.home), access, order.out.connection)
    return replace(counted, out=target, digest=digest, seconds=round(time.monotonic() - began, 3), memory=_peak())


@contextmanager
def folder_of(store: ObjectStore, prefix: str) -> Iterator[Path]:
    """A version's folder on this machine, for as long as it is needed."""
    local = store.local_path(prefix.rstrip("/"))
    if local is not None:
        yield local
        return
    with tempfile.TemporaryDirectory(prefix="automl-model-") as folder:
        store.download(prefix.rstrip("/"), Path(folder))
        yield Path(folder)


def look(place: Place, home: Path, access: Access) -> Fingerprint:
    """The fingerprint of what is to be scored, without its rows and columns.

    Raises:
        DataError: there is nothing.
        StorageError: the place can't be asked now.
    """
    return take(parse_place(place.text), home, access, place.connection, place.format, details=False)  # type: ignore[arg-type]


def _look(order: Order, access: Access) -> Fingerprint:
    """What lies there now; with all earlier places, for a model that reads them too."""
    home = Path(order.home)
    return together([look(each, home, access) for each in (*order.earlier, order.data)])


def together(found: list[Fingerprint]) -> Fingerprint:
    """The fingerprint of several places that are read as one: the last one's, with a digest of all."""
    if len(found) == 1:
        return found[0]
    return replace(found[-1], digest=digest_of([each.digest for each in found]))


def _write(order: Order, access: Access, folder: Path, made: Path) -> Report:
    """Score into a file. Returns what can be said of it before it is anywhere."""
    from automl_core.modelfile.writing import FORECASTING, MODEL_FILE

    if _look(order, access).digest != order.digest:
        raise CantScore("changed", f"{order.data.text} is not what it was when the interval was claimed")
    ours = (folder / MODEL_FILE).is_file()
    if not ours and order.program is None:
        raise CantScore(
            "cant", f"version {order.version} is no model of this product (there is no {MODEL_FILE}): name the program "
            "that scores it (evaluate.program); deploy.backend local runs it",
        )  # fmt: skip
    with writer(made) as write:
        if not ours:
            found = _told_by_program(order, access, folder, write)
            return replace(found, fingerprint=_look(order, access).to_json())
        from automl_core.modelfile.model import read_info

        if read_info(folder)["problem"].get("kind") == FORECASTING:
            from automl_core.modelfile.series import load as load_series

            found = _forecasts(order, access, load_series(folder), write)
        else:
            from automl_core.modelfile.model import load

            found = _predictions(order, access, load(folder), write)
    return replace(found, fingerprint=_look(order, access).to_json())


def _predictions(order: Order, access: Access, model: Model, write: Write) -> Report:
    """A model of a table: a row for each row."""
    from automl_core.modelfile.scoring.command import predictions
    from automl_core.modelfile.scoring.review import Tally
    from automl_core.modelfile.scoring.sources import source_of

    if order.proba and not model.classes:
        raise CantScore("cant", f"deploy.proba: {model.target} is a number: there are no probabilities")
    tally, notes, columns, rows = Tally(), dict[str, None](), tuple[str, ...](), 0
    wanted = (*model.schema.names, *order.keep)
    optional = frozenset(each.name for each in model.schema if each.optional and each.name not in order.keep)
    for piece, name in _pieces(order.data, order, access, wanted, optional=optional):
        given = piece if not isinstance(piece, list) or piece else {each: [] for each in wanted}
        try:
            source = source_of(given)
            frame = model.schema.read(source)
        except ValueError as error:
            raise CantScore("cant", f"{name}: {error}") from error
        tally.add(model.schema, frame)
        table = _kept(order, given, source.names, name)
        found, said = predictions(model.scorer, frame, proba=order.proba)
        table = _with_lineage(table, found, order.lineage)
        notes |= dict.fromkeys(said)
        write(table, frame.n)
        columns, rows = tuple(table), rows + frame.n
    return Report(rows, rows, columns=columns, notes=(*tally.texts(), *notes))


def _kept(order: Order, piece: Any, names: tuple[str, ...], file: str) -> dict[str, Any]:
    """The columns of a piece that are copied as they are."""
    from automl_core.modelfile.scoring.values import nearest

    for kept in order.keep:
        if kept not in names:
            raise CantScore("cant", f"{file} has no column {kept!r} to keep{nearest(kept, names)}")
    return {kept: _values(piece, kept) for kept in order.keep}


def _told_by_program(order: Order, access: Access, folder: Path, write: Write) -> Report:
    """A model that isn't ours: what its program says, a row for each row."""
    from automl_core.modelfile.scoring.sources import source_of
    from automl_core.models.batch.by_program import part_of, pieces_of, predicted

    asked, found = predicted(order, access, folder)
    columns, done = tuple[str, ...](), 0
    if not order.keep:
        for rows, said in pieces_of(found):
            table = _with_lineage({}, said, order.lineage)
            write(table, rows)
            columns, done = tuple(table), done + rows
    else:
        if parse_place(order.data.text).is_table:  # its rows have types, and no order that another reading had to keep
            again: Iterable[tuple[Any, str]] = [(_named(asked.columns, order.keep), order.data.text)]
        else:  # as they are in the files: what the program was given has types
            again = _pieces(order.data, order, access, order.keep)
        for piece, name in again:
            given = piece if not isinstance(piece, list) or piece else {each: [] for each in order.keep}
            try:
                source = source_of(given)
            except ValueError as error:
                raise CantScore("cant", f"{name}: {error}") from error
            kept = _kept(order, given, source.names, name)
            if done + source.rows > found.n:
                raise _other_rows(order)
            _, said = part_of(found, done, done + source.rows)
            table = _with_lineage(kept, said, order.lineage)
            write(table, source.rows)
            columns, done = tuple(table), done + source.rows
    if done != found.n:
        raise _other_rows(order)
    silent = found.coded("prediction").texts().count(None)
    notes = (f"{silent:,} of {found.n:,} rows have no prediction: the program said nothing of them",) if silent else ()
    return Report(found.n, found.n, columns=columns, notes=notes)


def _other_rows(order: Order) -> CantScore:
    return CantScore("cant", f"{order.data.text}: what is to be kept has other rows than the program was given: is a "
                     "line empty?")  # fmt: skip


def _forecasts(order: Order, access: Access, model: SeriesModel, write: Write) -> Report:
    """A model of series: run on by what is new, and its forecasts with their intervals."""
    if order.proba:
        raise CantScore("cant", "deploy.proba: a model of series has intervals, no probabilities")
    keys = (model.forecaster.time, *model.forecaster.keys)
    strange = next((name for name in order.keep if name not in keys), None)
    if strange is not None:
        raise CantScore("cant", f"deploy.keep: forecasts are new rows, which have no {strange!r}; remove it")
    wanted = (*keys, model.target, *(each.name for each in model.forecaster.known))
    pieces = [
        piece
        for place in (*order.earlier, order.data)
        for piece, _ in _pieces(place, order, access, wanted, moments=True)
        if not isinstance(piece, list) or piece
    ]  # fmt: skip
    rows_in, given = _gathered(pieces)
    try:
        rows = model.read(given) if rows_in else None
        notes = list(model.update(rows, {"place": order.data.text})) if rows is not None else []
        found = model.forecast(known=rows)
    except ValueError as error:
        raise CantScore("cant", f"{order.data.text}: {error}") from error
    table = _with_lineage({}, found.columns, order.lineage)
    write(table, len(found))
    said = tuple(dict.fromkeys((*notes, *found.notes)))
    return Report(len(found), rows_in, columns=tuple(table), notes=said)


def _gathered(pieces: list[Any]) -> tuple[int, Any]:
    """All rows of pieces of one form at once, and how many they are."""
    if not pieces:
        return 0, None
    first = pieces[0]
    if isinstance(first, dict):
        whole: Any = {name: [value for piece in pieces for value in piece[name]] for name in first}
        return len(next(iter(whole.values()), [])), whole
    if isinstance(first, list):
        rows = [row for piece in pieces for row in piece]
        return len(rows), rows
    import pyarrow as pa

    tables = [piece if isinstance(piece, pa.Table) else pa.Table.from_batches([piece]) for piece in pieces]
    table = pa.concat_tables(tables, promote_options="permissive")
    return table.num_rows, table


def _with_lineage(kept: Mapping[str, Any], found: Mapping[str, Any], lineage: Mapping[str, Any]) -> dict[str, Any]:
    """Columns side by side.

    Raises:
        CantWrite: two have one name.
    """
    table: dict[str, Any] = dict(kept)
    for name, values in (*found.items(), *lineage.items()):
        if name in table:
            raise CantWrite(f"two columns of the predictions would be called {name!r}; don't keep that of the rows")
        table[name] = values
    return table


def _pieces(
    place: Place, order: Order, access: Access, wanted: tuple[str, ...], moments: bool = False,
    optional: frozenset[str] = frozenset(),
) -> Iterator[tuple[Any, str]]:  # fmt: skip
    """The rows of a place, a piece at a time, each with the name of its file.

    Times of a table that are moments say so where that is wanted: series may have another clock than UTC's.
    """
    where = parse_place(place.text)
    if where.is_table:
        for piece in _of_table(place, access, wanted, moments):
            yield piece, place.text
        return
    from automl_core.modelfile.rows import pieces

    listing: Listing = list_place(where, Path(order.home), access, place.connection)
    for file in listing.files:
        with taken(listing, file, place.format) as rows:  # type: ignore[arg-type]
            folders = _folders(file.name)
            try:
                for piece in pieces(rows.path, wanted, optional=optional):
                    yield (_with_folders(piece, folders, wanted) if folders else piece), rows.name
            except (ValueError, OSError) as error:
                raise DataError(str(error).replace(str(rows.path), rows.name)) from error


def _named(columns: Mapping[str, Any], wanted: tuple[str, ...]) -> dict[str, Any]:
    """Columns of a table by the names that are wanted, which it doesn't spell by case."""
    known = {name.lower(): values for name, values in columns.items()}
    return {name: known[name.lower()].to_pylist() for name in wanted if name.lower() in known}


def _of_table(place: Place, access: Access, wanted: tuple[str, ...], moments: bool) -> Iterator[Any]:
    from automl_core.data.odps_tables import open_rows
    from automl_core.data.written import by_name

    with open_rows(parse_place(place.text), access, place.connection) as rows:
        known = {name.lower(): name for name in rows.schema.names}
        names = {name: known[name.lower()] for name in wanted if name.lower() in known}
        some = False
        for batch in rows.read(list(dict.fromkeys(names.values()))):
            some = True
            found = by_name(batch, moments)
            yield {name: found[there].to_pylist() for name, there in names.items()}
        if not some:
            yield {name: [] for name in names}


def _folders(name: str) -> dict[str, str]:
    """Columns that stand in a file's path, as Hive and Spark write them (``region=eu/part-0.parquet``)."""
    parts = [folder.partition("=") for folder in name.split("/")[:-1]]
    return {key: "" if value == _HIVE_NULL else unquote(value) for key, equals, value in parts if equals and key}


def _with_folders(piece: Any, folders: Mapping[str, str], wanted: tuple[str, ...]) -> Any:
    """A piece with the columns of its path, where they are wanted and the file has none of that name."""
    if isinstance(piece, dict):
        rows = len(next(iter(piece.values()), []))
        return {**{name: [value] * rows for name, value in folders.items() if name in wanted}, **piece}
    if isinstance(piece, list):
        added = {name: value for name, value in folders.items() if name in wanted}
        return [{**added, **row} for row in piece]
    import pyarrow as pa

    table = piece if isinstance(piece, pa.Table) else pa.Table.from_batches([piece])
    for name, value in folders.items():
        if name in wanted and name not in table.column_names:
            table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
    return table


def _values(piece: Any, name: str) -> Any:
    """A column of a piece as it is."""
    if isinstance(piece, list):
        return [row.get(name) for row in piece]
    return piece[name] if isinstance(piece, dict) else piece.column(name)


def _peak() -> int | None:
    """Bytes of resident memory that this process has had at most; None where the system doesn't say.

    Not ``ru_maxrss``: on Linux that begins with what the process was forked from had (kernel/exec.c, exec_mmap).
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return int(found) * 1024 if found is not None else None


def fingerprint_of(data: Place, earlier: tuple[Place, ...], home: Path, access: Access) -> Fingerprint:
    """What an interval would be claimed with: of the data, and of the earlier places that are read with them.

    Raises:
        DataError: there is nothing.
        StorageError: a place can't be asked now.
    """
    return together([look(each, home, access) for each in (*earlier, data)])
