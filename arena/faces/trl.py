"""A game as an environment of TRL's `GRPOTrainer`: a class whose `move` is the model's tool.

    from arena.faces.trl import environment, starts

    rows = Dataset.from_list(starts("snake", 256))
    GRPOTrainer(model, environment_factory=environment("snake"), train_dataset=rows, …)

One episode is a conversation in which every turn calls the tool; TRL gives the whole of it one advantage.
Rows of one seed begin alike, so that a group of TRL's compares episodes from one start. Written against
TRL 1.16, which calls this interface experimental; nothing of TRL is imported.
"""

from __future__ import annotations

from typing import Any

from arena.faces.session import Session, over, shown
from arena.match.seeds import Split, episode_seed
from arena_games.base import GameSpec, action_reply, points
from arena_games.registry import find_game

__all__ = ["environment", "starts"]


def starts(game: str, count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of a training set: the rules as a prompt, and the seed of an episode for training.

    Raises UsageError for an unknown game.
    """
    spec = find_game(game)
    prompt = [{"role": "user", "content": _told(spec)}]
    return [{"prompt": prompt, "seed": seed * count + number} for number in range(count)]


def environment(
    game: str, *, seat: int = 0, opponent: str = "random", format_penalty: float = 1.0
) -> type[Any]:
    """The class of one open seat of a game, named as the game; agents of ours hold the others.

    A call that names no legal action costs `format_penalty`, and a random legal one is played in its place.
    Its reward is the seat's return less these. Raises UsageError for unknown games and agents.
    """
    spec = Session(game, seat=seat, opponent=opponent).spec  # what is wrong with it is said now

    class Environment:
        def __init__(self) -> None:
            self._session = Session(spec, seat=seat, opponent=opponent)
            self._reward = 0.0

        def reset(self, seed: int = 0, **_: Any) -> str:
            self._reward = 0.0
            return "\n\n" + shown(self._session.new_game(episode_seed(Split.TRAIN, seed)))

        def move(self, action: str) -> str:
            """Play one of the legal actions.

            Args:
                action: The action's name, as it is written among the legal actions.

            Returns:
                What the move earned, and what you see next.
            """
            if self._session.observation is None:
                return over(self._session)
            moved = self._session.move(action_reply(str(action)))
            self._reward += moved.reward - format_penalty * (moved.invalid is not None)
            invalid = f"{moved.invalid}; a random legal action was played. " if moved.invalid else ""
            after = shown(moved.observation) if moved.observation else over(self._session)
            return f"{invalid}You earned {points(moved.reward)}.\n\n{after}"

        def get_reward(self) -> float:
            return self._reward

    Environment.__name__ = Environment.__qualname__ = "".join(
        part.capitalize() for part in spec.name.replace(":", "-").split("-")
    )
    return Environment


def _told(spec: GameSpec) -> str:
    rules = "\n".join(f"- {rule}" for rule in spec.rules)
    actions = "\n".join(f"- {name}: {meaning}" for name, meaning in spec.actions.items())
    return (
        f"{spec.task}\n\nRules:\n{rules}\n\nActions:\n{actions}\n\n"
        "Play by calling the tool move, once a turn, until the game is over."
    )
