"""The configuration: `config.yml`, a superset of pygeoapi's format, or sources alone, as frozen values."""

from ogcapi.config.load import (
    VARIABLE,
    WORKERS,
    CommandLine,
    config_from_environment,
    load_config,
    workers_from_environment,
)
from ogcapi.config.mistakes import ConfigMistakes, Mistake, one_of
from ogcapi.config.settings import Config, Options, Provider, Resource
from ogcapi.config.sources import config_of

__all__ = [
    "VARIABLE",
    "WORKERS",
    "CommandLine",
    "Config",
    "ConfigMistakes",
    "Mistake",
    "Options",
    "Provider",
    "Resource",
    "config_from_environment",
    "config_of",
    "load_config",
    "one_of",
    "workers_from_environment",
]
