"""Byte ranges: what is asked for arrives, of one revision of the file, or a problem says why not."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.problem import SourceFailed
from ogcapi.sources import ranges, storage
from ogcapi.sources.ranges import Changed, merged, read_ranges, read_start
from tests.sources.files_over_http import serving

CONTENT = bytes(range(256)) * 2000
TRUNCATED = "it may be truncated"
FILES = Path("/proc/self/fd")  # Linux


@pytest.fixture
def web(tmp_path):
    with serving(tmp_path) as site:
        yield site


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(ranges, "_WAITS_S", (0.0, 0.0))
    yield
    ranges.close_files()


@pytest.fixture(params=["local", "http"])
def href(request, tmp_path, web):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    return str(tmp_path / "a.bin") if request.param == "local" else f"{web.address}/a.bin?sig=secret"


def replace(path, content):
    """Another file under the same name."""
    other = path.with_suffix(".new")
    other.write_bytes(content)
    other.rename(path)


spans = st.lists(st.tuples(st.integers(0, len(CONTENT)), st.integers(0, 70_000)), max_size=12).map(
    lambda found: [(offset, min(length, len(CONTENT) - offset)) for offset, length in found]
)


@given(spans)
def test_each_span_is_what_the_file_holds_there(href, found):
    start = read_start(href)
    assert read_ranges(href, start.revision, found) == [CONTENT[o : o + n] for o, n in found]


@given(spans)
def test_requests_hold_all_spans_and_lie_apart(found):
    requests = merged(found)
    for start, stop, places in requests:
        assert all(start <= found[i][0] and sum(found[i]) <= stop for i in places)
    assert sorted(i for *_, places in requests for i in places) == [i for i, (_, length) in enumerate(found) if length]
    for (_, stop, _), (start, _, _) in pairwise(requests):
        assert start - stop > 65536


def test_requests_grow_to_a_limit_only():
    found = [(at << 20, 1 << 20) for at in range(20)]
    assert [stop - start for start, stop, _ in merged(found)] == [8 << 20, 8 << 20, 4 << 20]
    assert len(merged([(0, 100 << 20)])) == 1


def test_near_spans_are_one_request_and_far_ones_several(tmp_path, web):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    href = f"{web.address}/a.bin"
    start = read_start(href)
    assert (start.size, start.content) == (len(CONTENT), CONTENT[:65536])
    assert web.requests == [("GET", "/a.bin", "bytes=0-65535")]
    read_ranges(href, start.revision, [(70_000, 100), (71_000, 50), (100_000, 9), (500_000, 9)])
    assert sorted(web.gets[1:]) == ["bytes=500000-500008", "bytes=70000-100008"]
    assert storage.revision(href) == start.revision
    assert all(method == "GET" for method, *_ in web.requests)  # the answers themselves tell the revision


def test_a_file_shorter_than_the_start_is_read_whole(tmp_path, web):
    (tmp_path / "a.bin").write_bytes(b"short")
    for href in (str(tmp_path / "a.bin"), f"{web.address}/a.bin"):
        assert read_start(href).content == b"short"
        assert read_start(href).size == 5


def test_an_empty_file_has_no_content(tmp_path, web):
    (tmp_path / "a.bin").write_bytes(b"")
    for href in (str(tmp_path / "a.bin"), f"{web.address}/a.bin"):
        assert read_start(href).content == b""
    assert read_start(str(tmp_path)).content == b""  # neither has a folder


def test_spans_beyond_the_end_are_refused_before_memory_is_taken(href):
    start = read_start(href)
    for span in [(len(CONTENT) - 5, 6), (1 << 62, 10), (10, 1 << 62)]:
        with pytest.raises(SourceFailed, match=TRUNCATED):
            read_ranges(href, start.revision, [(0, 10), span])


def test_a_file_that_is_replaced_is_noticed(tmp_path, href):
    start = read_start(href)
    read_ranges(href, start.revision, [(0, 10)])
    replace(tmp_path / "a.bin", CONTENT[::-1])
    with pytest.raises(Changed):
        read_ranges(href, start.revision, [(0, 10)])
    again = read_start(href)
    assert again.revision != start.revision
    assert read_ranges(href, again.revision, [(0, 10)]) == [CONTENT[::-1][:10]]


def test_a_file_that_is_rewritten_in_place_is_noticed(tmp_path, href):
    start = read_start(href)
    with (tmp_path / "a.bin").open("r+b") as file:
        file.seek(100_000)
        file.write(b"other")
    with pytest.raises(Changed):
        read_ranges(href, start.revision, [(0, 10)])


def test_a_change_between_the_first_byte_and_the_last_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    start = read_start(str(path))
    whole = ranges._Descriptor.read

    def read(self, offset, length):
        content = whole(self, offset, length)
        if offset == 0:
            replace(path, CONTENT[::-1])
        return content

    monkeypatch.setattr(ranges._Descriptor, "read", read)
    with pytest.raises(Changed):
        read_ranges(str(path), start.revision, [(0, 10), (100, 10)])


def test_a_file_that_has_gone_is_noticed(tmp_path, href):
    start = read_start(href)
    (tmp_path / "a.bin").unlink()
    with pytest.raises(SourceFailed):
        read_ranges(href, start.revision, [(0, 10)])
    with pytest.raises(SourceFailed):
        read_start(href)


def test_the_start_of_a_file_waits_until_later_changes_would_show(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    read_start(str(path))
    assert time.time_ns() - path.stat().st_mtime_ns >= 20_000_000
    future = time.time() + 1000
    os.utime(path, (future, future))  # by another machine's clock
    before = time.monotonic()
    read_start(str(path))
    assert time.monotonic() - before < 1


def test_without_an_etag_size_and_date_tell_the_revision(tmp_path, web):
    web.has_etags = False
    (tmp_path / "a.bin").write_bytes(CONTENT)
    href = f"{web.address}/a.bin"
    start = read_start(href)
    replace(tmp_path / "a.bin", CONTENT[:-1])
    with pytest.raises(Changed):
        read_ranges(href, start.revision, [(0, 10)])


@pytest.mark.parametrize("statuses", [[500], [503, 502], [429]])
def test_servers_are_asked_again_where_that_may_help(tmp_path, web, statuses):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    web.statuses = list(statuses)
    assert read_start(f"{web.address}/a.bin").content == CONTENT[:65536]
    assert len(web.requests) == 1 + len(statuses)


@pytest.mark.parametrize(
    ("statuses", "reason", "asked"),
    [([403], "answered 403", 1), ([404], "answered 404", 1), ([500] * 3, "answered 500", 3)],
)
def test_what_a_server_refuses_is_said(tmp_path, web, statuses, reason, asked):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    web.statuses = list(statuses)
    with pytest.raises(SourceFailed, match=reason) as failure:
        read_start(f"{web.address}/a.bin?sig=secret")
    assert "secret" not in failure.value.detail
    assert "a.bin" in failure.value.detail
    assert len(web.requests) == asked


def test_an_answer_that_breaks_off_is_an_error(tmp_path, web):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    href = f"{web.address}/a.bin"
    start = read_start(href)
    web.cut = 5
    with pytest.raises(SourceFailed):
        read_ranges(href, start.revision, [(0, 100)])
    with pytest.raises(SourceFailed):
        read_start(href)


def test_a_server_without_ranges_is_refused(tmp_path, web):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    web.has_ranges = False
    with pytest.raises(SourceFailed, match="no byte ranges"):
        read_start(f"{web.address}/a.bin")


def test_a_slow_server_costs_the_time_limit_and_no_more(tmp_path, web, monkeypatch):
    monkeypatch.setattr(ranges, "LIMIT_S", 0.3)
    (tmp_path / "a.bin").write_bytes(CONTENT)
    web.pause_s = 0.05
    before = time.monotonic()
    with pytest.raises(SourceFailed, match="too slow"):
        read_start(f"{web.address}/a.bin")
    assert time.monotonic() - before < 2


def test_a_server_that_is_not_there_is_said():
    with pytest.raises(SourceFailed, match="could not be reached"):
        read_start("http://127.0.0.1:9/a.tif")


def test_only_so_many_files_stay_open(tmp_path, monkeypatch):
    ranges.close_files()
    monkeypatch.setattr(ranges, "_DESCRIPTORS", 3)
    for number in range(9):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(CONTENT)
        start = read_start(str(path))
        assert read_ranges(str(path), start.revision, [(5, 5)]) == [CONTENT[5:10]]
    assert len(ranges._descriptors) == 3
    if FILES.is_dir():
        assert sum(is_in(link, tmp_path) for link in FILES.iterdir()) <= 3


def is_in(link, folder):
    try:
        return link.readlink().is_relative_to(folder)
    except OSError:
        return False


def test_objects_in_a_store_are_read_like_files(tmp_path, web, monkeypatch):
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "a.bin").write_bytes(CONTENT)
    for name, value in {
        "AWS_NO_SIGN_REQUEST": "YES",
        "AWS_ENDPOINT_URL": web.address,
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    storage._store.cache_clear()
    try:
        href = "s3://bucket/a.bin"
        start = read_start(href)
        assert (start.size, start.content) == (len(CONTENT), CONTENT[:65536])
        assert read_ranges(href, start.revision, [(70_000, 10), (400_000, 5)]) == [
            CONTENT[70_000:70_010],
            CONTENT[400_000:400_005],
        ]
        replace(tmp_path / "bucket" / "a.bin", CONTENT[::-1])
        with pytest.raises(Changed):
            read_ranges(href, start.revision, [(0, 10)])
        with pytest.raises(SourceFailed):
            read_start("s3://bucket/none.bin")
    finally:
        storage._store.cache_clear()
