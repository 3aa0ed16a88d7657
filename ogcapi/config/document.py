"""The text of a configuration: YAML with environment variables, where every value knows its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ogcapi.config.mistakes import NOTHING, KeyPath, Mistake, dotted, given

_REFERENCE = re.compile(r"\$\{([^{}\n]*)\}")
# While YAML is read, the signs of a reference are others: { and } would end a value within [ ] and { }.
_OPEN, _CLOSE = "\ue000\ue001", "\ue002"
_MARKED = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_PREFIX = "tag:yaml.org,2002:"
_SCALARS = {_PREFIX + name for name in ("null", "bool", "int", "float", "timestamp", "str")}

_SIGNS = {_PREFIX + "merge", _PREFIX + "value"}  # what PyYAML takes the texts << and = for


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also takes numbers such as 2.2e16 for numbers (YAML 1.2)."""


_Loader.add_implicit_resolver(
    _PREFIX + "float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


@dataclass(kw_only=True)
class Document:
    """What a configuration says, and the mistakes that were found while it was read."""

    values: Any
    """Mappings with text keys, lists, and scalars after the expansion of environment variables."""
    written: Any
    """The same, but scalars with `${…}` as they are written, so that no mistake shows a secret."""
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """Line of each value, counted from 1."""
    mistakes: dict[KeyPath, Mistake] = field(default_factory=dict)
    """The first mistake at each place; others there only follow from it."""

    def add(self, path: KeyPath, expected: str, *, value: object = NOTHING) -> None:
        """Note a mistake at a place; `value` where it is not what is written there."""
        shown = given(self.written_at(path) if value is NOTHING else value)
        line = next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)
        self.mistakes.setdefault(path, Mistake(where=dotted(path), given=shown, expected=expected, line=line))

    def written_at(self, path: KeyPath) -> Any:
        """What is written at a place; `NOTHING` where nothing is."""
        value = self.written
        for key in path:
            try:
                value = value[key]
            except (LookupError, TypeError):  # the place is in a value that is no mapping or list
                return NOTHING
        return value


def parse_document(text: str, environ: Mapping[str, str]) -> Document:
    """Read a text; whatever is wrong with it is in the document's mistakes."""
    document = Document(values={}, written={})
    try:
        loader = _Loader(_REFERENCE.sub(rf"{_OPEN}\1{_CLOSE}", text))
        node = loader.get_single_node()
        if node is not None:
            document.values, document.written = _Reader(loader, environ, document).read(node, ())
    except yaml.MarkedYAMLError as error:
        _add_syntax(document, error.problem or "the text cannot be read", error.problem_mark or error.context_mark)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        _add_syntax(document, f"line {line}: the character #x{ord(text[error.position]):02x} is not allowed", None)
    except RecursionError:
        _add_syntax(document, "it is nested too deeply", None)
    return document


def _add_syntax(document: Document, problem: str, mark: yaml.Mark | None) -> None:
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    text = f"text that is not YAML ({place}{problem})"
    document.mistakes[()] = Mistake(where=dotted(()), given=text, expected="a YAML mapping")


class _Reader:
    """Makes values of YAML's nodes."""

    def __init__(self, loader: _Loader, environ: Mapping[str, str], document: Document) -> None:
        self.loader = loader
        self.environ = environ
        self.document = document
        self.open: set[int] = set()
        """Nodes that enclose the current one: an alias of one of them has no end."""
        self.merged: set[int] = set()
        """Mappings whose merge keys have been replaced."""

    def read(self, node: yaml.Node, path: KeyPath) -> tuple[Any, Any]:
        """The value of a node, and what is written there."""
        self.document.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            self.document.add(path, "a value that does not contain itself", value="an alias of what encloses it")
            return None, None
        if node.tag not in {_PREFIX + "map", _PREFIX + "seq"}:
            self.document.add(path, "a plain mapping or list, without a tag", value=node.tag)
            return None, None
        self.open.add(id(node))
        try:
            return self.mapping(node, path) if isinstance(node, yaml.MappingNode) else self.sequence(node, path)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> tuple[Any, Any]:
        if id(node) not in self.merged:  # afterwards, merged keys are there again
            self.find_repeated(node, path)
            self.loader.flatten_mapping(node)  # merge keys (<<); what the mapping says itself comes last
            self.merged.add(id(node))
        pairs = [(self.key(key, path), child) for key, child in node.value]
        read = {key: self.read(child, (*path, key)) for key, child in pairs}
        return {key: value for key, (value, _) in read.items()}, {key: written for key, (_, written) in read.items()}

    def find_repeated(self, node: yaml.MappingNode, path: KeyPath) -> None:
        lines: dict[str, int] = {}
        for key_node, _ in node.value:
            key, line = self.key(key_node, path), key_node.start_mark.line + 1
            if key in lines and key_node.tag != _PREFIX + "merge":
                expected = f"every key once (it is already on line {lines[key]})"
                mistake = Mistake(where=dotted((*path, key)), given="the same key again", expected=expected, line=line)
                self.document.mistakes.setdefault((*path, key), mistake)
            lines.setdefault(key, line)

    def sequence(self, node: yaml.Node, path: KeyPath) -> tuple[Any, Any]:
        read = [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        return [value for value, _ in read], [written for _, written in read]

    def key(self, node: yaml.Node, path: KeyPath) -> str:
        """A key as text, whatever YAML would take it for: a collection may be called 2020 or no."""
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key is a text", problem_mark=node.start_mark)
        return self.expand(node.value, path)

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> tuple[Any, Any]:
        text = self.expand(node.value, path)
        is_plain = node.style is None
        tag: str = node.tag
        if is_plain and text != node.value:
            tag = self.loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        if tag not in _SCALARS:
            if tag not in _SIGNS:
                self.document.add(path, "a plain value, without a tag", value=tag)
            tag = _PREFIX + "str"
        try:
            scalar = yaml.ScalarNode(tag, text, node.start_mark, node.end_mark)
            value = self.loader.construct_object(scalar, deep=True)
        except (ValueError, LookupError, AttributeError, OverflowError):  # `!!bool x`, or a date such as 2020-13-01
            self.document.add(path, f"a value of YAML's type {tag.removeprefix(_PREFIX)}", value=node.value)
            value = None
        return value, _MARKED.sub(r"${\1}", node.value) if text != node.value else value

    def expand(self, text: str, path: KeyPath) -> str:
        """The text with `${VAR}` and `${VAR:-default}` replaced; like a shell, the default also where VAR is empty."""
        return _MARKED.sub(lambda match: self.variable(match[1], path), text)

    def variable(self, reference: str, path: KeyPath) -> str:
        written = f"${{{reference}}}"
        variable = _VARIABLE.fullmatch(reference)
        if not variable:
            self.document.add(path, "the name of an environment variable: ${VAR} or ${VAR:-default}", value=written)
            return written
        name, default = variable.groups()
        value = self.environ.get(name)
        if value is None and default is None:
            self.document.add(
                path, f"the environment variable {name} to be set, or ${{{name}:-default}}", value=written
            )
            return written
        return value or default or ""
