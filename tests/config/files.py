"""Configuration files, as tests write them."""

import re
from pathlib import Path
from typing import Any

import pytest

from ogcapi.config import Config, ConfigMistakes, load_config

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "configuration.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `([a-z_.<>\[\]]+)` \| (.+?) \|", TABLE, re.MULTILINE))
"""Each key of the documentation's table, and its default."""


def load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "config.yml"
    path.write_text(text)
    return load_config(path, environ)


def mistakes(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigMistakes) as found:
        load(folder, text, **environ)
    return str(found.value)


def collection(options: str = "{}", name: str = "COG", data: str = "dem.tif") -> str:
    provider = f"{{type: coverage, name: {name}, data: {data}, options: {options}}}"
    return f"resources:\n  dem:\n    type: collection\n    providers: [{provider}]\n"


def style_of(folder: Path, text: str) -> Any:
    return load(folder, collection(f"{{styles: {{s: {text}}}}}")).resources["dem"].options.styles[0]


def style_mistakes(folder: Path, text: str) -> str:
    return mistakes(folder, collection(f"{{styles: {{s: {text}}}}}"))
