"""Settings behind a language model's spec, in brackets: `nano[decode=choice]`.

decode=free|choice          how its replies are drawn
thinking_tokens=N           what it may think before it answers
chat_template.NAME=VALUE    what its chat template is given, such as enable_thinking=false
template=FILE               the words around an observation
draws=N                     other draws of the same policy: N is mixed into the seeds of its replies
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from arena_agents.base import Decode
from arena_games.base import UsageError

_BRACKETS = re.compile(r"(?P<spec>.+)\[(?P<settings>[\w.]+=[^\[\]]*)\]", re.DOTALL)
_CALL = re.compile(r"(?P<source>[^()]+):(?P<call>(?P<name>\w+)\(.*\))", re.DOTALL)
_FOR_TEMPLATE = "chat_template."
KNOWN = "decode=free, decode=choice, thinking_tokens=N, chat_template.NAME=VALUE, template=FILE, draws=N"
NUMBERS = {"thinking_tokens": "a number of tokens", "draws": "a number"}


def split_spec(text: str) -> tuple[str, dict[str, str]]:
    """The spec itself, and its settings by name: none without brackets that hold `name=value`.

    Raises UsageError for a setting that is not known or has no such value.
    """
    spec, pairs = bracketed(text)
    settings: dict[str, str] = {}
    for name, value in pairs.items():
        if name == "decode":
            value = parse_decode(value)
        elif name in NUMBERS and not value.isdecimal():
            raise UsageError(f"{name} is {NUMBERS[name]}, not {value!r}")
        elif name not in (*NUMBERS, "template") and not _for_template(name):
            raise UsageError(f"{text!r} has the unknown setting {name!r}; known: {KNOWN}")
        settings[name] = value
    return spec, settings


def bracketed(text: str) -> tuple[str, dict[str, str]]:
    """The spec itself, and what stands in brackets behind it by name, whatever it is."""
    found = _BRACKETS.fullmatch(text)
    if found is None:
        return text, {}
    pairs = (pair.partition("=") for pair in found["settings"].split(","))
    return found["spec"], {name.strip(): value.strip() for name, _, value in pairs}


def with_brackets(spec: str, settings: Mapping[str, str]) -> str:
    """The spec with these settings in brackets; the inverse of `bracketed`."""
    return f"{spec}[{','.join(f'{name}={value}' for name, value in settings.items())}]" if settings else spec


def split_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """A class's reference, and the literal arguments behind it: `FILE.py:Class(3, name="x")`.

    Raises UsageError for what is no call, and for arguments that are no literals.
    """
    found = _CALL.fullmatch(text)
    if found is None:
        return text, [], {}
    try:
        call = ast.parse(found["call"], mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)
        assert all(word.arg for word in call.keywords)  # no **
        arguments = [ast.literal_eval(argument) for argument in call.args]
        named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (AssertionError, SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(
            f"cannot read the arguments in {text!r}; write literals, such as {found['name']}(depth=3)"
        ) from None
    return f"{found['source']}:{found['name']}", arguments, named


def decode_of(text: str) -> Decode | None:
    """How a spec says that its replies are drawn; None where it does not. Raises UsageError likewise."""
    return split_spec(text)[1].get("decode")  # type: ignore[return-value]


def parse_decode(text: str) -> Decode:
    """How replies are to be drawn. Raises UsageError for another word."""
    for name in get_args(Decode):
        if text == name:
            return name  # type: ignore[no-any-return]
    raise UsageError(f"replies are decoded {' or '.join(get_args(Decode))}, not {text!r}")


def with_defaults(text: str, defaults: Mapping[str, str]) -> str:
    """The spec with these settings, where it does not say them itself."""
    spec, own = split_spec(text)
    return with_brackets(spec, {**defaults, **own})


def asked(decode: str | None = None, chat_template: Sequence[str] | None = None) -> dict[str, str]:
    """What `--decode` and `--chat-template KEY=VALUE` say, as settings of a spec.

    Raises UsageError for another word, and for what is no such pair.
    """
    settings: dict[str, str] = {} if decode is None else {"decode": parse_decode(decode)}
    for pair in chat_template or ():
        key, separator, value = (part.strip() for part in pair.partition("="))
        if not separator or not key.isidentifier() or re.search(r"[\[\],]", value):
            raise UsageError(f"--chat-template wants KEY=VALUE, such as enable_thinking=false, not {pair!r}")
        settings[_FOR_TEMPLATE + key] = value
    return settings


def template_settings(text: str) -> dict[str, Any]:
    """What the spec's settings give the chat template; read as JSON where that is JSON, else as text."""
    return {
        name.removeprefix(_FOR_TEMPLATE): _read(value)
        for name, value in split_spec(text)[1].items()
        if _for_template(name)
    }


def _for_template(name: str) -> bool:
    return name.startswith(_FOR_TEMPLATE) and name.removeprefix(_FOR_TEMPLATE).isidentifier()


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # of numbers of thousands of digits, too
        return value
