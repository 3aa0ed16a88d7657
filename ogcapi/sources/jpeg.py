"""JPEG streams in TIFF files: what their headers say, and abbreviated ones made whole."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN = 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Markers of frames that are decoded: sequential and progressive ones."""
_SHOWN_FRAMES = {0xC0, 0xC1, 0xC2}
"""Those that every program shows: by Huffman's code."""
_TOLD = {*range(0xE0, 0xF0), 0xFE}
"""Markers of what applications and people say, such as how a picture is turned: no reader of TIFF heeds them."""
_MAX_SCANS = 100  # of a progressive one: each goes through all cells again
_GIVEN_COLOURS = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
"""Adobe's marker: the samples are the colours themselves."""
_JFIF = b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
"""JFIF's marker: one sample is gray, three are YCbCr."""


@dataclass(frozen=True)
class Head:
    """What comes before the cells."""

    marker: int
    """Kind of the frame."""
    bits: int
    height: int
    width: int
    samples: int
    segments: tuple[tuple[int, int, int], ...]
    """Marker, start and stop of each segment up to the first scan."""
    length: int
    """Bytes until the first scan."""


def read_head(content: bytes) -> Head:
    """The head of a stream. Raises `ValueError` where it is none that is decoded, and where the stream has no end."""
    if content[:2] != _START or content.rfind(_END) < 0:
        raise ValueError("a JPEG stream does not begin, or does not end")
    at, frame = 2, None
    segments = []
    try:
        while True:
            lead, marker, length = struct.unpack_from(">BBH", content, at)
            if (lead, marker) == (0xFF, 0xFF):  # may be repeated
                at += 1
                continue
            if lead != 0xFF or length < 2:
                raise ValueError("a JPEG stream has something between its segments")
            if marker == _SCAN and frame is not None:
                bits, height, width, samples = struct.unpack_from(">BHHB", content, frame + 4)
                return Head(content[frame + 1], bits, height, width, samples, tuple(segments), at)
            if marker in _FRAMES:
                if frame is not None:
                    raise ValueError("a JPEG stream has two frames")
                frame = at
            segments.append((marker, at, at + 2 + length))
            at += 2 + length
    except struct.error as error:
        raise ValueError("a JPEG stream ends before its cells") from error


def check_scans(content: bytes) -> None:
    """Raises `ValueError` where a stream would be decoded without end, each scan going through all cells."""
    if content.count(b"\xff\xda") > _MAX_SCANS:  # within cells, 255 is followed by 0
        raise ValueError("a JPEG stream has too many scans")


def whole(content: bytes, head: Head, tables: bytes | None, *, is_ycbcr: bool) -> bytes | None:
    """The stream of a chunk with the tables that it shares with others, and with a word on its colours.

    None where it is of a kind that not every program shows.
    """
    if head.marker not in _SHOWN_FRAMES or head.samples not in (1, 3):
        return None
    own = (content[start:stop] for marker, start, stop in head.segments if marker not in _TOLD)
    colours = _JFIF if is_ycbcr or head.samples == 1 else _GIVEN_COLOURS
    shared = b"" if tables is None else tables[len(_START) : tables.rfind(_END)]
    return b"".join((_START, colours, shared, *own, content[head.length :]))
