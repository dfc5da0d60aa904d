"""All that a leaderboard needs of a game's results, added up seed by seed; the results are then let go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from arena_leaderboard.head_to_head import Meetings
from arena_leaderboard.model.race_table import RaceTable
from arena_leaderboard.model.ratings import Fit, fit_tables
from arena_leaderboard.results import MatchResult, Race, races
from arena_leaderboard.seat_effect import SeatScores
from arena_leaderboard.tally import Tally


class Raced:
    """The races of some rated results, and how many matches each agent has in them."""

    def __init__(self) -> None:
        self.table = RaceTable()
        self.matches: Counter[str] = Counter()
        self.results = 0

    def add(self, results: Sequence[MatchResult]) -> list[Race]:
        """Add all rated results of one seed; returns the races that they hold."""
        found = races(results)
        self.results += len(results)
        self.matches.update(agent for result in results for agent in set(result.players))
        if results:
            self.table.add(results[0].seed, found)
        return found


def fit_of(raced: Sequence[Raced], shares: Sequence[float], bootstraps: int, seed: int) -> Fit | None:
    """The fit of the races of each game, which have these shares; see `model.ratings.fit_tables`."""
    matches = sum((of_game.matches for of_game in raced), Counter[str]())
    tables = [of_game.table for of_game in raced]
    return fit_tables(tables, matches, bootstraps=bootstraps, seed=seed, shares=shares)


class GameSums:
    """The sums of one game: of all its rated results, and of the `clean` ones among them.

    Clean are matches in which no rated seat gave an invalid reply or forfeited.
    """

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        self.rated, self.clean = Raced(), Raced()
        self.seats, self.meetings = SeatScores(), Meetings()

    def add(self, results: Sequence[MatchResult]) -> None:
        """Add all results of one seed, which must not have been added before."""
        rated = [result for result in results if result.rated]
        self.meetings.add(self.rated.add(rated))
        self.clean.add([result for result in rated if not any(result.invalid) and result.culprit is None])
        self.seats.add(rated)
        for result in results:
            self._count(result)

    def _count(self, result: MatchResult) -> None:
        if result.rated:
            for seat, agent in enumerate(result.players):
                self.tallies[agent].add(result, seat)
            if result.culprit in result.players:
                self.tallies[result.culprit].forfeits += 1
        else:
            for agent in {*result.players, *filter(None, [result.culprit])}:
                self.tallies[agent].errors += agent == result.culprit


def added_up(results: Iterable[Sequence[MatchResult]]) -> dict[str, GameSums]:
    """The sums of each game, by name, from all results of one game and seed at a time."""
    summed: dict[str, GameSums] = defaultdict(GameSums)
    for of_seed in results:
        summed[of_seed[0].game].add(of_seed)
    return {game: summed[game] for game in sorted(summed)}


def by_seed(results: Iterable[MatchResult]) -> Iterator[list[MatchResult]]:
    """The results of each game and seed together, from results in any order: all of them are held."""
    return together(sorted(results, key=_seed))


def together(results: Iterable[MatchResult]) -> Iterator[list[MatchResult]]:
    """The same of results in which those of a seed follow each other already."""
    for _, same in groupby(results, key=_seed):
        yield list(same)


def _seed(result: MatchResult) -> tuple[str, int]:
    return result.game, result.seed
