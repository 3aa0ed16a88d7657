import http.server
import socket
import threading
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.problem import SourceFailed
from ogcapi.sources import hosts, storage
from ogcapi.sources.raster import open_file
from tests.data import forget_revisions, numbered, read_all, write_raster


def test_a_local_revision_changes_with_the_file_and_is_absent_with_it(tmp_path):
    path = tmp_path / "a.txt"
    assert storage.revision(str(path)) == storage.ABSENT
    path.write_text("one")
    first = storage.revision(str(path))
    path.write_text("other")
    assert storage.revision(str(path)) not in {first, storage.ABSENT}


def test_revisions_together_are_those_one_by_one_and_known_ones_need_no_threads(tmp_path, site, monkeypatch):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name)
    hrefs = [f"{site}/a.txt", str(tmp_path / "b.txt"), f"{site}/c.txt", f"{site}/none.txt", f"{site}/a.txt"]
    together = storage.revisions(hrefs)
    monkeypatch.setattr(storage, "ThreadPoolExecutor", None)
    assert storage.revisions(hrefs) == together
    forget_revisions()
    assert [storage.revision(href) for href in hrefs] == together


def test_a_remote_revision_is_that_of_the_server(tmp_path, site):
    (tmp_path / "a.txt").write_text("one")
    first = storage.revision(f"{site}/a.txt")
    assert first.endswith("-3")
    (tmp_path / "a.txt").write_text("four")
    forget_revisions()
    assert storage.revision(f"{site}/a.txt") != first
    assert storage.revision(f"{site}/none.txt") == storage.ABSENT
    assert storage.revision("http://127.0.0.1:9/a.txt") == storage.ABSENT


def test_an_address_that_allows_get_only_has_a_revision_too(tmp_path, site):
    (tmp_path / "signed.txt").write_text("four")
    assert storage.revision(f"{site}/signed.txt?key=1").endswith("-4")


def test_small_files_are_fetched_whole_up_to_a_limit(tmp_path, site):
    (tmp_path / "a.txt").write_text("hello")
    for href in (str(tmp_path / "a.txt"), f"{site}/a.txt", f"{site}/elsewhere"):
        assert storage.fetch(href, 5) == b"hello"
        with pytest.raises(SourceFailed, match="larger than 4 bytes"):
            storage.fetch(href, 4)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/none.txt", "answered 404"), ("/elsewhere/ftp", "could not be reached"), ("", "answered 404")],
)
def test_what_cannot_be_fetched_says_why(site, path, reason):
    with pytest.raises(SourceFailed, match=reason):
        storage.fetch(site + path, 100)


def test_a_local_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(SourceFailed, match="no such file"):
        storage.fetch(str(tmp_path / "none"), 100)


def test_names_for_the_public_keep_credentials_to_themselves():
    assert storage.public_name("https://me:secret@host:8000/a/b.tif?sig=1#x") == "https://host:8000/a/b.tif"
    assert storage.public_name("s3://bucket/a b.tif") == "s3://bucket/a b.tif"
    assert storage.public_name("../a.tif") == "../a.tif"


def test_relative_hrefs_are_relative_to_their_document():
    assert storage.resolved("a/b.tif", "https://host/x/mosaic.json?sig=1") == "https://host/x/a/b.tif"
    assert storage.resolved("../b.tif", "s3://bucket/x/y/mosaic.json") == "s3://bucket/x/b.tif"
    assert storage.resolved("s3://other/b.tif", "https://host/mosaic.json") == "s3://other/b.tif"


def test_a_remote_raster_is_read_like_a_local_one(tmp_path, site):
    write_raster(tmp_path / "a.tif", numbered(300, 300), bounds=(0, 0, 30, 30), tiled=True)
    source = open_file(f"{site}/a.tif?key=secret")
    assert (read_all(source, source.grid).values[0] == numbered(300, 300)).all()
    with pytest.raises(SourceFailed, match=r"could not be reached|answered 404") as failure:
        open_file(f"{site}/none.tif?key=secret")
    assert "secret" not in failure.value.detail


def test_a_remote_raster_that_changes_is_read_anew(tmp_path, site):
    write_raster(tmp_path / "a.tif", numbered(30, 30), bounds=(0, 0, 30, 30))
    source = open_file(f"{site}/a.tif")
    assert read_all(source, source.grid).values.max() == 29029
    write_raster(tmp_path / "a.tif", numbered(30, 30) + 1, bounds=(0, 0, 30, 30))
    forget_revisions()
    assert read_all(source, source.grid).values.max() == 29030


