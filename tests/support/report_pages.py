"""Reports' pages as a browser sees them, and reports in which every text is somebody's markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """The page as a browser sees it: its elements, balanced, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def ids(page: Reader) -> set[str | None]:
    return {value for name, value in page.attributes if name == "id"}


HOSTILE = '"><script>alert(1)</script><img src=x onerror=y>&amp;'


def everywhere(value: Any, text: str) -> Any:
    """The same report with a text in the place of each of its texts, and of the names of metrics and parameters."""
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        free = {"metrics", "params", "quantiles", "times"}
        return {
            key: dict.fromkeys([text], everywhere(next(iter(child.values())), text))
        if key in free and isinstance(child, dict)
            else everywhere(child, text) for key, child in value.items()
        }  # fmt: skip
    return [everywhere(each, text) for each in value] if isinstance(value, list) else value
