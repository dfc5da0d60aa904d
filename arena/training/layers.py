"""Settings in layers, the later ones winning: defaults, the agent's preset, a file, and `--set`."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from arena.training.config import TrainConfig, excerpt
from arena_agents.files import parse_json, read_text
from arena_games.base import UsageError

CONFIG_VERSION = 1

Config = TypeVar("Config", bound=TrainConfig)


def resolve(kind: type[Config], *layers: Mapping[str, Any]) -> Config:
    """The config from layers, the later one winning. Raises UsageError in one line."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            together = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if together else value
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise UsageError(_first_problem(kind, error)) from error


def _first_problem(kind: type[TrainConfig], error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(map(str, problem["loc"]))
    if key == "version":
        found = excerpt(problem["input"])
        return f"this config is of version {found}, this program reads version {CONFIG_VERSION}"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, kind.model_fields, n=1)
        known = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(kind.model_fields)}"
        return f"unknown setting {excerpt(key)}; {known}"
    if not key:  # of the config as a whole
        return str(problem["msg"]).removeprefix("Value error, ")
    several = isinstance(problem["input"], str) and re.search(r",\s*\w+=", problem["input"])
    hint = "; repeat --set for each setting" if several else ""
    return f"bad value {excerpt(problem['input'])} for {key}: {problem['msg'].lower()}{hint}"


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """`key=value` pairs of `--set`; values are read as JSON where they are JSON, else as text.

    `chat_template.NAME=value` is one setting of the model's chat template.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise UsageError(f"--set wants key=value, not {pair!r}")
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):  # of numbers of thousands of digits, too
            read = value
        name, dot, inner = key.strip().partition(".")
        if dot and inner and isinstance(settings.setdefault(name, {}), dict):
            settings[name][inner] = read
        else:
            settings[key.strip()] = read
    return settings


def read_config_file(path: Path) -> dict[str, Any]:
    """A layer from a .json or .toml file. Raises UsageError if it cannot be read."""
    text = read_text(path)
    try:
        loaded = tomllib.loads(text) if path.suffix == ".toml" else parse_json(text, path)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"cannot read config {path}: {error}") from error
    if not isinstance(loaded, dict):
        raise UsageError(f"config {path} must be a table of settings")
    return loaded
