"""Which ranks an agent may have, when all of them are compared with all others.

People read a table first against last. Of twenty equal agents those two differ at 95 % nearly always. So
every pair is tested, and Holm's step-down procedure (1979) keeps the chance that any difference is called
one that is none at 5 %: in 95 of 100 tournaments *all* of a table's rank intervals hold the agents' true
ranks. An agent's lowest rank number is one more than how many are certainly better, its highest as many
less than all as are certainly worse.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from arena_leaderboard.model.ratings import Fit

Ranks = tuple[int, int]


def rank_ranges(fit: Fit, level: float) -> dict[str, Ranks]:
    """The best and the worst rank that remain to each agent, at this level for all of them together."""
    pairs = {(one, other): fit.chance(one, other) for one, other in combinations(fit.agents, 2)}
    better: dict[str, int] = dict.fromkeys(fit.agents, 0)  # than this agent
    worse = dict(better)
    for one, other in rejected(pairs, 1 - level):
        above, below = (one, other) if fit.difference(one, other).points > 0 else (other, one)
        better[below] += 1
        worse[above] += 1
    return {agent: (1 + better[agent], len(fit.agents) - worse[agent]) for agent in fit.agents}


def rejected(chances: Mapping[tuple[str, str], float], alpha: float) -> Sequence[tuple[str, str]]:
    """The pairs whose difference is settled, by Holm: the least chance up to α / m, the next α / (m − 1) …"""
    ordered = sorted(chances, key=lambda pair: chances[pair])
    for place, pair in enumerate(ordered):
        if chances[pair] > alpha / (len(ordered) - place):
            return ordered[:place]
    return ordered
