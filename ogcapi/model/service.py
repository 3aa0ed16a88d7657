"""The service itself: what its landing page says of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Named:
    """A name that may have an address."""

    name: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Whom to ask."""

    name: str | None = None
    email: str | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server's own description."""

    title: str
    description: str
    keywords: tuple[str, ...] = ()
    attribution: str | None = None
    terms_of_service: str | None = None
    license: Named | None = None
    provider: Named | None = None
    contact: Contact | None = None
    version: str
