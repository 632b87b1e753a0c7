"""Who misses an extra is told its name; other failures of an import stay what they are."""

from __future__ import annotations

import pytest

from automl_core import extras
from automl_core.extras import MissingExtra, advice, needed_by


def missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_missing_package_of_an_extra_is_told_with_who_needs_it() -> None:
    with pytest.raises(MissingExtra) as error, needed_by("a store at s3://"):
        raise missing("botocore.config")
    expected = "a store at s3:// needs botocore.config, which is not installed: it comes with the extra s3, as "
    assert str(error.value) == f"{expected}automl-core[s3]"
    assert error.value.name == "botocore.config"


@pytest.mark.parametrize("name", ["automl_core.nothing", "pydantic", "boto", "googleapiclient"])
def test_what_no_extra_brings_stays_what_it_is(name: str) -> None:
    with pytest.raises(ModuleNotFoundError) as error, needed_by("something"):
        raise missing(name)
    assert not isinstance(error.value, MissingExtra)
    assert advice(error.value) is None


def test_a_package_that_is_there_and_broken_is_no_missing_one() -> None:
    with pytest.raises(ImportError, match="cannot import name") as error, needed_by("something"):
        raise ImportError("cannot import name 'x' from 'numpy'", name="numpy")
    assert advice(error.value) is None


def test_the_inner_word_counts() -> None:
    told = pytest.raises(MissingExtra, match=r"^the search algorithm tpe needs")
    with told, needed_by("something else"), needed_by("the search algorithm tpe"):
        raise missing("scipy")


def test_of_several_extras_the_one_that_is_meant_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"notebook": ("pandas",), "tables": ("pandas", "pyarrow")})
    assert "the extra notebook" in str(advice(missing("pandas"), "a frame"))
    assert "the extra tables" in str(advice(missing("pandas"), "a table", "tables"))
    assert "the extra tables" in str(advice(missing("pyarrow"), "a frame", "notebook"))
