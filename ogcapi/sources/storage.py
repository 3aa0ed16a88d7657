"""Where files lie: local paths, http(s) addresses, object stores. Their revisions, and small ones whole."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx
import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from ogcapi.model.problem import SourceFailed

WEB_SCHEMES = ("http", "https")
STORE_SCHEMES = ("s3",)
ABSENT = "absent"
"""The revision of what cannot be reached."""

_CONNECT_S, _READ_S = 5.0, 15.0
_LOOK_AGAIN_S = 10.0
_ABSENT_S = 30.0  # until something remote that could not be reached is asked again: each attempt may last a timeout
_MAX_KNOWN = 200_000  # revisions kept
_MAX_REDIRECTS = 5


def is_remote(href: str) -> bool:
    """Whether an href is a URL that can be read, not a path. Raises `SourceFailed` for any other scheme."""
    scheme, separator, _ = href.partition("://")
    if not separator:
        return False
    if scheme.lower() in (*WEB_SCHEMES, *STORE_SCHEMES):
        return True
    schemes = ", ".join((*WEB_SCHEMES, *STORE_SCHEMES))
    raise SourceFailed(public_name(href), f"the scheme {scheme!r} is not known; expected a path or one of {schemes}")


def public_name(href: str) -> str:
    """An href as logs and answers may show it: no user, password, query or fragment."""
    if "://" not in href:
        return href
    parts = urlsplit(href)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def short_name(href: str) -> str:
    """The last part of an href alone: what strangers may know of where it is."""
    name = urlsplit(href).path if "://" in href else href
    return name.rstrip("/").rpartition("/")[2] or "the source"


def resolved(href: str, base: str) -> str:
    """An href that a remote document at `base` gives, as an address of its own."""
    if "://" in href:
        return href
    scheme, _, rest = base.partition("://")
    if scheme in WEB_SCHEMES:
        return urljoin(base, href)
    return f"{scheme}://" + urljoin(f"//{rest}", href).removeprefix("//")


@dataclass(frozen=True)
class _Revisions:
    """Revisions as they were seen in the last seconds, and the monotonic time at which to look again."""

    known: OrderedDict[str, tuple[float, str]] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, href: str) -> str:
        with self.lock:
            look_at, text = self.known.get(href, (0.0, ""))
        if time.monotonic() < look_at:
            return text
        text = _look(href)
        wait_s = _ABSENT_S if text == ABSENT and is_remote(href) else _LOOK_AGAIN_S
        with self.lock:
            self.known[href] = time.monotonic() + wait_s, text
            self.known.move_to_end(href)
            while len(self.known) > _MAX_KNOWN:
                self.known.popitem(last=False)
        return text

    def forget(self) -> None:
        with self.lock:
            self.known.clear()


_revisions = _Revisions()


def revision(href: str) -> str:
    """A text that changes when the file does, the same in every process; `ABSENT` where it cannot be reached.

    Looked at again at most every ten seconds.
    """
    return _revisions.get(href)


def forget_revisions() -> None:
    """Look at every file again when next asked."""
    _revisions.forget()


def _look(href: str) -> str:
    if not is_remote(href):
        try:
            status = Path(href).stat()
        except OSError:
            return ABSENT
        return f"{status.st_mtime_ns}-{status.st_size}"
    return _web_revision(href) if urlsplit(href).scheme in WEB_SCHEMES else _store_revision(href)


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    timeout = httpx.Timeout(_READ_S, connect=_CONNECT_S)
    return httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=_MAX_REDIRECTS)


def _web_revision(href: str) -> str:
    try:
        answer = _client().head(href)
        if answer.status_code in {403, 405, 501}:  # signed addresses often allow nothing but GET
            with _client().stream("GET", href, headers={"Range": "bytes=0-0"}) as answer:
                pass
    except (httpx.HTTPError, httpx.InvalidURL):
        return ABSENT
    if not answer.is_success:
        return ABSENT
    told = answer.headers
    length = told.get("content-range", told.get("content-length", "")).rpartition("/")[2]
    return "-".join(filter(None, (told.get("etag") or told.get("last-modified"), length))) or "present"


def _store_revision(href: str) -> str:
    try:
        found = obstore.head(*_object(href))
    except (BaseError, OSError, ValueError):
        return ABSENT
    return f"{found.get('e_tag') or found['last_modified'].isoformat()}-{found['size']}"


def _object(href: str) -> tuple[S3Store, str]:
    """The store and the key that an address names."""
    parts = urlsplit(href)
    return _store(parts.netloc), parts.path.lstrip("/")


@lru_cache(maxsize=64)
def _store(bucket: str) -> S3Store:
    """A bucket, with the credentials of the environment."""
    unsigned = os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in {"YES", "TRUE", "1"}  # GDAL's name for it
    return S3Store.from_url(
        f"s3://{bucket}",
        config={"skip_signature": True} if unsigned else None,
        client_options={"connect_timeout": f"{_CONNECT_S}s", "timeout": f"{_READ_S}s", "allow_http": True},
        retry_config={"max_retries": 1},
    )


def fetch(href: str, limit_bytes: int) -> bytes:
    """A whole small file. Raises `SourceFailed` where it cannot be read or is larger than the limit."""
    name = public_name(href)
    if not is_remote(href):
        return _read_local(Path(href), name, limit_bytes)
    if urlsplit(href).scheme in WEB_SCHEMES:
        return _read_web(href, name, limit_bytes)
    try:
        answer = obstore.get(*_object(href))
        if answer.meta["size"] > limit_bytes:
            raise SourceFailed(name, _too_large(limit_bytes))
        return bytes(answer.bytes())
    except (BaseError, OSError, ValueError) as error:
        raise SourceFailed(name, f"it could not be read from its store ({type(error).__name__})") from error


def _read_local(path: Path, name: str, limit_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except FileNotFoundError as error:
        raise SourceFailed(name, "there is no such file") from error
    except OSError as error:
        raise SourceFailed(name, f"it could not be read ({error.strerror})") from error
    if len(content) > limit_bytes:
        raise SourceFailed(name, _too_large(limit_bytes))
    return content


def _read_web(href: str, name: str, limit_bytes: int) -> bytes:
    content = bytearray()
    try:
        with _client().stream("GET", href) as answer:
            if not answer.is_success:
                raise SourceFailed(name, f"its server answered {answer.status_code}")
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > limit_bytes:
                    raise SourceFailed(name, _too_large(limit_bytes))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceFailed(name, f"its server could not be reached ({type(error).__name__})") from error
    return bytes(content)


def _too_large(limit_bytes: int) -> str:
    return f"it is larger than {limit_bytes:,} bytes"
