"""HTML pages: the JSON documents, shown through the templates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ogcapi.resources.feature_info import field_text
from ogcapi.web import page_api, page_links, page_maps, page_programs, page_text, schema_org

RELATED = (
    "classes",
    "collection",
    "collections",
    "conformance",
    "schema",
    "styles",
    "systems",
    "tile_matrix_set",
    "tile_matrix_sets",
    "tileset",
    "tilesets_coverage",
    "tilesets_map",
)
"""Documents that a page may get besides its own; those that it does not get are None in the templates."""

_NOT_IN_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")  # XML 1.0, 2.2


def _folder() -> Path:
    """The templates' folder: inside an installed package, at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["field_text"] = field_text
    for module in (page_api, page_links, page_maps, page_programs, page_text, schema_org):
        words = {name: getattr(module, name) for name in module.__all__}
        environment.filters.update(words)
        environment.globals.update(words)
    return environment


_ENVIRONMENT = _environment()


def xml_text(xml: str) -> bytes:
    """XML as it is sent: characters that it may not hold become the replacement character."""
    return _NOT_IN_XML.sub("\ufffd", xml).encode()


def fill(template: str, **values: Any) -> str:
    """A template that is no page of the site: XML, or HTML for other programs to show."""
    return _ENVIRONMENT.get_template(template).render(values)


def render_file(template: str, document: Mapping[str, Any]) -> bytes:
    """The XML file that says a document."""
    return xml_text(fill(template, document=document) + "\n")


def render(
    template: str,
    *,
    document: Mapping[str, Any],
    service: Mapping[str, Any],
    path: Sequence[tuple[str, str]],
    here: str,
    **related: Any,
) -> str:
    """The page that shows a document.

    `service` is what the frame tells: title, description, version, attribution, license, and the addresses home, api,
    conformance, collections, tile_matrix_sets and static (without a slash at the end). `path` leads from below the
    landing page down to this page, as (title, address); `here` is this page's address without `f`. `related` are
    documents that this one links to, by the names in `RELATED`; raises `TypeError` for any other name.
    """
    if unknown := related.keys() - set(RELATED):
        raise TypeError(f"pages know no related document named {', '.join(sorted(unknown))}")
    return _ENVIRONMENT.get_template(template).render(
        {**dict.fromkeys(RELATED), **related},
        document=document,
        service=service,
        path=path,
        here=here,
    )
