"""Who beat whom how often, and in resampled tournaments: the evidence that ratings rest on.

Matches that share a seed share its map and its luck, so they are drawn together or not at all:
resampling single matches would count one lucky map many times and promise too much.

Arrays: N races of one size, E entrants of a race, S seeds of one game, A agents,
R replicates (row 0 is the data as it is).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from arena_leaderboard.bradley_terry import Floats
from arena_leaderboard.results import Race


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the races of all games say together.

    `wins[r, i, j]` (R, A, A): how often i beat j. `single_seed` (A, A): the wins in games with one
    seed, which resampling leaves as they are. `freedom`: seeds less one, summed over the games.
    """

    wins: Floats
    single_seed: Floats
    freedom: int


def gather(
    found: Iterable[Race], agents: Sequence[str], bootstraps: int, generator: np.random.Generator
) -> Evidence:
    """The evidence of races of any number of games, each game scaled to the same total weight."""
    games = _wins_by_game(found, agents)
    mean_weight = sum(float(wins_SAA.sum()) for wins_SAA in games) / max(len(games), 1)
    wins_RAA = np.zeros((bootstraps + 1, len(agents), len(agents)))
    single_seed_AA = np.zeros((len(agents), len(agents)))
    for wins_SAA in games:
        scale = mean_weight / float(wins_SAA.sum())
        wins_RAA += scale * _resample(wins_SAA, bootstraps, generator)
        if len(wins_SAA) == 1:
            single_seed_AA += scale**2 * wins_SAA[0]  # squared: a variance
    return Evidence(wins_RAA, single_seed_AA, sum(len(wins_SAA) - 1 for wins_SAA in games))


def _wins_by_game(found: Iterable[Race], agents: Sequence[str]) -> list[Floats]:
    games: dict[str, list[Race]] = defaultdict(list)
    for race in found:
        games[race.game].append(race)
    return [wins_by_seed(games[game], agents) for game in sorted(games)]


def wins_by_seed(found: Sequence[Race], agents: Sequence[str]) -> Floats:
    """How often i beat j on each seed: wins_SAA, seeds in ascending order, agents as given.

    A tie is half a win for both. Each pair of a race with n entrants counts 1/(n−1), so that an
    entrant counts once however many it ran against.
    """
    row = {seed: s for s, seed in enumerate(sorted({race.seed for race in found}))}
    column = {agent: a for a, agent in enumerate(agents)}
    wins = np.zeros(len(row) * len(agents) ** 2)
    for group in _by_size(found):
        seeds_N11 = np.array([row[race.seed] for race in group])[:, None, None]
        entrants_NE = np.array([[column[agent] for agent in race.agents] for race in group])
        points_NEE = _points(np.array([race.scores for race in group]))
        cell_NEE = (seeds_N11 * len(agents) + entrants_NE[:, :, None]) * len(agents) + entrants_NE[:, None]
        wins += np.bincount(cell_NEE.ravel(), points_NEE.ravel(), minlength=wins.size)
    wins_SAA = wins.reshape(len(row), len(agents), len(agents))
    wins_SAA[:, range(len(agents)), range(len(agents))] = 0  # seats of one agent are not compared
    return wins_SAA


def _by_size(found: Iterable[Race]) -> Iterable[list[Race]]:
    sizes: dict[int, list[Race]] = defaultdict(list)
    for race in found:
        sizes[len(race.agents)].append(race)
    return sizes.values()


def _points(scores_NE: Floats) -> Floats:
    one_NEE, other_NEE = scores_NE[:, :, None], scores_NE[:, None, :]
    won_NEE = (one_NEE > other_NEE) + 0.5 * (one_NEE == other_NEE)
    points_NEE: Floats = won_NEE / (scores_NE.shape[1] - 1)
    return points_NEE


def _resample(wins_SAA: Floats, bootstraps: int, generator: np.random.Generator) -> Floats:
    """Row 0: the sum over seeds; each further row: over S − 1 seeds drawn with replacement.

    S − 1 draws weighing S/(S−1) each (Rao and Wu 1988), because S draws understate the variance.
    """
    seeds = len(wins_SAA)
    weights_RS = np.ones((bootstraps + 1, seeds))
    if seeds > 1:
        drawn_RS = generator.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=bootstraps)
        weights_RS[1:] = drawn_RS * (seeds / (seeds - 1))
    wins_RAA: Floats = np.tensordot(weights_RS, wins_SAA, axes=1)
    return wins_RAA
