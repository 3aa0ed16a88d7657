"""The application: the only place where everything meets."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.types import Lifespan

from ogcapi import __version__
from ogcapi.config import Config, ConfigMistakes, Mistake, config_from_environment, workers_from_environment
from ogcapi.model import operations as known
from ogcapi.model.operation import Operation
from ogcapi.model.problem import Problem, shown
from ogcapi.model.service import Contact, Named, Service
from ogcapi.model.wmts import COLLECTION_WMTS, DATASET_WMTS
from ogcapi.pixels.compiled import warm
from ogcapi.resources import webmaps
from ogcapi.sources.blocks import cores, default_budget, memory_limit, shared_cache
from ogcapi.sources.catalog import Catalog
from ogcapi.sources.heap import release_code, share_heap
from ogcapi.sources.kept import default_folder
from ogcapi.sources.overview_background import Background, Collections
from ogcapi.web import clients, common, coverages, maps, styles, tiles, wmts, wmts_kvp
from ogcapi.web.assets import Assets
from ogcapi.web.manners import AccessLog, Manners
from ogcapi.web.ranges import Ranges
from ogcapi.web.respond import on_http_exception, on_problem
from ogcapi.web.running import Handler, Workshop, threads_for
from ogcapi.web.site import CacheControl, Site
from ogcapi.web.tilecache import CachedTiles, TileCache
from ogcapi.web.timing import Endpoint, measured

_AMPLE_BYTES = 2 << 30  # of memory: two processes that compile fit in

DOCUMENTS: dict[Operation, Handler] = {
    known.LANDING_PAGE: common.landing_page,
    known.API: common.api,
    known.CONFORMANCE: common.declaration,
    known.COLLECTION_LIST: common.collection_list,
    known.COLLECTION: common.collection,
    known.SCHEMA_OF: common.schema,
    known.MATRIX_SET_LIST: tiles.matrix_set_list,
    known.MATRIX_SET: tiles.matrix_set,
    known.STYLE_LIST: styles.style_list,
    known.STYLE: styles.style,
    known.LEGEND: styles.legend,
    known.DOMAIN_SET: clients.domain_set,
    known.RANGE_TYPE: clients.range_type,
    known.VRT: clients.vrt,
    known.TILES_VRT: clients.tiles_vrt,
    known.GDAL_WMS: clients.gdal_wms,
    known.GDAL_WMTS: clients.gdal_wmts,
    known.STACTA: clients.stacta,
    known.VALUES_QLR: clients.values_qlr,
}
DATA: dict[Operation, Handler] = {}
for of, locate in (
    (known.DATASET_MAP_TILES, tiles.of_dataset),
    (known.MAP_TILES, tiles.of_map),
    (known.STYLED_MAP_TILES, tiles.of_styled_map),
    (known.COVERAGE_TILES, tiles.of_coverage),
):
    DOCUMENTS[of[0]] = tiles.tile_sets_of(of, locate)
    DOCUMENTS[of[1]] = tiles.tile_set_of(of, locate)
    DATA[of[2]] = tiles.coverage_tile if of is known.COVERAGE_TILES else tiles.map_tile_of(of, locate)
for files, locate in ((known.MAP_FILES, tiles.of_map), (known.STYLED_MAP_FILES, tiles.of_styled_map)):
    DOCUMENTS[files[0]] = clients.map_qlr_of(files[0], locate)
    for operation, make in zip(files[1:], (webmaps.tilejson, webmaps.maplibre_style), strict=True):
        DOCUMENTS[operation] = clients.map_file_of(operation, locate, make)
DATA |= {known.MAP: maps.map_, known.STYLED_MAP: maps.styled_map, known.COVERAGE_OF: coverages.coverage}
for service in (DATASET_WMTS, COLLECTION_WMTS):
    DOCUMENTS[service.capabilities] = wmts.capabilities_of(service)
    DATA |= {service.tile: wmts.tile_of(service), service.info: wmts.info_of(service)}


def create_app(config: Config, workers: int = 1, *, makes_overviews: bool = False) -> Starlette:
    """The application that serves a configuration, in one of so many processes; opens its sources.

    It may have another process make the overviews of mosaics, where the environment names the configuration.
    """
    _set_up_logging(config)
    _warm_up(config, workers)
    site = site_from(config)
    workshop = Workshop(threads_for(cores(), memory_limit(), workers), at_once=workers >= cores())

    def run(handler: Handler) -> Endpoint:
        endpoint = workshop.endpoint(handler)
        return measured(endpoint) if config.server.timing else endpoint

    data = {operation: run(handler) for operation, handler in DATA.items()}
    data |= {service.kvp: wmts_kvp.by_names(service, run) for service in (DATASET_WMTS, COLLECTION_WMTS)}
    routes = [
        # tiles come first: there are many of them, and each route before theirs costs them a comparison
        *(Route(operation.path, handler, name=operation.name) for operation, handler in (data | DOCUMENTS).items()),
        Route("/healthz", common.healthz),
        Route("/readyz", common.readyz),
        Route("/favicon.ico", lambda _: RedirectResponse("static/icon.svg")),
        Mount("/static", Assets(directory=Path(__file__).parent / "static")),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(AccessLog, form=config.server.access_log),
            Middleware(Manners, site=site),
            Middleware(Ranges),
            Middleware(CachedTiles, cache=site.tiles),
        ],
        exception_handlers={Problem: on_problem, HTTPException: on_http_exception},
        lifespan=_beside(site.catalog, workshop)
        if makes_overviews and config.server.overviews == "background"
        else None,
    )
    app.state.site = site
    return app


def from_environment() -> Starlette:
    """The application of a worker process, whose configuration the environment names."""
    config, workers = config_from_environment(os.environ), workers_from_environment(os.environ)
    return create_app(config, workers, makes_overviews=True)


def _beside(catalog: Collections, workshop: Workshop) -> Lifespan[Starlette]:
    """From the application's start to its end, overviews are made."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        background = Background(catalog, lambda: workshop.quiet_s)
        background.start()
        try:
            yield
        finally:
            background.stop()

    return lifespan


