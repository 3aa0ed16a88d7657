"""docs/configuration.md explains every key."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ogcapi.config.section import Section
from ogcapi.config.sections import File, nested
from tests.config.files import ROWS, TABLE, load, style_of


def keys(section: type[Section], prefix: str = "") -> dict[str, Any]:
    """Every key that holds a value, with its default: `<id>` stands for ids, `[]` for items."""
    joints = {"resources": ".<id>.", "styles": ".<id>.", "providers": "[].", "links": "[]."}
    found: dict[str, Any] = {}
    for name, info in section.model_fields.items():
        inner = nested(section, name)
        if inner:
            found |= keys(inner, prefix + name + joints.get(name, "."))
        else:
            found[prefix + name] = "required" if info.is_required() else info.get_default(call_default_factory=True)
    return found


class TestDocumentation:
    def test_every_key_is_in_the_table_and_nothing_else(self) -> None:
        assert set(ROWS) == set(keys(File))

    @pytest.mark.parametrize(("key", "default"), [(k, v) for k, v in keys(File).items() if v not in (None, ())])
    def test_the_table_gives_the_true_default(self, key: str, default: Any) -> None:
        said = ROWS[key]
        assert said == default == "required" or tuple_of(yaml.safe_load(said.strip("`"))) == default

    def test_the_examples_have_no_mistakes(self, folder: Path) -> None:
        (folder / "relief.tif").write_bytes((folder / "dem.tif").read_bytes())
        examples = re.findall(r"^```yaml\n(.*?)^```", TABLE, re.MULTILINE | re.DOTALL)
        assert examples
        for example in examples:
            assert load(folder, example).resources

    def test_the_colormaps_of_the_table_can_be_drawn(self, folder: Path) -> None:
        table = TABLE.partition("## Colormaps")[2].partition("\n\nColours")[0]
        examples = re.findall(r"\| `(.+?)`(?:, `(.+?)`)? \|$", table, re.MULTILINE)
        assert len(examples) == 5
        for example in (text for pair in examples for text in pair if text):
            has_values = example.startswith(("[[", "[{", "{"))
            style_of(folder, f"{{fields: [a], {'' if has_values else 'range: [0, 1], '}colormap: {example}}}")


def tuple_of(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
