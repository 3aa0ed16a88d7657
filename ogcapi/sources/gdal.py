"""Rasters of every format that GDAL reads: headers, and windows of values. Nothing else opens them."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile

from ogcapi.model.crs import Crs, UnknownCrs, parse_crs
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Field, Rgba
from ogcapi.pixels.warp import Geometry
from ogcapi.sources import hosts, storage
from ogcapi.sources.header import File, Header, names_of, nodata_of, span_of, with_overviews

logger = logging.getLogger("ogcapi.sources")

_CODE = re.compile(r'AUTHORITY\["EPSG","(\d+)"\]\]$')  # of a whole system
# rasterio takes every text of a file for UTF-8
_FAILURES = (RasterioError, CPLE_BaseError, OSError, NotGeoreferencedWarning, UnicodeError)
_IDLE = 64  # datasets kept open while nobody reads them
_OPTIONS: dict[str, str | float] = {
    # of decoded blocks for the whole process, in bytes as rasterio wants it; GDAL's own default is 5 % of memory
    "GDAL_CACHEMAX": 128 << 20
}
_REMOTE_OPTIONS: dict[str, str | float] = {
    **_OPTIONS,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no questions about files beside the one that is named
    "GDAL_HTTP_CONNECTTIMEOUT": storage.CONNECT_S,
    "GDAL_HTTP_TIMEOUT": storage.READ_S,
    "GDAL_HTTP_MAX_RETRY": 1,
    "GDAL_HTTP_RETRY_DELAY": 0.5,
    # a changed file is read anew once its handles are closed
    "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/:/vsis3/:/vsigs/:/vsiaz/",
}


@dataclass(frozen=True)
class _Pool:
    """Datasets that are open and in nobody's hands; the one longest unused is closed first."""

    idle: list[tuple[tuple[object, ...], DatasetReader]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: tuple[object, ...]) -> DatasetReader | None:
        with self.lock:
            for index in range(len(self.idle) - 1, -1, -1):
                if self.idle[index][0] == key:
                    return self.idle.pop(index)[1]
        return None

    def give(self, key: tuple[object, ...], dataset: DatasetReader) -> None:
        with self.lock:
            self.idle.append((key, dataset))
            surplus = [self.idle.pop(0)[1] for _ in range(len(self.idle) - _IDLE)]
        for old in surplus:
            old.close()


_pool = _Pool()


@contextmanager
def opened(file: File, overview: int | None = None, revision: str | None = None) -> Iterator[DatasetReader]:
    """A dataset for one thread at a time. Raises `SourceFailed` where it cannot be opened, or read while in use."""
    key = (file.href, file.driver, overview, revision or storage.revision(file.href))
    asked_at = time.monotonic()
    with rasterio.Env(**_options(file)):
        dataset = _pool.take(key)
        if dataset is None:
            dataset = _open(file, overview)
        try:
            with _named(file, asked_at):
                yield dataset
        except BaseException:
            dataset.close()
            raise
        _pool.give(key, dataset)


@contextmanager
def _opened_once(file: File, content: bytes | None) -> Iterator[DatasetReader]:
    """A dataset of the file, or of its beginning, opened now and closed after. Raises `SourceFailed`."""
    asked_at = time.monotonic()
    with rasterio.Env(**_options(file)):
        if content is None:
            with _open(file, None) as dataset, _named(file, asked_at):
                yield dataset
            return
        with _named(file, asked_at), MemoryFile(content, ext=".tif") as memory, memory.open(driver="GTiff") as dataset:
            yield dataset


def _options(file: File) -> dict[str, str | float]:
    return _REMOTE_OPTIONS if storage.is_remote(file.href) else _OPTIONS


@contextmanager
def _named(file: File, asked_at: float) -> Iterator[None]:
    """What GDAL raises, as a problem that names the file."""
    try:
        yield
    except _FAILURES as error:
        _note(file, error, asked_at)
        raise SourceFailed(file.name, "its values could not be read; it may be truncated or damaged") from error


