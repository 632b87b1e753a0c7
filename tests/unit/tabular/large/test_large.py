"""Tables read in pieces: sizes, samples, fits on all rows, and what is refused."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from automl_core.modelfile.scoring.sources import source_of
from automl_core.tabular import fit
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.large import estimate, refit, sample
from automl_core.tabular.large.curve import curve
from automl_core.tabular.large.excluding import excluded_by
from automl_core.tabular.large.pieces import NotInPieces, Pieces
from automl_core.tabular.large.running import _factors, allowed
from automl_core.tabular.large.size import Size
from automl_core.tabular.options import Options
from automl_core.tabular.pipeline import Pipeline
from automl_core.tabular.prepared import prepare
from automl_core.tabular.searching import Outcome
from automl_core.training.problems import TrainingError

N = 3000


def columns(count: int = N, seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, count))
    gaps = random.random(count) < 0.1
    city = [f"city {value}" for value in random.integers(0, 6, count)]
    y = np.where(2 * a + np.abs(b) + random.normal(size=count) > 0.5, "yes", "no")
    return {"a": a, "b": pa.array(b, mask=gaps), "city": city, "y": y}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table(columns()), path, row_group_size=700)
    return path


def written(folder: Path, kind: str, table: pa.Table) -> Path:
    if kind == "folder":
        (folder / "rows").mkdir()
        half = table.num_rows // 2
        parquet.write_table(table.slice(0, half), folder / "rows" / "a.parquet")
        parquet.write_table(table.slice(half), folder / "rows" / "b.parquet")
        return folder / "rows"
    path = folder / f"rows.{kind}"
    if kind == "csv":
        csv.write_csv(table, path)
    elif kind == "arrow":
        feather.write_feather(table, path, compression="uncompressed", chunksize=500)
    else:
        parquet.write_table(table, path)
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow", "folder"])
def test_pieces_are_the_table_in_its_order_whatever_the_format(tmp_path: Path, kind: str) -> None:
    table = pa.table(columns())
    pieces = Pieces.of(written(tmp_path, kind, table))
    read = list(pieces.read(rows=400))
    assert max(each.num_rows for each in read) <= 400
    whole = pa.Table.from_batches(read)
    assert whole.column("city").to_pylist() == table.column("city").to_pylist()
    assert np.allclose(whole.column("a").to_numpy(), table.column("a").to_numpy())
    assert whole.column("b").null_count == table.column("b").null_count
    rows, exact = pieces.rows()
    assert exact == (kind != "csv")
    assert rows == N


def test_the_size_is_known_before_a_row_is_read(place: Path) -> None:
    size = estimate(place)
    assert size is not None
    assert (size.rows, size.columns) == (N, 4)
    assert size.fits(10**9)
    assert not size.fits(10_000)
    assert str(size) == "3,000 rows × 4 columns"


@pytest.mark.parametrize(("name", "content"), [("a.csv", "a,b\n1,2,3\n"), ("a.csv", ""), ("a.parquet", "no table")])
def test_a_file_that_is_none_has_no_estimate(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert estimate(tmp_path / name) is None
    assert estimate(tmp_path / "nowhere.csv") is None


def test_rows_in_memory_have_no_estimate() -> None:
    assert estimate(columns()) is None


@pytest.mark.parametrize(("source", "told"), [("rows.jsonl", "read whole"), ({"a": [1]}, "in memory")])
def test_what_can_not_be_read_in_pieces_is_refused_with_the_reason(tmp_path: Path, source: Any, told: str) -> None:
    if isinstance(source, str):
        (tmp_path / source).write_text('{"a": 1}\n')
        source = tmp_path / source
    with pytest.raises(NotInPieces, match=told):
        Pieces.of(source)


def test_a_file_that_breaks_off_says_where(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n" + "1,2\n" * 2_000_000 + "1,oops\n")
    with pytest.raises(TrainingError, match="can't be read on after") as error:
        list(Pieces.of(path).read())
    assert "rows.csv" in str(error.value)


def test_a_sample_is_the_same_for_the_same_seed_and_even(place: Path) -> None:
    first, again, other = (sample(place, 500, seed, "y") for seed in (1, 1, 2))
    assert first.table.equals(again.table)
    assert not np.array_equal(first.positions, other.positions)
    assert first.table.num_rows == len(first.positions) == len(set(first.positions.tolist()))
    assert 500 <= first.table.num_rows <= 600
    assert (np.diff(first.positions) > 0).all()
    whole = pa.table(columns())
    assert first.table.column("a").to_pylist() == whole.column("a").take(pa.array(first.positions)).to_pylist()
    drawn = np.zeros(N)
    for seed in range(60):
        drawn[sample(place, 500, seed, "y").positions] += 1
    assert abs(drawn[:1000].mean() / drawn.mean() - 1) < 0.05
    assert abs(drawn[-1000:].mean() / drawn.mean() - 1) < 0.05


def test_all_rows_are_counted(place: Path) -> None:
    counts = sample(place, 100, 0, "y").counts
    table = pa.table(columns())
    assert counts.rows == N
    assert counts.missing == {"a": 0, "b": table.column("b").null_count, "city": 0, "y": 0}
    assert counts.classes == {name: table.column("y").to_pylist().count(name) for name in ("yes", "no")}


@pytest.mark.parametrize(
    ("values", "names"), [([True, False], ("true", "false")), ([1.0, 2.0], ("1", "2")), ([1, 2], ("1", "2"))]
)
def test_classes_are_counted_by_the_names_that_the_model_gives_them(
    tmp_path: Path, values: list[Any], names: tuple[str, ...]
) -> None:
    """Else none of a balanced fit on all rows would weigh anything."""
    table = pa.table({**columns(400), "y": values * 200})
    parquet.write_table(table, tmp_path / "rows.parquet")
    drawn = sample(tmp_path / "rows.parquet", 200, 0, "y")
    assert drawn.counts.classes == dict.fromkeys(names, 200)
    prepared = prepare(drawn.table, Options.of(target="y", balance="balanced", structure=False))
    factors = _factors(prepared, drawn.counts)
    assert factors is not None
    assert np.allclose(factors, 1.0)


def test_rare_classes_are_in_the_sample_and_rows_without_target_are_not(tmp_path: Path) -> None:
    y = ["common"] * N
    y[5:15] = ["rare"] * 10
    values: list[str | None] = [*y[:-100], *[None] * 100]
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"a": np.arange(N), "y": pa.array(values)}), path)
    drawn = sample(path, 200, 0, "y")
    labels = drawn.table.column("y").to_pylist()
    assert labels.count("rare") == 10
    assert None not in labels


def test_a_column_that_is_not_there_is_told_with_the_nearest(place: Path) -> None:
    with pytest.raises(TrainingError, match="did you mean 'city'"):
        sample(place, 100, 0, "citty")


def pipeline(data: Any, **params: Any) -> Any:
    ready = prepare(data, Options.of(target="y"))
    params = {"learner": "lightgbm", "lightgbm.iterations": 40, "lightgbm.min_data_in_leaf": 5, **params}
    made = Pipeline(ready.problem, ready.schema, params)
    return made.fit(ready.frame, ready.y), ready


def test_a_fit_in_pieces_is_the_fit_in_memory(place: Path) -> None:
    fitted, ready = pipeline(columns())
    done = refit(place, fitted)
    assert (done.rows, done.left_out, done.steps) == (N, 0, 40)
    assert np.allclose(done.fitted.predict(ready.frame), fitted.predict(ready.frame), atol=1e-9)
    assert done.fitted.document() is not None


def test_a_fit_on_all_rows_is_better_than_one_on_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table(columns(20_000)), path)
    drawn = sample(path, 300, 0, "y")
    fitted, _ = pipeline(drawn.table)
    fresh = prepare(columns(4000, seed=9), Options.of(target="y"))
    judge = fresh.problem.metric.loss
    before = judge(fresh.y, fitted.predict(fresh.frame))
    assert judge(fresh.y, refit(path, fitted).fitted.predict(fresh.frame)) < before - 0.02


class Seconds:
    """Stands for the module `time` in the fit: each look at the clock takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


