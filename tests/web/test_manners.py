"""HTTP manners: methods, tags, compression, proxies, problems."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ogcapi.config import ConfigMistakes
from tests.web.conftest import Serve
from tests.web.raw import raw

TILE = "/collections/mola/map/tiles/MarsMercatorSphere/0/0/0"
PAGES = {"Accept": "text/html"}
RELIEF = "resources: {relief: {providers: [{name: COG, data: demo/earth/relief.tif}]}}"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a place where nobody can write")
def test_a_log_that_cannot_be_written_is_a_mistake_of_the_configuration(serve: Serve) -> None:
    with pytest.raises(ConfigMistakes, match=r"'/proc/ogcapi\.log' was given; expected a file that can"):
        serve("logging: {logfile: /proc/ogcapi.log}\nresources: {}\n")


@pytest.mark.parametrize("path", ["/", "/collections", "/collections/mola", "/tileMatrixSets", "/api", TILE])
def test_head_answers_like_get_without_a_body(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("content-type", "etag", "content-length", "vary", "cache-control"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("path", ["/", TILE, "/nowhere"])
def test_options_says_what_is_allowed_and_lets_other_hosts_ask(client: TestClient, path: str) -> None:
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"}
    answer = client.options(path, headers={**headers, "Access-Control-Request-Headers": "x-custom"})
    assert answer.status_code == 204
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "x-custom"


@pytest.mark.parametrize("path", ["/", TILE, "/nowhere", "/collections/mola?x=1"])
def test_every_answer_may_be_read_by_other_hosts(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Origin": "https://example.com"}).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_a_problem_that_names_the_allowed_ones(client: TestClient, method: str) -> None:
    answer = client.request(method, "/collections")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/", "/collections", "/collections/mola", "/api", TILE, "/static/style.css"])
def test_what_a_client_has_is_not_sent_again(client: TestClient, path: str) -> None:
    tag = client.get(path).headers["etag"]
    assert not tag.startswith("W/")
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": known})
        if path.startswith("/static") and known == "*":
            continue
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_tags_differ_with_everything_that_changes_the_bytes(client: TestClient) -> None:
    asked = [
        ("/collections/mola", {}),
        ("/collections/mola", {"Accept-Encoding": "identity"}),
        ("/collections/mola", PAGES),
        ("/collections/mola", {"Host": "other.example"}),
        (f"{TILE}?f=png", {}),
        (f"{TILE}?f=jpeg", {}),
        (f"{TILE}?f=png&width=512&height=512", {}),
        (TILE.replace("map/", "styles/gray/map/"), {}),
        (TILE.replace("0/0/0", "1/0/0"), {}),
    ]
    answers = [client.get(path, headers=headers) for path, headers in asked]
    assert len({answer.headers["etag"] for answer in answers}) == len(asked)


def test_an_unchanged_tile_is_confirmed_without_reading_it(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = client.get(TILE).headers["etag"]
    collection = client.app.state.site.catalog["mola"]  # type: ignore[attr-defined]

    def read(*_: object) -> None:
        raise AssertionError("the tile was read")

    monkeypatch.setattr(type(collection.coverage), "read", read)
    assert client.get(TILE, headers={"If-None-Match": tag}).status_code == 304


def test_documents_are_compressed_for_those_who_ask_and_images_never(client: TestClient) -> None:
    def encoding(path: str, accepted: str) -> str | None:
        return client.get(path, headers={"Accept-Encoding": accepted}).headers.get("content-encoding")

    assert encoding("/collections", "gzip") == "gzip"
    assert encoding("/collections", "br, gzip;q=0.5") == "gzip"
    assert encoding("/collections", "identity") is None
    assert encoding("/collections", "gzip;q=0") is None
    assert encoding(TILE, "gzip") is None
    assert encoding("/static/style.css", "gzip") == "gzip"
    assert encoding("/static/style.css", "identity") is None
    texts = {client.get("/static/style.css", headers={"Accept-Encoding": name}).text for name in ("gzip", "identity")}
    assert len(texts) == 1
    plain = client.get("/collections", headers={"Accept-Encoding": "identity"}).json()
    assert client.get("/collections", headers={"Accept-Encoding": "gzip"}).json() == plain


def test_links_begin_with_the_address_that_the_client_used(client: TestClient) -> None:
    for host in ("example.org", "example.org:8080", "[::1]:8000", "127.0.0.1:9"):
        document = client.get("/collections/mola", headers={"Host": host}).json()
        ours = [link for link in document["links"] if link["rel"] not in {"license", "about"}]
        assert all(link["href"].startswith(f"http://{host}/") for link in ours)


FORWARDED = {"X-Forwarded-Host": "maps.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/geo"}


def home(client: TestClient, headers: dict[str, str]) -> str:
    return str(client.get("/", headers=headers).json()["links"][0]["href"])


def test_forwarded_headers_are_believed_of_trusted_proxies_only(client: TestClient) -> None:
    app = client.app
    assert home(TestClient(app, client=("127.0.0.1", 5)), FORWARDED) == "https://maps.example/geo/?f=json"
    assert home(TestClient(app, client=("10.1.2.3", 5)), FORWARDED) == "http://testserver/?f=json"


def test_networks_of_proxies_may_be_trusted(serve: Serve) -> None:
    app = serve(RELIEF + "\nserver: {trusted_proxies: [10.0.0.0/8]}").app
    assert home(TestClient(app, client=("10.1.2.3", 5)), FORWARDED) == "https://maps.example/geo/?f=json"
    assert home(TestClient(app, client=("127.0.0.1", 5)), FORWARDED) == "http://testserver/?f=json"


def test_the_configured_address_wins_and_its_path_is_the_prefix(serve: Serve) -> None:
    client = serve(RELIEF + "\nserver: {url: 'https://maps.example/geo/api/'}")
    assert home(client, {"Host": "inside"}) == "https://maps.example/geo/api/?f=json"
    for prefix in ("", "/geo/api"):
        assert client.get(f"{prefix}/collections/relief").json()["id"] == "relief"
        assert client.get(prefix or "/").status_code == 200
        assert client.get(f"{prefix}/static/style.css").status_code == 200


@pytest.mark.parametrize("host", ["<script>", "a b", "evil.example/path", "user@evil.example", "x" * 300 + "/"])
def test_a_host_that_is_none_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 400


def test_a_slash_more_or_less_is_the_same_resource(client: TestClient) -> None:
    for path in ("/collections/", "http://testserver//collections", "/collections//"):
        assert client.get(path).json() == client.get("/collections").json()


@pytest.mark.parametrize("path", ["/%zz", "/collections/%", "/collections/%ff", "/?f=%zz", "/collections/a%00b"])
def test_malformed_percent_encoding_is_a_bad_request(client: TestClient, path: str) -> None:
    assert raw(client, path).status_code == 400


@pytest.mark.parametrize("path", ["/nowhere", "/collections/nowhere", "/collections/mola/nowhere", f"{TILE}/0"])
def test_what_is_not_here_is_a_problem_as_json_or_as_a_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert problem["status"] == 404
    page = client.get(path, headers=PAGES)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert problem["title"] in page.text


@given(name=st.sampled_from(["x", "F", "bbox", "limit", "Collections", "a b", "é"]), value=st.text(max_size=20))
def test_an_unknown_parameter_is_refused_by_its_name(client: TestClient, name: str, value: str) -> None:
    for path in ("/", "/collections/mola", TILE):
        answer = client.get(path, params={name: value.replace("\ufffd", "").replace("\x00", "")})
        assert answer.status_code == 400
        assert answer.json()["parameter"] == name


def test_a_parameter_given_twice_is_refused(client: TestClient) -> None:
    assert client.get("/collections?f=json&f=json").status_code == 400


@pytest.mark.parametrize("f", ["xml", "", "JSON", "png", "text/xml"])
def test_a_format_that_is_not_offered_is_refused_with_those_that_are(client: TestClient, f: str) -> None:
    answer = client.get("/collections", params={"f": f})
    assert answer.status_code == 400
    assert "json" in answer.json()["expected"]


@pytest.mark.parametrize("f", ["json", "application/json", "html", "text/html"])
def test_f_takes_short_names_and_media_types_and_wins_over_accept(client: TestClient, f: str) -> None:
    answer = client.get("/collections", params={"f": f}, headers={"Accept": "image/png"})
    assert answer.headers["content-type"].startswith("application/json" if "json" in f else "text/html")


def test_what_cannot_be_accepted_is_not_acceptable(client: TestClient) -> None:
    answer = client.get("/collections", headers={"Accept": "application/xml"})
    assert answer.status_code == 406
    assert "application/json" in answer.json()["detail"]


def test_a_bug_is_a_bare_500_whose_text_is_only_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    collection = client.app.state.site.catalog["mola"]  # type: ignore[attr-defined]

    def read(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(type(collection.coverage), "read", read)
    logging.getLogger("ogcapi").addHandler(caplog.handler)
    answer = client.get(f"{TILE}?f=webp&width=77")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "a secret of the inside" in caplog.text


def test_pages_allow_no_other_host(client: TestClient) -> None:
    for path in ("/", "/collections", "/collections/mola", "/api", "/nowhere"):
        policy = client.get(path, headers=PAGES).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy


def test_probes_answer_and_name_what_cannot_be_served(serve: Serve) -> None:
    client = serve(RELIEF + "\n")
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "unavailable": {}}


def test_the_log_has_one_line_for_each_request_without_its_query(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(RELIEF + "\nserver: {access_log: json}")
    logging.getLogger("ogcapi.access").addHandler(caplog.handler)
    client.get("/collections?f=json&token=secret")
    line = json.loads(caplog.records[-1].getMessage())
    assert (line["method"], line["path"], line["status"]) == ("GET", "/collections", 400)
    assert "secret" not in caplog.text
