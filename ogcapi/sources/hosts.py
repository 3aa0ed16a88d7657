"""Hosts that do not answer: once one has let somebody wait in vain, nobody waits for it again for a while."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field

_PAUSE_S = 30.0


@dataclass(frozen=True)
class _Hosts:
    """What is known of each scheme, host and port, in monotonic seconds."""

    silent_until: dict[str, float] = field(default_factory=dict)
    answered_at: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_hosts = _Hosts()


def is_silent(href: str) -> bool:
    """Whether the host of a URL (or the bucket) is not to be asked now."""
    with _hosts.lock:
        return time.monotonic() < _hosts.silent_until.get(_host(href), 0.0)


def answered(href: str) -> None:
    """Note that the host of a URL has answered, whatever it said."""
    with _hosts.lock:
        _hosts.answered_at[_host(href)] = time.monotonic()
        _hosts.silent_until.pop(_host(href), None)


def fell_silent(href: str, asked_at: float) -> None:
    """Note that its host refused, or let a question of that monotonic time wait in vain.

    If it has answered another one since, only this file is at fault.
    """
    with _hosts.lock:
        if _hosts.answered_at.get(_host(href), 0.0) < asked_at:
            _hosts.silent_until[_host(href)] = time.monotonic() + _PAUSE_S


def _host(href: str) -> str:
    """Without user and password; of any text, URL or not."""
    found = re.match(r"([^:/]*://)([^/?#]*@)?([^/?#]*)", href)
    return (found[1] + found[3]).lower() if found else ""