def test_where_time_is_short_trees_are_fewer_and_bolder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, ready = pipeline(columns(), **{"lightgbm.iterations": 200, "lightgbm.learning_rate": 0.02})
    monkeypatch.setattr(import_module("automl_core.tabular.large.refit"), "time", Seconds())
    done = refit(place, fitted, deadline=60.0)
    assert 20 < done.steps < 60
    apart = np.abs(done.fitted.predict(ready.frame) - fitted.predict(ready.frame)).mean()
    assert apart < 0.05


def test_a_fit_that_could_not_learn_enough_is_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, _ = pipeline(columns(), **{"lightgbm.iterations": 1000, "lightgbm.learning_rate": 0.1})
    monkeypatch.setattr(import_module("automl_core.tabular.large.refit"), "time", Seconds())
    with pytest.raises(TrainingError, match="the time was over after"):
        refit(place, fitted, deadline=30.0)


def test_weights_count_and_rows_without_weight_teach_nothing(tmp_path: Path) -> None:
    data = columns()
    weight = np.ones(N)
    weight[:1000] = 0
    wrong = np.array(data["y"])
    wrong[:1000] = "no"
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({**data, "y": wrong, "w": weight}), path)
    fitted, ready = pipeline(data)
    done = refit(path, fitted, weight="w")
    assert (done.rows, done.left_out) == (2000, 1000)
    rest = ready.frame.take(np.arange(1000, N))
    alone = Pipeline(ready.problem, ready.schema, fitted.pipeline.params).fit(rest, ready.y[1000:])
    assert np.abs(done.fitted.predict(ready.frame) - alone.predict(ready.frame)).mean() < 0.02


