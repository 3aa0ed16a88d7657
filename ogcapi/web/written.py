"""Documents in memory, as they are sent."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Written:
    """A document as it is sent; its tag and its compressed form are made when they are first asked for."""

    text: bytes

    @cached_property
    def tag(self) -> str:
        """A digest of the text."""
        return hashlib.sha256(self.text).hexdigest()[:32]

    @cached_property
    def packed(self) -> bytes:
        """The text, compressed with gzip."""
        return gzip.compress(self.text, compresslevel=6, mtime=0)
