"""Texts that people read as numbers or dates and that no column here is read as: money, units, percent, 31.12.2026.

Nothing is parsed by guess: 1,234 is a thousand to some and one and a quarter to others, 03/04 a day of March or April,
and the rows to predict would need the same guess. It is said, with what to write.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from automl_core.modelfile.scoring.texts import MISSING_WORDS

Form = Literal["numbers", "dates"]

SHARE = 0.9
"""Of the different texts, which have to be of a form for the column to be called so."""

LOOKED = 500
"""Different texts that are looked at."""

_SPACE = r"[ \u00a0\u202f]"
_NUMBER = rf"[-+]?(?!0\d)(?:\d{{1,3}}(?:(?:[,.'’]|{_SPACE})\d{{3}})+|\d+)(?:[.,]\d+)?"
_SIGN = r"(?:[$€£¥₹₽₩]|EUR|USD|GBP|CHF|JPY|CNY|RMB|INR|BRL|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|TRY|ZAR|MXN|KRW|SGD|HKD)"
_UNIT = (
    rf"(?:{_SPACE}?(?:%|‰|°[CFK]?|[$€£¥₹₽₩]|[kcmµ]?m[²³23]?|k?g|mg|lbs?|oz|km|mi|ft|[mµ]?s|min|h|hrs?|days?|years?|yrs?|"
    rf"[kMGT]i?B|[kM]?Wh?|m?l)|{_SPACE}(?P<word>[A-Za-zµ°²³/.]{{1,8}}))"
)
_NUMBERS = re.compile(rf"{_SIGN}?{_SPACE}?{_NUMBER}{_UNIT}?")
_PLAIN = re.compile(r"[-+]?\d+(?:\.\d+)?")
_PART = r"(?:0?[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[T ,]{1,2}\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)? ?(?:[AaPp]\.?[Mm]\.?)?)?"
_MONTH = r"[^\W\d_]{3,9}\.?"
_DATES = re.compile(
    rf"(?:{_PART}[./-]{_PART}[./-](?:\d{{4}}|\d{{2}})|\d{{4}}[./-]{_PART}[./-]{_PART}|"
    r"\d{4}[ -](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?|"
    rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}\.?[ -]{_MONTH}[ -]\d{{4}}){_CLOCK}"
)


def form_of(texts: Sequence[str]) -> Form | None:
    """What nearly all of a column's different texts are; None where they are neither numbers nor dates, or plain ones.

    Digits alone (codes, years), and plain decimals beside some other mark, are no form: whether these are numbers is
    decided elsewhere. With a leading zero (01.11) they are codes, and where each number has another word behind it
    (1 low, 2 high) the words are labels and no unit.

    Args:
        texts: the different ones.
    """
    step = max(len(texts) // LOOKED, 1)
    seen = [text.strip() for text in texts[::step]]
    seen = [text for text in seen if text not in MISSING_WORDS]
    if len(seen) < 3:
        return None
    if sum(bool(_DATES.fullmatch(text)) for text in seen) >= SHARE * len(seen):
        return "dates"
    found = [(text, match["word"]) for text in seen if (match := _NUMBERS.fullmatch(text))]
    words = [word.lower() for _, word in found if word]
    labels = len(set(words)) > max(1, len(words) / 2)
    numbers = [text for text, word in found if not (labels and word)]
    written = [text for text in numbers if not _PLAIN.fullmatch(text)]
    return "numbers" if len(numbers) >= SHARE * len(seen) and len(written) >= len(numbers) / 2 else None


def is_number(text: str) -> bool:
    """Whether a text is a finite number, with a point or a comma."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return False
    return value - value == 0
