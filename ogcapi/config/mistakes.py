"""Mistakes in a configuration: all of them at once, each with where it is, what was given and what was expected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ogcapi.model.problem import MAX_SHOWN, shown

if TYPE_CHECKING:  # a configuration is made of values that raise mistakes
    from ogcapi.config.settings import Config

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top of the file."""

_MANY = 24  # names that are too many to be read one by one
NOTHING = object()
"""Stands for a value that is absent."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One mistake, in words for the person who wrote the configuration."""

    where: str
    """Key path in the file (`resources.mola.providers[0].data`), or the source as it was named."""
    given: str
    """What is written there, shortened; environment variables stay as `${VAR}`."""
    expected: str
    """What would be right."""
    line: int | None = None
    """Line in the file, counted from 1."""

    def __str__(self) -> str:
        where = f"{self.where} (line {self.line})" if self.line else self.where
        return f"{where}: {self.given} was given; expected {self.expected}."


class ConfigMistakes(Exception):
    """A configuration that cannot be used; its text has one mistake a line."""

    def __init__(self, mistakes: Iterable[Mistake], rest: Config | None = None) -> None:
        self.mistakes: Sequence[Mistake] = tuple(mistakes)
        self.rest = rest
        """What there is without the mistakes, for whoever looks for more of them; None if nothing can be told."""
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def dotted(path: KeyPath) -> str:
    """A key path as it is shown: `resources.mola.providers[0].data`."""
    text = ""
    for key in path:
        name = f"[{key}]" if isinstance(key, int) else key if key.isprintable() and key else repr(key)
        text += f".{name}" if text and isinstance(key, str) else name
    return text or "the file"


def given(value: Any) -> str:
    """A value as a mistake repeats it: of bounded length, on one line."""
    if value is NOTHING or value is None:
        return "nothing"
    if isinstance(value, str):
        return shown(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def one_of(names: Iterable[str], value: object) -> str:
    """The expectation of one of some names; of many, only the nearest to what was given."""
    by_lower = {name.lower(): name for name in names}
    near = [by_lower[name] for name in get_close_matches(str(value).lower(), by_lower, n=5, cutoff=0.6)]
    known = list(by_lower.values())
    hint = f" (did you mean {near[0]}?)" if near else ""
    if len(known) <= _MANY:
        return f"one of {', '.join(known)}{hint}"
    return f"one of {len(known)} names, such as {', '.join(near or known[:5])}{hint}"
