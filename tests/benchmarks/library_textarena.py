"""TextArena's games, and play in its own loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from arena_games.registry import find_game
from arena_games.textarena.env import suggestions

PREFIX = "textarena:"
SAID = ("[1]",)  # where a game offers nothing


def names() -> list[str]:
    """The first version of every game."""
    from textarena.envs.registration import ENV_REGISTRY

    return [PREFIX + id_ for id_ in ENV_REGISTRY if id_.endswith("-v0")]


def bare_loop(name: str) -> Callable[[], Iterator[None]]:
    """What the arena's loop says, said to the game itself: a fresh one for every match."""
    import textarena

    players = find_game(name).seats

    def play() -> Iterator[None]:
        rng, seed = random.Random(0), 0
        while True:
            game = textarena.make(name.removeprefix(PREFIX))
            game.reset(num_players=players, seed=seed)
            seed += 1
            done = False
            while not done:
                _, text = game.get_observation()
                done, _ = game.step(action=rng.choice(suggestions(str(text)) or SAID))
                yield
            game.close()

    return play
