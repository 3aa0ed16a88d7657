"""HTML pages, as far as their content is compared with the JSON document that they show."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

from conformance.client import HTML, Document, Service, essence, links, without_format

_SILENT = ("style", "template")  # a script may hold the document's data
_LOADED_RELS = ("stylesheet", "icon", "modulepreload", "preload", "manifest")


class Page(HTMLParser):
    """The doctype, the text, the ids, the addresses that a page refers to, and those that it loads."""

    def __init__(self, url: str, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.doctype = ""
        self.language = ""
        self.ids: list[str] = []
        self.addresses: set[str] = set()
        self.loaded: set[str] = set()
        self.code: set[str] = set()
        self.linked_data: list[str] = []
        self._text: list[str] = []
        self._open: list[str] = []
        self._in_linked_data = False
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join(" ".join(self._text).split())

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl.strip().lower()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in _SILENT:
            self._open.append(tag)
        if tag == "html":
            self.language = named.get("lang") or ""
        self._in_linked_data = tag == "script" and named.get("type") == "application/ld+json"
        if loaded := named.get("src") or (named.get("href") if named.get("rel") in _LOADED_RELS else None):
            self.loaded.add(urljoin(self.url, loaded))
            if tag in ("script", "link") and not loaded.startswith("data:"):
                self.code.add(urljoin(self.url, loaded))
        if identifier := named.get("id"):
            self.ids.append(identifier)
        for name in ("href", "src", "content", "value", "action"):
            if address := named.get(name):
                self.addresses.add(urljoin(self.url, address))
                self._text.append(address)

    def handle_endtag(self, tag: str) -> None:
        self._in_linked_data = False
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._open:
            self._text.append(data)
        if self._in_linked_data:
            self.linked_data.append(data)

    def shows(self, text: object) -> bool:
        """Whether the words stand on the page, however they are broken."""
        return " ".join(str(text).split()) in self.text

    def refers_to(self, href: str) -> bool:
        """Whether the page links to the resource, in any format, or prints its address."""
        wanted = without_format(href) if "{" not in href else href
        return self.shows(href) or any(without_format(address) == wanted for address in self._http_addresses())

    def _http_addresses(self) -> list[str]:
        return [address for address in self.addresses if address.startswith(("http://", "https://"))]


def page(service: Service, url: str) -> Page:
    """The page that a browser gets at an address; anything else is an `AssertionError`."""
    answer = service.answer(url, HTML)
    assert answer.status_code == 200, f"GET {url} as {HTML}: {answer.status_code}, not 200"
    served = answer.headers.get("content-type", "")
    assert essence(served) == HTML, f"GET {url} as {HTML}: Content-Type is {served!r}"
    return Page(str(answer.url), answer.text)


def assert_shows_links(shown: Page, document: Document) -> None:
    """Common 1 and 2, `/req/html/content`: all links of the JSON document are on the page."""
    others = [link.href for link in links(document) if link.rel not in ("self", "alternate")]
    missing = [href for href in dict.fromkeys(others) if not shown.refers_to(href)]
    assert not missing, f"not linked from the page: {missing}"


def assert_is_html5(shown: Page) -> None:
    """A page has the doctype of HTML5, and no id twice."""
    assert shown.doctype == "doctype html"
    twice = {identifier for identifier in shown.ids if shown.ids.count(identifier) > 1}
    assert not twice, f"ids that occur more than once: {sorted(twice)}"
