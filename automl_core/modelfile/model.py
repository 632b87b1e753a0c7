"""A model's folder, loaded: rows in, predictions out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.modelfile.scoring.documents import LaterFormat
from automl_core.modelfile.writing import FORECASTING, FORMAT, KIND, MODEL_FILE, PACKAGE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automl_core.modelfile.scoring.explaining import Explanation
    from automl_core.modelfile.scoring.review import Note
    from automl_core.modelfile.scoring.scorer import Scorer
    from automl_core.modelfile.scoring.values import Schema
    from automl_core.modelfile.sql.script import Script


class BrokenModel(ValueError):
    """A folder that is no model's, or one whose files are not what they were."""


class Model:
    """A model that was loaded. Rows are what `scoring.sources.source_of` knows, or the path of a CSV.

    Attributes:
        folder: where it lies.
        info: what ``model.json`` says: ``made``, ``problem``, ``schema``, ``environment``, …
        scorer: what scores.
    """

    def __init__(self, folder: Path, info: Mapping[str, Any], scorer: Scorer) -> None:
        self.folder, self.info, self.scorer = folder, info, scorer

    @property
    def kind(self) -> str:
        """``binary``, ``multiclass`` or ``regression``."""
        return self.scorer.kind

    @property
    def target(self) -> str:
        """The column that is predicted."""
        return self.scorer.target

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes in the order of probabilities; none where numbers are predicted."""
        return self.scorer.classes

    @property
    def schema(self) -> Schema:
        """The columns that rows must have."""
        return self.scorer.schema

    def predict(self, rows: Any) -> NDArray[Any]:
        """(n,) classes (texts, by the model's threshold where it has one) or numbers.

        Raises:
            SchemaError: rows that don't fit: which column, and what is wrong.
        """
        return self.scorer.predict(rows_of(rows))

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """(n, classes) probabilities in the order of `classes`.

        Raises:
            SchemaError: rows that don't fit.
            ValueError: the model predicts numbers.
        """
        return self.scorer.predict_proba(rows_of(rows))

    def to_sql(self, table: str, **options: Any) -> Script:
        """SQL that scores a table where it is: see `automl_core.modelfile.sql.scoring.to_sql` for the options.

        Raises:
            NotInSql: a part of the model has no SQL; the message names it.
        """
        from automl_core.modelfile.sql import to_sql

        return to_sql(self.folder, table=table, **options)

    def explain(self, rows: Any) -> Explanation:
        """What each column adds to what the model says, for each row.

        Raises:
            NotExplained: no part of the model has exact contributions.
            SchemaError: rows that don't fit.
        """
        return self.scorer.explain(rows_of(rows))

    def review(self, rows: Any) -> list[Note]:
        """What is strange about rows against training: values out of range, unseen categories, missing values."""
        from automl_core.modelfile.scoring.review import review

        return review(self.schema, self.schema.read(rows_of(rows)))

    def __repr__(self) -> str:
        return f"<Model of {self.target!r} ({self.kind}) in {self.folder}>"


def rows_of(rows: Any) -> Any:
    """Rows as they were given; those of a CSV where it was a path.

    Raises:
        OSError, ValueError: the file can't be read, or is no CSV.
    """
    if not isinstance(rows, (str, Path)):
        return rows
    from automl_core.modelfile.scoring.csv_rows import pieces

    held = list(pieces(rows))
    return {name: [value for piece in held for value in piece[name]] for name in held[0]}


def load(folder: str | Path, *, trusted: bool | Collection[str] = ()) -> Model:
    """A model of its folder. Nothing that lies in it is run: the code of its ``scorer/`` is for who lacks this product.

    Args:
        folder: as `write` made it.
        trusted: types that estimators may have beside those of the usual libraries; True trusts all that the file
            needs, pickles too, which run what they say.

    Raises:
        BrokenModel: it is none, or a file of it is missing or changed.
        LaterFormat: a later release wrote it.
        NotTrusted: an estimator needs types, or is a pickle, that nobody said to trust.
        OtherCode: code of the user's own that goes along is not what its name says.
        ImportError: a library that its estimators need is not there.
    """
    from automl_core.modelfile.scoring import documents
    from automl_core.modelfile.scoring.scorer import Scorer

    folder = Path(folder)
    info = read_info(folder)
    if info["problem"].get("kind") == FORECASTING:
        raise BrokenModel(f"{folder} is a model of series, none of a table")
    compare(folder, info)
    estimators = {each["name"]: _estimator(folder, each, trusted, info) for each in info["estimators"]}
    return Model(folder, info, Scorer(documents.load(folder), estimators))


def read_info(folder: Path) -> dict[str, Any]:
    """What a folder's ``model.json`` says.

    Raises:
        BrokenModel: there is none, or it is broken.
        LaterFormat: a later release wrote it.
    """
    path = folder / MODEL_FILE
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        info: dict[str, Any] = read if isinstance(read, dict) else {}
    except FileNotFoundError:
        raise BrokenModel(f"{folder} is no model's folder: there is no {MODEL_FILE}") from None
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path} can't be read: {error}") from None
    if info.get("kind") != KIND:
        raise BrokenModel(f"{path} is no file of a model")
    if not isinstance(info.get("format"), int) or info["format"] > FORMAT:
        raise LaterFormat(
            f"the model in {folder} has the format {info.get('format')}, and this release reads up to {FORMAT}: it "
            "with the release that wrote it, or a later one; its predict.py works without any"
        )
    return info


def compare(folder: Path, info: Mapping[str, Any]) -> None:
    """See that every file that is read here is what it was when the model was written.

    Raises:
        BrokenModel: a file is missing or changed.
    """
    for name, told in info["files"].items():
        if name.startswith(f"{PACKAGE}/") or name == "predict.py":
            continue  # not read here
        try:
            data = (folder / name).read_bytes()
        except OSError:
            raise BrokenModel(f"the model in {folder} lacks its file {name}") from None
        if hashlib.sha256(data).hexdigest() != told["sha256"]:
            raise BrokenModel(f"{folder / name} is not what it was when the model was written")


def _estimator(
    folder: Path, told: Mapping[str, Any], trusted: bool | Collection[str], info: Mapping[str, Any]
) -> Any:  # fmt: skip
    from automl_core.modelfile import estimators, own_code, pickles

    data = (folder / told["file"]).read_bytes()
    if told["as"] == "pickle":
        if trusted is True:
            own_code.bring(folder, info.get("code") or ())
        return pickles.loaded(told["name"], data, trusted=trusted is True)
    types = told["types"]
    known = types if trusted is True else () if trusted is False else trusted
    code = info.get("code") or ()

    def bring(needed: list[str]) -> None:
        named = own_code.modules_in(needed)
        own_code.bring(folder, [each for each in code if each["module"] in named])

    return estimators.loaded(told["name"], data, types, known, bring)
