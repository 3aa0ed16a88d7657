"""Where files lie: local paths, http(s) addresses, object stores. Their revisions, and small ones whole."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx
import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from ogcapi.model.problem import SourceFailed
from ogcapi.model.stop import needs_time
from ogcapi.sources import hosts

if TYPE_CHECKING:
    from obstore import ObjectMeta  # a type that is nothing when run

WEB_SCHEMES = ("http", "https")
STORE_SCHEMES = ("s3", "gs", "az")
ABSENT = "absent"
"""The revision of what cannot be reached."""

CONNECT_S, READ_S = 5.0, 10.0
"""How long anybody waits for a connection, and for the next bytes of an answer."""
_WHOLE_S = 60.0  # for all bytes of a small file
_LOOK_AGAIN_S = 10.0
_ABSENT_S = 30.0  # until something remote that could not be reached is asked again: each attempt may last a timeout
_LOOKS_AT_ONCE = 16
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
    raise SourceFailed(short_name(href), f"the scheme {scheme!r} is not known; expected a path or one of {schemes}")


def fault(href: str) -> str | None:
    """Why an href can be neither a path nor a URL, whatever lies there; None where it may be one."""
    try:
        href.encode()
    except UnicodeEncodeError:
        return "its name has characters that no file name and no address can have"
    if "\0" in href:
        return "its name has a NUL character, which no file name and no address can have"
    if "://" in href:
        try:
            parts = urlsplit(href)
            is_address = bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        return None if is_address else "its address is malformed; expected scheme://host/path"
    return None


def public_name(href: str) -> str:
    """An href as logs and answers may show it: no user, password, query or fragment; of any text, malformed or not."""
    scheme, separator, rest = href.partition("://")
    if separator:
        host, slash, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
        href = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    if href.isprintable():
        return href
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in href)


def short_name(href: str) -> str:
    """The last part of an href alone: what strangers may know of where it is."""
    name = public_name(href)
    path = name.partition("://")[2].partition("/")[2] if "://" in name else name
    return path.rstrip("/").rpartition("/")[2] or "the source"


def resolved(href: str, base: str) -> str:
    """An href that a remote document at `base` gives, as an address of its own."""
    if "://" in href:
        return href
    scheme, _, rest = base.partition("://")
    try:
        if scheme in WEB_SCHEMES:
            return urljoin(base, href)
        return f"{scheme}://" + urljoin(f"//{rest}", href).removeprefix("//")
    except ValueError:
        return f"{scheme}://[{href}"  # no address, which is for `fault` to say


@dataclass(frozen=True)
class _Revisions:
    """Revisions as they were seen in the last seconds, and the monotonic time at which to look again."""

    known: OrderedDict[str, tuple[float, str]] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def recall(self, href: str) -> str | None:
        with self.lock:
            look_at, text = self.known.get(href, (0.0, ""))
        return text if time.monotonic() < look_at else None

    def get(self, href: str) -> str:
        if not is_remote(href):
            return _local_revision(href)
        text = self.recall(href)
        if text is not None:
            return text
        if hosts.is_silent(href):
            return ABSENT  # for as long as its host is
        needs_time()
        text = _look(href)
        self.put(href, text, _ABSENT_S if text == ABSENT else _LOOK_AGAIN_S)
        return text

    def put(self, href: str, text: str, wait_s: float) -> None:
        with self.lock:
            self.known[href] = time.monotonic() + wait_s, text
            self.known.move_to_end(href)
            while len(self.known) > _MAX_KNOWN:
                self.known.popitem(last=False)


_revisions = _Revisions()


def revision(href: str) -> str:
    """A text that changes when the file does, the same in every process; `ABSENT` where it cannot be reached.

    What is remote is looked at again at most every ten seconds. Whatever lies at a host that does not answer is absent.
    """
    return _revisions.get(href)


def revisions(hrefs: Sequence[str]) -> list[str]:
    """The revision of each; those that have to be asked for over the network are asked for together."""
    unknown = [href for href in hrefs if is_remote(href) and _revisions.recall(href) is None]
    found: dict[str, str] = {}
    if unknown:
        needs_time()
        with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
            found = dict(zip(unknown, pool.map(revision, unknown), strict=True))
    return [found[href] if href in found else revision(href) for href in hrefs]


def note_revision(href: str, text: str) -> None:
    """Take a revision that an answer of the file's server has just told."""
    _revisions.put(href, text, _LOOK_AGAIN_S)


def _local_revision(href: str) -> str:
    try:
        return file_revision(os.stat(href))  # noqa: PTH116 - for each read: no Path is made
    except (OSError, ValueError):  # or it is no path at all
        return ABSENT


def file_revision(told: os.stat_result) -> str:
    """The revision that a local file's status tells."""
    return f"{told.st_mtime_ns}-{told.st_size}-{told.st_ino}"


def _look(href: str) -> str:
    if fault(href) is not None:
        return ABSENT
    return _web_revision(href) if urlsplit(href).scheme in WEB_SCHEMES else _store_revision(href)


