"""Results with known strengths, for the leaderboard's tests."""

from collections.abc import Sequence
from itertools import combinations, permutations

import numpy as np

from arena_leaderboard import MatchResult


def versus(game: str, seed: int, players: Sequence[str], placements: Sequence[int]) -> MatchResult:
    """A rated match that says nothing but who came where; the winner succeeds."""
    n = len(players)
    won = tuple(placement == 1 for placement in placements)
    returns = tuple(float(w) for w in won)
    return MatchResult(
        game, seed, tuple(players), tuple(placements), returns, won, (0,) * n, (10,) * n, (0.1,) * n
    )


def single(game: str, seed: int, agent: str, reward: float, invalid: int = 0) -> MatchResult:
    """A rated single-seat episode of ten decisions; a positive return is a success."""
    return MatchResult(game, seed, (agent,), (1,), (reward,), (reward > 0,), (invalid,), (10,), (0.1,))


def crashed(game: str, seed: int, players: Sequence[str], culprit: str | None) -> MatchResult:
    """A match that ended in an error."""
    n = len(players)
    return MatchResult(
        game, seed, tuple(players), (1,) * n, (0.0,) * n, (False,) * n, (0,) * n, (0,) * n, (0.0,) * n,
        rated=False, culprit=culprit,
    )  # fmt: skip


def plackett_luce(
    strengths: dict[str, float], seeds: int, generator: np.random.Generator, game: str = "royale"
) -> list[MatchResult]:
    """One race of everyone per seed, drawn from the model: the order of θ + Gumbel noise."""
    agents = list(strengths)
    found = []
    for seed in range(seeds):
        noisy = np.array(list(strengths.values())) + generator.gumbel(size=len(agents))
        placements = (np.argsort(np.argsort(-noisy)) + 1).tolist()
        found.append(versus(game, seed, agents, placements))
    return found


FIELD = {"a": 0.9, "b": 0.4, "c": 0.0, "d": -0.4, "e": -0.9}


def mixed(seeds: int, meetings: int, generator: np.random.Generator) -> list[MatchResult]:
    """A tournament of `FIELD` in two single-seat games, a duel and a game of four seats.

    In the single-seat games everyone meets each of the `seeds`, which are easy or hard for all alike,
    and many returns tie. In the other two every line-up meets each of `meetings` seeds: the duel in both
    seat orders, the first seat ahead and each seed favouring a seat; the other with ties of any size.
    """
    return [
        *_lake(seeds, generator),
        *_apples(seeds, generator),
        *_duels(meetings, generator),
        *_royale(meetings, generator),
    ]


def _lake(seeds: int, generator: np.random.Generator) -> list[MatchResult]:
    ease = generator.normal(scale=1.5, size=seeds)
    return [
        single("lake", seed, agent, float(generator.logistic() < 1.2 * strength + ease[seed]))
        for seed in range(seeds)
        for agent, strength in FIELD.items()
    ]


def _apples(seeds: int, generator: np.random.Generator) -> list[MatchResult]:
    ease = generator.normal(scale=0.6, size=seeds)
    return [
        single("apples", seed, agent, min(generator.poisson(plenty), 5) - float(generator.random() < 0.3))
        for seed in range(seeds)
        for agent, strength in FIELD.items()
        for plenty in [np.exp(0.3 + 0.5 * strength + ease[seed])]
    ]


def _duels(seeds: int, generator: np.random.Generator) -> list[MatchResult]:
    def placements(gap: float) -> tuple[int, int]:
        lead = gap + generator.logistic()
        return (1, 1) if abs(lead) < 0.4 else (1, 2) if lead > 0 else (2, 1)

    first_seat = 0.3 + generator.normal(scale=0.7, size=seeds)
    return [
        versus("duel", seed, pair, placements(FIELD[pair[0]] - FIELD[pair[1]] + first_seat[seed]))
        for seed in range(seeds)
        for pair in permutations(FIELD, 2)
    ]


def _royale(seeds: int, generator: np.random.Generator) -> list[MatchResult]:
    found = []
    for seed in range(seeds):
        for line_up in combinations(FIELD, 4):
            luck = generator.gumbel(size=4)
            lasted = np.round(1.5 * (np.array([FIELD[agent] for agent in line_up]) + luck))
            found.append(versus("royale", seed, line_up, [1 + int((lasted > own).sum()) for own in lasted]))
    return found


def drawn_rankings(
    strengths_A: np.ndarray, races: int, seats: int, generator: np.random.Generator
) -> list[list[int]]:
    """Rankings of random line-ups, the best first, drawn from the model."""
    agents = np.arange(len(strengths_A))
    line_ups = [generator.choice(agents, seats, replace=False) for _ in range(races)]
    return [
        line_up[np.argsort(-strengths_A[line_up] - generator.gumbel(size=seats))].tolist()
        for line_up in line_ups
    ]
