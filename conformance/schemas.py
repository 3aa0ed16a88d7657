"""Validation against the official schemas, by the validator that lies beside them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol


class Validate(Protocol):
    """Asserts that a document meets an official schema; a run without the schemas notes what it left out."""

    def __call__(self, document: Any, schema: str) -> None: ...


class Schemas:
    """The folder of official schemas, with its `validate.py` and its `tile-matrix-sets`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._validator = _load(folder / "validate.py")

    def validate(self, document: Any, schema: str) -> None:
        """XML where the document is bytes, else JSON."""
        validator = self._validator.validate_xml if isinstance(document, bytes) else self._validator.validate_json
        try:
            validator(document, schema)
        except self._validator.Invalid as invalid:
            raise AssertionError(str(invalid)) from None

    def registered(self, matrix_set_id: str) -> Path:
        """The file of a registered tile matrix set."""
        return self.folder / "tile-matrix-sets" / f"{matrix_set_id}.json"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("official_schemas", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
