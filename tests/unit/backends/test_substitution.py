"""The ``${name}`` grammar and what is said about its misuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.substitution import Placeholder, check_placeholders, parse, render
from automl_core.spec.placeholders import placeholders
from automl_core.spec.relations import RESERVED_NAMES


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", ""),
        ("no placeholder", "no placeholder"),
        ("--lr=${lr}", "--lr=<lr>"),
        ("${lr}${lr}", "<lr><lr>"),
        ("$lr $ $$ {lr} }", "$lr $ $$ {lr} }"),
        ("$${lr}", "${lr}"),
        ("$${lr} ${lr}", "${lr} <lr>"),
        ("$${OUT:-${model_dir}}", "${OUT:-<model_dir>}"),
        ("${a.b-c_1}", "<a.b-c_1>"),
    ],
)
def test_rendered(text: str, rendered: str) -> None:
    assert render(text, lambda placeholder: f"<{placeholder.name}>") == rendered


@given(st.text(alphabet="${}ab \n", max_size=40))
def test_nothing_of_a_text_is_lost(text: str) -> None:
    pieces = parse(text)
    assert "".join(p.source if isinstance(p, Placeholder) else p.replace("${", "$${") for p in pieces) == text
    assert [p.name for p in pieces if isinstance(p, Placeholder)] == [name for name, _ in placeholders(text)]


@given(st.text(alphabet="${}ab \n", max_size=40))
def test_what_is_checked_can_be_rendered_and_only_that(text: str) -> None:
    fine = not check_placeholders(text, ["a", "b", "ab"])
    every = [piece for piece in parse(text) if isinstance(piece, Placeholder)]
    assert fine == all(piece.source == f"${{{piece.name}}}" and piece.name in {"a", "b", "ab"} for piece in every)


def test_all_reserved_names_are_known() -> None:
    text = " ".join(f"${{{name}}}" for name in RESERVED_NAMES)
    assert check_placeholders(text, []) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--lr ${learing_rate}", ["${learing_rate}: there is no such name", "Did you mean ${learning_rate}?"]),
        ("${modeldir}", ["Did you mean ${model_dir}?"]),
        ("${LD_PRELOAD}", ["there is no such name", "$${LD_PRELOAD}"]),
        ("${lr", ["${lr: this is not closed", "$${"]),
        ("${HOME:-/tmp}", ["${HOME:-/tmp}: that is not a name", "$${…}"]),
        ("${}", ["${}: that is not a name"]),
    ],
)
def test_a_problem_says_what_to_do(text: str, said: list[str]) -> None:
    (problem,) = check_placeholders(text, ["learning_rate", "hidden_units"])
    assert all(part in problem for part in said), problem


def test_a_problem_lists_what_is_allowed_within_reason() -> None:
    (problem,) = check_placeholders("${x}", [f"p{n}" for n in range(200)])
    assert "p0, p1" in problem
    assert "170 more" in problem
    assert "trial_id" in problem
    assert len(problem) < 600


def test_each_problem_is_told_once() -> None:
    assert len(check_placeholders("${x} ${y} ${x}", ["lr"])) == 2
