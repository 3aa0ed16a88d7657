"""Parts of answers: GDAL reads tiles as files, a piece at a time (RFC 9110, 14)."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")  # one range: several are answered with the whole


class Ranges:
    """Cuts the one range that is asked for out of a whole answer. All other requests pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and a part of its answer back."""
        if scope["type"] != "http" or scope["method"] != "GET" or b"range" not in dict(scope["headers"]):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = _RANGE.fullmatch(headers["range"])
        if asked is None or not any(asked.groups()):
            await self.app(scope, receive, send)
            return
        start: Message = {}

        async def part(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message.get("more_body") or not _is_whole(start, headers.get("if-range")):
                if start:
                    await send(dict(start))
                    start.clear()
                await send(message)
            else:
                body = bytes(message.get("body", b""))
                await send(_part(start, len(body), asked))
                await send({**message, "body": body[_slice(asked, len(body))]})

        await self.app(scope, receive, part)


def _is_whole(start: Message, tag: str | None) -> bool:
    """Whether an answer is one to cut: the whole of what the client means, as it is."""
    if not start or start["status"] != 200:
        return False
    headers = Headers(raw=list(start["headers"]))
    return "content-encoding" not in headers and (tag is None or tag == headers.get("etag"))


def _slice(asked: re.Match[str], size: int) -> slice:
    first, last = asked.groups()
    if not first:
        return slice(max(0, size - int(last)), size)
    return slice(int(first), min(int(last) + 1, size) if last else size)


def _part(start: Message, size: int, asked: re.Match[str]) -> Message:
    """The start of an answer with a part, or the refusal of a part that is not there."""
    wanted = _slice(asked, size)
    headers = MutableHeaders(raw=list(start["headers"]))
    is_there = wanted.start < wanted.stop
    headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}" if is_there else f"bytes */{size}"
    headers["content-length"] = str(max(0, wanted.stop - wanted.start))
    return {**start, "status": 206 if is_there else 416, "headers": headers.raw}
