"""Single values of a configuration: what each may be, and the words that say so when it is not.

Every type here turns what YAML read into its value, or raises `ValueError` with what was expected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from ipaddress import ip_address, ip_network
from math import isfinite
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ValidationInfo

from ogcapi.config.mistakes import one_of

REMOTE = ("http", "https", "s3")
_NOT_IN_IDS = '/\\%?#{}[]<>"|^`,'
# Whatever else a browser would do with a link of a page, such as run it, is not wanted.
_LINKED = re.compile(r"(https?://|mailto:)\S+", re.IGNORECASE)
_RESERVED_IDS = {".", "..", "dUmmYColLection"}  # the last is what OGC's test suites ask for as an unknown collection


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What values are read against; pydantic's context."""

    folder: Path
    """The configuration file's: paths are relative to it."""
    languages: tuple[str, ...]
    """Preferred languages of texts that are given in several."""
    is_partial: bool = False
    """Whether mistakes have been found and taken out already: what is absent is no further one."""

    def text(self, value: dict[str, Any]) -> Any:
        """The one of several languages that is served: an exact match, one in another country, else the first."""
        for language in (*self.languages, "en"):
            for name, text in value.items():
                if name.lower().replace("_", "-") == language.lower().replace("_", "-"):
                    return text
            for name, text in value.items():
                if name[:2].lower() == language[:2].lower():
                    return text
        return next(iter(value.values()))


def reading(info: ValidationInfo) -> Reading:
    """The context of a validation."""
    if not isinstance(info.context, Reading):
        raise TypeError("sections are read with a Reading")
    return info.context


