"""One decision of a game: ours as PettingZoo AEC, text, planes and mask included, beside TextArena's.

Ours is `reset(seed)`, then `last()` and `step(action)` until no seat is left. The steps of dead seats
that AEC asks for are made but not counted, and without an observation: nobody decides on it.
TextArena's is `reset(seed)`, then `get_observation()` and `step("[up]")` until `done`, and `close()` for
the rewards, on the bare environment, without the wrappers that `textarena.make` adds to make one text of its
messages. Its players get what is new as a list of messages, and neither planes nor a mask.

The players are the same on both sides: moves drawn evenly from the four before the clock starts. The
boards are alike, the episodes not quite. Our snakes may start beside a wall and TextArena's may not, so
that ours live for 6.7 decisions and its for 11.8, and a reset is shared by fewer. Our lake's holes are
drawn cell by cell, 20 % each, and TextArena's are three; its player is out at the second wall in a row.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Any

from textarena import Env
from textarena.envs.FrozenLake.env import FrozenLakeEnv
from textarena.envs.Snake.env import SnakeEnv

from arena_games.registry import find_game
from tests.benchmarks.measure import Work

DECISIONS = 20_000
TEXTARENA_MOVES = ("[up]", "[down]", "[left]", "[right]")


def snake_duel() -> Work:
    """7×7 cells, 5 apples, two seats; at most 20 moves of each, which are 40 turns to TextArena."""
    theirs = SnakeEnv(width=7, height=7, num_apples=5, max_turns=40)
    return _work("snake-duel", theirs, seats=2, reach=2.0, aim=3.0)


def frozen_lake() -> Work:
    """4×4 cells. Ours is over after 8 moves at the latest, TextArena's after 100."""
    return _work("frozen-lake", FrozenLakeEnv(size=4, num_holes=3), seats=1, reach=2.0, aim=4.0)


def _work(game: str, theirs: Env, *, seats: int, reach: float, aim: float) -> Work:
    return Work(
        name=f"a decision of {game}, random players",
        unit="decisions/s",
        ours=_decisions(_our_episode, find_game(game).make_env(), range(4)),
        peer="TextArena",
        theirs=_decisions(lambda *played: _their_episode(seats, *played), theirs, TEXTARENA_MOVES),
        reach=reach,
        aim=aim,
    )


def _decisions(episode: Callable[[Any, int, Iterator[Any]], int], env: Any, moves: Any) -> Callable[[], int]:
    """Plays whole episodes, from seeds 0, 1, …, until there are enough decisions."""
    drawn = random.Random(0).choices(moves, k=DECISIONS)

    def play() -> int:
        actions, done = cycle(drawn), 0
        for seed in count():
            done += episode(env, seed, actions)
            if done >= DECISIONS:
                break
        return done

    return play


def _our_episode(env: Any, seed: int, actions: Iterator[int]) -> int:
    env.reset(seed=seed)
    decisions = 0
    while env.agents:
        agent = env.agent_selection
        if env.terminations[agent] or env.truncations[agent]:
            env.last(observe=False)
            env.step(None)
        else:
            env.last()
            env.step(next(actions))
            decisions += 1
    return decisions


def _their_episode(seats: int, env: Env, seed: int, actions: Iterator[str]) -> int:
    env.reset(num_players=seats, seed=seed)
    done, decisions = False, 0
    while not done:
        _player, _observation = env.get_observation()
        done, _info = env.step(next(actions))
        decisions += 1
    env.close()
    return decisions
