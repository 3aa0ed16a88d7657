"""Measure this checkout against other tile servers: python -m tests.benchmarks.run [--quick] [--only NAME]."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from tests.benchmarks import data, mosaics, report, rivals, servers
from tests.benchmarks.client import run as ask
from tests.benchmarks.measure import FULL, QUICK, Pace, measure
from tests.benchmarks.report import Finding, Memory
from tests.benchmarks.rivals import Rival
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.servers import Server

OURS, UNCACHED, KEPT = "ogcapi", "ogcapi, caches off", "ogcapi, tiles kept"
_REMOTE_MS = 30
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a run works, and how fast."""

    folder: Path
    checkout: Path
    """Whose code is measured."""
    files: data.Data
    pace: Pace
    say: Say
    keys: set[str]
    """Those of `server.cache` that the configuration has."""

    def path(self, name: str) -> Path:
        """Something that the run writes."""
        return self.folder / name


@click.command()
@click.option("--quick", is_flag=True, help="Short rounds, and not every scenario: a few minutes.")
@click.option("--only", multiple=True, help="Scenarios whose name has this text; may be given several times.")
@click.option("--rounds", type=click.IntRange(1), help="Turns of each server. [default: 3; quick: 2]")
@click.option("--folder", type=click.Path(path_type=Path), default=rivals.CHECKOUT / ".bench", help="For the data.")
@click.option("--scene", type=click.IntRange(2048), default=data.Sizes.scene, help="Cells of a side of the scenes.")
@click.option("--memory/--no-memory", default=True, help="Whether start and memory are measured.")
@click.option("--checkout", type=click.Path(path_type=Path), default=rivals.CHECKOUT, help="Whose code is measured.")
def main(
    quick: bool, only: tuple[str, ...], rounds: int | None, folder: Path, scene: int, memory: bool, checkout: Path
) -> None:
    """Measure this checkout against other tile servers."""
    begin = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - begin:4.0f} s] {text}")

    pace = QUICK if quick else FULL
    pace = replace(pace, rounds=rounds or pace.rounds)
    chosen = [s for s in SCENARIOS if (s.is_quick or not quick) and (not only or any(text in s.name for text in only))]
    if not chosen:
        raise click.UsageError("No scenario has such a name: " + ", ".join(s.name for s in SCENARIOS))
    folder = folder.absolute()
    files = data.prepare(folder / "data", data.Sizes(scene=scene), say)
    (folder / "run").mkdir(exist_ok=True)
    servers.pin_client()
    keys = rivals.known_cache_keys(
        checkout.absolute(), folder / "run", files.folder, SCENARIOS[0], {"blocks": "200MB", "tiles": "64MB"}
    )
    bench = Bench(folder=folder / "run", checkout=checkout.absolute(), files=files, pace=pace, say=say, keys=keys)
    if not keys:
        say("the configuration has no server.cache.blocks and no server.cache.tiles: caches are as they are")
    with ExitStack() as stack:
        titiler = rivals.titiler(folder, files.folder, say)
        memories = list(_memories(bench, titiler)) if memory else []
        findings = _findings(bench, titiler, chosen, stack)
    context = report.context(rivals.titiler_version(folder) if titiler else "", quick, rounds=pace.rounds)
    (folder / "results.json").write_text(json.dumps(report.as_json(findings, memories, context), indent=1))
    click.echo("\n" + report.text(findings, memories, context))
    whole = not quick and not only and memory and checkout.resolve() == rivals.CHECKOUT
    docs = rivals.CHECKOUT / "docs" if whole else folder / "report"
    report.write(docs, findings, memories, context)
    say(f"written to {docs / 'benchmarks.md'}")


