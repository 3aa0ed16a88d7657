"""FastCGI, which a MapServer process speaks: one connection for each request, as behind a web server."""

from __future__ import annotations

import struct
from urllib.parse import urlsplit

_BEGIN, _END, _PARAMS, _INPUT, _OUTPUT = 1, 3, 4, 5, 6
_RESPONDER = struct.pack("!HB5x", 1, 0)


class FastCgi:
    """A `Wire` of FastCGI 1.0."""

    keeps = False

    def request(self, path: str) -> bytes:
        variables = {
            "REQUEST_METHOD": "GET",
            "QUERY_STRING": urlsplit(path).query,
            "SCRIPT_NAME": "/map",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        params = b"".join(_pair(name.encode(), value.encode()) for name, value in variables.items())
        return b"".join(
            _record(*part) for part in ((_BEGIN, _RESPONDER), (_PARAMS, params), (_PARAMS, b""), (_INPUT, b""))
        )

    def complete(self, received: bytes) -> tuple[int, int] | None:
        place = 0
        while place + 8 <= len(received):
            kind, length, padding = _header(received, place)
            if kind == _END:
                output = _output(received)
                head, _, body = output.partition(b"\r\n\r\n")
                is_picture = b"content-type: image/" in head.lower()
                return (200 if is_picture and b"status:" not in head.lower() else 500), len(body)
            place += 8 + length + padding
        return None

    def body(self, received: bytes) -> bytes:
        return _output(received).partition(b"\r\n\r\n")[2]


def _header(received: bytes, place: int) -> tuple[int, int, int]:
    """Kind of a record, its length and the padding after it."""
    _, kind, _, length, padding = struct.unpack_from("!BBHHB", received, place)
    return kind, length, padding


def _output(received: bytes) -> bytes:
    parts, place = [], 0
    while place + 8 <= len(received):
        kind, length, padding = _header(received, place)
        if kind == _OUTPUT:
            parts.append(bytes(received[place + 8 : place + 8 + length]))
        place += 8 + length + padding
    return b"".join(parts)


def _pair(name: bytes, value: bytes) -> bytes:
    return b"".join(_length(text) for text in (name, value)) + name + value


def _length(text: bytes) -> bytes:
    return bytes([len(text)]) if len(text) < 128 else struct.pack("!I", len(text) | 1 << 31)


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content
