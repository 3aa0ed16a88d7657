"""The command `ogcapi`: serve rasters and mosaics, or check a configuration before."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import uvicorn
from uvicorn.supervisors.statreload import StatReload

from ogcapi import __version__
from ogcapi.config import VARIABLE, WORKERS, CommandLine, Config, ConfigMistakes, Mistake, config_from_environment

if TYPE_CHECKING:
    from starlette.applications import Starlette

MISTAKES = 1  # exit status of `check`
UNUSABLE = 2  # exit status where there is nothing to serve or to check; click's own for wrong usage
_MAX_LISTED = 12  # collections, so that what to do next stays on the screen
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every key of a configuration is explained in docs/configuration.md of the project.",
)
@click.version_option(__version__, prog_name="ogcapi")
def main() -> None:
    """Mosaics and rasters of any planet as OGC APIs."""


@main.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--host", help="Address to listen at. [default: server.bind.host, else 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 0: a free one. [default: server.bind.port, else 8000]"
)
@click.option(
    "--workers", type=click.IntRange(1), envvar=WORKERS, show_envvar=True, help="Processes that serve. [default: 1]"
)
@click.option("--reload", is_flag=True, help="Start again when the configuration or the program changes.")
def serve(sources: tuple[str, ...], host: str | None, port: int | None, workers: int | None, reload: bool) -> None:
    """Serve SOURCEs: one configuration (.yml), or GeoTIFFs, mosaic.json files, folders of them, and addresses.

    Without any, serve config.yml of this folder.
    """
    workers = workers or 1
    if reload and workers > 1:
        raise click.UsageError("--reload serves with one process: leave out --workers.")
    line = _line(sources)
    config = _configuration(line)
    host = host or config.server.bind.host
    port = _free_port(host, config.server.bind.port if port is None else port)
    os.environ |= {VARIABLE: line.variable, WORKERS: str(workers)}
    click.echo(_greeting(config, host, port))
    settings: dict[str, Any] = {
        "factory": True,
        "host": host,
        "port": port,
        "workers": workers,
        "reload": reload,
        "reload_dirs": [str(Path(__file__).parent)] if reload else None,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
    }
    if reload:
        _Reload(uvicorn.Config("ogcapi.cli:application", **settings), line.config_path).run()
    else:
        uvicorn.run("ogcapi.cli:application", **settings)


def application() -> Starlette:
    """The application of a process that serves; ends it with the mistakes of a configuration that has become wrong."""
    from ogcapi.app import from_environment  # noqa: PLC0415 - the process that only watches others has no need of it

    try:
        return from_environment()
    except ConfigMistakes as found:
        _print_mistakes(found)
        raise SystemExit(UNUSABLE) from found


class _Reload(StatReload):
    """Runs the server, and starts it again when its code or the configuration changes."""

    def __init__(self, settings: uvicorn.Config, configuration: Path | None) -> None:
        super().__init__(settings, uvicorn.Server(settings).run, [settings.bind_socket()])
        self.configuration = configuration

    def iter_py_files(self) -> Iterator[Path]:
        """All that is watched."""
        yield from super().iter_py_files()
        if self.configuration is not None:
            yield self.configuration


@main.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--all", "every", is_flag=True, help="Open every asset of every mosaic, not a sample.")
def check(sources: tuple[str, ...], every: bool) -> None:
    """Name all mistakes of a configuration (default: config.yml): those of its text, and of the sources it opens.

    Exits with 0 if there are none, with 1 if there are.
    """
    from ogcapi.sources.check import check_contents  # noqa: PLC0415 - opening data takes libraries slow to import

    line = _line(sources)
    config, mistakes = _as_far_as_readable(line)
    if config is not None:
        _print_lines(config.skipped)
        logging.getLogger("ogcapi").addHandler(logging.NullHandler())  # what fails is printed below, once
        mistakes += check_contents(config, every, mistakes)
    if config is None or mistakes:
        _print_mistakes(ConfigMistakes(sorted(mistakes, key=lambda mistake: mistake.line or 0)))
        raise SystemExit(MISTAKES)
    opened = "all of their assets open" if every else "their sources open"
    click.echo(f"No mistakes: {_counted(len(config.resources), 'collection')}, {opened}.")


@main.group()
def overviews() -> None:
    """Overviews of mosaics, which make a tile cost the same at every zoom: make, list and remove them."""


_CONFIG = click.option("--config", default="", metavar="FILE", help="Configuration. [default: config.yml]")
_COLLECTIONS = click.argument("collections", nargs=-1, metavar="[COLLECTION]...")


@overviews.command("build")
@_COLLECTIONS
@_CONFIG
@click.option("--workers", type=click.IntRange(1), help="Blocks that are made at one time. [default: one per core]")
@click.option("--background", is_flag=True, help="With the lowest priority, and without a progress bar.")
@click.option("--until-eof", is_flag=True, hidden=True, help="End with whoever holds the other end of the input.")
def build_overviews(
    collections: tuple[str, ...], config: str, workers: int | None, background: bool, until_eof: bool
) -> None:
    """Make the overviews of COLLECTIONs (default: of all mosaics) that are missing or out of date.

    What is made stays if it ends early, and is gone on from the next time.
    """
    from ogcapi import cli_overviews  # noqa: PLC0415 - opening data takes libraries slow to import

    if until_eof:
        cli_overviews.end_at_eof()
    if background:
        cli_overviews.be_gentle()
    if cli_overviews.build(_configured(config), collections, workers, quiet=background):
        raise SystemExit(MISTAKES)


@overviews.command("list")
@_CONFIG
def list_overviews(config: str) -> None:
    """Tell of each mosaic whether its overview is current, and how large it is."""
    from ogcapi import cli_overviews  # noqa: PLC0415

    _print_lines(list(cli_overviews.listed(_configured(config))))


@overviews.command("remove")
@_COLLECTIONS
@_CONFIG
def remove_overviews(collections: tuple[str, ...], config: str) -> None:
    """Remove the overviews of COLLECTIONs (default: of all mosaics), or those that `list` says are of none."""
    from ogcapi import cli_overviews  # noqa: PLC0415

    for line in cli_overviews.removed(_configured(config), collections):
        click.echo(line)


def _configured(config: str) -> Config:
    """What `--config` says, else what the server that began this process serves, else config.yml."""
    if not config and VARIABLE in os.environ:
        return config_from_environment(os.environ)
    return _configuration(_line((config,) if config else ()))


def _line(sources: Sequence[str]) -> CommandLine:
    """What is to be served; ends the program where nothing is named and nothing is there by default."""
    line = CommandLine(sources=sources, folder=Path.cwd())
    default = line.config_path
    if sources or default is None or default.exists():
        return line
    files = sorted(file.name for file in line.folder.iterdir() if file.suffix.lower() in {".yml", ".yaml"})
    similar = [name for name in files if any(word in name.lower() for word in ("config", "geoapi", "ogcapi"))]
    context = click.get_current_context()
    command, is_option = context.command_path, "config" in context.params
    option = "--config " if is_option else ""
    if similar:
        hint = f"but {', '.join(similar)}. Name the configuration: {command} {option}{shlex.quote(similar[0])}"
        raise click.UsageError(f"There is no {default.name} in this folder, {hint}")
    if is_option:
        raise click.UsageError(f"There is no {default.name} in this folder. Name what is meant: {command} {option}FILE")
    raise click.UsageError(
        f"There is no {default.name} in this folder. Name what is meant: {command} FILE..., "
        "a folder, an address, or a configuration (.yml)."
    )


def _as_far_as_readable(line: CommandLine) -> tuple[Config | None, list[Mistake]]:
    """The configuration without what is mistaken in its text, and those mistakes."""
    try:
        return line.config(os.environ), []
    except ConfigMistakes as found:
        return found.rest, list(found.mistakes)


def _configuration(line: CommandLine) -> Config:
    """The configuration; ends the program with all that is wrong with it."""
    try:
        return line.config(os.environ)
    except ConfigMistakes as found:
        _print_mistakes(found)
        raise SystemExit(UNUSABLE) from found


def _print_mistakes(found: ConfigMistakes) -> None:
    click.echo(str(found), err=True)
    click.echo(f"{_counted(len(found.mistakes), 'mistake')}.", err=True)


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _free_port(host: str, port: int) -> int:
    """The port, or a free one for 0; ends the program where the server could not listen at it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            found: int = listener.getsockname()[1]
            return found
    except OSError as error:
        reason = "it is in use; another one: --port 0" if error.errno == errno.EADDRINUSE else error.strerror
        raise click.ClickException(f"The server cannot listen at {_netloc(host, port)}: {reason}.") from error


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _greeting(config: Config, host: str, port: int) -> str:
    """What is served, where, and what to do next: one screen."""
    address = "http://" + _netloc(_EVERYWHERE.get(host, host), port)
    public = config.server.url or address
    shown = [resource for resource in config.resources.values() if not resource.hidden]
    width = max((len(resource.id) for resource in shown[:_MAX_LISTED]), default=0)
    lines = [f"{config.metadata.title}: {public}/"]
    if config.server.url:
        lines += ["", f"All links lead there (server.url). The server itself listens at {address}/"]
    lines += (
        ["", "Collections (opened in a moment; see /readyz):"] if shown else ["", "There are no collections in it."]
    )
    lines += [f"  {resource.id:<{width}}  {resource.title}" for resource in shown[:_MAX_LISTED]]
    if len(shown) > _MAX_LISTED:
        lines.append(f"  … and {len(shown) - _MAX_LISTED} more")
    lines += ["", *config.skipped] if config.skipped else []
    lines += [
        "",
        f"Look at the maps in a browser:    {public}/",
        f"Read the same as JSON:            curl '{address}/collections?f=json'",
        f"See all that can be asked:        {public}/api",
        f"See how the sources are:          curl {address}/readyz",
    ]
    if host in _EVERYWHERE:
        lines.append("Other machines reach it by this machine's name or address.")
    return "\n".join([*lines, "Stop with Ctrl+C.", ""])
