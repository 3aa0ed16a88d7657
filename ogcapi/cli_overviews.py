"""`ogcapi overviews`: make, list and remove the overviews of mosaics."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from ogcapi.config import Config
from ogcapi.model.problem import Problem
from ogcapi.pixels.compiled import warm
from ogcapi.sources.blocks import cores, shared_cache
from ogcapi.sources.catalog import Catalog, overview_rule, overviews_folder
from ogcapi.sources.kept import default_folder
from ogcapi.sources.locking import locked
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.overview import LOCK, is_made, manifest_in, remove, size
from ogcapi.sources.overview_build import Making
from ogcapi.sources.overview_plan import Block, Plan, plan

_DIE_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG
_CACHE_BYTES = 256 << 20  # of decoded blocks: each is needed for few blocks of the overview


def build(config: Config, chosen: Sequence[str], workers: int | None, *, quiet: bool = False) -> int:
    """Make the overviews of those collections, or of all mosaics; how many could not be made."""
    if config.server.overviews == "off":
        raise click.UsageError("server.overviews is off: none would be used.")
    known = _mosaics(config)
    names = chosen or tuple(known)
    for name in names:
        if name not in known:
            raise click.UsageError(
                f"There is no mosaic {name}; expected one of {', '.join(known) or 'none: no mosaics'}."
            )
    with ExitStack() as stack:
        if not chosen:  # all of them: a server need not begin the same
            try:
                is_ours = stack.enter_context(locked(overviews_folder(config) / LOCK))
            except OSError as error:
                click.echo(f"No overviews can be made: {_reason(error)}", err=True)
                return len(names)
            if quiet and not is_ours:  # another server is at it already
                return 0
        warm((config.server.cache.folder or default_folder()) / "compiled")
        shared_cache().budget = min(shared_cache().budget, _CACHE_BYTES)
        catalog = Catalog(config, start_s=None)
        return sum(not _is_built(name, catalog, known[name], workers or cores(), quiet=quiet) for name in names)


def _is_built(name: str, catalog: Catalog, folder: Path, workers: int, *, quiet: bool) -> bool:
    """Make one overview if it is not current; False, and the reason said, where it cannot be made."""
    try:
        _build(name, catalog, folder, workers, quiet=quiet)
    except (Problem, OSError) as error:
        click.echo(f"{name}: no overview was made: {_reason(error)}", err=True)
        return False
    return True


def _build(name: str, catalog: Catalog, folder: Path, workers: int, *, quiet: bool) -> None:
    mosaic = catalog[name].coverage
    assert isinstance(mosaic, MosaicSource)
    with locked(folder / LOCK) as is_ours:
        if not is_ours:
            click.echo(f"{name}: another process is making its overview.")
            return
        key = mosaic.key
        if is_made(folder, key):
            click.echo(f"{name}: its overview is current.")
            return
        made = Making(mosaic=mosaic, folder=folder, plan=plan(mosaic), key=key)
        if not made.plan.blocks:
            click.echo(f"{name}: no assets lie in it.")
            return
        pending = made.pending
        click.echo(f"{name}: {_words(made.plan, mosaic)}, {len(pending)} of {len(made.plan.blocks)} blocks to make")
        _make(made, pending, workers, quiet=quiet)
        path = made.finish()
        manifest = manifest_in(folder)
        lacking = ", ".join(asset for asset, _ in manifest.missing) if manifest else ""
        click.echo(f"{name}: {path.stat().st_size / 1e6:,.1f} MB" + (f", without {lacking}" if lacking else ""))


def _words(made: Plan, mosaic: MosaicSource) -> str:
    base = made.levels[0]
    bytes_ = made.cells * sum(_itemsize(field.dtype) for field in mosaic.fields)
    return f"{base.width:,} x {base.height:,} cells, at most {max(1, round(bytes_ / 1e6)):,} MB"


def _itemsize(dtype: str) -> int:
    import numpy as np  # noqa: PLC0415 - for one number

    return np.dtype(dtype).itemsize


def _make(made: Making, pending: Sequence[Block], workers: int, *, quiet: bool) -> None:
    """Make the blocks that are pending, with an estimate after the first and a bar for the others."""
    first, rest = pending[:1], pending[1:]
    begin = time.monotonic()
    for _ in made.blocks(first, 1):
        expected_s = (time.monotonic() - begin) * len(rest) / workers
        click.echo(f"  about {_duration(expected_s)} with {workers} threads")
    coming: Iterator[object] = made.blocks(rest, workers)
    if quiet:
        for _ in coming:
            pass
        return
    with click.progressbar(coming, length=len(rest), label="  blocks") as bar:
        for _ in bar:
            pass


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _reason(error: Problem | OSError) -> str:
    if isinstance(error, Problem):
        return error.detail
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk is full ({error.filename or 'the cache folder'}); what is made so far is kept"
    return str(error)


def listed(config: Config) -> Iterator[str]:
    """A line for each mosaic, and for each overview beside theirs: of earlier mosaics, or of other configurations."""
    known = _mosaics(config)
    catalog = Catalog(config, start_s=None)
    for name, folder in known.items():
        manifest = manifest_in(folder)
        if manifest is None:
            yield f"{name}: none"
            continue
        state = "cannot be told: the mosaic cannot be opened"
        with suppress(Problem):
            mosaic = catalog[name].coverage
            state = "current" if isinstance(mosaic, MosaicSource) and mosaic.key == manifest.key else "out of date"
        width, height = manifest.cells
        yield f"{name}: {state}, {width:,} x {height:,} cells, {size(folder) / 1e6:,.1f} MB in {folder}"
    for folder in _strays(config, known):
        yield f"{folder.name}: of no mosaic of this configuration, {size(folder) / 1e6:,.1f} MB in {folder}"


def removed(config: Config, chosen: Sequence[str]) -> Iterator[str]:
    """Remove the overviews of those collections, or of all; a line for each. Others only where they are named."""
    known = _mosaics(config)
    there = {**known, **{folder.name: folder for folder in _strays(config, known)}}
    for name in chosen or tuple(known):
        if name not in there:
            raise click.UsageError(f"There is no mosaic {name}; expected one of {', '.join(there) or 'none'}.")
        if there[name].exists():
            with locked(there[name] / LOCK) as is_ours:
                if not is_ours:
                    yield f"{name}: another process is making its overview; it stays."
                    continue
                yield f"{name}: {remove(there[name]) / 1e6:,.1f} MB removed"


def _mosaics(config: Config) -> Mapping[str, Path]:
    """The folder of each mosaic that may have an overview."""
    rules = {name: overview_rule(config, resource) for name, resource in config.resources.items()}
    return {name: rule.folder for name, rule in rules.items() if rule is not None}


def _strays(config: Config, known: Mapping[str, Path]) -> list[Path]:
    folder = overviews_folder(config)
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and path not in known.values()]


def be_gentle() -> None:
    """Leave the processor to others."""
    if hasattr(os, "nice"):
        os.nice(19)


def end_at_eof() -> None:
    """End this process, at whatever it is, when its input ends, with the process that began it: what is made stays."""
    with suppress(OSError, TypeError, AttributeError):  # Linux alone has it: who is stopped does not see the input end
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 1):
                pass
        os._exit(1)

    threading.Thread(target=wait, name="until the input ends", daemon=True).start()
