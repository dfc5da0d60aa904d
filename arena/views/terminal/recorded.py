"""A stored match as a `Replay`: the texts of the record, and what came after the last move, resimulated."""

from __future__ import annotations

from collections.abc import Sequence

from arena.match.episode import Episode
from arena.match.match import Match
from arena.match.play import play
from arena.match.referee import EnvPool, Referee
from arena.match.resimulate import discrepancies, reading_exactly, stored_match
from arena.views.terminal.frames import Replay
from arena.views.terminal.live import replay_so_far
from arena_agents import Agent, Observation, Reply
from arena_games.base import UsageError
from arena_games.registry import stored_game


class Recorded:
    """The source of a replay that is complete."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def replay(self) -> Replay:
        return self._replay

    def want(self, position: int) -> None:
        """Everything is there already."""


def stored_replay(episode: Episode) -> Replay:
    """The record's frames and the last position; where it cannot be resimulated, a notice."""
    try:
        spec = stored_game(episode.game)
        problem = next(map(str, discrepancies(episode, spec, EnvPool())), None)
        if problem is not None:  # a run of format 3 or before may have read a reply otherwise
            spec = reading_exactly(spec)
            problem = problem if any(discrepancies(episode, spec, EnvPool())) else None
        match = stored_match(episode, spec)
    except Exception as error:  # an unknown game is a UsageError, a user's environment may raise anything
        problem = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
    if problem is not None or match is None:
        return Replay(episode, notice=f"Shown as stored, but it cannot be played again: {problem}")
    return Replay(episode, closing=_closing(match, episode))


def _closing(match: Match, episode: Episode) -> Observation | None:
    """What was on the board after the last move."""
    replays: list[Replay] = []

    def see(referee: Referee) -> None:
        if referee.observation is None:
            replays.append(replay_so_far(referee))

    for _ in play([match], dict.fromkeys(match.players, _Speaker(episode)), watch=see):
        pass
    return replays[-1].closing if replays[-1].episode.end == episode.end else None


class _Speaker(Agent):
    """Says what the record says at this seat and turn; beyond the record it has an error."""

    def __init__(self, episode: Episode) -> None:
        self._said = {(step.seat, step.observation.turn): step.reply for step in episode.steps}

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        beyond = Reply("", error="the record ends here")
        return [self._said.get((seen.seat, seen.turn), beyond) for seen in observations]
