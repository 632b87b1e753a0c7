from __future__ import annotations

import re
import sys
import unicodedata

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.patterns import MAX_LENGTH, NotLinear, check_pattern, linear_form

pytestmark = pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")

ATOMS = st.sampled_from(
    [
        "a", "b", "A", "K", "0", "=", " ", ":", ".", r"\.", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\b", r"\B", "^",
        "$", r"\Z", r"\A", "[ab]", "[^a]", r"[\d.]", r"[\w-]", r"[^\s]", r"[\S=]", r"[\D]", "[]a]", "[^]a]", "[[a]",
        r"[\b]", r"\x41", r"\u8bc1", r"[\u4e00-\u9fff]", "证", "é", r"\é", r"\_", r"\-", r"\ ", r"\0", r"\07", "{", "}",
        "a{,2}", "a{1,}", "a{2}", "[ab]{,1}", "(?:a|b)", "(?:ab)?", "(?i:k)", "(?#of course)", "(?s:.)", "x{,}",
    ]
)  # fmt: skip
PIECES = st.tuples(ATOMS, st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?"])).map("".join)
PATTERNS = st.builds(
    "{}{}({}){}".format,
    st.sampled_from(["", "", "(?i)", "(?s)", "(?m)", "(?u)", "(?im)"]),
    st.lists(PIECES, max_size=3).map("".join),
    st.lists(PIECES, min_size=1, max_size=2).map("".join),
    st.lists(PIECES, max_size=2).map("".join),
)
LINES = st.text(st.sampled_from("abAkK0129=.: _-]証证éÉſ²٣\u2028\x1c\xa0\v{}$"), min_size=1, max_size=12)


def group_of(pattern: str, line: str) -> str | None:
    match = re.search(pattern, line)
    return match[1] if match else None


def linear_group_of(pattern: str, line: str) -> str | None:
    """By RE2; raises NotLinear where the pattern has no form for the line."""
    form = linear_form(pattern)
    written = form.ascii if line.isascii() else form.other
    if written is None:
        raise NotLinear("other")
    match = re2.search(written, line.encode())
    return match[1].decode() if match and match[1] is not None else None


@given(PATTERNS, LINES)
def test_a_linear_form_finds_what_pythons_own_expression_finds(pattern: str, line: str) -> None:
    if check_pattern(pattern) is not None:
        return
    try:
        found = linear_group_of(pattern, line)
    except NotLinear:
        return
    assert found == group_of(pattern, line)


@pytest.mark.parametrize(
    ("pattern", "line", "group"),
    [
        (r"acc=([0-9\.]+)", "val_acc=0.93.", "0.93."),
        (r"验证\w*: (\S+)", "验证准确率: 0.9", "0.9"),  # to RE2 itself \w is ASCII
        (r"(\d+)\Z", "step 12", "12"),
        (r"a{,2}(\d)", "aa1", "1"),  # to RE2 itself {,2} is text
        (r"\u8bc1=(\d+)", "验证=4", "4"),
        (r"[[:x]+(\d)", "[:x7", "7"),
        (r"(?i)ACC=(?P<value>\d+)", "acc=3", "3"),
    ],
)
def test_what_re2_writes_in_another_way_is_rewritten(pattern: str, line: str, group: str) -> None:
    assert linear_group_of(pattern, line) == group_of(pattern, line) == group


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?<=acc=)(\d+)", "a look-around"),
        (r"acc(?!uracy)=(\d+)", "a look-around"),
        (r"(a)\1", "a back-reference"),
        (r"(?P<n>a)(?P=n)", "a back-reference"),
        (r"(?>a)(b)", "an atomic group"),
        (r"a++(b)", "the possessive repetition ++"),
        (r"a{2}+(b)", "the possessive repetition {2}+"),
        (r"(?x) a (b)", "the flags 'x'"),
        (r"\N{DIGIT ONE}(a)", "\\N"),
    ],
)
def test_what_has_no_linear_form_says_why(pattern: str, reason: str) -> None:
    assert check_pattern(pattern) is None
    with pytest.raises(NotLinear, match=re.escape(reason)):
        linear_form(pattern)


def test_a_word_boundary_is_linear_beside_ascii_only() -> None:
    assert linear_form(r"\bacc=(\d)").other is None
    assert linear_group_of(r"\bacc=(\d)", "val acc=1") == "1"


def test_the_classes_of_letters_digits_and_spaces_are_pythons() -> None:
    assigned = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    text = "".join(char for char in assigned if char != "\n")
    for kind in r"\d", r"\w", r"\s":
        form = linear_form(f"({kind})").other
        assert form is not None
        found = [group.decode() for group in re2.findall(form, text.encode())]
        assert found == re.findall(f"({kind})", text), kind


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("acc=(", "not a regular expression: "),
        ("a{99999999999}(b)", "not a regular expression: "),
        ("(" * 990 + ")" * 5, "not a regular expression: "),
        ("acc", "one group is wanted, found 0"),
        ("(a)(b)", "one group is wanted, found 2"),
        ("(a)" + "b" * MAX_LENGTH, "too long"),
    ],
)
def test_what_is_no_pattern_is_told(pattern: str, problem: str) -> None:
    assert problem in (check_pattern(pattern) or "")