def test_a_negative_weight_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({**columns(), "w": np.full(N, -1.0)}), path)
    with pytest.raises(TrainingError, match="weight"):
        refit(path, pipeline(columns())[0], weight="w")


def test_a_learner_that_needs_all_rows_is_refused(place: Path) -> None:
    ready = prepare(columns(), Options.of(target="y"))
    other = Pipeline(ready.problem, ready.schema, {"learner": "linear"}).fit(ready.frame, ready.y)
    with pytest.raises(TrainingError, match="needs all rows in memory"):
        refit(place, other)


def test_a_search_without_a_learner_for_pieces_is_refused_with_the_reason() -> None:
    size = Size(10**8, 20, 10**11)
    with pytest.raises(TrainingError, match="only lightgbm can learn from all rows"):
        allowed(Options.of(target="y", allowed=("linear",)), size)
    assert allowed(Options.of(target="y"), size).allowed == ("lightgbm",)


@pytest.mark.parametrize("form", ["rows", "groups", "time", "date parts"])
def test_the_test_part_is_left_out_of_the_fit_on_all_rows(tmp_path: Path, form: str) -> None:
    data = columns()
    del data["b"]
    random = np.random.default_rng(1)
    if form == "groups":
        data["patient"] = [f"p{value}" for value in np.repeat(np.arange(N // 10), 10)]
        data["a"] = data["a"] + np.repeat(random.normal(size=N // 10), 10)
    days = np.datetime64("2000-01-01") + np.arange(N)
    if form == "time":
        data["date"] = days
        data["y"] = np.where(np.cumsum(random.normal(size=N)) > 0, "yes", "no")
    if form == "date parts":
        data["year"] = days.astype("datetime64[Y]").astype(int) + 1970
        data["month"] = days.astype("datetime64[M]").astype(int) % 12 + 1
        data["day"] = (days - days.astype("datetime64[M]")).astype(int) + 1
        data["y"] = np.where(np.cumsum(random.normal(size=N)) > 0, "yes", "no")
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table(data), path, row_group_size=500)
    drawn = sample(path, 2000, 0, "y")
    ready = prepare(drawn.table, Options.of(target="y", test_share=0.2))
    assert ready.structure["kind"] == {"rows": "random", "groups": "group"}.get(form, "time")
    skip = excluded_by(ready, drawn.positions)
    assert skip is not None
    table = pa.table(data)
    if hasattr(skip, "see"):
        skip.see(source_of(table), np.arange(N))
    left_out = skip(source_of(table), np.arange(N))
    test = drawn.positions[ready.test]
    assert left_out[test].all()
    if form == "rows":
        assert left_out.sum() == len(test)
    elif form == "groups":
        assert (left_out == np.isin(data["patient"], np.array(data["patient"])[test])).all()
    else:
        assert (left_out == (np.arange(N) >= test.min())).all()


def test_a_table_that_does_not_fit_ends_in_a_model_of_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.tabular.large.size.FACTOR", 10_000)  # as if it were two thousand times as large
    monkeypatch.setattr("automl_core.tabular.large.sampled.MOST", 5_000)
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table(columns(20_000)), path)
    size = estimate(path)
    assert size is not None
    assert not size.fits(10**9)
    model = fit(path, "y", memory=10**9, iterations=1, workers=1, validation="holdout", folder=tmp_path / "run")
    (told,) = [each for each in model.report["guardrails"] if each["kind"] == "large"]
    assert told["numbers"]["rows"] == 20_000
    assert told["numbers"]["sample"] <= 5_000
    tested = model.report["test"]["rows"]
    assert any(f"fitted on {20_000 - tested:,} of all 20,000 rows" in note for note in model.report["notes"])
    assert model.report["test"]["metrics"]["roc_auc"]["value"] > 0.85
    assert len(model.predict(path)) == 20_000
    with pytest.raises(TrainingError, match="test_share: there is a test set of your own"):
        fit(path, "y", memory=10**9, test_data=path, test_share=0.1, folder=tmp_path / "other")


def test_a_search_that_finds_nothing_in_time_leaves_the_curves_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def run(self) -> Any:
            return Outcome(why="the deadline")

    monkeypatch.setattr("automl_core.tabular.large.running.Search", Nothing)
    monkeypatch.setattr("automl_core.tabular.large.size.FACTOR", 10_000)
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table(columns(4000)), path)
    model = fit(path, "y", memory=10**8, iterations=1, workers=1, folder=tmp_path / "run")
    assert [each["trial"] for each in model.leaderboard] == [0]
    assert any("read in pieces, with" in note for note in model.report["notes"])


class Clock:
    """Seconds that pass by what is done, not by what it takes."""

    def __init__(self, each: float) -> None:
        self.now, self.each = 0.0, each

    def __call__(self) -> float:
        self.now += self.each
        return self.now


def sampled(count: int, steep: bool) -> Any:
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 3))
    wave = np.sign(np.sin(25 * x[:, 0]) * np.sin(25 * x[:, 1])) if steep else np.sign(x[:, 0])
    y = np.where(wave + 0.1 * random.normal(size=count) > 0, "yes", "no")
    return prepare({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y}, Options.of(target="y", validation="holdout"))


