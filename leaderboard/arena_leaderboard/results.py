"""What a finished match tells the leaderboard, and the races that are read from it."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

FORFEITED = -1e300  # in the place of a return, below all of them; finite, so that differences are


@dataclass(frozen=True, slots=True)
class MatchResult:
    """One finished match, seen from its rated seats; a house player's seat is not in it.

    All tuples are aligned with `players`. `placements` start at 1, the best, and ties share a number.
    `seconds` is the time each agent spent deciding. `rated` is False when the match ended in a game's error
    or one outside the agents. `culprit` is the agent charged with that error, or the one that forfeited a
    rated match: it is last, whatever it had been paid. One agent may hold several seats: they are not
    compared with each other.
    `seats` numbers the players' seats from 0; left out, they are the first ones. `invalid_at_first` counts
    the decisions whose first reply was invalid, where agents are asked again; left out, it is `invalid`.

    Raises ValueError where the tuples differ in length or a number cannot be.
    """

    game: str
    seed: int
    players: tuple[str, ...]
    placements: tuple[int, ...]
    returns: tuple[float, ...]
    successes: tuple[bool, ...]
    invalid: tuple[int, ...]
    decisions: tuple[int, ...]
    seconds: tuple[float, ...]
    rated: bool = True
    culprit: str | None = None
    seats: tuple[int, ...] = ()
    invalid_at_first: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.invalid_at_first:
            object.__setattr__(self, "invalid_at_first", self.invalid)
        if not self.seats:
            object.__setattr__(self, "seats", tuple(range(len(self.players))))
        columns = (
            self.seats,
            self.placements,
            self.returns,
            self.successes,
            self.invalid,
            self.invalid_at_first,
            self.decisions,
            self.seconds,
        )
        if not self.players or any(len(column) != len(self.players) for column in columns):
            raise ValueError(f"a match result needs one entry per player in every column: {self!r}")
        if any(placement < 1 for placement in self.placements):
            raise ValueError(f"placements start at 1, got {self.placements}")
        if not all(map(math.isfinite, (*self.returns, *self.seconds))):
            raise ValueError(f"returns and seconds must be finite, got {self.returns} and {self.seconds}")


@dataclass(frozen=True, slots=True)
class Race:
    """Entrants of one game and seed that can be put in order: a higher score is better, equal is a tie.

    `met` says whether they met in one match, or ran alone from the same start.
    """

    game: str
    seed: int
    agents: tuple[str, ...]
    scores: tuple[float, ...]
    met: bool = True


def races(results: Iterable[MatchResult]) -> list[Race]:
    """The comparisons that the rated results hold.

    A match of two or more players is a race by placement. The single-seat matches of one (game, seed)
    are one race by each agent's mean return, a forfeit being worse than any other. A race without two
    different agents is left out.
    """
    rated = [result for result in results if result.rated]
    versus = [_by_placement(result) for result in rated if len(result.players) > 1]
    found = versus + _by_mean_return(result for result in rated if len(result.players) == 1)
    return [race for race in found if len(set(race.agents)) > 1]


def _by_placement(result: MatchResult) -> Race:
    scores = tuple(-float(placement) for placement in result.placements)
    return Race(result.game, result.seed, result.players, scores)


def _by_mean_return(results: Iterable[MatchResult]) -> list[Race]:
    returns: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        forfeited = result.culprit == result.players[0]
        score = FORFEITED if forfeited else result.returns[0]
        returns[result.game, result.seed][result.players[0]].append(score)
    # fsum is exact, so equal sets of returns tie whatever order they came in.
    return [
        Race(game, seed, tuple(by_agent), tuple(math.fsum(r) / len(r) for r in by_agent.values()), met=False)
        for (game, seed), by_agent in returns.items()
    ]