def _open(file: File, overview: int | None) -> DatasetReader:
    path, asked_at = _gdal_path(file), time.monotonic()
    levels = {} if overview is None else {"overview_level": overview}
    try:
        return rasterio.open(path, driver=file.driver, **levels)
    except NotGeoreferencedWarning as error:
        raise SourceFailed(file.name, "it is not georeferenced") from error
    except _FAILURES as error:
        _note(file, error, asked_at)
        if storage.is_remote(file.href) and hosts.is_silent(file.href):
            raise SourceFailed(file.name, "it could not be reached in time") from error
        kind = "a raster that GDAL can read" if file.driver is None else f"a readable {file.driver} file"
        raise SourceFailed(file.name, f"it is not {kind}") from error


def _note(file: File, error: Exception, asked_at: float) -> None:
    """GDAL's own words for the log, without what an address keeps to itself; and that a host may be silent."""
    if storage.is_remote(file.href):
        storage.waited_in_vain(file.href, asked_at)
    logger.debug("%s: %s", file.name, str(error).replace(file.href, file.name))


def _gdal_path(file: File) -> str:
    """The file for GDAL: an existing file's absolute path, or a URL; nothing that GDAL would take for instructions."""
    wrong = storage.fault(file.href)
    if wrong is not None:
        raise SourceFailed(file.name, wrong)
    absent = storage.revision(file.href) == storage.ABSENT
    if storage.is_remote(file.href):
        parts = urlsplit(file.href)
        is_web = parts.scheme in storage.WEB_SCHEMES
        if hosts.is_silent(file.href) or (is_web and absent):
            raise SourceFailed(file.name, "it could not be reached")
        if is_web:
            return f"/vsicurl/{file.href}"
        return f"/vsi{parts.scheme}/{parts.netloc}{parts.path}"
    path = str(Path(file.href).absolute())
    if absent or path.startswith("/vsi"):
        raise SourceFailed(file.name, "there is no such file")
    return path


def read_header(file: File, revision: str | None = None) -> Header:
    """What the file says of itself; with `revision`, only datasets opened for that one are asked.

    Raises `SourceFailed` where it cannot be served, with the reason.
    """
    with opened(file, None, revision) as dataset:
        header, count = _header(file, dataset)
    sizes = []
    for overview in range(count):
        with opened(file, overview, revision) as dataset:
            sizes.append((dataset.width, dataset.height))
    return with_overviews(header, sizes)


def read_tiff_header(file: File, overviews: Sequence[tuple[int, int]], content: bytes | None) -> Header | None:
    """The same of a TIFF whose overviews' sizes are known, as it is now: nothing that is kept open is asked.

    With `content`, the beginning of the file, only that is read. None where GDAL sees other overviews, as it does where
    they lie in a file beside. Raises `SourceFailed`.
    """
    with _opened_once(file, content) as dataset:
        header, count = _header(file, dataset)
        factors = [dataset.overviews(band)[:count] for band in dataset.indexes]
    mine = [round(header.geometry.width / width) for width, _ in overviews]
    return with_overviews(header, overviews) if all(factor == mine for factor in factors) else None


def _header(file: File, dataset: DatasetReader) -> tuple[Header, int]:
    """The header but for overviews, and how many of those each band has."""
    geometry = _geometry(file, dataset)
    alpha = next((i for i, c in enumerate(dataset.colorinterp, 1) if c is ColorInterp.alpha), None)
    bands = tuple(band for band in dataset.indexes if band != alpha)
    if not bands:
        raise SourceFailed(file.name, "it has no bands")
    for band in bands:
        if np.dtype(dataset.dtypes[band - 1]).kind not in "iuf":
            raise SourceFailed(
                file.name, f"band {band} is of type {dataset.dtypes[band - 1]}; only real numbers are served"
            )
        scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
        if not (isfinite(scale) and scale and isfinite(offset)):
            told = f"band {band} has scale {scale} and offset {offset}"
            raise SourceFailed(file.name, f"{told}; expected finite numbers, and a scale that is not 0")
    is_masked = any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums)
    header = Header(
        geometry=geometry,
        bands=bands,
        alpha=alpha,
        is_masked=is_masked or alpha is not None,
        fields=_fields(dataset, bands),
        spans=tuple(span_of(dataset.tags(band)) for band in bands),
        overviews=(),
        has_mask=any(
            MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in dataset.mask_flag_enums
        ),
    )
    return header, min(len(dataset.overviews(band)) for band in dataset.indexes)


