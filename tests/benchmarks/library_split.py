"""Where the time of a decision in a game of OpenSpiel goes: the library's share, ours, and for what.

    python -m tests.benchmarks.library_split openspiel:tic_tac_toe openspiel:chess …

Random play in loops each of which does one thing more than the one before; a row is what that thing adds,
in microseconds of processor time a decision (median of `ROUNDS`, the loops in turn).
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena_agents.random import RandomAgent
from arena_games.base import GameSpec
from arena_games.openspiel.rules import Rules, listed
from arena_games.registry import find_game
from tests.benchmarks.libraries import rate, through_the_arena
from tests.benchmarks.library_openspiel import bare_loop

ROUNDS = 5
MATCHES_S = 0.5
CONFIG = MatchConfig(concurrency=64)
PARTS = (
    "the library's own loop: text, legal actions, their names, a move",
    "our words: who one is, the last move, the line of legal actions",
    "planes and mask",
    "PettingZoo's interface: one seat at a time, rewards, infos, leaving; an episode's seed",
    "a match: reading the reply, two seeds a decision, the record",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("games", nargs="+")
    games = parser.parse_args().games
    columns = [split(find_game(name)) for name in games]
    print(f"| µs a decision | {' | '.join(f'`{name}`' for name in games)} |")
    print("| --- |" + " --- |" * len(games))
    for row, part in enumerate(PARTS):
        print(f"| {part} | {' | '.join(f'{column[row]:.1f}' for column in columns)} |")
    print(f"| all of it | {' | '.join(f'{sum(column):.1f}' for column in columns)} |")


def split(spec: GameSpec) -> list[float]:
    """What each of `PARTS` takes, in microseconds a decision. The game is one in turns."""
    rules = spec.config
    assert isinstance(rules, Rules)
    loops: list[Callable[[], Iterator[None]]] = [
        bare_loop(spec.name),
        lambda: _in_turns(rules, numeric=False),
        lambda: _in_turns(rules, numeric=True),
        lambda: through_the_arena(spec),
    ]
    rounds = [[*(1e6 / rate(loop()) for loop in loops), 1e6 * _in_matches(spec)] for _ in range(ROUNDS)]
    whole = [statistics.median(column) for column in zip(*rounds, strict=True)]
    return [whole[0], *(after - before for before, after in pairwise(whole))]


def _in_turns(rules: Rules, *, numeric: bool) -> Iterator[None]:
    """The library's loop with our words, and if asked the planes and the mask, without an environment."""
    rng, game, planes = random.Random(0), rules.game, rules.planes(rules.game)
    known: dict[tuple[str, ...], str] = {}
    while True:
        state, last = game.new_initial_state(), ""
        while not state.is_terminal():
            if state.is_chance_node():
                outcomes, shares = zip(*state.chance_outcomes(), strict=True)
                state.apply_action(rng.choices(outcomes, shares)[0])
                continue
            seat = state.current_player()
            legal = state.legal_actions(seat)
            names = tuple([state.action_to_string(seat, action) for action in legal])
            if names not in known:
                known[names] = listed(names)
            rules.text(state, seat, last, known[names])
            if numeric:
                _numbers(game, planes, state, seat, legal)
            yield
            action = rng.choice(legal)
            if rules.open_state:
                last = f"{rules.seat_name(seat)} played {names[legal.index(action)]}"
            state.apply_action(action)


def _numbers(game: Any, planes: Any, state: Any, seat: int, legal: list[int]) -> Mapping[str, Any]:
    mask = bytearray(game.num_distinct_actions())
    for action in legal:
        mask[action] = 1
    seen: dict[str, Any] = {"action_mask": np.frombuffer(mask, np.int8)}
    if planes is not None:
        observer, values, _ = planes
        observer.set_from(state, seat)
        seen["grid"] = values.copy()
    return seen


def _in_matches(spec: GameSpec) -> float:
    """Seconds a decision of whole matches of `random`, 64 at a time, played for half a second or more."""
    count = 64
    while True:
        queue = (Match(spec, seed, ("random",) * spec.seats) for seed in range(count))
        began = time.process_time()
        decisions = sum(len(episode.steps) for episode in play(queue, {"random": RandomAgent()}, CONFIG))
        taken = time.process_time() - began
        if taken > MATCHES_S:
            return taken / decisions
        count *= 2


if __name__ == "__main__":
    main()
