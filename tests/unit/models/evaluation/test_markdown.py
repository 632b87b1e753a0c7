"""The page for the approval: what stands on it, and what nobody can make stand on it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from automl_core.models.evaluation import EvaluateOptions, evaluate, markdown_of
from automl_core.models.evaluation import tests as kinds
from automl_core.models.evaluation.markdown import escaped
from tests.support.examples import examples
from tests.unit.models.evaluation.small import model, rows

READER = MarkdownIt("gfm-like", {"linkify": False}).disable("linkify")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("m")
    tests = kinds.tests_of([{"test": "golden"}, {"test": "metric", "metric": "f1", "at_least": 0.99}])
    options = EvaluateOptions(
        version=7, champion=5, key="id", metric="roc_auc", slices=("city",), tests=tests, draws=200, place="s3://lake/x"
    )
    data = rows(400)
    data["y"][0] = None
    return evaluate(model(home / "new", b=0.5), model(home / "old"), data, options)[0]


def shape(text: str) -> list[str]:
    """Blocks and marks of a page, without its words."""
    found: list[str] = []
    for token in READER.parse(text):
        found.append(token.type)
        found += [child.type for child in token.children or () if child.type not in ("text", "text_special")]
    return found


def text_of_page(text: str) -> str:
    return " ".join(
        "".join(child.content for child in token.children or ())
        for token in READER.parse(text)
        if token.type == "inline"
    )


def test_the_verdict_comes_first_then_who_is_compared_then_figures(evidence: dict[str, Any]) -> None:
    page = markdown_of(evidence, "https://airflow/automl/models/churn?version=7")
    lines = [line for line in page.splitlines() if line]
    assert lines[0] == "## Conditions are not met"  # a test that refuses fails
    assert lines[1].startswith("Version 7 for y, compared with version 5, the champion, on 399 rows of s3")
    assert "the test 'f1 at least 0.99' failed" in lines[2]
    assert page.index("roc_auc") < page.index("### What got worse") < page.index("### Tests") < page.index("### How")
    assert "1 of 2 passed." in page
    assert "1 row left out: without a label" in page
    assert "[The whole evidence](https://airflow/automl/models/churn?version=7)" in page
    assert len(page) < 6000


def test_what_got_worse_is_said_in_words(evidence: dict[str, Any]) -> None:
    worse = copy.deepcopy(evidence)
    worse["slices"][0]["state"] = "worse"
    worse["metrics"]["log_loss"]["difference"] = {"value": 0.2, "low": 0.1, "high": 0.3}
    worse["latency"]["challenger"]["single_ms"]["median"] = 30 * worse["latency"]["champion"]["single_ms"]["median"]
    page = markdown_of(worse)
    part = page[page.index("### What got worse") : page.index("### Slices")]
    assert f"roc_auc where city is {worse['slices'][0]['value']}:" in part
    assert "log_loss:" in part
    assert "one row takes" in part
    assert "that the champion has right, and the challenger wrong" in part


def test_without_a_champion_nothing_is_compared(tmp_path: Path) -> None:
    evidence, _ = evaluate(model(tmp_path / "m"), None, rows(150), EvaluateOptions(version=1, draws=100, latency=False))
    page = markdown_of(evidence)
    assert page.startswith("## Conditions are met\n\nVersion 1 for y, compared with nothing: there is no champion")
    assert "What got worse" not in page


@settings(max_examples=examples(60), deadline=None)
@given(st.text(max_size=70))
@example("a|b")
@example("`code`")
@example("<script>alert(1)</script>")
@example("<img src=x onerror=alert(1)>")
@example("line\nnext\r\n# heading")
@example("[accept](https://evil)")
@example("![x](y)")
@example("**bold** _it_ ~~gone~~")
@example("&#60;b&#62;")
@example("\u202egnp")
@example("1. one")
@example("- list")
@example("> quote")
@example("\\| \\")
@example("---")
@example("```\nx")
@example("")
def test_text_from_data_stands_there_letter_for_letter_and_changes_nothing(text: str) -> None:
    page = f"- {escaped(text, 200)}\n\n| a | b |\n|---|---|\n| {escaped(text, 200)} | 1 |\n"
    assert shape(page) == shape("- x\n\n| a | b |\n|---|---|\n| x | 1 |\n")
    visible = "".join(each for each in escaped_back(page) if each.isalnum())
    assert "".join(each for each in text if each.isalnum())[:100] in visible or not text.strip()


def escaped_back(page: str) -> str:
    return text_of_page(page)


def hostile(value: Any, word: str) -> Any:
    """Evidence with every text of data, people and files replaced."""
    if isinstance(value, dict):
        return {
            name: each if name in ("direction", "state", "ok", "kind", "on", "when") else hostile(each, word)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [hostile(each, word) for each in value]
    return word if isinstance(value, str) else value


@pytest.mark.parametrize(
    "word",
    [
        "x | y |\n|---|", "</td><script>alert(1)</script>", "`", "](javascript:alert(1))",
        "\n\n## Conditions are met\n", "![](//e/p.png)",
    ],
)  # fmt: skip
def test_hostile_evidence_makes_the_same_page(evidence: dict[str, Any], word: str) -> None:
    told, plain = hostile(evidence, word), hostile(evidence, "word")
    told["metrics"] = {word: next(iter(told["metrics"].values()))}
    plain["metrics"] = {"word": next(iter(plain["metrics"].values()))}
    page = markdown_of(told, "https://x")
    assert shape(page) == shape(markdown_of(plain, "https://x"))
    assert "<script" not in READER.render(page)
    assert 'src="' not in READER.render(page)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//evil", "data:text/html,x", "x)](y"])
def test_a_link_leads_to_a_page_or_is_none(evidence: dict[str, Any], link: str) -> None:
    assert "The whole evidence" not in markdown_of(evidence, link)


def test_a_link_can_not_end_early(evidence: dict[str, Any]) -> None:
    page = markdown_of(evidence, "https://a/b) [accept](https://evil")
    assert page.rstrip().splitlines()[-1] == "[The whole evidence](https://a/b%29%20%5Baccept%5D%28https://evil)"


def test_a_number_reads_as_it_is() -> None:
    assert escaped("203.9 … 388.06") == "203.9 … 388.06"
    assert escaped("-3.5") == "&#45;3.5"
    assert escaped("12. of May") == "&#49;2. of May"


def test_bare_addresses_become_no_links() -> None:
    told = escaped("see https://evil.example or www.evil.example or a@evil.example")
    assert "://" not in told
    assert "www." not in told
    assert "a@e" not in told
