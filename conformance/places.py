"""One test over many places: a broken one does not hide the next."""

from __future__ import annotations

import traceback
from types import TracebackType

MOST_SHOWN = 15


class Places:
    """`with at(place): assert ...` notes what is wrong there and goes on; the test fails at its end."""

    def __init__(self) -> None:
        self.seen = 0
        self.faults: list[str] = []

    def __call__(self, *place: object) -> _Place:
        self.seen += 1
        return _Place(self, " ".join(str(part) for part in place))

    def __str__(self) -> str:
        if not self.seen:
            return "the server has nothing that this test could look at"
        shown = self.faults[:MOST_SHOWN]
        more = len(self.faults) - len(shown)
        head = f"wrong at {len(self.faults)} of {self.seen} places:"
        return "\n".join([head, *shown, *([f"... and {more} more"] if more else [])])


class _Place:
    def __init__(self, places: Places, name: str) -> None:
        self._places = places
        self._name = name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        text = str(error) if isinstance(error, AssertionError) else repr(error)
        line = traceback.extract_tb(at)[0].lineno
        self._places.faults.append(f"- {self._name} (line {line})\n    " + text.replace("\n", "\n    "))
        return True