def test_the_sample_ends_where_more_rows_bring_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.tabular.large.curve.SMALLEST", 1000)
    easy = curve(sampled(12_000, steep=False), Deadline(None, None))
    assert easy.rows < 8000
    assert [rows for rows, _ in easy.points][:2] == [1000, 2000]
    assert "half as many" in easy.why
    hard = curve(sampled(12_000, steep=True), Deadline(None, None))
    assert hard.rows > 9000
    assert "more rows still make it better" in hard.why


def test_the_sample_is_one_that_a_search_has_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.tabular.large.curve.SMALLEST", 1000)
    # a fit takes ten seconds of these: eight trials of six fits' time each are 480, and a search has 45 of 100
    slow = curve(sampled(12_000, steep=True), Deadline(100.0, 100.0, clock=Clock(5.0)))
    assert slow.rows == 1000


def test_a_csv_of_semicolons_with_lines_in_its_texts_is_the_same_in_pieces(tmp_path: Path) -> None:
    """As Excel writes it where a comma is in numbers."""
    path = tmp_path / "rows.csv"
    lines = [f'{number};"first, and\nsecond {number}"\n' for number in range(200_000)]
    path.write_text("id;said\n" + "".join(lines))
    found = list(Pieces.of(path).read())
    assert sum(each.num_rows for each in found) == 200_000
    assert found[-1].to_pylist()[-1] == {"id": 199_999.0, "said": "first, and\nsecond 199999"}