def test_an_object_store_is_read_by_its_own_addresses(tmp_path, site, monkeypatch):
    (tmp_path / "bucket").mkdir()
    write_raster(tmp_path / "bucket" / "a.tif", numbered(30, 30), bounds=(0, 0, 30, 30))
    host = site.removeprefix("http://")
    for name, value in {
        "AWS_NO_SIGN_REQUEST": "YES",
        "AWS_ENDPOINT_URL": site,  # obstore's names
        "AWS_REGION": "us-east-1",
        "AWS_S3_ENDPOINT": host,  # GDAL's
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
    }.items():
        monkeypatch.setenv(name, value)
    storage._store.cache_clear()
    try:
        assert storage.fetch("s3://bucket/a.tif", 10**6)[:2] == b"II"
        assert storage.revision("s3://bucket/a.tif").endswith(str((tmp_path / "bucket" / "a.tif").stat().st_size))
        assert storage.revision("s3://bucket/none.tif") == storage.ABSENT
        with pytest.raises(SourceFailed, match="could not be read from its store"):
            storage.fetch("s3://bucket/none.json", 100)
        source = open_file("s3://bucket/a.tif")
        assert (read_all(source, source.grid).values[0] == numbered(30, 30)).all()
    finally:
        storage._store.cache_clear()


def test_every_kind_of_store_has_its_own_scheme(monkeypatch):
    for name, value in {
        "GS_NO_SIGN_REQUEST": "YES",
        "AZURE_NO_SIGN_REQUEST": "YES",
        "AZURE_STORAGE_ACCOUNT_NAME": "a",
    }.items():
        monkeypatch.setenv(name, value)
    for scheme in storage.STORE_SCHEMES:
        assert storage.is_remote(f"{scheme}://bucket/a/b.tif")
        assert storage.stored_object(f"{scheme}://bucket/a/b.tif")[1] == "a/b.tif"
    storage._store.cache_clear()


# Hosts that do not answer


def test_a_host_that_does_not_answer_is_asked_once(tar_pit):
    began = time.monotonic()
    for number in range(30):
        assert storage.revision(f"{tar_pit.address}/{number}.tif") == storage.ABSENT
    with pytest.raises(SourceFailed, match="could not be reached"):
        storage.fetch(f"{tar_pit.address}/mosaic.json", 100)
    with pytest.raises(SourceFailed, match="could not be reached"):
        open_file(f"{tar_pit.address}/31.tif")
    assert len(tar_pit.taken) == 1
    assert time.monotonic() - began < 5 * storage.READ_S


def test_a_document_at_a_host_that_does_not_answer_is_asked_for_once(tar_pit):
    for name in ("a.json", "b.json"):
        with pytest.raises(SourceFailed, match="could not be reached"):
            storage.fetch(f"{tar_pit.address}/{name}", 100)
    assert len(tar_pit.taken) == 1


def test_a_host_that_refuses_is_asked_again_after_a_while(tmp_path, site, monkeypatch):
    (tmp_path / "a.txt").write_text("one")
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    assert storage.revision(f"{address}/a.txt") == storage.ABSENT
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", port), partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    )
    threading.Thread(target=server.serve_forever, args=(0.02,)).start()
    try:
        assert storage.revision(f"{address}/a.txt?again") == storage.ABSENT
        clock = time.monotonic
        monkeypatch.setattr(hosts.time, "monotonic", lambda: clock() + hosts._PAUSE_S)
        assert storage.revision(f"{address}/a.txt").endswith("-3")
        assert storage.revision(f"{address}/a.txt?again").endswith("-3")
    finally:
        server.shutdown()
        server.server_close()
    assert storage.revision(f"{site}/a.txt").endswith("-3")


def test_other_hosts_and_ports_are_asked_all_the_same(tmp_path, site, tar_pit):
    (tmp_path / "a.txt").write_text("one")
    assert storage.revision(f"{tar_pit.address}/a.txt") == storage.ABSENT
    assert storage.revision(f"{site}/a.txt").endswith("-3")


@given(user=st.sampled_from(["", "me@", "me:secret@"]), rest=st.sampled_from(["", "/", "/a/b.tif", "?x=/", "#x"]))
def test_a_host_is_one_whoever_asks_and_whatever_for(user, rest):
    assert hosts._host(f"http://{user}Host:80{rest}") == "http://host:80"


def test_a_file_that_alone_does_not_answer_takes_no_others_with_it():
    asked_at = time.monotonic()
    hosts.answered("http://host/a.tif")
    hosts.fell_silent("http://host/b.tif", asked_at)
    assert not hosts.is_silent("http://host/c.tif")
    hosts.fell_silent("http://host/b.tif", time.monotonic())
    assert hosts.is_silent("http://host/c.tif")
    hosts.answered("http://host/a.tif")
    assert not hosts.is_silent("http://host/c.tif")


def test_a_host_that_keeps_values_to_itself_is_not_asked_again(tmp_path, site, tar_pit):
    write_raster(tmp_path / "stuck.tif", numbered(30, 30), bounds=(0, 0, 30, 30))
    began = time.monotonic()
    for number in range(20):
        with pytest.raises(SourceFailed, match="could not be reached"):
            open_file(f"{site}/stuck.tif?{number}")
    assert time.monotonic() - began < 6 * storage.READ_S
