"""What was measured, as text, as JSON and as a page with a plot."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import plot
from tests.benchmarks.measure import Result, cpu_ratio, rate_ratio
from tests.benchmarks.scenarios import Scenario

TITILER, MAPSERVER, UNCACHED = "TiTiler", "MapServer", "ogcapi, caches off"
_START_MB, _ABOVE_MB, _BUDGET_MB, _START_S = 230, 350, 200, 2.0
_MAPSERVER = 2.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A scenario and what each server made of it."""

    scenario: Scenario
    results: Sequence[Result]

    def of(self, rival: str) -> Result | None:
        """One server's, if it was measured."""
        return next((one for one in self.results if one.rival == rival and one.rounds), None)

    @property
    def us(self) -> Result | None:
        """Ours, as it is meant to run."""
        ours = (one for one in self.results if one.rival.startswith("ogcapi") and one.rival != UNCACHED)
        return next((one for one in ours if one.rounds), None)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Start and memory of a server."""

    rival: str
    cold_s: float
    """The first start, with nothing kept from before."""
    start_s: float
    """The second one."""
    start_mb: float
    after_mb: float
    """After that many random tiles."""
    tiles: int
    failures: int


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something to be reached."""

    what: str
    wanted: str
    found: str
    is_met: bool


def context(titiler: str, quick: bool, *, rounds: int) -> list[str]:
    """What has to be known to read the numbers."""
    kind = "short rounds, indicative only" if quick else "full rounds"
    return [
        f"{rounds} rounds of each server by turns, {kind}; ratios are medians of the ratios within a round.",
        f"Each server has one core, the client another; Python {platform.python_version()}, {os.cpu_count()} cores.",
        *([f"Compared with {titiler}."] if titiler else []),
    ]


def targets(findings: Sequence[Finding], memories: Sequence[Memory]) -> list[Target]:
    """Everything that is to be reached and was measured."""
    return [*_speeds(findings), *_uncached(findings), *_mapserver(findings), *_memory(memories)]


def _speeds(findings: Sequence[Finding]) -> Iterator[Target]:
    for finding in findings:
        one, titiler, us = finding.scenario, finding.of(TITILER), finding.us
        if one.target is not None and titiler and us:
            found = (rate_ratio if one.by_rate else cpu_ratio)(titiler, us)
            what = "tiles/s, us / TiTiler" if one.by_rate else "CPU, TiTiler / us"
            yield _at_least(f"{one.name}: {what}", one.target, found)


def _uncached(findings: Sequence[Finding]) -> Iterator[Target]:
    for finding in findings:
        titiler, us = finding.of(TITILER), finding.of(UNCACHED)
        if titiler and us:
            what = f"{finding.scenario.name}, caches off: CPU, TiTiler / us"
            yield _at_least(what, finding.scenario.uncached_target, cpu_ratio(titiler, us))


def _mapserver(findings: Sequence[Finding]) -> Iterator[Target]:
    for finding in findings:
        mapserver, us = finding.of(MAPSERVER), finding.us
        if mapserver and us:
            what = f"{finding.scenario.name}: CPU, MapServer / us"
            yield _at_least(what, _MAPSERVER, cpu_ratio(mapserver, us))


def _memory(memories: Sequence[Memory]) -> Iterator[Target]:
    for one in memories:
        if one.rival != TITILER:
            limit = _BUDGET_MB + _ABOVE_MB
            yield _at_most("memory after start", _START_MB, one.start_mb, "MB")
            yield _at_most(f"memory after {one.tiles:,} tiles, cache of 200 MB", limit, one.after_mb, "MB")
            yield _at_most("second start", _START_S, one.start_s, "s")


def _at_least(what: str, wanted: float, found: float) -> Target:
    return Target(what=what, wanted=f"≥ {wanted:g}", found=_number(found), is_met=found >= wanted)


def _at_most(what: str, wanted: float, found: float, unit: str) -> Target:
    return Target(what=what, wanted=f"≤ {wanted:g} {unit}", found=f"{_number(found)} {unit}", is_met=found <= wanted)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def line(finding: Finding) -> str:
    """One scenario in one line."""
    parts = [f"{one.rival} {_number(one.median(lambda r: r.cpu_ms))} ms" for one in finding.results if one.rounds]
    refused = [f"{one.rival}: {one.refused}" for one in finding.results if one.refused]
    failed = [f"{one.rival}: {one.failures} failures" for one in finding.results if one.failures]
    return f"{finding.scenario.name}: " + ", ".join([*parts, *failed, *refused])


_COLUMNS = ("scenario", "server", "tiles/s", "x", "CPU ms", "x CPU", "p50 ms", "p99 ms", "kB", "failed", "near")


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[str, ...]]:
    for finding in findings:
        base = finding.of(TITILER)
        for number, one in enumerate(finding.results):
            name = finding.scenario.name if number == 0 else ""
            if one.refused:
                yield (name, one.rival, "refused", *[""] * (len(_COLUMNS) - 3))
                continue
            medians = (one.median(what) for what in (lambda r: r.p50_ms, lambda r: r.p99_ms, lambda r: r.kilobytes))
            yield (
                name,
                one.rival,
                _number(one.median(lambda r: r.rate)),
                _number(rate_ratio(base, one)) if base else "",
                _number(one.median(lambda r: r.cpu_ms)),
                _number(cpu_ratio(base, one)) if base else "",
                *map(_number, medians),
                str(one.failures),
                f"{one.likeness.near:.2%}" if one.likeness else "",
            )


def _memory_rows(memories: Sequence[Memory]) -> Iterator[tuple[str, ...]]:
    for one in memories:
        yield (
            one.rival,
            _number(one.cold_s),
            _number(one.start_s),
            _number(one.start_mb),
            _number(one.after_mb),
            f"{one.tiles:,}",
        )


