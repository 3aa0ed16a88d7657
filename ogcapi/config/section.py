"""What every section of the file is: known keys, pygeoapi's keys that mean nothing here, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    unused: ClassVar[frozenset[str]] = frozenset()
    """Keys of pygeoapi that have no meaning here."""

    @model_validator(mode="before")
    @classmethod
    def _without_unused(cls, value: Any) -> Any:
        if value is None:  # `server:` with everything in it commented out
            return {}
        if not isinstance(value, Mapping):
            raise ValueError("keys with values")
        return {key: v for key, v in value.items() if key not in cls.unused and not key.startswith("x-")}
