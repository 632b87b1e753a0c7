"""What a column's name says of it: that its values name things which have several rows, or moments.

A name is evidence and never proof: `structure.groups` and `structure.times` look at the values as well.
"""

from __future__ import annotations

import re


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PEOPLE = _set(
    """
    subject subj subjid patient patnr patid person participant respondent individual pupil student learner woman
    child kid mom family fam famid household hh hhid hid customer client user usubjid userid member panelist
    worker employee idp uid pid id nr idno idnum idcode personid
    """
)
_SURELY = _set(
    """
    subject subj subjid patient patnr patid participant respondent individual pupil student learner hhid famid
    customer user usubjid userid panelist id nr idno idnum idcode personid uid pid person
    """
)
_THINGS = _set(
    """
    account session device machine sensor engine animal rat rats pig cow dog cat rabbit chick mouse mare horse
    sheep goat plate event monkey tree litter plot wafer batch lot school hospital clinic centre center sch lea
    class classroom provider provnum brood quake flock cluster psu vehicle trip sample specimen curve electrode
    batternumber transect nest herd pair stratum dyad team judge rater teacher prof professor instructor mentor
    doctor physician surgeon author fish bird seed sonde series site station store shop branch firm company
    cusip village community commune comm town block house
    """
)
_PLACES = _set(
    """
    state country county city nation region district province municipality zip zipcode postcode neighborhood
    neighbourhood area location airport airline carrier industry sector brand manufacturer make model fip fips
    statefip sid commodity product sku item league division iso iso3 iso3c isocode countrycode ccode iso2c
    occupation
    """
)
_ENDS = re.compile(
    r"(?:sch|school|dist|child|fam|hh|pat|subj|stud|study|pers|person|cust|user|client|acc|account|dev|sess|unit|firm|f|comp|emp|"
    r"store|case|track|county|state|vil|vill|prov|prof|course|pupil|class|clinic|site|plot|bus|rec|ind|int|b|d|group|grp|"
    r"player|team|machine|sensor|item|mother|mom|city|station|house|hosp|hospital|driver|customer|patient|subject)"
    r"(?:id|nr|num|no|code|key)$"
)
_CALENDAR = _set(
    """
    date datetime timestamp time year yr month quarter week day julday hour minute period trend t index
    yearmonth ds dt epoch wave occasion visit season round
    """
)

STRONG, MEDIUM, NONE = 2, 1, 0


def words(name: str) -> list[str]:
    """The words of a name: ``custID`` is cust, id; ``school_nr2`` is school, nr."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]


def of_a_group(name: str) -> int:
    """How much a name says that its column names things with several rows: `STRONG`, `MEDIUM` or `NONE`."""
    parts = words(name)
    whole = "".join(parts)
    if not parts or whole in _CALENDAR:
        return NONE
    if any(part in ("mean", "avg", "average", "age", "size", "count", "number", "rate", "income") for part in parts):
        return NONE
    if whole in _PEOPLE or parts[-1] in _PEOPLE or parts[0] in ("id", "subject", "patient"):
        return STRONG
    if _ENDS.search(whole):
        return STRONG
    if whole in _THINGS or (parts[-1] in _THINGS and len(parts) <= 2):
        return STRONG
    return MEDIUM if parts[-1] in _PLACES or parts[0] in _PLACES else NONE


def of_a_person(name: str) -> bool:
    """Whether a name is that of people and their like, of which new ones come."""
    parts = words(name)
    return bool(parts) and ("".join(parts) in _PEOPLE or parts[-1] in _PEOPLE)


def surely_of_a_person(name: str) -> bool:
    """Whether a name can hardly be that of anything but people: a column `family` may as well count heads."""
    parts = words(name)
    return bool(parts) and ("".join(parts) in _SURELY or parts[-1] in _SURELY)


def of_a_time(name: str) -> bool:
    """Whether a name is that of a moment, or of a place in an order of time."""
    parts = words(name)
    return bool(parts) and (
        "".join(parts) in _CALENDAR or parts[-1] in ("date", "year", "time", "timestamp", "datetime")
    )


def of_a_date(name: str) -> bool:
    """Whether a name is that of a place in the calendar, the same for all rows' subjects."""
    parts = words(name)
    known = ("date", "datetime", "timestamp", "year", "yr", "julday", "yearmonth", "trend", "t", "ds", "epoch")
    return bool(parts) and ("".join(parts) in known or parts[-1] in ("date", "year", "timestamp", "datetime"))
