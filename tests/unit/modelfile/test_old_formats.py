"""Folders that earlier releases wrote are read for as long as their format's number is known.

tests/assets/modelfile/N is a folder of format N, as it was written, without the code that belongs to it: loading reads
none. Its golden rows are what it said then.
"""

from __future__ import annotations

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