def _memories(bench: Bench, titiler: Rival | None) -> Iterator[Memory]:
    """Start and memory of servers of two single files, one with a colour map."""
    few = [one for one in SCENARIOS if one.name in {"scene-png", "heights-colormap"}]
    kept = bench.path("cache-start")
    shutil.rmtree(kept, ignore_errors=True)
    plain = _ours(bench, OURS, few, _cache(bench, kept, blocks=rivals.BLOCKS, tiles="0"), fills=True)
    paths = data.tiles_of(bench.files.sizes, few[0].tiles)
    for rival in (titiler, plain):
        if rival is None:
            continue
        with _running(bench, rival) as first:
            cold_s = first.start_s
        with _running(bench, rival) as server:
            start_mb = server.memory_mb()
            asked = [rival.path(few[0], tile) or "" for tile in paths]
            outcome = ask(
                server.port, asked, wire=server.wire, seconds=bench.pace.memory_s, count=bench.pace.memory_tiles
            )
            yield Memory(
                rival=rival.name,
                cold_s=cold_s,
                start_s=server.start_s,
                start_mb=start_mb,
                after_mb=server.memory_mb(),
                tiles=outcome.count,
                failures=outcome.failures,
            )
        bench.say(f"start and memory of {rival.name}")


def _findings(bench: Bench, titiler: Rival | None, chosen: Sequence[Scenario], stack: ExitStack) -> list[Finding]:
    """Every scenario, measured."""
    if any(one.remote for one in chosen):
        _serve_slowly(bench, chosen, stack)
    kept = bench.path("cache")
    every = [
        titiler,
        rivals.mapserver(bench.folder, bench.files.folder, chosen, bench.say),
        _ours(bench, OURS, chosen, _cache(bench, kept, blocks=rivals.BLOCKS, tiles="0"), fills=True),
    ]
    if bench.keys:
        every.append(_ours(bench, UNCACHED, chosen, _cache(bench, kept, blocks="0", tiles="0"), fills=False))
        repeated = [one for one in chosen if one.repeated]
        if repeated:
            cache = _cache(bench, kept, blocks=rivals.BLOCKS, tiles="64MB")
            every.append(_ours(bench, KEPT, repeated, cache, fills=True))
    running = {one.name: (one, stack.enter_context(_running(bench, one))) for one in every if one is not None}
    findings = []
    for scenario in chosen:
        tiles = data.tiles_of(bench.files.sizes, scenario.tiles)
        without = OURS if scenario.repeated and KEPT in running else KEPT
        asked = {name: pair for name, pair in running.items() if name != without}
        finding = Finding(scenario=scenario, results=measure(scenario, tiles, asked, bench.pace))
        findings.append(finding)
        bench.say(report.line(finding))
    return findings


def _ours(bench: Bench, name: str, scenarios: Sequence[Scenario], cache: Mapping[str, Any], *, fills: bool) -> Rival:
    folder = bench.files.folder
    return rivals.ours(name, bench.checkout, bench.folder, folder, scenarios, cache, fills=fills)


def _cache(bench: Bench, folder: Path, **wanted: str) -> dict[str, Any]:
    """The section `server.cache`, without keys that the configuration does not have."""
    known = {key: int(value) if value.isdigit() else value for key, value in wanted.items()}
    return {"folder": str(folder), **{key: value for key, value in known.items() if key in bench.keys}}


@contextmanager
def _running(bench: Bench, rival: Rival) -> Iterator[Server]:
    server = servers.start(
        rival.name,
        rival.command,
        log=bench.path(f"{rival.name.replace(' ', '-').replace(',', '')}.log"),
        ready=rival.ready,
        environment=rival.environment,
        wire=rival.wire,
        listens=rival.listens,
        folder=bench.files.folder,
    )
    try:
        yield server
    finally:
        server.stop()


def _serve_slowly(bench: Bench, chosen: Sequence[Scenario], stack: ExitStack) -> None:
    """Assets behind a web server that takes 30 ms for each answer, and the documents that list them there."""
    folder = bench.files.folder
    slow = servers.start(
        "slow ranges",
        lambda port: [sys.executable, "-m", "tests.benchmarks.slow_range", str(folder), str(port), str(_REMOTE_MS)],
        log=bench.path("slow-range.log"),
        ready=None,
        environment={"PYTHONPATH": str(rivals.CHECKOUT)},
        core=servers.CLIENT_CORE,
    )
    stack.callback(slow.stop)
    for one in chosen:
        if one.remote:
            overlaps = int(one.data.rpartition("-")[2])
            document = data.remote_document(bench.files.sizes, overlaps, f"http://127.0.0.1:{slow.port}/")
            mosaics.write(folder / one.document, document)


if __name__ == "__main__":
    main()
