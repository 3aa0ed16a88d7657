"""`resources` of the file: which are raster collections, and what they are made of; the others are reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ogcapi.config.document import Document
from ogcapi.config.mistakes import KeyPath, dotted, one_of
from ogcapi.config.section import Section
from ogcapi.config.sections import PROVIDERS, ProviderSection, ResourceSection, nested
from ogcapi.config.settings import Options, Provider, Resource, title_of
from ogcapi.config.values import Reading, check_id
from ogcapi.model.raster import Interval
from ogcapi.pixels.overlay import MosaicMethod

_RESOURCE_TYPES = ("collection", "stac-collection", "process")
_PROVIDER_TYPES = ("coverage", "feature", "record", "map", "tile", "edr", "stac")
_PYGEOAPI_COVERAGES = ("xarray",)

_Any = TypeVar("_Any", bound=Section)


def read_section(section: type[_Any], document: Document, path: KeyPath, value: Any, reading: Reading) -> _Any | None:
    """A section of the file; None where it has mistakes, which are then in the document."""
    try:
        return section.model_validate(value, context=reading)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            *loc, last = fault["loc"] or ("",)
            if last == "[key]":  # pydantic's word for a key of a dict
                document.add((*path, *loc), str(fault["ctx"]["error"]), value=loc[-1])
            else:
                expected = _expected(section, fault["loc"], fault["type"], fault.get("ctx", {}))
                document.add((*path, *fault["loc"]), expected)
    return None


def _expected(section: type[Section], loc: KeyPath, kind: str, context: Mapping[str, Any]) -> str:
    if kind == "value_error":
        return str(context["error"])
    known: type[Section] | None = section
    for key in loc[:-1]:
        known = nested(known, key) if known and isinstance(key, str) and key in known.model_fields else known
    fields = known.model_fields if known else {}
    name = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        return "a key that is known here: " + one_of(fields, name)
    if kind == "missing" and name in fields:
        return f"a value: {fields[name].description}".rstrip(".")
    return "keys with values" if kind == "dict_type" else "a list"


class Resources:
    """The raster collections of a file, and sentences about the rest."""

    def __init__(self, document: Document, reading: Reading) -> None:
        self.document = document
        self.reading = reading
        self.found: dict[str, Resource] = {}
        self.skipped: list[str] = []

    def read(self, resources: Mapping[str, Any]) -> None:
        """Read all of them."""
        for id_, value in resources.items():
            path: KeyPath = ("resources", id_)
            if not isinstance(value, Mapping):
                self.document.add(path, "keys with values: type, title, providers, …")
            elif self.is_collection(id_, value.get("type", "collection"), path):
                self.collection(id_, value, path)

    def is_collection(self, id_: str, kind: object, path: KeyPath) -> bool:
        """Whether the resource is of a kind that may be served."""
        if kind not in _RESOURCE_TYPES:
            self.document.add((*path, "type"), one_of(_RESOURCE_TYPES, kind))
        elif kind != "collection":
            self.skipped.append(f"{id_} is left out: resources of type {kind} are not served yet.")
        return kind == "collection"

    def collection(self, id_: str, value: Mapping[str, Any], path: KeyPath) -> None:
        """Read one collection, or say why it is left out."""
        index = self.provider_index(id_, value.get("providers"), (*path, "providers"))
        if index is None:
            return
        try:
            check_id(id_)
        except ValueError as error:
            self.document.add(path, str(error), value=id_)
        section = read_section(ResourceSection, self.document, path, value, self.reading)
        where = (*path, "providers", index)
        provider = read_section(ProviderSection, self.document, where, value["providers"][index], self.reading)
        if section is None or provider is None:
            return
        time = section.extents.temporal
        self.found[id_] = Resource(
            id=id_,
            title=section.title or title_of(id_),
            description=section.description,
            keywords=section.keywords,
            attribution=section.attribution,
            license=section.license,
            links=tuple(link.model_dump(exclude_none=True) for link in section.links),
            time=Interval(start=time.begin, end=time.end) if time.begin or time.end else None,
            hidden=section.visibility == "hidden",
            provider=Provider(name=provider.name, data=provider.data, trusted=provider.is_local, where=dotted(where)),
            options=self.options(provider, (*where, "options")),
        )

    def options(self, provider: ProviderSection, path: KeyPath) -> Options:
        """The options of a provider."""
        options = provider.options
        if options.mosaic_method and provider.name != "MosaicJSON":
            self.document.add((*path, "mosaic_method"), "no mosaic_method: only a MosaicJSON has one")
        return Options(
            mosaic_method=options.mosaic_method or MosaicMethod.FIRST,
            resampling=options.resampling,
            tile_matrix_sets=options.tile_matrix_sets,
            styles=tuple(section.style(id_) for id_, section in options.styles.items()),
        )

    def provider_index(self, id_: str, providers: object, path: KeyPath) -> int | None:
        """Which of the providers is served; None where none is."""
        if not isinstance(providers, list) or not providers:
            self.document.add(path, f"a list of providers of type coverage: {', '.join(PROVIDERS)}")
            return None
        served = [self.is_served(provider, (*path, n)) for n, provider in enumerate(providers)]
        ours = [n for n, is_ours in enumerate(served) if is_ours]
        chosen = next((n for n in ours if providers[n].get("default") is True), ours[0] if ours else None)
        others = [
            f"{provider.get('name', 'a provider')} ({provider.get('type', 'coverage')})"
            for n, provider in enumerate(providers)
            if n != chosen and served[n] is not None
        ]
        if chosen is not None and others:
            self.skipped.append(f"{id_} is served without {', '.join(others)}.")
        elif others:
            self.skipped.append(f"{id_} is left out: there is no raster in it, only {', '.join(others)}.")
        return chosen

    def is_served(self, provider: object, path: KeyPath) -> bool | None:
        """Whether a provider is a raster of ours; None for a name or type that nobody knows, which is a mistake."""
        if not isinstance(provider, Mapping):
            self.document.add(path, "keys with values: type, name, data, …")
            return None
        kind, name = provider.get("type", "coverage"), provider.get("name")
        if kind not in _PROVIDER_TYPES:
            self.document.add((*path, "type"), one_of(_PROVIDER_TYPES, kind))
            return None
        if kind != "coverage" or name in _PYGEOAPI_COVERAGES or (isinstance(name, str) and "." in name):
            return False  # a name with a dot is a plugin of pygeoapi
        if name not in PROVIDERS:
            self.document.add((*path, "name"), one_of(PROVIDERS, name))
            return None
        return True
