"""A configuration of nothing but sources: files, folders and addresses, as `ogcapi serve SOURCE...` takes them."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ogcapi.config.mistakes import ConfigMistakes, Mistake
from ogcapi.config.settings import Config, Provider, Resource, title_of
from ogcapi.config.values import check_id, check_remote, is_remote, local_path

GEOTIFF = (".tif", ".tiff", ".gtiff", ".geotiff")
DOCUMENTS = (".json", ".json.gz")
# What is taken for a raster when it lies in a folder; any file may be named by itself.
RASTERS = (*GEOTIFF, ".vrt", ".jp2", ".img", ".cub", ".hgt", ".dem", ".asc", ".grb", ".grb2", ".grib", ".grib2", ".nc")


@dataclass(frozen=True)
class _Found:
    name: str
    """File name, of which the id is made."""
    provider: Provider


class _NotServable(ValueError):
    """A source that cannot be served; its text is what was expected."""


def config_of(sources: Sequence[str], folder: Path) -> Config:
    """The configuration that serves these sources; relative paths begin at the folder.

    Raises `ConfigMistakes` for each that does not exist or is of no known kind.
    """
    found: dict[str, _Found] = {}
    mistakes = []
    for source in sources:
        try:
            for each in _found_at(source, folder):
                found.setdefault(each.provider.data, each)
        except _NotServable as error:
            mistakes.append(Mistake(where="source", given=repr(source), expected=str(error)))
    ids = unique_ids(each.name for each in found.values())
    resources = {
        id_: Resource(id=id_, title=title_of(id_), provider=each.provider)
        for id_, each in zip(ids, found.values(), strict=True)
    }
    config = Config(folder=folder, resources=resources)
    if mistakes:
        raise ConfigMistakes(mistakes, config)
    return config


def _found_at(source: str, folder: Path) -> Iterable[_Found]:
    if is_remote(source):
        return [_remote(source)]
    path = local_path(source, folder)
    try:
        return _found_in(path)
    except OSError as error:
        raise _NotServable(f"a file or folder that can be read ({error.strerror})") from error


def _found_in(path: Path) -> Iterable[_Found]:
    if path.is_dir():
        found = list(_in_folder(path))
        if not found:
            raise _NotServable("a folder with rasters or mosaics in it")
        return found
    if not path.exists():
        raise _NotServable("a file or folder that exists, or an address (http://, https://, s3://)")
    if path.name.lower().endswith((".yml", ".yaml")):
        raise _NotServable("a configuration alone, without other sources")
    if path.name.lower().endswith(DOCUMENTS):
        if _mosaic(path) is None:
            raise _NotServable("a mosaic: a JSON document with the key mosaicjson")
        return [_Found(path.name, Provider(name="MosaicJSON", data=str(path), trusted=True))]
    return [_raster(path, trusted=True)]


def _remote(address: str) -> _Found:
    try:
        check_remote(address)
    except ValueError as error:
        raise _NotServable(str(error)) from error
    name = unquote(urlsplit(address).path.rstrip("/").rpartition("/")[2])
    kind = "MosaicJSON" if name.lower().endswith(DOCUMENTS) else "COG"
    return _Found(name, Provider(name=kind, data=address))


def _raster(path: Path, *, trusted: bool) -> _Found:
    kind = "COG" if path.name.lower().endswith(GEOTIFF) else "rasterio"
    return _Found(path.name, Provider(name=kind, data=str(path), trusted=trusted))


def _in_folder(folder: Path) -> Iterator[_Found]:
    """The mosaics in a folder, then the rasters that are not assets of one of them."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    mosaics = {path: _mosaic(path) for path in files if path.name.lower().endswith(DOCUMENTS)}
    assets: set[Path] = set()
    for path, mosaic in mosaics.items():
        if mosaic is not None:
            assets |= _local_assets(mosaic, path.parent)
            yield _Found(path.name, Provider(name="MosaicJSON", data=str(path)))
    for path in files:
        if path.name.lower().endswith(RASTERS) and path not in assets:
            yield _raster(path, trusted=True)


def _mosaic(path: Path) -> Mapping[str, Any] | None:
    """A JSON document with the key `mosaicjson`; None for any other file."""
    try:
        content = path.read_bytes()
        document = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and "mosaicjson" in document else None


def _local_assets(mosaic: Mapping[str, Any], folder: Path) -> set[Path]:
    """The files beside a mosaic that it is made of; whatever else is wrong with it shows when it is opened."""
    prefix, tiles = mosaic.get("asset_prefix"), mosaic.get("tiles")
    lists = tiles.values() if isinstance(tiles, dict) else ()
    hrefs = {href for assets in lists if isinstance(assets, list) for href in assets if isinstance(href, str)}
    start = prefix if isinstance(prefix, str) else ""
    return {local_path(start + href, folder) for href in hrefs if not is_remote(start + href)}


def unique_ids(names: Iterable[str]) -> list[str]:
    """An id for each file name: without extension, with `-` for what may not stand in one, and a number if taken."""
    ids: list[str] = []
    taken: set[str] = set()
    for name in names:
        base = id_ = _id(name)
        number = 2
        while id_ in taken:
            id_, number = f"{base}-{number}", number + 1
        taken.add(id_)
        ids.append(id_)
    return ids


def _id(name: str) -> str:
    """A part of a file name that can be an id."""
    stem = unicodedata.normalize("NFC", name)
    for extension in (*DOCUMENTS, *RASTERS):
        stem = stem[: -len(extension)] if stem.lower().endswith(extension) else stem
    if stem == name:
        stem = re.sub(r"(?<=.)\.[A-Za-z]\w*$", "", stem)  # any other extension; what follows a point may be a number
    stem = re.sub(r"[^\w.~+-]+", "-", stem)[:150].strip("-.")
    try:
        return check_id(stem)
    except ValueError:
        return "collection"
