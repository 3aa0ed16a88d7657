"""`resources` of the file: which are raster collections, and what they are made of; the others are reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
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

_KEY = "[key]"  # pydantic's word for a key of a dict, at the end of a path
_Any = TypeVar("_Any", bound=Section)


def read_section(section: type[_Any], document: Document, path: KeyPath, value: Any, reading: Reading) -> _Any | None:
    """A section of the file without what is mistaken in it, which is in the document then; None if nothing is left."""
    try:
        return section.model_validate(value, context=reading)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            *loc, last = fault["loc"] or ("",)
            if last == _KEY:
                document.add((*path, *loc), str(fault["ctx"]["error"]), value=loc[-1])
            else:
                expected = _expected(section, fault["loc"], fault["type"], fault.get("ctx", {}))
                document.add((*path, *fault["loc"]), expected)
    return _rest(section, deepcopy(value), replace(reading, is_partial=True))


def _rest(section: type[_Any], value: Any, reading: Reading) -> _Any | None:
    """What remains of a section when all that is mistaken is taken out of its value."""
    while True:
        try:
            return section.model_validate(value, context=reading)
        except ValidationError as error:
            if not _take_out(value, {fault["loc"] for fault in error.errors(include_url=False)}):
                return None


def _take_out(value: Any, paths: Iterable[KeyPath]) -> bool:
    """Delete what is at the paths, or around them where nothing is; whether there was anything to delete."""
    is_any = False
    # the last item of a list first, so that the others keep their places
    for path in sorted(paths, key=lambda path: [(isinstance(key, int), key) for key in path], reverse=True):
        holder, last, inner = None, None, value
        for key in path:
            is_there = key in inner if isinstance(inner, dict) else isinstance(inner, list) and key in range(len(inner))
            if not is_there:
                break
            holder, last, inner = inner, key, inner[key]
        if holder is not None:
            del holder[last]
            is_any = True
    return is_any


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
            elif self.is_collection(id_, value, path):
                self.collection(id_, value, path)

    def is_collection(self, id_: str, value: Mapping[str, Any], path: KeyPath) -> bool:
        """Whether the resource is of the kind that may be served, or of an unknown one and looks like it."""
        kind = value.get("type", "collection")
        if kind not in _RESOURCE_TYPES:
            self.document.add((*path, "type"), one_of(_RESOURCE_TYPES, kind))
            return value.get("providers") is not None
        if kind != "collection":
            self.skipped.append(f"{id_} is left out: resources of type {kind} are not served yet.")
        return bool(kind == "collection")

    def collection(self, id_: str, value: Mapping[str, Any], path: KeyPath) -> None:
        """Read one collection, or say why it is left out."""
        where = (*path, "providers")
        providers = self.providers(value.get("providers"), where)
        served = [self.is_served(provider, (*where, n)) for n, provider in enumerate(providers)]
        chosen = _chosen(providers, served)
        others = [one for n, one in enumerate(providers) if served[n] is not None and n != chosen]
        self.report(id_, others, is_served=chosen is not None)
        if others == providers != []:
            return
        try:
            check_id(id_)
        except ValueError as error:
            self.document.add(path, str(error), value=id_)
        section = read_section(ResourceSection, self.document, path, value, self.reading)
        for n, is_ours in enumerate(served):
            if is_ours is None:
                self.provider(providers[n], (*where, n))
        provider = None if chosen is None else self.provider(providers[chosen], (*where, chosen))
        if section and provider:
            self.found[id_] = _resource(id_, section, provider, f"{dotted(where)}[{chosen}]")

    def report(self, id_: str, others: Sequence[Mapping[str, Any]], *, is_served: bool) -> None:
        """Say which providers of a collection are not served."""
        names = ", ".join(f"{one.get('name', 'a provider')} ({one.get('type', 'coverage')})" for one in others)
        if names and is_served:
            self.skipped.append(f"{id_} is served without {names}.")
        elif names:
            self.skipped.append(f"{id_} is left out: there is no raster in it, only {names}.")

    def providers(self, values: object, path: KeyPath) -> list[Any]:
        """The providers, whatever they are; none where there is no list of them, which is a mistake."""
        if isinstance(values, list) and values:
            return values
        self.document.add(path, f"a list of providers of type coverage: {', '.join(PROVIDERS)}")
        return []

    def provider(self, value: Any, path: KeyPath) -> ProviderSection | None:
        """Read a provider that is a coverage, or seems to be one."""
        if not isinstance(value, Mapping):
            return None
        name, options = value.get("name"), value.get("options")
        if name not in PROVIDERS and value.get("type", "coverage") != "coverage":
            return None
        if isinstance(options, Mapping) and options.get("mosaic_method") and name in ("COG", "rasterio"):
            self.document.add((*path, "options", "mosaic_method"), "no mosaic_method: only a MosaicJSON has one")
        return read_section(ProviderSection, self.document, path, value, self.reading)

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


def _chosen(providers: Sequence[Any], served: Sequence[bool | None]) -> int | None:
    """Which of the providers is served: the one that is called the default, or the first."""
    ours = [n for n, is_ours in enumerate(served) if is_ours]
    return next((n for n in ours if providers[n].get("default") is True), ours[0] if ours else None)


def _resource(id_: str, section: ResourceSection, provider: ProviderSection, where: str) -> Resource:
    time, options = section.extents.temporal, provider.options
    return Resource(
        id=id_,
        title=section.title or title_of(id_),
        description=section.description,
        keywords=section.keywords,
        attribution=section.attribution,
        license=section.license,
        links=tuple(link.model_dump(exclude_none=True) for link in section.links),
        time=Interval(start=time.begin, end=time.end) if time.begin or time.end else None,
        hidden=section.visibility == "hidden",
        provider=Provider(name=provider.name, data=provider.data, trusted=provider.is_local, where=where),
        options=Options(
            mosaic_method=options.mosaic_method or MosaicMethod.FIRST,
            resampling=options.resampling,
            overview_resampling=options.overview_resampling,
            tile_matrix_sets=options.tile_matrix_sets,
            styles=tuple(section.style(id_) for id_, section in options.styles.items()),
        ),
    )
