"""Folders that earlier releases wrote are read for as long as their format's number is known.

tests/assets/modelfile/N is a folder of format N, as it was written, without the code that belongs to it: loading reads
none. Its golden rows are what it said then.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core import modelfile
from automl_core.modelfile.scoring.golden import check
from automl_core.modelfile.writing import FORMAT

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "modelfile"


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_a_folder_of_an_earlier_format_says_what_it_said(number: int) -> None:
    folder = ASSETS / str(number)
    model = modelfile.load(folder)
    assert model.info["format"] == number
    assert check(model.scorer, folder).startswith("4 golden rows, together and one by one")
    assert model.explain([{"age": 30, "city": "Bonn", "plan": "1.0"}]).scale == "log odds"


def test_costs_of_more_than_two_classes_are_a_document_of_format_2() -> None:
    folder = ASSETS / "1-costs"
    assert json.loads((folder / "scorer.json").read_text())["format"] == 2
    model = modelfile.load(folder)
    assert check(model.scorer, folder).startswith("4 golden rows, together and one by one")
    row = {"age": 41.0, "city": "Köln", "plan": 7}
    assert model.predict_proba([row]).argmax() == 0
    assert model.predict([row]).tolist() == ["b"], "whose mistakes cost twenty times as much"
