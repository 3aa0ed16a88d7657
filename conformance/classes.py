"""The conformance classes of `classes.yml`, and the mark by which a test says which of them it proves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml


@dataclass(frozen=True, kw_only=True)
class ConformanceClass:
    """One class of one standard, under the spellings of its URI that a server has to declare."""

    key: str
    standard: str
    title: str
    status: str
    uris: tuple[str, ...]
    needs: tuple[str, ...]


def _read(path: Path) -> dict[str, ConformanceClass]:
    standards = yaml.safe_load(path.read_text("utf-8"))
    classes = [
        ConformanceClass(
            key=f"{standard['id']}/{name}",
            standard=standard["standard"],
            title=row["title"],
            status=row["status"],
            uris=tuple(base + name for base in standard["uris"]),
            needs=tuple(row.get("needs", ())),
        )
        for standard in standards
        for name, row in standard["classes"].items()
    ]
    return {row.key: row for row in classes}


CLASSES = _read(Path(__file__).with_name("classes.yml"))
BY_URI = {uri: row for row in CLASSES.values() for uri in row.uris}


def conformance_class(standard: str, *names: str) -> pytest.MarkDecorator:
    """The mark of tests that prove these classes of one standard; raises `LookupError` where there is no such class."""
    keys = [f"{standard}/{name}" for name in names]
    for key in keys:
        if key not in CLASSES or CLASSES[key].status != "tested":
            raise LookupError(f"classes.yml has no class {key!r} with status `tested`")
    return pytest.mark.conformance(*keys)


def classes_of(item: pytest.Item) -> list[str]:
    """Keys of the classes that a test proves, those of its module and of its class included."""
    keys = [str(key) for mark in item.iter_markers("conformance") for key in mark.args]
    return sorted(set(keys))
