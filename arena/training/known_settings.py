"""What can be set in a training, read from the config classes: for `--help-settings`, files and the docs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from arena.training.config import MsgrpoConfig, TrainConfig
from arena.training.dqn.config import DqnConfig
from arena.training.sft.config import SftConfig

__all__ = ["Setting", "config_class", "settings_of", "settings_toml"]

SIGNS = (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a trainer: `default` is None where it must be given, or may be left open."""

    name: str
    type: str
    default: Any
    range: str
    meaning: str
    required: bool = False


def config_class(agent: str | None, *, teaching: bool = False) -> type[TrainConfig]:
    """The settings of what `arena train` does with this agent, or `arena sft` when `teaching`."""
    if teaching:
        return SftConfig
    return DqnConfig if agent == "dqn" else MsgrpoConfig


def settings_of(kind: type[TrainConfig]) -> list[Setting]:
    """Every setting of a config class but its version, in the order in which the classes name them."""
    return [_setting(name, field) for name, field in kind.model_fields.items() if name != "version"]


def _setting(name: str, field: FieldInfo) -> Setting:
    required = field.default is PydanticUndefined
    bounds = {key: getattr(mark, key) for mark in field.metadata for key, _ in SIGNS if hasattr(mark, key)}
    shown = ", ".join(f"{sign} {bounds[key]:g}" for key, sign in SIGNS if key in bounds)
    default = None if required else field.default
    return Setting(name, _type(field.annotation), default, shown, field.description or "", required)


def _type(annotation: Any) -> str:
    """A type as people read it: the words of a choice, `list of` a tuple's, `or none`."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(str(value) for value in inside)
    if origin in (Union, UnionType):
        known = [_type(one) for one in inside if one is not NoneType]
        return " | ".join([*known, *(["none"] if NoneType in inside else [])])
    if origin is tuple:
        return f"list of {_type(inside[0])}"
    if origin is dict:
        return "table"
    return {str: "text", int: "int", float: "float", bool: "true | false"}.get(annotation, str(annotation))


def settings_toml(config: TrainConfig, command: str) -> str:
    """A file for `--config` that changes nothing until a line is uncommented.

    What must be given stands as it is; every other setting is a comment with the value that holds without
    it, so that a preset, or what a policy was trained with, still counts.
    """
    lines = [
        f"# {command}",
        "# A line that begins with # is what holds anyway; change it and take the # away.",
    ]
    for setting in settings_of(type(config)):
        value = getattr(config, setting.name)
        given = setting.required or setting.name == "agent"
        lines += ["", *_comment(setting, value)]
        lines.append(_assignment(setting.name, value) if given else f"#{_assignment(setting.name, value)}")
    return "\n".join(lines) + "\n"


def _comment(setting: Setting, value: Any) -> list[str]:
    default = setting.default
    preset = not setting.required and setting.name != "agent" and value != default
    parts = [setting.type, setting.range, f"{to_toml(default)} without a preset" if preset else ""]
    return [f"# {setting.meaning} ({', '.join(part for part in parts if part)})"]


def _assignment(name: str, value: Any) -> str:
    return f"{name} =" if value is None else f"{name} = {to_toml(value)}"


def to_toml(value: Any) -> str:
    """A value of a config as TOML writes it; nothing for None, which TOML does not know."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {to_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
