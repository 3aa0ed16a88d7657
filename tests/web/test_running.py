"""How requests are run, as clients of a real server meet it."""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogcapi.app import create_app
from ogcapi.config import load_config
from ogcapi.model.problem import Problem, Unavailable
from ogcapi.model.stop import check, needs_time
from ogcapi.sources.blocks import cores, shared_cache
from ogcapi.web.running import Workshop, threads_for
from tests.data import write_mosaic, write_raster
from tests.sources.files_over_http import Site, serving

WAIT_S = 20
TILE = "/collections/mosaic/coverage/tiles/WebMercatorQuad/6/31/32?f=npy"


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


class Client:
    """A connection that has asked for a path, and may go away."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name, body."""
        with self.socket, self.socket.makefile("rb") as file:
            head, _, body = file.read().partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body

    def go_away(self) -> None:
        self.socket.close()


@contextmanager
def listening(app: Starlette) -> Iterator[int]:
    """The port at which an application is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


class Slow:
    """A workshop of one thread and one place in the queue, whose work waits until it may go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun: list[str] = []
        self.workshop = Workshop(threads=1, waiting=1)
        routes = [
            Route("/data/{name}", self.workshop.endpoint(self.work)),
            Route("/document", lambda _: Response("quick")),
        ]
        self.app = Starlette(routes=routes, exception_handlers={Problem: self.refused})

    def work(self, request: Request) -> Response:
        self.begun.append(request.path_params["name"])
        assert self.go_on.wait(WAIT_S)
        return Response(request.path_params["name"])

    def refused(self, _: Request, problem: Exception) -> Response:
        assert isinstance(problem, Unavailable)
        return Response(status_code=problem.status, headers={"Retry-After": str(problem.retry_after_s)})


@pytest.fixture
def slow() -> Iterator[tuple[Slow, int]]:
    """It, at work for a first client already, and its port."""
    slow = Slow()
    with listening(slow.app) as port:
        try:
            first = Client(port, "/data/first")
            wait_until(lambda: slow.begun == ["first"])
            yield slow, port
            slow.go_on.set()
            assert first.answer()[2] == b"first"
        finally:
            slow.go_on.set()


def test_a_full_queue_refuses_data_and_documents_do_not_wait_behind_it(slow: tuple[Slow, int]) -> None:
    work, port = slow
    second = Client(port, "/data/second")
    wait_until(lambda: work.workshop.waiting == 1)
    for _ in range(3):
        status, headers, _ = Client(port, "/data/third").answer()
        assert (status, int(headers["retry-after"]) >= 1) == (503, True)
    assert Client(port, "/document").answer()[2] == b"quick"
    work.go_on.set()
    assert second.answer()[2] == b"second"
    assert work.begun == ["first", "second"]


def test_who_goes_away_leaves_the_queue_to_others_and_is_not_worked_for(slow: tuple[Slow, int]) -> None:
    work, port = slow
    for _ in range(3):
        leaving = Client(port, "/data/leaving")
        wait_until(lambda: work.workshop.waiting == 1)
        leaving.go_away()
        wait_until(lambda: work.workshop.waiting == 0)
    staying = Client(port, "/data/staying")
    work.go_on.set()
    assert staying.answer()[2] == b"staying"
    assert work.begun == ["first", "staying"]


def long_work() -> None:
    for _ in range(100):
        time.sleep(0.001)
        check()


@pytest.mark.parametrize(
    ("work", "is_at_once", "made_at_once"),
    [
        (lambda: None, True, True),
        (lambda: None, False, False),
        (needs_time, True, False),
        (long_work, True, False),
    ],
)
def test_only_what_takes_a_moment_is_made_where_it_came_in(
    work: Callable[[], None], is_at_once: bool, made_at_once: bool
) -> None:
    def made(_: Request) -> Response:
        work()
        return Response(threading.current_thread().name)

    async def loop(_: Request) -> Response:
        return Response(threading.current_thread().name)

    workshop = Workshop(threads=1, at_once=is_at_once)
    with listening(Starlette(routes=[Route("/made", workshop.endpoint(made)), Route("/loop", loop)])) as port:
        here = Client(port, "/loop").answer()[2]
        for _ in range(20):
            assert (Client(port, "/made").answer()[2] == here) == made_at_once


