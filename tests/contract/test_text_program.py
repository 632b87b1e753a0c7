"""The template `text-classification` on real texts: what Airflow's pages say, in several languages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from tests.support.programs import Case, Workplace, scores, write
from tests.support.real_texts import languages_of_airflow, words_of_airflow

CASE = Case("text-classification", "epoch", {"C": 10.0}, budget=1, lower=1)


def test_it_learns_says_so_truly_and_is_used_again(tmp_path: Path) -> None:
    table = languages_of_airflow()
    table = table.append_column("weight", pa.array(np.arange(len(table)) % 3))
    data, place = write(table, tmp_path / "texts.csv"), Workplace(tmp_path)
    columns = {"target": "language", "text": "text", "weight": "weight"}
    run = place.train(CASE, "texts", data={"train": data}, columns=columns)
    found, told = run.predictions, json.loads((run.model / "model.json").read_text())
    assert set(found.column("id").to_pylist()) <= {row for row in range(len(table)) if row % 3}
    weights = [row % 3 for row in found.column("id").to_pylist()]
    truth, predicted = found.column("truth").to_pylist(), found.column("prediction").to_pylist()
    assert run.curve[1]["valid_accuracy"] == pytest.approx(
        metrics.accuracy_score(truth, predicted, sample_weight=weights)
    )
    loss = metrics.log_loss(truth, scores(found), labels=told["classes"], sample_weight=weights)
    assert run.curve[1]["valid_log_loss"] == pytest.approx(loss)
    assert run.curve[1]["valid_accuracy"] > 0.85
    again = place.predict(CASE, run.model, data).take(found.column("id").to_pylist())
    assert again.column("prediction").to_pylist() == predicted
    assert np.allclose(scores(again), scores(found), rtol=0, atol=1e-12)


def test_characters_serve_a_language_without_spaces(tmp_path: Path) -> None:
    data, place = write(words_of_airflow("zh-CN"), tmp_path / "chinese.parquet"), Workplace(tmp_path)
    losses = {}
    for tokens in ("words", "characters"):  # columns.text need not be said: there is only one
        run = place.train(CASE, tokens, data={"train": data}, columns={"target": "page"}, params={"tokens": tokens})
        losses[tokens] = run.curve[1]["valid_loss"]
    assert losses["characters"] < losses["words"] - 0.1


def test_which_column_is_the_text_has_to_be_told(tmp_path: Path) -> None:
    table = words_of_airflow("en").append_column("more", pa.array(["x"] * len(words_of_airflow("en"))))
    data, place = write(table, tmp_path / "two.parquet"), Workplace(tmp_path)
    run = place.train(CASE, "two", data={"train": data}, columns={"target": "page"}, ok=False)
    assert "columns.text is missing: which of 'text', 'more' is the text?" in run.output
