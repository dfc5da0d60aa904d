"""Results with known strengths, for the leaderboard's tests."""

from collections.abc import Sequence

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