def _geometry(file: File, dataset: DatasetReader) -> Geometry:
    transform = tuple(dataset.transform)[:6]
    if dataset.transform.is_identity and (dataset.gcps[0] or dataset.rpcs):
        raise SourceFailed(file.name, "it is placed by control points only (GCPs or RPCs); warp it first")
    if dataset.transform.is_identity or dataset.transform.is_degenerate:
        raise SourceFailed(file.name, "it is not georeferenced")
    if dataset.crs is None:
        raise SourceFailed(file.name, "it has no coordinate reference system")
    try:
        crs = _crs(dataset.crs.to_wkt())
    except UnknownCrs as error:
        raise SourceFailed(file.name, f"its coordinate reference system cannot be used: {error}") from error
    return Geometry(crs=crs, width=dataset.width, height=dataset.height, transform=transform)


@lru_cache(maxsize=256)
def _crs(wkt: str) -> Crs:
    crs = parse_crs(wkt)
    code = None if crs.uri else _CODE.search(wkt)
    if code is None:
        return crs
    # GDAL's registry may be of another year than pyproj's, and call parts of the same system by other names
    try:
        registered = parse_crs(f"EPSG:{code[1]}")
    except UnknownCrs:
        return crs
    directions = [[axis.direction for axis in system.proj.axis_info] for system in (crs, registered)]
    return registered if directions[0] == directions[1] else crs


def _fields(dataset: DatasetReader, bands: Sequence[int]) -> tuple[Field, ...]:
    names = names_of([dataset.descriptions[band - 1] for band in bands])
    return tuple(
        Field(
            name=name,
            title=None if name == text else text,
            dtype=dataset.dtypes[band - 1],
            nodata=nodata_of(dataset.nodatavals[band - 1], dataset.dtypes[band - 1]),
            unit=dataset.units[band - 1] or None,
            scale=dataset.scales[band - 1],
            offset=dataset.offsets[band - 1],
            interpretation=_interpretation(dataset.colorinterp[band - 1]),
            colors=_colors(dataset, band),
        )
        for band, name, text in zip(bands, names, (dataset.descriptions[band - 1] for band in bands), strict=True)
    )


def _interpretation(color: ColorInterp) -> str | None:
    return None if color is ColorInterp.undefined else color.name


def _colors(dataset: DatasetReader, band: int) -> dict[int, Rgba] | None:
    try:
        return {int(value): tuple(color) for value, color in dataset.colormap(band).items()}
    except ValueError:  # rasterio's way of saying that there is none
        return None


def read_categories(file: File, bands: Sequence[int]) -> tuple[dict[int, str] | None, ...]:
    """The names of stored values of each band, where the file has any. Raises `SourceFailed`."""
    with opened(file) as dataset, MemoryFile(ext=".vrt") as memory:
        # rasterio tells categories nowhere but in a virtual copy's text
        rasterio.shutil.copy(dataset, memory.name, driver="VRT")
        document = ET.fromstring(memory.read())
    found = []
    for band in bands:
        names = [c.text or "" for c in document.findall(f"VRTRasterBand[@band='{band}']/CategoryNames/Category")]
        found.append({value: name for value, name in enumerate(names) if name} or None)
    return tuple(found)