def _line(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text (in quotes where YAML would read something else)")
    return value.strip()


def _text(value: Any, info: ValidationInfo) -> str:
    return _line(reading(info).text(value) if isinstance(value, dict) and value else value)


def _words(value: Any, info: ValidationInfo) -> tuple[str, ...]:
    if isinstance(value, dict) and value:
        value = reading(info).text(value)
    if not isinstance(value, list):
        raise ValueError("a list of texts")
    if not all(isinstance(word, str | int | float) and not isinstance(word, bool) for word in value):
        raise ValueError("a list of texts (in quotes where YAML would read something else)")
    return tuple(str(word) for word in value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError("a list of at least one name")
    if len(set(value)) < len(value):
        raise ValueError("a list of names without repetition")
    return tuple(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def whole(low: int, high: int) -> BeforeValidator:
    """A whole number within bounds."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return BeforeValidator(check)


_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def size(value: Any) -> int:
    """A number of bytes: a whole number, or one with KB, MB or GB after it."""
    found = re.fullmatch(r"(\d{1,12}) ?([KMG]B|)", str(value)) if not isinstance(value, bool) else None
    if found is None:
        raise ValueError("a size in bytes, or such as 200MB or 1GB; 0 for none")
    return int(found[1]) * _UNITS[found[2]]


def is_number(value: object) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def positive(value: Any) -> float:
    """A number above zero."""
    if not is_number(value) or value <= 0:
        raise ValueError("a number greater than zero")
    return float(value)


def choice(names: Iterable[str]) -> BeforeValidator:
    """One of some names."""
    known = tuple(names)

    def check(value: Any) -> Any:
        # YAML reads the word off as false
        value = "off" if value is False and "off" in known else value
        if value not in known:
            raise ValueError(one_of(known, value))
        return value

    return BeforeValidator(check)


def _level(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def is_remote(text: str) -> bool:
    """Whether a text is an address rather than a path."""
    return "://" in text


def check_remote(text: str) -> str:
    """An address that data can be read from."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme.lower() not in REMOTE or not parts.netloc:
        raise ValueError("a path, or an address that begins with http://, https:// or s3://")
    return text


def local_path(text: str, folder: Path) -> Path:
    """A path without `..`, relative to a folder unless it is absolute. Links are kept: hrefs are relative to them."""
    return Path(os.path.abspath(folder / text))  # noqa: PTH100 - resolve() would follow links


def _folder(value: Any, info: ValidationInfo) -> Path:
    return local_path(_line(value), reading(info).folder)


def looked_at(path: Path, look: Callable[[Path], bool]) -> bool:
    """What a look at a path tells. Raises `ValueError` where nobody may look, or there can be no such path."""
    try:
        return look(path)
    except OSError as error:
        raise ValueError(f"a path that can be looked at ({error.strerror})") from error


def _root(value: Any, info: ValidationInfo) -> Path:
    path = _folder(value, info)
    if not looked_at(path, Path.is_dir):
        raise ValueError(_existing("folder", info))
    return path


def _log_file(value: Any, info: ValidationInfo) -> Path:
    path = _folder(value, info)
    if looked_at(path, Path.is_dir) or not looked_at(path.parent, Path.is_dir):
        raise ValueError("a file in a folder that exists")
    return path


def _cache_folder(value: Any, info: ValidationInfo) -> Path:
    path = _folder(value, info)
    if looked_at(path, Path.exists) and not path.is_dir():
        raise ValueError("a folder, or where none is yet")
    return path


def _existing(kind: str, info: ValidationInfo) -> str:
    return f"a {kind} that exists (relative paths begin at {reading(info).folder})"


def reference(value: Any, info: ValidationInfo, is_there: Callable[[Path], bool] = Path.is_file) -> str:
    """An address, or the absolute path of something that is there."""
    text = _line(value)
    if is_remote(text):
        return check_remote(text)
    path = local_path(text, reading(info).folder)
    if not looked_at(path, is_there):
        raise ValueError(_existing("file", info))
    return str(path)


def _reference(value: Any, info: ValidationInfo) -> str:
    return reference(value, info)


def _service_url(value: Any) -> str:
    text = _line(value)
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good or parts.query or parts.fragment or any(c.isspace() for c in text):
        raise ValueError("an address such as https://example.org/maps, without query or fragment")
    return text.rstrip("/")


def _href(value: Any) -> str:
    text = _line(value)
    if not _LINKED.fullmatch(text):
        raise ValueError("an address that begins with http://, https:// or mailto:")
    return text


def _network(value: Any) -> str:
    try:
        return str(ip_network(str(value), strict=False)) if "/" in str(value) else str(ip_address(str(value)))
    except ValueError:
        raise ValueError("an IP address or network, such as 10.0.0.1 or 10.0.0.0/8") from None


def _header(value: Any) -> str:
    text = _line(value)
    if not text.isascii() or not text.isprintable():
        raise ValueError("the value of a Cache-Control header, such as public, max-age=60")
    return text


def _moment(at: time) -> Callable[[Any], datetime | None]:
    def check(value: Any) -> datetime | None:
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
            except ValueError:
                value = 0
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, at)
        if value is not None and not isinstance(value, datetime):
            raise ValueError("a date or time as in RFC 3339, such as 2020-01-31 or 2020-01-31T12:00:00Z, or nothing")
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)

    return check


def check_id(text: str) -> str:
    """An id that can stand in a path and in a list of ids."""
    bad = sorted({c for c in text if c in _NOT_IN_IDS or c.isspace() or not c.isprintable()})
    if bad or not text or len(text) > 200 or text in _RESERVED_IDS:
        raise ValueError(
            f"an id of 1 to 200 letters, digits and signs; not with blanks or one of {_NOT_IN_IDS}, "
            "nor any of " + " ".join(sorted(_RESERVED_IDS))
        )
    return text


Id = Annotated[str, BeforeValidator(check_id)]
Line = Annotated[str, BeforeValidator(_line)]
Text = Annotated[str, BeforeValidator(_text)]  # may be given in several languages
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Positive = Annotated[float, BeforeValidator(positive)]
Level = Annotated[str, choice(("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")), BeforeValidator(_level)]
Reference = Annotated[str, BeforeValidator(_reference)]
CacheFolder = Annotated[Path, BeforeValidator(_cache_folder)]
LogFile = Annotated[Path, BeforeValidator(_log_file)]
Root = Annotated[Path, BeforeValidator(_root)]
Href = Annotated[str, BeforeValidator(_href)]
ServiceUrl = Annotated[str, BeforeValidator(_service_url)]
Network = Annotated[str, BeforeValidator(_network)]
Header = Annotated[str, BeforeValidator(_header)]
Begin = Annotated[datetime | None, BeforeValidator(_moment(time(0)))]
End = Annotated[datetime | None, BeforeValidator(_moment(time(23, 59, 59)))]
