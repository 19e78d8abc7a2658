"""The tags of a page with their attributes, and its text."""

from __future__ import annotations

from html.parser import HTMLParser


class Tags(HTMLParser):
    """A page that was read. found: its tags with their attributes. text: all that is between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data
