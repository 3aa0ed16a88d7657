"""The official XML schemas of WMTS 1.0.0 and OWS 1.1, without a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

SCHEMAS = Path(__file__).with_name("schemas")
_ROOT = "http://schemas.opengis.net/"
_OWS = f"{_ROOT}ows/1.1.0/owsAll.xsd"
_WMTS = f"{_ROOT}wmts/1.0/wmtsGetCapabilities_response.xsd"
_EMPTY = '<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.opengis.net/wmts/1.0"/>'


class _Offline(etree.Resolver):
    """Finds a schema at the path of its address; the requests of WMTS, which need GML, are left out."""

    def resolve(self, url: str, public_id: str, context: Any) -> Any:
        if url.endswith("/wmts.xsd"):
            return self.resolve_string(_EMPTY, context, base_url=url)
        return self.resolve_string(_text(url), context, base_url=url)


def _text(url: str) -> str:
    text = (SCHEMAS / url.partition("://")[2]).read_text("utf-8-sig").partition("?>")[2]
    # a slip, which OGC's own test suite corrects, too: rows and columns begin at 0, so that a single tile ends there
    for name in ("MaxTileRow", "MaxTileCol"):
        text = text.replace(f'name="{name}" type="positiveInteger"', f'name="{name}" type="nonNegativeInteger"')
    return text


@cache
def _schema(url: str) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Offline())
    return etree.XMLSchema(etree.fromstring(_text(url), parser, base_url=url))


def valid(xml: bytes) -> Any:
    """The root of capabilities or an exception report; an `AssertionError` where it does not meet its schema."""
    root = etree.fromstring(xml)
    schema = _schema(_OWS if etree.QName(root).localname == "ExceptionReport" else _WMTS)
    assert schema.validate(root), "\n".join(f"line {error.line}: {error.message}" for error in schema.error_log)
    return root
