"""Rounds in which servers take turns, and what comes of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tests.benchmarks.client import Outcome, get, run
from tests.benchmarks.pictures import Likeness, likeness
from tests.benchmarks.quadtree import Tile
from tests.benchmarks.rivals import Rival
from tests.benchmarks.scenarios import Scenario

if TYPE_CHECKING:  # it needs Linux
    from tests.benchmarks.servers import Server


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long everything takes."""

    rounds: int
    round_s: float
    warm_s: float
    """For a server to fill its caches before it is measured."""
    settle_s: float = 0.3
    """For a server that has none that outlive a request."""
    compared: int
    """Tiles of each scenario whose pictures are compared."""
    memory_tiles: int = 5000
    memory_s: float
    """Until the tiles of the memory test are given up."""


QUICK = Pace(rounds=2, round_s=0.7, warm_s=1.5, compared=6, memory_s=5)
FULL = Pace(rounds=3, round_s=2.5, warm_s=8, compared=16, memory_s=60)


@dataclass(frozen=True, kw_only=True)
class Round:
    """One turn of one server."""

    rate: float
    """Tiles per second."""
    cpu_ms: float
    """User and system time per tile."""
    p50_ms: float
    p99_ms: float
    kilobytes: float
    """Per tile."""
    count: int
    failures: int


def round_of(outcome: Outcome, cpu_s: float) -> Round:
    """A turn, from what the client saw and what the server's processes used."""
    count = max(outcome.count, 1)
    return Round(
        rate=outcome.count / max(outcome.seconds, 1e-9),
        cpu_ms=1000 * cpu_s / count,
        p50_ms=1000 * outcome.percentile_s(50),
        p99_ms=1000 * outcome.percentile_s(99),
        kilobytes=outcome.bytes / count / 1000,
        count=outcome.count,
        failures=outcome.failures,
    )


@dataclass(kw_only=True)
class Result:
    """All turns of one server at one scenario."""

    rival: str
    rounds: list[Round] = field(default_factory=list)
    likeness: Likeness | None = None
    """With the first server's pictures."""
    refused: str = ""
    """Why it was not measured."""

    def median(self, what: Callable[[Round], float]) -> float:
        """Of all turns."""
        return statistics.median(map(what, self.rounds)) if self.rounds else float("nan")

    @property
    def failures(self) -> int:
        """Of all turns together."""
        return sum(one.failures for one in self.rounds)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def ratio(above: Sequence[Round], below: Sequence[Round], what: Callable[[Round], float]) -> float:
    """The median of the ratios within each round: what slows a whole round down slows both."""
    pairs = list(zip(above, below, strict=False))
    return statistics.median(what(one) / max(what(other), 1e-9) for one, other in pairs) if pairs else float("nan")


def cpu_ratio(rival: Result, us: Result) -> float:
    """The rival's CPU time per tile in ours."""
    return ratio(rival.rounds, us.rounds, lambda one: one.cpu_ms)


def rate_ratio(rival: Result, us: Result) -> float:
    """Our tiles per second in the rival's."""
    return ratio(us.rounds, rival.rounds, lambda one: one.rate)


def turns(count: int, number: int) -> list[int]:
    """The order of so many servers in a round: each time another one begins."""
    order = list(range(count))
    return order[number % count :] + order[: number % count]


def measure(
    scenario: Scenario, tiles: Sequence[Tile], servers: Mapping[str, tuple[Rival, Server]], pace: Pace
) -> list[Result]:
    """A scenario, asked of servers by turns, and the pictures compared with those of the first."""
    results = []
    asked: list[tuple[Result, Rival, Server, list[str]]] = []
    for name, (rival, server) in servers.items():
        paths = [path for tile in tiles if (path := rival.path(scenario, tile)) is not None]
        if not paths:
            continue
        result = Result(rival=name)
        results.append(result)
        first = get(server.port, paths[0], server.wire)
        if first.status == 200:
            asked.append((result, rival, server, paths))
        else:
            result.refused = f"{first.status} {first.body[:200].decode(errors='replace')} at {paths[0]}"
    after = {}
    for result, rival, server, paths in asked:
        seconds = 0.0 if scenario.remote else pace.warm_s if rival.fills_caches else pace.settle_s
        warm = run(
            server.port,
            paths,
            wire=server.wire,
            connections=scenario.connections,
            seconds=seconds,
            count=max(len(paths), 10),
        )
        after[result.rival] = warm.count
    for number in range(pace.rounds):
        for turn in turns(len(asked), number):
            result, _, server, paths = asked[turn]
            before_s = server.cpu_s()
            outcome = run(
                server.port,
                paths,
                wire=server.wire,
                connections=scenario.connections,
                seconds=pace.round_s,
                first=after[result.rival],
            )
            after[result.rival] += outcome.count
            result.rounds.append(round_of(outcome, server.cpu_s() - before_s))
    _compare(scenario, asked, pace.compared)
    return results


def _compare(scenario: Scenario, asked: Sequence[tuple[Result, Rival, Server, list[str]]], count: int) -> None:
    pictures = []
    for _, _, server, paths in asked:
        spread = paths[:: max(1, len(paths) // count)][:count]
        pictures.append([one.body for one in run(server.port, spread, wire=server.wire, keep=True).answers])
    for (result, *_), own in zip(asked[1:], pictures[1:], strict=True):
        result.likeness = likeness(scenario.form, list(zip(pictures[0], own, strict=False)))
