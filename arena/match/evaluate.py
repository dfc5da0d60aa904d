"""What agents score on games, alone or against one kind of opponent: no ranking, only means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from arena.match.episode import EndReason, Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, in_turn, refuse_unable, seated
from arena.match.seeds import Split, episode_seed
from arena_agents import Agent
from arena_agents.limits import MOST_MATCHES
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError
from arena_games.registry import select_games
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
    the others, which a failure of somebody else cut short. `first_error` tells of one of both, and
    `first_invalid` of the first reply that could not be played; all four stay out of JSON.
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
    first_invalid: str | None = Field(default=None, exclude=True)


@dataclass(frozen=True, slots=True)
class Conditions:
    """How many episodes of each game are played, from which seed, beside whom and by which rules.

    The same seed gives the same episodes, however many are played.
    """

    episodes: int = 100
    seed: int = 0
    opponent: Agent | None = None
    config: MatchConfig | None = None
    first: int = 0  # of the episodes; those before it are not played

    def __post_init__(self) -> None:
        if self.episodes > MOST_MATCHES:
            raise UsageError(f"at most {MOST_MATCHES:,} episodes are played; lower --episodes")


def evaluate(
    name: str,
    agent: Agent | str,
    games: str | GameSpec | Iterable[str | GameSpec],
    *,
    episodes: int = 100,
    seed: int = 0,
    opponent: Agent | str | None = None,
    config: MatchConfig | None = None,
) -> list[EvalRow]:
    """Play `episodes` matches of each game from its test seeds and average the agent's seat.

    Agents and games may be given by their names, as on the command line (`"random"`, `"snake,snake-duel"`).

    The house holds its seats. Where a game has several open seats, `opponent` holds the others and
    the agent takes each seat in turn, episode by episode.

    Raises UsageError if no episode of a game came to an end, a versus game lacks an opponent, and for more
    episodes than are played.
    """
    specs = [spec for game in _listed(games) for spec in _specs(game)]
    other = None if opponent is None else _agent(opponent)
    return evaluate_all(name, _agent(agent), specs, Conditions(episodes, seed, other, config))


def _listed(games: str | GameSpec | Iterable[str | GameSpec]) -> Iterable[str | GameSpec]:
    return (games,) if isinstance(games, str | GameSpec) else games


def _specs(game: str | GameSpec) -> Sequence[GameSpec]:
    return select_games(game) if isinstance(game, str) else (game,)


def _agent(agent: Agent | str) -> Agent:
    return make_agent(agent) if isinstance(agent, str) else agent


def evaluate_all(name: str, agent: Agent, games: Iterable[GameSpec], conditions: Conditions) -> list[EvalRow]:
    """`evaluate` under conditions that were made before."""
    return [row_of(name, spec, played_episodes(agent, spec, conditions)) for spec in games]


def played_episodes(agent: Agent, spec: GameSpec, conditions: Conditions) -> list[Episode]:
    """The episodes of one game, in which the agent's seats are those of the player `UNDER_TEST`.

    They come in the order in which they end. Raises UsageError where a versus game lacks an opponent, and for
    who cannot play it.
    """
    players = {UNDER_TEST: agent, **house_agents([spec])}
    if spec.versus:
        if conditions.opponent is None:
            raise UsageError(f"{spec.name} is played against others; name one with --opponents")
        players[OPPONENT] = conditions.opponent
    refuse_unable(spec, players.values())
    return list(play(_matches(spec, conditions), players, conditions.config))


def _remedy(failed: Episode) -> str:
    if failed.end == EndReason.GAME_ERROR:
        return f"; arena check-game {failed.game} says more"
    return "; --deadline gives more time" if "no reply within" in (failed.detail or "") else ""


def row_of(name: str, spec: GameSpec, played: list[Episode]) -> EvalRow:
    """What the player `UNDER_TEST` scored. Raises UsageError if no episode came to an end."""
    failed = [episode for episode in played if episode.failed]
    if len(failed) == len(played):
        raise UsageError(
            f"no episode of {spec.name} came to an end; "
            f"the first error: {failed[0].detail}{_remedy(failed[0])}"
        )
    forfeits = [episode for episode in failed if counts(episode)]
    counted = [episode for episode in played if counts(episode)]
    return EvalRow(
        agent=name,
        game=spec.name,
        forfeits=len(forfeits),
        errors=len(failed) - len(forfeits),
        first_error=failed[0].detail if failed else None,
        **_means(spec, counted),
    )


def counts(episode: Episode) -> bool:
    """Whether it says something of the agent: it was played out, or the agent itself failed."""
    return not episode.failed or (episode.end.rated and episode.culprit == UNDER_TEST)


def _matches(spec: GameSpec, conditions: Conditions) -> Iterator[Match]:
    seed = conditions.seed
    for i in range(conditions.first, conditions.episodes):
        players = seated(spec, in_turn(spec, UNDER_TEST, OPPONENT, i))
        yield Match(spec, episode_seed(Split.TEST, seed, i), players)


def _means(spec: GameSpec, episodes: list[Episode]) -> dict[str, Any]:
    seats = [(episode, episode.players.index(UNDER_TEST)) for episode in episodes]
    steps = [step for episode, seat in seats for step in episode.steps_of(seat)]
    invalid = [step.invalid is not None for step in steps]
    at_first = [step.invalid_at_first for step in steps]
    unplayed = next((step for step in steps if step.invalid is not None), None)
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
        "first_invalid": None if unplayed is None else f"{unplayed.reply.text[:200]!r}: {unplayed.invalid}",
    }