@lru_cache(maxsize=1)
def client() -> httpx.Client:
    """The one client of all http(s) addresses; for any thread."""
    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    return httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=_MAX_REDIRECTS)


_SILENCE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout)  # what a host does, not a file


_AS_IT_IS = {"Accept-Encoding": "identity"}  # compressed, a file may have another tag


def _web_revision(href: str) -> str:
    asked_at = time.monotonic()
    try:
        answer = client().head(href, headers=_AS_IT_IS)
        if answer.status_code in {403, 405, 501}:  # signed addresses often allow nothing but GET
            with client().stream("GET", href, headers={"Range": "bytes=0-0"} | _AS_IT_IS) as answer:
                pass
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if isinstance(error, _SILENCE):
            hosts.fell_silent(href, asked_at)
        return ABSENT
    hosts.answered(href)
    return web_revision(answer.headers) if answer.is_success else ABSENT


def web_revision(told: Mapping[str, str]) -> str:
    """The revision that an answer's headers tell, whether it is the whole file's or a range's."""
    length = told.get("content-range", told.get("content-length", "")).rpartition("/")[2]
    return "-".join(filter(None, (told.get("etag") or told.get("last-modified"), length))) or "present"


def _store_revision(href: str) -> str:
    asked_at = time.monotonic()
    try:
        found = obstore.head(*stored_object(href))
    except (BaseError, OSError, ValueError):
        waited_in_vain(href, asked_at)
        return ABSENT
    hosts.answered(href)
    return store_revision(found)


def store_revision(told: ObjectMeta) -> str:
    """The revision that an object's metadata tell."""
    return f"{told.get('e_tag') or told['last_modified'].isoformat()}-{told['size']}"


def waited_in_vain(href: str, asked_at: float) -> None:
    """Note that a question of that monotonic time failed; where it took so long, it is the host that does."""
    if time.monotonic() - asked_at >= CONNECT_S:
        hosts.fell_silent(href, asked_at)


def stored_object(href: str) -> tuple[ObjectStore, str]:
    """The store and the key that an address names."""
    parts = urlsplit(href)
    return _store(parts.netloc, parts.scheme), parts.path.lstrip("/")


_STORES: dict[str, tuple[type[S3Store] | type[GCSStore] | type[AzureStore], str]] = {
    "s3": (S3Store, "AWS_NO_SIGN_REQUEST"),
    "gs": (GCSStore, "GS_NO_SIGN_REQUEST"),
    "az": (AzureStore, "AZURE_NO_SIGN_REQUEST"),
}  # by scheme; GDAL's name of the variable that says that no credentials are needed


@lru_cache(maxsize=64)
def _store(bucket: str, scheme: str = "s3") -> ObjectStore:
    """A bucket, with the credentials of the environment."""
    kind, unsigned = _STORES[scheme]
    skips = os.environ.get(unsigned, "").upper() in {"YES", "TRUE", "1"}
    store: ObjectStore = kind.from_url(
        f"{scheme}://{bucket}",
        config={"skip_signature": True} if skips else None,
        client_options={"connect_timeout": f"{CONNECT_S}s", "timeout": f"{READ_S}s", "allow_http": True},
        retry_config={"max_retries": 1},
    )
    return store


def fetch(href: str, limit_bytes: int, *, name: str | None = None) -> bytes:
    """A whole small file. Raises `SourceFailed` where it cannot be read or is larger than the limit.

    `name` is what problems call it.
    """
    name = name or public_name(href)
    wrong = fault(href)
    if wrong is not None:
        raise SourceFailed(name, wrong)
    if is_remote(href) and hosts.is_silent(href):
        raise SourceFailed(name, "its server could not be reached a moment ago")
    if not is_remote(href):
        return _read_local(Path(href), name, limit_bytes)
    if urlsplit(href).scheme in WEB_SCHEMES:
        return _read_web(href, name, limit_bytes)
    asked_at = time.monotonic()
    try:
        answer = obstore.get(*stored_object(href))
        if answer.meta["size"] > limit_bytes:
            raise SourceFailed(name, _too_large(limit_bytes))
        return bytes(answer.bytes())
    except (BaseError, OSError, ValueError) as error:
        waited_in_vain(href, asked_at)
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
    asked_at = time.monotonic()
    try:
        with client().stream("GET", href) as answer:
            if not answer.is_success:
                raise SourceFailed(name, f"its server answered {answer.status_code}")
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > limit_bytes:
                    raise SourceFailed(name, _too_large(limit_bytes))
                if time.monotonic() - asked_at > _WHOLE_S:
                    raise SourceFailed(name, f"its server did not send all of it in {_WHOLE_S:.0f} seconds")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if isinstance(error, _SILENCE):
            hosts.fell_silent(href, asked_at)
        raise SourceFailed(name, f"its server could not be reached ({type(error).__name__})") from error
    return bytes(content)


def _too_large(limit_bytes: int) -> str:
    return f"it is larger than {limit_bytes:,} bytes"
