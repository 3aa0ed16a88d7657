"""JPEG streams in TIFF files: what their headers say."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN = 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Markers of frames that are decoded: sequential and progressive ones."""
_MAX_SCANS = 100  # of a progressive one: each goes through all cells again


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
    if content.count(b"\xff\xda") > _MAX_SCANS:  # within cells, 255 is followed by 0
        raise ValueError("a JPEG stream has too many scans")
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
