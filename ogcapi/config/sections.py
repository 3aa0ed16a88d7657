"""The sections of `config.yml`: every key, its default and its meaning (docs/configuration.md has them in one table).

The format is a superset of pygeoapi's: keys of pygeoapi that mean nothing here are accepted and ignored, and so is
every key that begins with `x-`. Any other key is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ogcapi.config.section import Section
from ogcapi.config.service import Logging, Metadata, Server
from ogcapi.config.styles import ConfiguredColormap, configured_colormap, one_or_three, ranges
from ogcapi.config.values import Begin, End, Href, Id, Line, Names, Positive, Text, Words, choice, reference
from ogcapi.model.raster import Resampling
from ogcapi.model.style import Range, Style
from ogcapi.pixels.overlay import MosaicMethod

PROVIDERS = ("COG", "MosaicJSON", "rasterio")

_OVERVIEW_METHODS = (Resampling.AVERAGE, Resampling.NEAREST, Resampling.MODE)
_GDAL_NAME = re.compile(r"/vsi|[A-Z][A-Z0-9_]+:")  # /vsizip/…, NETCDF:"file.nc":variable


class LinkSection(Section):
    """A further link of a collection."""

    unused = frozenset({"length"})
    href: Href
    """Address that begins with `http://`, `https://` or `mailto:`."""
    rel: Line = "related"
    """Link relation."""
    type: Line | None = None
    """Media type."""
    title: Text | None = None
    """Title."""
    hreflang: Line | None = None
    """Language of what is linked."""


class Temporal(Section):
    """When the data are of."""

    unused = frozenset({"trs"})
    begin: Begin = None
    """First moment; nothing for an open beginning."""
    end: End = None
    """Last moment; nothing for an open end."""

    @field_validator("end")
    @classmethod
    def _not_before_begin(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        begin = info.data.get("begin")
        if begin and end and end < begin:
            raise ValueError("an end that is not before the beginning")
        return end


class Extents(Section):
    """Where and when the data are; where is known from the data themselves."""

    model_config = ConfigDict(extra="ignore")  # pygeoapi: any further dimension by its name
    temporal: Temporal = Temporal()


class StyleSection(Section):
    """One style of a collection."""

    title: Text | None = None
    """Title; the id where there is none."""
    description: Text | None = None
    """What the style shows."""
    fields: Annotated[Names, AfterValidator(one_or_three)]
    """One field, or three for red, green and blue."""
    gamma: Positive = 1.0
    """Exponent 1/gamma on intensities between 0 and 1: above 1 is brighter."""
    colormap: Annotated[ConfiguredColormap | None, BeforeValidator(configured_colormap)] = None
    """A name of rio-tiler's (`terrain`, `viridis`, …), colours, values with colours, intervals or categories."""
    range: Annotated[tuple[Range, ...], BeforeValidator(ranges)] = Field(default=None, validate_default=True)
    """`[low, high]` in physical units, or one such pair for each field: low becomes 0, high full intensity."""

    def style(self, id_: str) -> Style:
        """The model's style."""
        return Style(
            id=id_,
            title=self.title or id_[0].upper() + id_[1:],
            description=self.description,
            fields=self.fields,
            ranges=self.range,
            gamma=self.gamma,
            colormap=self.colormap.colors if self.colormap else None,
        )


class Options(Section):
    """How a raster is read and shown."""

    mosaic_method: Annotated[MosaicMethod, choice(tuple(MosaicMethod))] | None = None
    """What overlapping assets of a mosaic become."""
    resampling: Annotated[Resampling, choice(tuple(Resampling))] = Resampling.NEAREST
    """How maps are resampled; coverages are always nearest."""
    overview_resampling: Annotated[Resampling, choice(_OVERVIEW_METHODS)] | None = None
    """How a mosaic's overview is made: `average`, `nearest` or `mode`; else averages, and `mode` of classes."""
    tile_matrix_sets: Names | None = None
    """Ids of the tile matrix sets to offer."""
    styles: dict[Id, StyleSection] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _without_creation_options(cls, value: Any) -> Any:
        """Without GDAL's creation options, which pygeoapi passes on here (DATA_ENCODING)."""
        return {k: v for k, v in value.items() if not k.isupper()} if isinstance(value, Mapping) else value


class ProviderSection(Section):
    """Where the data of a collection are."""

    unused = frozenset(
        {
            "count",
            "crs",
            "default",
            "editable",
            "format",
            "geometry",
            "id_field",
            "include_extra_query_parameters",
            "properties",
            "storage_crs",
            "storage_crs_coordinate_epoch",
            "table",
            "time_field",
            "title_field",
            "uri_field",
            "x_field",
            "y_field",
            "z_field",
        }
    )
    type: Line = "coverage"
    """`coverage`; providers of other types are reported and left out."""
    name: Annotated[str, choice(PROVIDERS)]
    """`COG` for any GeoTIFF, `MosaicJSON`, or `rasterio` for every other file that GDAL reads."""
    data: Line
    """A path, or an address that begins with `http://`, `https://` or `s3://`."""
    options: Options = Options()

    @field_validator("data")
    @classmethod
    def _existing(cls, data: str, info: ValidationInfo) -> str:
        """The data's absolute path or address."""
        # GDAL has formats that are folders; a name that is mistaken itself may stand for any of the three
        is_file = info.data.get("name", "rasterio") != "rasterio"
        try:
            return reference(data, info, is_there=Path.is_file if is_file else Path.exists)
        except ValueError:
            if not _GDAL_NAME.match(data):
                raise
        raise ValueError(
            "the path or the address of a file that GDAL can open; GDAL's own names of what is within one "
            '(NETCDF:"file.nc":variable, /vsizip/…) are not served'
        )

    @property
    def is_local(self) -> bool:
        """Whether the data are a path."""
        return Path(self.data).is_absolute()


class ResourceSection(Section):
    """One collection."""

    unused = frozenset({"formatters", "limits", "linked-data", "templates"})
    type: Line = "collection"
    """`collection`; resources of other types are reported and left out."""
    title: Text | None = None
    """Title; made of the id where there is none."""
    description: Text | None = None
    """What the data are, in a few sentences."""
    keywords: Words = ()
    """Words to find the collection by."""
    attribution: Text | None = None
    """Whom to name when the data are shown."""
    license: Text | None = None
    """Licence of the data: an address or an SPDX identifier."""
    visibility: Annotated[Literal["default", "hidden"], choice(("default", "hidden"))] = "default"
    """`hidden`: not listed, but served at its address."""
    links: tuple[LinkSection, ...] = ()
    extents: Extents = Extents()
    providers: Any
    """Where the data are: a list, of which the first coverage (or the one with `default: true`) is served."""


class File(Section):
    """The whole file."""

    unused = frozenset({"pubsub"})
    server: Server = Server()
    logging: Logging = Logging()
    metadata: Metadata = Metadata()
    resources: dict[str, Any]
    """Collections by their ids."""


def nested(section: type[Section], key: str) -> type[Section] | None:
    """The section that is the value of a key, or an item of it."""
    if (section, key) in _READ_ONE_BY_ONE:
        return _READ_ONE_BY_ONE[section, key]
    return _section_in(section.model_fields[key].annotation) if key in section.model_fields else None


# Others of their kind are left out unread.
_READ_ONE_BY_ONE: dict[tuple[type[Section], str], type[Section]] = {
    (File, "resources"): ResourceSection,
    (ResourceSection, "providers"): ProviderSection,
}


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for found in map(_section_in, get_args(annotation)) if found), None)
