"""Playing on until neighbouring ranks are separated, without finding differences that are none.

Whoever looks at the results after every round and stops at the first clear difference finds one
sooner or later, though there be none: at 95 % each, ten looks at two equal agents err far more often
than once in twenty. So the looks share the 5 %: look r asks for the level 1 − 0.05 / (r (r + 1)), and
0.05 (1/2 + 1/6 + 1/12 + …) = 0.05, however many looks there are. By the union bound two equal agents
are called different with probability 5 % at most, as far as a single interval keeps what it promises
(alpha spending; Lan and DeMets 1983). Each round plays as many new seeds as were played before it,
so looks are few. The 5 % are for one pair of neighbours: of twenty pairs of equals, one may err.

What is played next depends on stored results alone, so a run that is stopped and continued ends as
one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import count
from math import floor

from arena.match.match import Match
from arena.match.seating import seated
from arena.match.seeds import Split, episode_seed
from arena.record.board import BOOTSTRAPS
from arena.tournament.plan import Tournament
from arena.tournament.schedule import seeds_needed
from arena_games.base import GameSpec
from arena_leaderboard import Difference, MatchResult, differences, standings
from arena_leaderboard.model.looks import ALPHA, level, stretched

__all__ = ["ALPHA", "Verdict", "groups", "level", "next_round", "play_on", "separated", "tied_pairs"]

BUDGET = 10  # times the planned matches, where --max-matches says nothing else

Pair = tuple[str, str]
LeftOut = Collection[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """After so many `looks` at so many `matches`: the neighbouring ranks that are still tied, best first."""

    looks: int
    matches: int
    tied: tuple[Pair, ...]

    def __str__(self) -> str:
        after = f"after {self.looks} {'look' if self.looks == 1 else 'looks'} at {self.matches:,} matches"
        if not self.tied:
            return f"All neighbouring ranks are separated at 95% {after}."
        pairs = ", ".join(f"{above} and {below}" for above, below in self.tied)
        return f"Not separable at 95% {after}, which the looks have to share: {pairs}."


def tied_pairs(results: Sequence[MatchResult], look: int) -> tuple[Pair, ...]:
    """The neighbouring overall ranks whose difference may be zero, as far as this look can tell."""
    gaps = differences(standings(results, bootstraps=BOOTSTRAPS))
    return tuple((gap.above, gap.below) for gap in gaps if not separated(gap, look))


def separated(gap: Difference, look: int) -> bool:
    """Whether the difference's interval leaves zero out at this look's level."""
    return stretched(gap, level(look)).separated


def groups(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Tied neighbours of tied neighbours, together: (a, b), (b, c), (d, e) give abc and de."""
    found: list[tuple[str, ...]] = []
    for above, below in pairs:
        if found and found[-1][-1] == above:
            found[-1] = (*found[-1], below)
        else:
            found.append((above, below))
    return found


def next_round(
    tournament: Tournament, left_out: LeftOut, tied: Sequence[Pair], look: int, room: int
) -> list[Match]:
    """The matches that follow a look: the tied agents of each group among themselves, on new seeds.

    All groups meet the same seeds. A game gets as many of them as all rounds before have played, or
    evenly fewer where `room`, in matches, is short; none are left when it is too short for one.
    """
    orders = {spec.name: _orders(tournament, left_out, spec, groups(tied)) for spec in tournament.games}
    wanted = {spec.name: _planned_seeds(tournament, spec) * 2 ** (look - 1) for spec in tournament.games}
    total = sum(len(orders[game]) * wanted[game] for game in wanted)
    share = min(1.0, room / total) if total else 0.0
    return [
        Match(spec, episode_seed(Split.TEST, tournament.seed, look, index), seated(spec, order))
        for spec in tournament.games
        for order in orders[spec.name]
        for index in range(floor(wanted[spec.name] * share))
    ]


def _orders(
    tournament: Tournament, left_out: LeftOut, spec: GameSpec, tied: Sequence[Sequence[str]]
) -> list[tuple[str, ...]]:
    able = [[agent for agent in group if (agent, spec.name) not in left_out] for group in tied]
    return [order for group in able if len(group) > 1 for order in tournament.seat_orders(spec, group)]


def _planned_seeds(tournament: Tournament, spec: GameSpec) -> int:
    orders = tournament.seat_orders(spec, tournament.labels)
    return seeds_needed(orders, tournament.labels[0], tournament.matches)


def play_on(
    tournament: Tournament,
    left_out: LeftOut,
    results: Callable[[Collection[str]], Sequence[MatchResult]],
    play: Callable[[list[Match]], bool],
    *,
    max_matches: int | None,
) -> Verdict:
    """Play round after round until all neighbours are separated or `max_matches`, planned ones included.

    The planned matches have been played; `left_out` names who cannot play what, as (agent, game).
    `results` gives those of the matches with these ids; `play` plays what is missing of a round and
    says whether it is whole. A round that is not ends it all: the next run goes on from there.
    """
    ids = {match.id for match in tournament.schedule(left_out)}
    budget = BUDGET * len(ids) if max_matches is None else max_matches
    for look in count(1):
        tied = tied_pairs(results(ids), look)
        matches = next_round(tournament, left_out, tied, look, budget - len(ids))
        if not matches or not play(matches):
            break
        ids.update(match.id for match in matches)
    return Verdict(look, len(ids), tied)
