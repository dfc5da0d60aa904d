"""Episodes as rows: dictionaries of plain values for JSON, pandas, Arrow or polars.

Neither pandas nor pyarrow is needed to read a run; `to_pandas` and `to_arrow` load theirs when called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from arena.match.episode import Attempt, Episode, Step
from arena_games.base import UsageError
from arena_games.registry import game_specs

__all__ = ["Episodes", "episode_json", "seat_rows", "step_rows"]

Row = dict[str, Any]


class Episodes(Iterator[Episode]):
    """Episodes as they are read, one after another; once through. What is left of them becomes rows.

    A row is a seat of an episode, or with `steps=True` a decision: see `seat_rows` and `step_rows`.
    """

    def __init__(self, episodes: Iterator[Episode]) -> None:
        self._episodes = episodes

    def __next__(self) -> Episode:
        return next(self._episodes)

    def rows(self, *, steps: bool = False) -> Iterator[Row]:
        """The rows, one after another."""
        for episode in self:
            yield from step_rows(episode) if steps else seat_rows(episode)

    def to_pandas(self, *, steps: bool = False) -> Any:
        """The rows as a `pandas.DataFrame`. Raises UsageError where pandas is not installed."""
        return _needed("pandas").DataFrame(list(self.rows(steps=steps)))

    def to_arrow(self, *, steps: bool = False) -> Any:
        """The rows as a `pyarrow.Table`. Raises UsageError where pyarrow is not installed."""
        return _needed("pyarrow").Table.from_pylist(list(self.rows(steps=steps)))


def _needed(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise UsageError(f"{package} is not installed; pip install {package}, or read .rows()") from error


def seat_rows(episode: Episode) -> list[Row]:
    """A row for each seat: who held it, how it ended, and what it got."""
    return [
        {
            "episode": episode.id,
            "game": episode.game,
            "version": episode.version,
            "seed": episode.seed,
            "seat": seat,
            "player": player,
            "return": episode.returns[seat],
            "placement": episode.placements[seat],
            "success": episode.successes[seat],
            "decisions": len(own := episode.steps_of(seat)),
            "invalid": sum(step.invalid is not None for step in own),
            "seconds": sum(step.seconds for step in own),
            "end": str(episode.end),
            "culprit": episode.culprit,
            "detail": episode.detail,
        }
        for seat, player in enumerate(episode.players)
    ]


def step_rows(episode: Episode) -> list[Row]:
    """A row for each decision, in playing order: what was seen, said, played and paid."""
    names = _names(episode)
    common = {"episode": episode.id, "game": episode.game, "seed": episode.seed}
    return [
        {**common, "step": at, "player": episode.players[step.seat], **_step(step, names)}
        for at, step in enumerate(episode.steps)
    ]


def _names(episode: Episode) -> tuple[str, ...]:
    """The game's action names, where it is registered here in the version that was played.

    A game that is somebody's file is not run to ask it.
    """
    known = (spec for spec in game_specs() if (spec.name, spec.version) == (episode.game, episode.version))
    return next((spec.action_names for spec in known), ())


def _name(step: Step, names: tuple[str, ...]) -> str | None:
    """What the action is called: by its position, by itself where it was said, or by its game."""
    if isinstance(step.action, str):
        return step.action
    return step.name or (names[step.action] if step.action < len(names) else None)


def _step(step: Step, names: tuple[str, ...]) -> Row:
    seen = step.observation
    return {
        "seat": step.seat,
        "turn": seen.turn,
        "observation": seen.text,
        "legal": list(seen.legal),
        "reply": step.reply.text,
        "reasoning": step.reply.reasoning,
        "action": step.action,
        "action_name": _name(step, names),
        "invalid": step.invalid,
        "attempts": len(step.attempts),
        "reward": step.reward,
        "seconds": step.seconds,
    }


def episode_json(episode: Episode) -> Row:
    """An episode with all of its decisions, as `arena replay RUN MATCH --json` prints it."""
    names = _names(episode)
    return {
        "id": episode.id,
        "game": episode.game,
        "version": episode.version,
        "seed": episode.seed,
        "players": list(episode.players),
        "returns": list(episode.returns),
        "placements": list(episode.placements),
        "successes": list(episode.successes),
        "end": str(episode.end),
        "detail": episode.detail,
        "culprit": episode.culprit,
        "steps": [{**_step(step, names), "attempts": _attempts(step.attempts)} for step in episode.steps],
    }


def _attempts(attempts: Sequence[Attempt]) -> list[Row]:
    return [
        {"reply": one.reply.text, "invalid": one.invalid, "illegal": one.illegal, "seconds": one.seconds}
        for one in attempts
    ]
