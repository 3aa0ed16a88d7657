import asyncio
import contextlib
import io
import struct
import threading
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks import client, fastcgi, plot
from tests.benchmarks.measure import Result, Round, cpu_ratio, rate_ratio, turns
from tests.benchmarks.pictures import likeness
from tests.benchmarks.slow_range import Slow, answer


def _round(cpu_ms: float, rate: float = 1) -> Round:
    return Round(rate=rate, cpu_ms=cpu_ms, p50_ms=0, p99_ms=0, kilobytes=0, count=1, failures=0)


def test_a_ratio_is_the_median_of_the_rounds_ratios_so_that_one_slow_round_changes_nothing() -> None:
    rival = Result(rival="one", rounds=[_round(10, 2), _round(1000, 0.1), _round(10, 2)])
    us = Result(rival="us", rounds=[_round(2, 8), _round(100, 1), _round(1, 10)])
    assert cpu_ratio(rival, us) == 10
    assert rate_ratio(rival, us) == pytest.approx(5)


def test_each_server_begins_in_one_round_of_as_many_as_there_are_servers() -> None:
    assert [turns(3, number) for number in range(4)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def _png(rgba: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG")
    return out.getvalue()


def test_pictures_are_compared_where_both_show_something() -> None:
    one = np.full((4, 4, 4), 255, np.uint8)
    other = one.copy()
    other[0, 0, 3] = 0  # not shown
    other[0, 1, 0] = 254  # near
    other[0, 2, 0] = 200  # neither
    found = likeness("png", [(_png(one), _png(other))])
    assert (found.shown, found.equal, found.near) == (15 / 16, 13 / 15, 14 / 15)


def test_a_gray_picture_is_the_same_as_one_in_colours_without_any() -> None:
    gray = np.arange(16, dtype=np.uint8).reshape(4, 4)
    rgba = np.dstack([gray, gray, gray, np.full_like(gray, 255)])
    found = likeness("png", [(_png(gray), _png(rgba))])
    assert (found.shown, found.equal) == (1, 1)


@pytest.fixture
def port():
    """A server of byte ranges without delay."""
    ready, found = threading.Event(), []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Slow({"a.tif": bytes(range(256)) * 40}, 0), "127.0.0.1", 0)
        found.extend([server.sockets[0].getsockname()[1], loop, asyncio.current_task()])
        ready.set()
        await server.serve_forever()

    thread = threading.Thread(target=lambda: _quiet(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield found[0]
    found[1].call_soon_threadsafe(found[2].cancel)
    thread.join(10)


def _quiet(work) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(work)


def test_the_client_gets_every_body_whole_and_in_order_and_counts_failures(port: int) -> None:
    outcome = client.run(port, ["/a.tif", "/none"], connections=3, count=20, keep=True)
    assert outcome.count == 20
    assert outcome.failures == 10
    assert [one.status for one in outcome.answers] == [200, 404] * 10
    assert all(one.body == bytes(range(256)) * 40 for one in outcome.answers[::2])
    assert outcome.bytes == 10 * 256 * 40


def test_the_client_says_that_nobody_answered() -> None:
    assert client.get(1, "/").status == 0


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [("bytes=2-5", 206, 2, 6), ("bytes=250-", 206, 250, 256), ("bytes=-3", 206, 253, 256), (None, 200, 0, 256)],
)
def test_a_range_is_answered_with_its_bytes(asked: str | None, status: int, start: int, end: int) -> None:
    content = bytes(range(256))
    lines = "GET /a HTTP/1.1\r\nHost: x" + (f"\r\nRange: {asked}" if asked else "")
    head, body = answer({"a": content}, lines.encode())
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert body == content[start:end]


def test_an_answer_of_fastcgi_is_complete_with_its_end_record() -> None:
    content = b"Content-Type: image/png\r\n\r\n" + bytes(range(256)) * 300
    records = b"".join(
        struct.pack("!BBHHBx", 1, kind, 1, len(part), 3) + part + b"\0\0\0"
        for kind, part in [(6, content[:60000]), (6, content[60000:]), (6, b""), (3, bytes(8))]
    )
    wire = fastcgi.FastCgi()
    assert wire.complete(records[:-1]) is not None  # padding after the end says nothing
    assert wire.complete(records[:60000]) is None
    assert wire.complete(records) == (200, 256 * 300)
    assert wire.body(records) == bytes(range(256)) * 300


def test_a_plot_is_xml_that_names_each_scenario() -> None:
    bars = [plot.Bar(name="one & two", value=30, second=3, target=20), plot.Bar(name="none", value=float("nan"), second=None, target=None)]  # fmt: skip # noqa: E501
    texts = [element.text for element in ET.fromstring(plot.svg(bars)).iter("{http://www.w3.org/2000/svg}text")]
    assert "one & two" in texts
    assert "none" not in texts
