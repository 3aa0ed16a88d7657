"""The capabilities of a WMTS as XML, made again only where something changed."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.link import Urls
from ogcapi.model.operations import LANDING_PAGE
from ogcapi.model.service import Service
from ogcapi.model.wmts import COLLECTION_WMTS, DATASET_WMTS, Contents, Layer, Wmts, contents
from ogcapi.pixels.legend import legend_size
from ogcapi.resources import wmts as documents
from ogcapi.resources.wmts import SECTIONS
from ogcapi.web.pages import fill, xml_text
from ogcapi.web.written import Written

_BASES = 8  # addresses that clients know the server by, of which the XML is kept


@dataclass(frozen=True)
class Capabilities:
    """One document, section by section."""

    sections: Mapping[str, str]
    here: str
    """Its address (REST)."""

    @cached_property
    def sequence(self) -> str:
        """`updateSequence`: it differs where the contents do.

        Digits that every reader takes for the same number, the first of them 1 to 8, so that there is a greater one
        of as many.
        """
        digest = hashlib.sha256("\n".join((*self.sections.values(), self.here)).encode()).digest()
        number = int.from_bytes(digest[:8], "big")
        return f"{number % 8 + 1}{number // 8 % 10**14:014d}"

    @cached_property
    def whole(self) -> Written:
        """All sections."""
        return Written(self._xml(self.sections.values(), self.here))

    def only(self, names: Sequence[str]) -> Written:
        """Some sections, in the order of the document; none: what tells a client that it has the current one."""
        return Written(self._xml([text for name, text in self.sections.items() if name in names], None))

    def _xml(self, sections: Iterable[str], here: str | None) -> bytes:
        return xml_text(fill("wmts.xml", sections=sections, here=here, sequence=self.sequence))


@dataclass
class _Base:
    """What is kept for one address of the server."""

    layers: dict[str, tuple[Layer, str]] = field(default_factory=dict)
    whole: tuple[Contents, Capabilities] | None = None


class CapabilitiesCache:
    """The contents and capabilities of all collections, layer by layer. Safe in any thread.

    The catalogue makes a new `Collection` where a source or its document has changed: a layer is made again for one
    that is not the very same, or whose tile sets end at another depth since other layers came or went.
    """

    def __init__(self) -> None:
        self._listing = threading.Lock()
        self._writing = threading.Lock()
        """Tiles ask for the contents, too, and need not wait for the XML."""
        self._found: tuple[Collection, ...] = ()
        self._contents = Contents(())
        self._bases: OrderedDict[str, _Base] = OrderedDict()

    def contents(self, found: tuple[Collection, ...]) -> Contents:
        """The layers of all collections."""
        with self._listing:
            if len(found) != len(self._found) or any(a is not b for a, b in zip(found, self._found, strict=True)):
                self._contents, self._found = contents(found), found
            return self._contents

    def of_dataset(self, of: Contents, service: Service, url: Urls) -> Capabilities:
        """The capabilities of all collections."""
        with self._writing:
            root = url(LANDING_PAGE)
            base = self._bases.setdefault(root, _Base())
            self._bases.move_to_end(root)
            while len(self._bases) > _BASES:
                self._bases.popitem(last=False)
            if base.whole is None or base.whole[0] is not of:
                base.layers = {one.collection.id: self._layer(base, one, url) for one in of.layers}
                layers = [xml for _, xml in base.layers.values()]
                about = documents.identification(service.title, service.description, service.keywords, service)
                base.whole = of, _capabilities(DATASET_WMTS, of, layers, about, service, url, {})
            return base.whole[1]

    def _layer(self, base: _Base, one: Layer, url: Urls) -> tuple[Layer, str]:
        known = base.layers.get(one.collection.id)
        if known and known[0].collection is one.collection and _same(known[0].tile_sets, one.tile_sets):
            return known
        return one, _layer_xml(one, DATASET_WMTS, url)


def of_collection(one: Collection, of: Contents, service: Service, url: Urls) -> Capabilities:
    """The capabilities of one collection."""
    layers = [_layer_xml(layer, COLLECTION_WMTS, url) for layer in of.layers]
    about = documents.identification(one.title, one.description, one.keywords, service)
    return _capabilities(COLLECTION_WMTS, of, layers, about, service, url, {"collectionId": one.id})


def _same(one: Sequence[TileSet], other: Sequence[TileSet]) -> bool:
    return [(each.matrix_set.id, each.limits) for each in one] == [(each.matrix_set.id, each.limits) for each in other]


def _layer_xml(one: Layer, wmts: Wmts, url: Urls) -> str:
    size = partial(legend_size, fields=one.collection.fields)
    return fill("wmts_layer.xml", layer=documents.layer(one, wmts, size, url))


def _capabilities(
    wmts: Wmts,
    of: Contents,
    layers: Sequence[str],
    about: Mapping[str, object],
    service: Service,
    url: Urls,
    path: dict[str, str],
) -> Capabilities:
    parts = {
        "ServiceIdentification": about,
        "ServiceProvider": documents.provider(service, url),
        "OperationsMetadata": documents.operations(wmts, url, path),
        "Themes": documents.themes(of),
    }
    xml = {name: fill("wmts_service.xml", section=name, document=document) for name, document in parts.items()}
    sets = [
        fill("wmts_matrixset.xml", matrix_set=documents.matrix_set(one, matrices)) for one, matrices in of.matrix_sets
    ]
    xml["Contents"] = "\n".join(("<Contents>", *layers, *sets, "</Contents>"))
    return Capabilities({name: xml[name] for name in SECTIONS}, url(wmts.capabilities, **path))
