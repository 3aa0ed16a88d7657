"""From a configuration file, or from the environment of a process, to a `Config`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ogcapi.config.document import Document, parse_document
from ogcapi.config.mistakes import ConfigMistakes, Mistake, dotted
from ogcapi.config.resources import Resources, read_section
from ogcapi.config.sections import File
from ogcapi.config.settings import Config
from ogcapi.config.sources import config_of
from ogcapi.config.values import Reading, local_path

VARIABLE = "OGCAPI_CONFIG"
WORKERS = "WEB_CONCURRENCY"
DEFAULT = "config.yml"


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration in a file. Raises `ConfigMistakes`: all that is wrong with its text, and missing files."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, f"a file that can be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"text in UTF-8 (byte {error.start} is none)") from error
    folder = local_path(str(path), Path.cwd()).parent
    document = parse_document(text, environ)
    config = None if () in document.mistakes else _config(document, folder)
    if config is None or document.mistakes:
        raise ConfigMistakes(sorted(document.mistakes.values(), key=lambda mistake: mistake.line or 0), config)
    return config


def _unreadable(path: Path, expected: str) -> ConfigMistakes:
    return ConfigMistakes([Mistake(where="configuration", given=repr(str(path)), expected=expected)])


def _config(document: Document, folder: Path) -> Config | None:
    """The configuration without what is mistaken in it, which is in the document; None if nothing is left."""
    if not isinstance(document.values, Mapping):
        document.add((), "keys with values: server, logging, metadata, resources")
        return None
    reading = Reading(folder=folder, languages=_languages(document.values.get("server")))
    file = read_section(File, document, (), document.values, reading)
    resources = Resources(document, reading)
    values = document.values.get("resources")
    if isinstance(values, Mapping):
        resources.read(values)
    if file is None:
        return None
    return Config(
        folder=folder,
        server=file.server,
        logging=file.logging,
        metadata=file.metadata,
        resources=resources.found,
        skipped=tuple(resources.skipped),
        lines={dotted(path): line for path, line in document.lines.items()},
    )


def _languages(server: Any) -> tuple[str, ...]:
    """Preferred languages, needed before the section is read: its texts may be given in several."""
    if not isinstance(server, Mapping):
        return ()
    languages = server.get("languages")
    found = [server.get("language"), *(languages if isinstance(languages, list) else ())]
    return tuple(language for language in found if isinstance(language, str) and language)


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What `ogcapi serve` was told, in the form in which worker processes get it."""

    sources: Sequence[str] = ()
    """A single configuration file, or sources; none: `config.yml`."""
    folder: Path
    """What they are relative to."""

    @property
    def config_path(self) -> Path | None:
        """The configuration file; None where sources are named themselves."""
        if not self.sources:
            return self.folder / DEFAULT
        first = self.sources[0]
        is_config = len(self.sources) == 1 and "://" not in first and first.lower().endswith((".yml", ".yaml"))
        return local_path(first, self.folder) if is_config else None

    @property
    def variable(self) -> str:
        """The value of the environment variable `OGCAPI_CONFIG`."""
        return json.dumps({"sources": list(self.sources), "folder": str(self.folder)})

    def config(self, environ: Mapping[str, str]) -> Config:
        """The configuration. Raises `ConfigMistakes`."""
        path = self.config_path
        return config_of(self.sources, self.folder) if path is None else load_config(path, environ)


def config_from_environment(environ: Mapping[str, str]) -> Config:
    """The configuration of this process: `OGCAPI_CONFIG` is a path, or what `ogcapi serve` put there.

    Without it, `config.yml` in the current folder. Raises `ConfigMistakes`.
    """
    text = environ.get(VARIABLE, "")
    if text.startswith("{"):
        told = json.loads(text)
        line = CommandLine(sources=told["sources"], folder=Path(told["folder"]))
    else:
        line = CommandLine(sources=[text] if text else [], folder=Path.cwd())
    return line.config(environ)


def workers_from_environment(environ: Mapping[str, str]) -> int:
    """How many processes serve beside each other: `WEB_CONCURRENCY`, which other servers set too; else one."""
    text = environ.get(WORKERS, "")
    return max(1, int(text)) if text.isdecimal() else 1
