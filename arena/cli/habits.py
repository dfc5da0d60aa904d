"""What people type out of habit from other tools, and what is made of it.

`arena help train` and `arena version`; `--game` for `--games` and the other way round; an option for what
stands as a word here (`arena train --game snake`); a list's option given again, or words after it; and an
option for what is a setting (`--learning-rate 1e-4`), which is answered with the setting.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from typer.core import TyperCommand

LISTS = ("--games", "--agents")  # their values are separated by commas
SETTING_COMMANDS = ("train", "sft", "league")
SHORT = {"lr": "learning_rate", "batch_size": "groups", "num_generations": "group_size", "max_steps": "steps"}
WORDS = {"help": "--help", "version": "--version"}


def command_line(args: Sequence[str]) -> list[str]:
    """`help`, `help COMMAND` and `version` as the options that they are."""
    first, *rest = args or ("",)
    return [*rest, WORDS[first]] if first in WORDS else list(args)


class Habits(TyperCommand):
    """A command that takes the above."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            args = joined(_in_our_words(self, list(args)))
            _refuse_loose_words(self, args)
        return super().parse_args(ctx, args)


def _in_our_words(command: Any, args: list[str]) -> list[str]:
    """The arguments with each option under the name that the command knows it by."""
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    words = [parameter.name for parameter in command.params if parameter.param_type_name == "argument"]
    first: list[str] = []
    named: list[str] = []
    for option, value, whole in _options(args):
        if option is None or option in known:
            named += whole
        elif (twin := option.removesuffix("s") if option.endswith("s") else f"{option}s") in known:
            named += [twin, *([value] if value is not None else [])]
        elif (
            words and option.lstrip("-").removesuffix("s") == words[0].removesuffix("s") and value is not None
        ):
            first.append(value)
        else:
            _refuse_a_setting(command.name, option, value)
            named += whole
    return [*first, *named]


def _options(args: list[str]) -> Iterator[tuple[str | None, str | None, list[str]]]:
    """Each option with its value, if one follows, and all else as it is; nothing after `--` is an option."""
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield None, None, [word, *rest]
            return
        if not word.startswith("--"):
            yield None, None, [word]
            continue
        option, equals, value = word.partition("=")
        if equals:
            yield option, value, [word]
        elif rest and not rest[0].startswith("-"):
            yield option, rest[0], [word, rest.pop(0)]
        else:
            yield option, None, [word]


def joined(args: list[str]) -> list[str]:
    """The arguments with a list's option that is given several times given once."""
    kept: list[str] = []
    values: dict[str, list[str]] = {}
    for option, value, whole in _options(args):
        if option in LISTS and value is not None:
            values.setdefault(option, []).append(value)
        else:
            kept += whole
    return [*(word for option, all_ in values.items() for word in (option, ",".join(all_))), *kept]


def _refuse_a_setting(command: str, option: str, value: str | None) -> None:
    """Raise UsageError with the setting that an unknown option of a training means, if there is one."""
    if command not in SETTING_COMMANDS:
        return
    from arena.training.config import MsgrpoConfig
    from arena.training.dqn.config import DqnConfig
    from arena.training.sft.config import SftConfig
    from arena_games.base import UsageError

    names = {name for kind in (MsgrpoConfig, DqnConfig, SftConfig) for name in kind.model_fields}
    asked = option.lstrip("-").replace("-", "_")
    near = difflib.get_close_matches(SHORT.get(asked, asked), names, n=1, cutoff=0.8)
    if near:
        raise UsageError(f"no option {option}; it is a setting: --set {near[0]}={value or 'VALUE'}")


def _refuse_loose_words(command: Any, args: list[str]) -> None:
    """Raise UsageError for words behind a list's option that can only be meant for the list."""
    if any(parameter.param_type_name == "argument" for parameter in command.params):
        return
    found = list(_options(args))
    loose = [whole[0] for option, _, whole in found if option is None and not whole[0].startswith("-")]
    lists = [(option, value) for option, value, _ in found if option in LISTS]
    if loose and lists:
        from arena_games.base import UsageError

        option, value = lists[-1]
        raise UsageError(f"a list is separated by commas: {option} {','.join([str(value), *loose])}")
