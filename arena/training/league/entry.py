"""A version enters: the matches that rate it on the spot, and what they say.

It plays each anchor and each of up to `league_rated` past versions on the same fresh validation seeds, taking
every open seat in turn. A loss to its own past beyond what chance takes is forgetting:

    y_i   its mean share of points against that version on seed i, a tie counting half
    lost  if a one-sided t-test of y against ½ is below F / (k (k + 1) P), at entry k, against P versions

which over all entries of a run sums to F at most (as the looks of `arena_leaderboard.model.looks`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from arena.match.match import Match
from arena.match.seating import in_turn, seated
from arena.match.seeds import Split, episode_seed
from arena.training.language.guard import chance_of_loss
from arena_games.base import GameSpec
from arena_leaderboard import MatchResult, Rating, ratings

FORGOTTEN = 0.01  # how often a run that forgets nothing may be told that it did
STREAM = 6  # of the seeds of these matches

Points = Mapping[str, Sequence[float]]  # against each opponent, seed by seed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the matches of an entry say: shares of points by opponent, the rating, and who of its own past
    the version lost to, the worst loss first. `leads` tells that no rated version of its own is above it.
    """

    shares: Mapping[str, float]
    rating: Rating
    lost_to: tuple[str, ...]
    leads: bool


def spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of the names, the first and the last among them, evenly between."""
    if len(names) <= most:
        return list(names)
    if most <= 1:
        return list(names[-most:]) if most else []
    return [names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)]


def entry_seeds(seed: int, step: int, count: int) -> list[int]:
    """The start seeds of the entry after this update: held out, and new at every entry."""
    return [episode_seed(Split.VALIDATION, seed, STREAM, step, i) for i in range(count)]


def entry_matches(spec: GameSpec, name: str, opponents: Iterable[str], seeds: Sequence[int]) -> list[Match]:
    """Each opponent on each seed, the newcomer on every open seat in turn."""
    return [
        Match(spec, seed, seated(spec, in_turn(spec, name, opponent, turn)))
        for opponent in opponents
        for seed in seeds
        for turn in range(len(spec.open_seats))
    ]


def points(results: Iterable[MatchResult], name: str) -> dict[str, list[float]]:
    """The share of points of `name` against each whom it met, one number a seed, in the order of seeds."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        if not result.rated or name not in result.players:
            continue
        own = result.placements[result.players.index(name)]
        for player, place in zip(result.players, result.placements, strict=True):
            if player != name:
                found[player][result.seed].append(0.5 * ((place > own) + (place >= own)))
    return {player: [fmean(by[seed]) for seed in sorted(by)] for player, by in found.items()}


def losses(against: Points, entry: int) -> list[str]:
    """Those of its own past whom the `entry`th version lost to beyond chance, the worst loss first."""
    level = FORGOTTEN / (entry * (entry + 1) * max(len(against), 1))
    chances = {past: chance_of_loss([0.5] * len(own), own) for past, own in against.items()}
    return sorted((past for past in chances if chances[past] < level), key=lambda past: chances[past])


def judge(
    results: Sequence[MatchResult], name: str, seeds: Sequence[int], own_past: Sequence[str], entry: int
) -> Verdict:
    """What the stored results say of who entered with these seeds, as the `entry`th of its own."""
    asked = set(seeds)
    against = points((result for result in results if result.seed in asked), name)
    lost = losses({past: against[past] for past in own_past if past in against}, entry)
    rated = ratings(results)
    rating = rated.get(name) or Rating(1000.0, 1000.0, 1000.0, 0)
    leads = all(rated[past].mean <= rating.mean for past in own_past if past in rated)
    return Verdict({who: fmean(each) for who, each in against.items()}, rating, tuple(lost), leads)
