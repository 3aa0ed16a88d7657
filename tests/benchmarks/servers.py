"""Processes of servers: started on a core of their own, measured with all their children, always ended."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.benchmarks.client import HOST, Http, Wire, get

START_TIMEOUT_S = 120
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_DIE_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = _CORES[0], _CORES[-1]


def pin_client() -> None:
    """Leave the servers' core to them."""
    os.sched_setaffinity(0, {CLIENT_CORE})


@dataclass(kw_only=True)
class Server:
    """A running server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    wire: Wire = field(default_factory=Http)
    start_s: float = 0.0
    """From the command to the first answer."""

    def cpu_s(self) -> float:
        """User and system time of the process and all that it started."""
        return sum(sum(map(int, stat[11:15])) for _, stat in self._processes()) * _TICK_S

    def memory_mb(self) -> float:
        """Proportional set size of the process and all that it started."""
        total = 0
        for pid, _ in self._processes():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:  # it has just ended
                continue
            total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
        return total / 1024

    def _processes(self) -> Iterator[tuple[int, list[str]]]:
        """Number and state of each process of the server's session, from its state on."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat[3]) == self.process.pid:
                yield int(entry.name), stat

    def stop(self) -> None:
        """End it with all that it started."""
        for sent in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sent)
                self.process.wait(5)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()


class NotStarted(Exception):
    """A server did not start; says where its log is."""


def start(
    name: str,
    command: Callable[[int], Sequence[str]],
    *,
    log: Path,
    ready: str | None,
    environment: Mapping[str, str] | None = None,
    core: int = SERVER_CORE,
    wire: Wire | None = None,
    listens: bool = True,
    folder: Path | None = None,
) -> Server:
    """Start a server of a port, and wait until `ready` is answered with 200 (None: until it accepts connections).

    Where it does not listen itself, it gets a listening socket as its standard input, as FastCGI has it.
    `folder` is where it runs: relative paths in mosaic documents begin there for some servers.
    """
    wire = wire or Http()
    listener = None if listens else socket.create_server((HOST, 0), backlog=128)
    port = free_port() if listener is None else listener.getsockname()[1]
    begin = time.monotonic()
    with log.open("ab") as output:
        process = _process(command(port), environment, core, output, listener, folder)
    if listener is not None:
        listener.close()
    server = Server(name=name, port=port, process=process, wire=wire)
    try:
        while not _answers(server, ready):
            if process.poll() is not None or time.monotonic() - begin > START_TIMEOUT_S:
                raise NotStarted(f"{name} did not start; its log is {log}")
            time.sleep(0.02)
    except BaseException:
        server.stop()
        raise
    server.start_s = time.monotonic() - begin
    return server


def _process(
    command: Sequence[str],
    environment: Mapping[str, str] | None,
    core: int,
    output: IO[bytes],
    listener: socket.socket | None,
    folder: Path | None,
) -> subprocess.Popen[bytes]:
    library = ctypes.CDLL(None)

    def before() -> None:
        library.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.sched_setaffinity(0, {core})

    return subprocess.Popen(
        command,
        stdin=listener.fileno() if listener is not None else subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        cwd=folder,
        start_new_session=True,
        preexec_fn=before,  # noqa: PLW1509 - there are no threads here
    )


def _answers(server: Server, ready: str | None) -> bool:
    if ready is not None:
        return get(server.port, ready, server.wire).status == 200
    try:
        socket.create_connection((HOST, server.port), 1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port
