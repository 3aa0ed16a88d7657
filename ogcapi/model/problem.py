"""RFC 9457 problems: the only errors that reach a client with their text."""

from __future__ import annotations

from typing import Any

MAX_SHOWN = 100  # characters of a client's own value that a problem repeats


def shown(value: object) -> str:
    """A client's value as a problem repeats it: quoted and of bounded length."""
    text = str(value)
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")


class Problem(Exception):
    """What went wrong, in words for the client (RFC 9457; Common 1 `/rec/core/problem-details`)."""

    status = 500
    """HTTP status code."""
    title = "Internal Server Error"
    """The kind of problem in a few words, the same for every instance of it."""

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        """What was asked, what was wrong, and what would be right."""
        self.members = members
        """Extension members of the problem document (RFC 9457, 3.2)."""

    def add(self, detail: str, **members: Any) -> None:
        """Say more."""
        self.detail += f" {detail}"
        self.members |= members

    @property
    def document(self) -> dict[str, Any]:
        """The problem as `application/problem+json`; `code` beside `type` suits Features 1.0 clients too."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": type(self).__name__,
            **self.members,
        }


class NotFound(Problem):
    """A path names something that is not here."""

    status, title = 404, "Not Found"


class MethodNotAllowed(Problem):
    """The resource is here, but not for this method."""

    status, title = 405, "Method Not Allowed"


class BadParameter(Problem):
    """A query parameter that cannot be understood (Common 1 `/req/core/query-param-value-invalid`)."""

    status, title = 400, "Bad Request"

    def __init__(self, parameter: str, value: object, expected: str) -> None:
        super().__init__(
            f"{parameter}={shown(value)} was given; expected {expected}.",
            parameter=parameter,
            value=str(value)[:MAX_SHOWN],
            expected=expected,
        )


class UnknownParameter(Problem):
    """A query parameter that the operation does not declare (Common 1 `/req/core/query-param-name-unknown`)."""

    status, title = 400, "Bad Request"

    def __init__(self, parameter: str, known: list[str]) -> None:
        expected = "one of " + ", ".join(known) if known else "no parameter at all"
        super().__init__(
            f"The parameter {shown(parameter)} is not known here; expected {expected}.",
            parameter=parameter[:MAX_SHOWN],
            expected=expected,
        )


class NotAcceptable(Problem):
    """No media type that the client accepts can be offered."""

    status, title = 406, "Not Acceptable"


class TooManyCells(Problem):
    """More than this server gives in one answer."""

    status, title = 413, "Content Too Large"

    def __init__(self, asked: str, limit: int) -> None:
        super().__init__(f"{asked} were asked for; at most {limit:,} cells are given in one answer.", limit=limit)


class TooManyAssets(Problem):
    """More files than this server opens for one answer."""

    status, title = 413, "Content Too Large"


class SourceFailed(Problem):
    """The only source of a request could not be read."""

    status, title = 502, "Bad Gateway"

    def __init__(self, asset: str, reason: str = "it could not be read") -> None:
        super().__init__(f"The source {shown(asset)} failed: {reason}.", asset=asset)
        self.reason = reason


class Unavailable(Problem):
    """Something that is configured but cannot be served now."""

    status, title = 503, "Service Unavailable"

    def __init__(self, detail: str, retry_after_s: int, **members: Any) -> None:
        super().__init__(detail, **members)
        self.retry_after_s = retry_after_s