_MEMORY_COLUMNS = ("server", "first start s", "second start s", "MB after start", "MB after", "that many tiles")


def _target_rows(findings: Sequence[Finding], memories: Sequence[Memory]) -> Iterator[tuple[str, ...]]:
    for one in targets(findings, memories):
        yield one.what, one.wanted, one.found, "met" if one.is_met else "missed"


_TARGET_COLUMNS = ("target", "wanted", "found", "")


def text(findings: Sequence[Finding], memories: Sequence[Memory], about: Sequence[str]) -> str:
    """For a terminal."""
    tables: list[tuple[Sequence[str], list[tuple[str, ...]], int]] = [(_COLUMNS, list(_rows(findings)), 2)]
    if memories:
        tables.append((_MEMORY_COLUMNS, list(_memory_rows(memories)), 1))
    tables.append((_TARGET_COLUMNS, list(_target_rows(findings, memories)), 1))
    return "\n".join([*about, ""] + ["\n".join(_plain(*table)) + "\n" for table in tables])


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> Iterator[str]:
    """Lines of a table; the first columns are texts, the others numbers."""
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    for row in (columns, *rows):
        cells = (
            c.ljust(w) if place < texts else c.rjust(w) for place, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def write(folder: Path, findings: Sequence[Finding], memories: Sequence[Memory], about: Sequence[str]) -> None:
    """The page `benchmarks.md` and its plot."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    bars = [
        plot.Bar(
            name=finding.scenario.name,
            value=cpu_ratio(base, us),
            second=cpu_ratio(base, uncached) if (uncached := finding.of(UNCACHED)) else None,
            target=None if finding.scenario.by_rate else finding.scenario.target,
        )
        for finding in findings
        if (base := finding.of(TITILER)) and (us := finding.us)
    ]
    (folder / "pictures" / "benchmarks.svg").write_text(plot.svg(bars))
    (folder / "benchmarks.md").write_text(page(findings, memories, about))


_WORDS = """`make bench` makes the data, starts the servers and writes this page; nothing in it is written by hand.

*CPU ms* is user and system time of all processes of a server per tile; *x* and *x CPU* say how many times better than
TiTiler: in tiles per second and in CPU time. *near* is the share of cells that both show whose values differ from
TiTiler's by one level at most (eight in JPEG and WebP, which lose some). With *caches off*, decoded blocks and tiles
are made anew for each request; with *tiles kept*, tiles asked before are answered from memory; else there are 200 MB
for blocks, and none for tiles."""


def page(findings: Sequence[Finding], memories: Sequence[Memory], about: Sequence[str]) -> str:
    """The page."""
    parts = ["# Benchmarks", _WORDS, "\n".join(f"- {line}" for line in about)]
    parts.append("![CPU time per tile, TiTiler / ogcapi](pictures/benchmarks.svg)")
    parts += ["## What is to be reached", _markdown(_TARGET_COLUMNS, _target_rows(findings, memories), 1)]
    if memories:
        parts += ["## Start and memory", _markdown(_MEMORY_COLUMNS, _memory_rows(memories), 1)]
    parts += ["## Every scenario", _markdown(_COLUMNS, _rows(findings), 2)]
    parts.append("\n".join(f"- **{one.scenario.name}**: {describe(one.scenario)}" for one in findings))
    return "\n\n".join(parts) + "\n"


def _markdown(columns: Sequence[str], rows: Iterator[tuple[str, ...]], texts: int) -> str:
    rule = ["---" if place < texts else "---:" for place in range(len(columns))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rule, *rows))


_DATA = {
    "scene16": "16-bit red, green and blue in UTM, deflate",
    "scene8_jpeg": "8-bit colours in UTM, JPEG with a mask",
    "scene8_webp": "8-bit colours in UTM, WebP with a mask",
    "aligned_jpeg": "a JPEG whose blocks are tiles of WebMercatorQuad",
    "aligned16": "16-bit colours whose blocks are tiles of WebMercatorQuad",
    "heights": "32-bit heights in UTM",
    "earth-1": "rasters of heights side by side",
    "earth-4": "rasters of heights, four over each place",
    "earth-16": "rasters of heights, sixteen over each place",
    "mars-1": "rasters of Mars side by side",
    "mars-4": "rasters of Mars, four over each place",
    "mars-16": "rasters of Mars, sixteen over each place",
    "crowd": "sixteen rasters over each place, in a document that lists 100,000 more elsewhere",
}


def describe(scenario: Scenario) -> str:
    """What is asked, in words."""
    order = {"panning": "a screen that moves"}.get(scenario.tiles, "random tiles")
    parts = [
        _DATA[scenario.data],
        *(["behind a web server that takes 30 ms for each answer"] if scenario.remote else []),
        "one tile again and again" if scenario.repeated else order,
        "as " + {"png": "PNG", "jpeg": "JPEG", "webp": "WebP", "tif": "GeoTIFF", "npy": "NumPy array"}[scenario.form],
        *([f"in the colours of {scenario.colormap}"] if scenario.colormap else []),
        *([scenario.resampling] if scenario.resampling != "nearest" else []),
        *([f"{scenario.method} of all"] if scenario.method != "first" else []),
        f"{scenario.connections} clients",
    ]
    return ", ".join(parts)


def as_json(findings: Sequence[Finding], memories: Sequence[Memory], about: Sequence[str]) -> dict[str, Any]:
    """All numbers."""
    return {
        "about": list(about),
        "scenarios": {one.scenario.name: [result.document() for result in one.results] for one in findings},
        "memory": [asdict(one) for one in memories],
        "targets": [asdict(one) for one in targets(findings, memories)],
    }
