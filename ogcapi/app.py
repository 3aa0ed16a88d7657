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
from ogcapi.config import Config, config_from_environment, workers_from_environment
from ogcapi.model import operations as known
from ogcapi.model.operation import Operation
from ogcapi.model.problem import Problem
from ogcapi.model.service import Contact, Named, Service
from ogcapi.pixels.compiled import warm
from ogcapi.sources.blocks import cores, default_budget, memory_limit, shared_cache
from ogcapi.sources.catalog import Catalog
from ogcapi.sources.heap import share_heap
from ogcapi.sources.kept import default_folder
from ogcapi.sources.overview_background import Background, Collections
from ogcapi.web import common, coverages, maps, styles, tiles
from ogcapi.web.assets import Assets
from ogcapi.web.manners import AccessLog, Manners
from ogcapi.web.respond import on_http_exception, on_problem
from ogcapi.web.running import Handler, Workshop, threads_for
from ogcapi.web.site import CacheControl, Site
from ogcapi.web.tilecache import CachedTiles, TileCache
from ogcapi.web.timing import measured

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
DATA |= {known.MAP: maps.map_, known.STYLED_MAP: maps.styled_map, known.COVERAGE_OF: coverages.coverage}


def create_app(config: Config, workers: int = 1, *, makes_overviews: bool = False) -> Starlette:
    """The application that serves a configuration, in one of so many processes; opens its sources.

    It may have another process make the overviews of mosaics, where the environment names the configuration.
    """
    _set_up_logging(config)
    _warm_up(config, workers)
    site = site_from(config)
    workshop = Workshop(threads_for(cores(), memory_limit(), workers), at_once=workers >= cores())
    data = {operation: workshop.endpoint(handler) for operation, handler in DATA.items()}
    if config.server.timing:
        data = {operation: measured(endpoint) for operation, endpoint in data.items()}
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
            Middleware(CachedTiles, cache=site.tiles),
        ],
        exception_handlers={Problem: on_problem, HTTPException: on_http_exception},
        lifespan=_beside(site.catalog) if makes_overviews and config.server.overviews == "background" else None,
    )
    app.state.site = site
    return app


def from_environment() -> Starlette:
    """The application of a worker process, whose configuration the environment names."""
    config, workers = config_from_environment(os.environ), workers_from_environment(os.environ)
    return create_app(config, workers, makes_overviews=True)


def _beside(catalog: Collections) -> Lifespan[Starlette]:
    """From the application's start to its end, overviews are made."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        background = Background(catalog)
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
        handler = logging.FileHandler(place, encoding="utf-8") if place else logging.StreamHandler()
        handler.setFormatter(logging.Formatter(form))
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(least)
        logger.propagate = False