def _warm_up(config: Config, workers: int) -> None:
    """Compile what is compiled, or load what an earlier start compiled; set the memory for blocks."""
    share_heap()
    processes = 2 if cores() > 1 and memory_limit() >= _AMPLE_BYTES else 1
    warm((config.server.cache.folder or default_folder()) / "compiled", processes)
    release_code("libllvmlite")
    blocks = config.server.cache.blocks
    shared_cache().budget = default_budget(workers) if blocks is None else blocks


def site_from(config: Config) -> Site:
    """The site that a configuration describes."""
    server, metadata = config.server, config.metadata
    contact = metadata.contact
    return Site(
        service=Service(
            title=metadata.title,
            description=metadata.description or "",
            keywords=metadata.keywords,
            attribution=metadata.attribution,
            terms_of_service=metadata.terms_of_service,
            license=Named(name=metadata.license.name, url=metadata.license.url) if metadata.license.name else None,
            provider=Named(name=metadata.provider.name, url=metadata.provider.url) if metadata.provider.name else None,
            contact=Contact(name=contact.name, email=contact.email, url=contact.url),
            version=__version__,
        ),
        catalog=Catalog(config),
        url=server.url.rstrip("/") if server.url else None,
        trusted_proxies=tuple(server.trusted_proxies),
        max_cells=server.limits.cells,
        max_tile_side=server.limits.tile_size,
        cache_control=CacheControl(
            documents=server.cache_control.documents,
            tiles=server.cache_control.tiles,
            coverages=server.cache_control.coverages,
            static=server.cache_control.static,
        ),
        gzip=server.gzip,
        cors=server.cors,
        tiles=TileCache(server.cache.tiles),
    )


def _set_up_logging(config: Config) -> None:
    """Lines of the program, with where they come from, of the server, and one for each request, all to one place."""
    plain, named = "%(asctime)s %(levelname)s %(message)s", "%(asctime)s %(levelname)s %(name)s: %(message)s"
    level = config.logging.level
    kinds = {"ogcapi": (named, level), "uvicorn": (plain, level), "ogcapi.access": ("%(message)s", "INFO")}
    for name, (form, least) in kinds.items():
        place = config.logging.logfile
        try:
            handler = logging.FileHandler(place, encoding="utf-8") if place else logging.StreamHandler()
        except OSError as error:
            expected = f"a file that can be written ({error.strerror})"
            wrong = Mistake(where="logging.logfile", given=shown(str(place)), expected=expected)
            raise ConfigMistakes([wrong]) from error
        handler.setFormatter(logging.Formatter(form))
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(least)
        logger.propagate = False