def test_after_vain_attempts_few_are_made_until_one_succeeds() -> None:
    attempts: list[bool] = []
    is_slow = True

    def made(_: Request) -> Response:
        attempts.append(threading.current_thread().name.startswith("data-"))
        if is_slow:
            needs_time()
        return Response()

    workshop = Workshop(threads=1, at_once=True)
    with listening(Starlette(routes=[Route("/made", workshop.endpoint(made))])) as port:
        for _ in range(64):
            assert Client(port, "/made").answer()[0] == 200
        assert attempts.count(True) == 64
        assert attempts.count(False) < 8
        is_slow = False
        for _ in range(32):
            assert Client(port, "/made").answer()[0] == 200
        attempts.clear()
        assert Client(port, "/made").answer()[0] == 200
        assert attempts == [False]


@given(st.integers(1, 256), st.integers(0, 1 << 40), st.integers(1, 64))
def test_processes_share_the_cores_and_the_memory_but_each_has_two_threads(
    cores: int, memory: int, workers: int
) -> None:
    threads = threads_for(cores, memory, workers)
    assert threads >= 2
    assert threads == 2 or threads * workers <= 2 * cores
    assert threads <= threads_for(cores, 2 * memory, workers)
    assert threads <= threads_for(cores + 1, memory, workers)
    assert threads >= threads_for(cores, memory, workers + 1)


class Log(logging.Handler):
    """Lines of the access log."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


@contextmanager
def remote_mosaic(folder: Path) -> Iterator[tuple[Site, int, Log]]:
    """The mean of three remote assets, served: where they come from, the port, and the log.

    Their headers are known, none of their blocks.
    """
    assets = folder / "assets"
    assets.mkdir()
    for number, value in enumerate((1, 2, 6)):
        values = np.full((512, 512), value, "float32")
        write_raster(
            assets / f"{number}.tif", values, bounds=(0, 0, 10, 10), tiled=True, blockxsize=256, blockysize=256
        )
    with serving(assets) as site:
        addresses = [f"{site.address}/{number}.tif" for number in range(3)]
        write_mosaic(folder / "mosaic.json", addresses, zoom=3, box=(0, 0, 10, 10))
        (folder / "config.yml").write_text(f"""
server: {{cache: {{tiles: 0, folder: {folder / "cache"}}}, absolute_hrefs: true}}
resources:
  mosaic: {{providers: [{{name: MosaicJSON, data: mosaic.json, options: {{mosaic_method: mean}}}}]}}
""")
        shared_cache().clear()
        app, log = create_app(load_config(folder / "config.yml", {}), workers=cores()), Log()  # so it is tried at once
        logging.getLogger("ogcapi.access").addHandler(log)
        with listening(app) as port:
            assert Client(port, "/collections/mosaic/coverage/tiles").answer()[0] == 200
            shared_cache().clear()
            site.requests.clear()
            site.gate.clear()
            try:
                yield site, port, log
            finally:
                site.gate.set()


def values_of(client: Client) -> set[float]:
    status, _, body = client.answer()
    assert status == 200
    return set(np.unique(np.load(io.BytesIO(body))))


def test_a_client_that_goes_away_stops_its_work_between_the_assets_of_a_mosaic(tmp_path: Path) -> None:
    with remote_mosaic(tmp_path) as (site, port, log):
        leaving = Client(port, TILE)
        wait_until(lambda: bool(site.gets))
        leaving.go_away()
        time.sleep(0.5)  # until the server has heard of it
        site.gate.set()
        wait_until(lambda: " 499 " in log.text)
        assert {path for _, path, _ in site.requests} == {"/0.tif"}
        assert values_of(Client(port, TILE)) == {3.0}
        assert {path for _, path, _ in site.requests} == {"/0.tif", "/1.tif", "/2.tif"}


def test_who_waits_for_the_same_blocks_as_one_who_goes_away_gets_them(tmp_path: Path) -> None:
    with remote_mosaic(tmp_path) as (site, port, log):
        leaving = Client(port, TILE)
        wait_until(lambda: bool(site.gets))
        staying = [Client(port, TILE) for _ in range(3)]
        leaving.go_away()
        time.sleep(0.5)  # until the server has heard of it
        site.gate.set()
        assert [values_of(client) for client in staying] == [{3.0}] * 3
        wait_until(lambda: " 499 " in log.text)
