"""TIFF files: their directories of tags, classic and BigTIFF, of both byte orders. Nothing of what the tags mean."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ogcapi.sources.ranges import Span, Start

Numbers = npt.NDArray[Any]

_TYPES = {  # TIFF's field types by number: numpy's type and how many of it make one value
    1: ("u1", 1),
    2: ("u1", 1),
    3: ("u2", 1),
    4: ("u4", 1),
    5: ("u4", 2),
    6: ("i1", 1),
    7: ("u1", 1),
    8: ("i2", 1),
    9: ("i4", 1),
    10: ("i4", 2),
    11: ("f4", 1),
    12: ("f8", 1),
    13: ("u4", 1),
    16: ("u8", 1),
    17: ("i8", 1),
    18: ("u8", 1),
}
_AHEAD_BYTES = 1 << 14  # read at once where a directory lies elsewhere
_MAX_DIRECTORIES = 256
_MAX_ENTRIES = 4096
_MAX_ALL_ENTRIES = 1 << 14
_MAX_BYTES = 64 << 20  # of all tags together, wherever they lie


class NoTiff(Exception):
    """The bytes are not those of a TIFF file that is read here."""


Fetch = Callable[[Sequence[Span]], Sequence[bytes]]


@dataclass(frozen=True, kw_only=True)
class Tiff:
    """The directories of a file."""

    order: str
    """`<` or `>`: little- or big-endian, as numpy writes it."""
    directories: tuple[Mapping[int, Numbers], ...]
    """Values of every tag by its number, in the machine's byte order; texts are bytes."""
    content: bytes | None
    """The file up to the end of its last tag; None where that is far into the file."""


def read_tiff(start: Start, fetch: Fetch) -> Tiff:
    """The directories of a file whose beginning is known; what else is needed is fetched.

    Raises `NoTiff` where the file is none, or contradicts itself, and what `fetch` raises.
    """
    content = start.content
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None or len(content) < 8:
        raise NoTiff
    (version,) = struct.unpack_from(f"{order}H", content, 2)
    if version == 42:
        form, (first,) = _CLASSIC, struct.unpack_from(f"{order}I", content, 4)
    elif version == 43 and len(content) >= 16 and struct.unpack_from(f"{order}HH", content, 4) == (8, 0):
        form, (first,) = _BIG, struct.unpack_from(f"{order}Q", content, 8)
    else:
        raise NoTiff
    pieces = _Pieces(start, fetch)
    entries = _entries(pieces, form, order, first)
    spans = [span for directory in entries for _, _, _, span in directory if span]
    if sum(length for _, length in spans) > _MAX_BYTES:  # several tags may claim the same bytes
        raise NoTiff
    pieces.gather(spans)
    directories = []
    for directory in entries:
        tags = {}
        for tag, dtype, inline, span in directory:
            raw = pieces.get(span) if span else inline
            tags[tag] = np.frombuffer(raw, f"{order}{dtype}").astype(dtype)
        directories.append(tags)
    return Tiff(order=order, directories=tuple(directories), content=pieces.whole())


@dataclass(frozen=True, kw_only=True)
class _Form:
    """How a directory is written."""

    count: str
    entry: str
    offset: str
    inline: int
    """Bytes of a value that an entry holds itself."""


_CLASSIC = _Form(count="H", entry="HHI4s", offset="I", inline=4)
_BIG = _Form(count="Q", entry="HHQ8s", offset="Q", inline=8)

_Entry = tuple[int, str, bytes, Span | None]
"""Tag, numpy's type, value, or where it lies."""


class _Pieces:
    """The parts of the file that are known."""

    def __init__(self, start: Start, fetch: Fetch) -> None:
        self._size = start.size
        self._fetch = fetch
        self._known: list[tuple[int, bytes]] = [(0, start.content)]
        self._values: dict[Span, bytes] = {}
        """Those that were fetched one by one, which may be many."""
        self._bytes = len(start.content)

    def get(self, span: Span, ahead: int = 0) -> bytes:
        """Those bytes; `ahead` more are kept where they have to be fetched."""
        found = self._find(span)
        if found is None:
            self.gather([span], ahead)
            found = self._find(span)
        if found is None:
            raise NoTiff
        return found

    def gather(self, spans: Sequence[Span], ahead: int = 0) -> None:
        """Fetch what is not known of those."""
        missing = []
        for offset, length in dict.fromkeys(spans):
            if offset + length > self._size:
                raise NoTiff
            if self._find((offset, length)) is None:
                missing.append((offset, min(length + ahead, self._size - offset)))
        self._bytes += sum(length for _, length in missing)
        if self._bytes > _MAX_BYTES:
            raise NoTiff
        fetched = self._fetch(missing) if missing else ()
        if ahead:
            self._known += [(offset, content) for (offset, _), content in zip(missing, fetched, strict=True)]
        else:
            self._values |= zip(missing, fetched, strict=True)

    def _find(self, span: Span) -> bytes | None:
        if span in self._values:
            return self._values[span]
        offset, length = span
        for start, content in self._known:
            if start <= offset and offset + length <= start + len(content):
                return content[offset - start : offset - start + length]
        return None

    def whole(self) -> bytes | None:
        """Everything up to the last byte that is known; what is not known is 0."""
        known = [*self._known, *((offset, content) for (offset, _), content in self._values.items())]
        end = max(start + len(content) for start, content in known)
        if end > _MAX_BYTES:
            return None
        made = bytearray(end)
        for start, content in known:
            made[start : start + len(content)] = content
        return bytes(made)


def _entries(pieces: _Pieces, form: _Form, order: str, first: int) -> list[list[_Entry]]:
    """The entries of each directory."""
    directories: list[list[_Entry]] = []
    seen: set[int] = set()
    count_bytes, entry, offset_bytes = (struct.calcsize(f"<{part}") for part in (form.count, form.entry, form.offset))
    offset = first
    while offset:
        if offset in seen or len(directories) == _MAX_DIRECTORIES:
            raise NoTiff
        seen.add(offset)
        (count,) = struct.unpack(f"{order}{form.count}", pieces.get((offset, count_bytes), _AHEAD_BYTES))
        if not 0 < count <= min(_MAX_ENTRIES, _MAX_ALL_ENTRIES - sum(map(len, directories))):
            raise NoTiff
        table = pieces.get((offset + count_bytes, count * entry + offset_bytes), _AHEAD_BYTES)
        directory: list[_Entry] = []
        for number in range(count):
            tag, kind, values, inline = struct.unpack_from(f"{order}{form.entry}", table, number * entry)
            if kind not in _TYPES:
                continue
            dtype, parts = _TYPES[kind]
            length = values * parts * np.dtype(dtype).itemsize
            if length <= form.inline:
                directory.append((tag, dtype, inline[:length], None))
            else:
                (place,) = struct.unpack(f"{order}{form.offset}", inline)
                directory.append((tag, dtype, b"", (place, length)))
        directories.append(directory)
        (offset,) = struct.unpack_from(f"{order}{form.offset}", table, count * entry)
    if not directories:
        raise NoTiff
    return directories
