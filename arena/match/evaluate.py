"""What an agent scores on games, alone or against one kind of opponent: no ranking, only means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, in_turn, seated
from arena.match.seeds import Split, episode_seed
from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.limits import MOST_MATCHES
from arena_games.base import GameSpec, UsageError
from arena_leaderboard import mean_ci95, share_ci95

__all__ = ["EvalRow", "evaluate"]

UNDER_TEST, OPPONENT = "agent", "opponent"  # player names


class EvalRow(BaseModel):
    """An agent's means over its episodes of one game; rates are shares, 0 to 1.

    `invalid_rate` counts the decisions whose reply was invalid after all, `first_invalid_rate` those whose
    first reply was: they differ where the agent was asked again.

    `success_ci95` is Wilson's interval. `return_ci95` holds where all episodes returned the same too, if the
    game says what it may pay (`GameSpec.span`), and is None if it does not.

    `episodes` counts those that were played to an end, and the `forfeits`: those that the agent's own
    failure cut short. They count with what it had been paid till then, and as no success. `errors` counts
    the others, which a failure of somebody else cut short. `first_error` tells of one of both; all three
    stay out of JSON.
    """

    model_config = ConfigDict(frozen=True)

    agent: str
    game: str
    episodes: int
    mean_return: float
    return_ci95: tuple[float, float] | None
    success_rate: float
    success_ci95: tuple[float, float]
    invalid_rate: float
    first_invalid_rate: float
    forfeits: int = Field(default=0, exclude=True)
    errors: int = Field(default=0, exclude=True)
    first_error: str | None = Field(default=None, exclude=True)


def evaluate(
    name: str,
    agent: Agent,
    games: Iterable[GameSpec],
    *,
    episodes: int = 100,
    seed: int = 0,
    opponent: Agent | None = None,
    config: MatchConfig | None = None,
) -> list[EvalRow]:
    """Play `episodes` matches of each game from its test seeds and average the agent's seat.

    The house holds its seats. Where a game has several open seats, `opponent` holds the others and
    the agent takes each seat in turn, episode by episode.

    Raises UsageError if no episode of a game came to an end, a versus game lacks an opponent, and for more
    episodes than are played.
    """
    if episodes > MOST_MATCHES:
        raise UsageError(f"at most {MOST_MATCHES:,} episodes are played; lower --episodes")
    return [_row(name, agent, spec, episodes, seed, opponent, config) for spec in games]


def _row(
    name: str,
    agent: Agent,
    spec: GameSpec,
    episodes: int,
    seed: int,
    opponent: Agent | None,
    config: MatchConfig | None,
) -> EvalRow:
    players = {UNDER_TEST: agent, **house_agents([spec])}
    if spec.versus:
        if opponent is None:
            raise UsageError(f"{spec.name} is played against others; name one with --opponents")
        players[OPPONENT] = opponent
    for player in players.values():
        problem = obstacle(player, spec)
        if problem:
            raise UsageError(problem)
    played = list(play(_matches(spec, episodes, seed), players, config))
    failed = [episode for episode in played if episode.failed]
    if len(failed) == len(played):
        raise UsageError(f"no episode of {spec.name} came to an end; the first error: {failed[0].detail}")
    forfeits = [episode for episode in failed if episode.end.rated and episode.culprit == UNDER_TEST]
    counted = [episode for episode in played if not episode.failed or episode in forfeits]
    return EvalRow(
        agent=name,
        game=spec.name,
        forfeits=len(forfeits),
        errors=len(failed) - len(forfeits),
        first_error=failed[0].detail if failed else None,
        **_means(spec, counted),
    )


def _matches(spec: GameSpec, episodes: int, seed: int) -> Iterator[Match]:
    for i in range(episodes):
        players = seated(spec, in_turn(spec, UNDER_TEST, OPPONENT, i))
        yield Match(spec, episode_seed(Split.TEST, seed, i), players)


def _means(spec: GameSpec, episodes: list[Episode]) -> dict[str, Any]:
    seats = [(episode, episode.players.index(UNDER_TEST)) for episode in episodes]
    invalid = [step.invalid is not None for episode, seat in seats for step in episode.steps_of(seat)]
    at_first = [step.invalid_at_first for episode, seat in seats for step in episode.steps_of(seat)]
    returns = [episode.returns[seat] for episode, seat in seats]
    mean_return, return_ci95 = mean_ci95(returns, spans=[spec.span])
    successes = sum(episode.successes[seat] for episode, seat in seats)
    return {
        "episodes": len(episodes),
        "mean_return": mean_return,
        "return_ci95": return_ci95,
        "success_rate": successes / len(episodes),
        "success_ci95": share_ci95(successes, len(episodes)),
        "invalid_rate": sum(invalid) / max(1, len(invalid)),
        "first_invalid_rate": sum(at_first) / max(1, len(at_first)),
    }
