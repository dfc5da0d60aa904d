"""From `NAME(param=value,…)` to a game of OpenSpiel, or one line that says why not."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyspiel

from arena_games.base import UsageError
from arena_games.openspiel.rules import GameType, Rules
from arena_games.openspiel.words import WORDS, Words
from arena_games.references import check_settings, listed_settings, read_values, split_reference

MOST_PLAYERS = 10
MOST_ACTIONS = 200_000  # each has a name and a place in every mask; the largest game as it comes has 93,123
SOURCE = re.compile(r"^\S+\.(?:cc|h):\d+ ")  # where in OpenSpiel's own files an error was made


def known_games() -> list[tuple[str, str]]:
    """Every game that OpenSpiel has registered: its name, and what it is."""
    return [(kind.short_name, f"{kind.long_name}, {_players(kind)}") for kind in pyspiel.registered_games()]


def _players(kind: Any) -> str:
    least, most = kind.min_num_players, kind.max_num_players
    return f"{least} player{'s' * (most > 1)}" if least == most else f"{least} to {most} players"


def load_rules(reference: str, name: str) -> Rules:
    """The game that `NAME(param=value,…)` describes. Raises UsageError, in one line, if there is none.

    `cut=N` is ours: an episode is cut when a seat has moved so often.
    """
    short, given, cut = split_reference("openspiel", reference)
    kinds = {kind.short_name: kind for kind in pyspiel.registered_games()}
    if short not in kinds:
        raise UsageError(f"OpenSpiel has no game {short!r}{_near(short, kinds)}")
    known = kinds[short].parameter_specification
    check_settings(f"openspiel:{short}", read_values(given), known)
    text = f"{short}({','.join(f'{key}={value}' for key, value in given.items())})" if given else short
    try:
        with silent():
            game = pyspiel.load_game(text)
    except pyspiel.SpielError as error:
        said = ", ".join(line for line in str(error).splitlines()[:2] if line.strip())
        raise UsageError(
            f"OpenSpiel cannot load {text}: {SOURCE.sub('', said)}; {listed_settings(known)}"
        ) from error
    rules = Rules(name, game, game.get_parameters(), WORDS.get(short, Words()), cut)
    _check_playable(rules)
    return rules


@contextmanager
def silent() -> Iterator[None]:
    """Without what OpenSpiel writes to the process's stderr: the errors that it raises as well."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _near(short: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(short.lower(), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else "; arena list openspiel names them"


def _check_playable(rules: Rules) -> None:
    kind, seats, actions = rules.kind, rules.game.num_players(), rules.game.num_distinct_actions()
    name = f"openspiel:{rules.short_name}"
    if kind.dynamics not in (GameType.Dynamics.SEQUENTIAL, GameType.Dynamics.SIMULTANEOUS):
        raise UsageError(f"{name} is a mean-field game, which has no seats to play")
    if seats > MOST_PLAYERS:
        raise UsageError(f"{name} has {seats} players; {MOST_PLAYERS} can play at most")
    if not actions:
        raise UsageError(f"{name} numbers no actions; it cannot be played here")
    if not 0 < actions <= MOST_ACTIONS:
        size = f"{actions:,}" if actions > 0 else "too many"
        raise UsageError(f"{name} has {size} actions; {MOST_ACTIONS:,} can be played at most: ask for less")
    if not (kind.provides_information_state_string or kind.provides_observation_string):
        raise UsageError(f"{name} shows its players no text")
