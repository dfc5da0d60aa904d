"""Sides on the same seeds: several agents, or one agent on a game and on that game in skins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from arena.match.episode import Episode
from arena.match.evaluate import UNDER_TEST, Conditions, EvalRow, counts, played_episodes, row_of
from arena_agents import Agent
from arena_games.base import GameSpec, UsageError
from arena_games.skins import skinned
from arena_leaderboard import paired_ci95

__all__ = ["PairedRow", "SkinRow", "evaluate_side_by_side", "evaluate_skins"]

Score = tuple[float, float]  # return and success of the agent's seat
Scores = dict[int, Score]  # of the episodes that count, by their seed
Pairs = list[tuple[Score, Score]]
Difference = tuple[float, tuple[float, float] | None]  # with its 95 % interval


class PairedRow(BaseModel):
    """By how much `agent` scored more than `other` on the same `episodes` of one game, seed by seed.

    Episodes that a failure outside either agent cut short are left out, with the other's of that seed.
    """

    model_config = ConfigDict(frozen=True)

    agent: str
    other: str
    game: str
    episodes: int
    return_difference: float
    return_difference_ci95: tuple[float, float] | None
    success_difference: float
    success_difference_ci95: tuple[float, float] | None


class SkinRow(BaseModel):
    """What `agent` loses on a game when only names, symbols and the board's turn change: plain less skinned.

    `skins` is their number; drops are over the same `episodes`, seed by seed, as in `PairedRow`.
    """

    model_config = ConfigDict(frozen=True)

    agent: str
    game: str
    skins: int
    episodes: int
    plain_return: float
    skinned_return: float
    return_drop: float
    return_drop_ci95: tuple[float, float] | None
    plain_success: float
    skinned_success: float
    success_drop: float
    success_drop_ci95: tuple[float, float] | None


def evaluate_side_by_side(
    agents: Mapping[str, Callable[[], Agent]],
    games: Sequence[GameSpec],
    conditions: Conditions,
    pairs: Iterable[tuple[str, str]],
) -> tuple[list[EvalRow], list[PairedRow]]:
    """Each agent as by `evaluate`, on the same seeds; of each of `pairs` the first's lead over the second.

    Agents are made one after the other, when they are about to play, and then let go: of several models one
    at a time is in memory. Both lists go game by game.

    Raises UsageError as `evaluate` does, and where no episode of a game came to an end for both of a pair.
    """
    rows: dict[tuple[str, str], EvalRow] = {}
    scores: dict[tuple[str, str], Scores] = {}
    for name, make in agents.items():
        for row, its in _alone(name, make(), games, conditions):
            rows[name, row.game], scores[name, row.game] = row, its
    chosen = list(pairs)
    return (
        [rows[name, spec.name] for spec in games for name in agents],
        [_pair(pair, spec, *(scores[name, spec.name] for name in pair)) for spec in games for pair in chosen],
    )


def _alone(
    name: str, agent: Agent, games: Sequence[GameSpec], conditions: Conditions
) -> list[tuple[EvalRow, Scores]]:
    """A list, so that nothing holds the agent when it has played."""
    found: list[tuple[EvalRow, Scores]] = []
    for spec in games:
        played = played_episodes(agent, spec, conditions)
        found.append((row_of(name, spec, played), _scores(played)))
    return found


def evaluate_skins(
    name: str, agent: Agent, games: Iterable[GameSpec], conditions: Conditions, skins: int
) -> tuple[list[EvalRow], list[SkinRow]]:
    """An agent as by `evaluate` on each game and on that game in skins, and what it loses by them.

    Raises UsageError as `evaluate` does, and for a game that has no skins.
    """
    rows: list[EvalRow] = []
    drops: list[SkinRow] = []
    for spec, other in [(spec, skinned(spec, skins)) for spec in games]:
        plain, dressed = played_episodes(agent, spec, conditions), played_episodes(agent, other, conditions)
        rows += [row_of(name, spec, plain), row_of(name, other, dressed)]
        drops.append(_drop(name, spec, skins, plain, dressed))
    return rows, drops


def _pair(names: tuple[str, str], spec: GameSpec, one: Scores, other: Scores) -> PairedRow:
    both = _seed_by_seed(spec, one, other)
    returns, successes = _differences(spec, both)
    return PairedRow(
        agent=names[0],
        other=names[1],
        game=spec.name,
        episodes=len(both),
        return_difference=returns[0],
        return_difference_ci95=returns[1],
        success_difference=successes[0],
        success_difference_ci95=successes[1],
    )


def _drop(name: str, spec: GameSpec, skins: int, plain: list[Episode], dressed: list[Episode]) -> SkinRow:
    pairs = _seed_by_seed(spec, _scores(plain), _scores(dressed))
    returns, successes = _differences(spec, pairs)
    means = [[fmean(pair[side][what] for pair in pairs) for side in (0, 1)] for what in (0, 1)]
    return SkinRow(
        agent=name,
        game=spec.name,
        skins=skins,
        episodes=len(pairs),
        plain_return=means[0][0],
        skinned_return=means[0][1],
        return_drop=returns[0],
        return_drop_ci95=returns[1],
        plain_success=means[1][0],
        skinned_success=means[1][1],
        success_drop=successes[0],
        success_drop_ci95=successes[1],
    )


def _scores(played: Iterable[Episode]) -> Scores:
    return {episode.seed: _score(episode) for episode in played if counts(episode)}


def _score(episode: Episode) -> Score:
    seat = episode.players.index(UNDER_TEST)
    return episode.returns[seat], float(episode.successes[seat])


def _seed_by_seed(spec: GameSpec, one: Scores, other: Scores) -> Pairs:
    both = [(score, other[seed]) for seed, score in one.items() if seed in other]
    if not both:
        raise UsageError(f"no episode of {spec.name} came to an end for both; raise --episodes")
    return both


def _differences(spec: GameSpec, both: Pairs) -> tuple[Difference, Difference]:
    """In returns and in successes: the first's less the second's."""
    return (
        paired_ci95([mine[0] - its[0] for mine, its in both], spec.span),
        paired_ci95([mine[1] - its[1] for mine, its in both], (0.0, 1.0)),
    )
